//! Deliveries step aside where their host may not be posted to now, and none waits behind another host's.

use plantain_queue::hosts::{Heard, HostLimits, Hosts, Place};
use plantain_queue::keys::{
    ApiKey, HmacForm, HmacSigning, KeyLimits, Scope, StatusWords, WebhookChange, WebhookOptions, WebhookSecret,
    WebhooksChanged,
};
use plantain_queue::model::{DeliveryAttempt, DeliveryNext, DeliveryState, Fault};

use super::*;

type Store = Arc<dyn QueueStore>;

const LIMITS: HostLimits =
    HostLimits { places: 8, per_host: 4, patience: Duration::from_secs(3600), failing_after: Duration::from_secs(600) };

/// More than a claim looks at by age alone.
const MANY: usize = 1_100;

async fn owing(store: &Store, deliveries: Vec<NewDelivery>) {
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    let next = Next::Finish { outcome: answered("{}"), deliveries };
    assert_eq!(settle(store, &claimed.lease, next).await, Settled::Done);
}

fn tell(hosts: &mut Hosts, host: &str, heard: Heard, second: u64) {
    let place = Place { host: host.into(), account: "user_1".into(), began: later(second) };
    hosts.begin(place.clone());
    hosts.end(&place, Some((heard, Duration::ZERO, "no")), later(second));
}

fn broken(host: &str) -> Hosts {
    let mut hosts = Hosts::new(LIMITS);
    (0..5).for_each(|_| tell(&mut hosts, host, Heard::Down, 0));
    hosts
}

async fn taken(store: &Store, hosts: &mut Hosts, count: usize, now: Timestamp) -> Vec<String> {
    let claimed = store.claim_deliveries(count, hosts.load(now), DELIVERY_LEASE, now).await.unwrap();
    claimed.tasks.into_iter().map(|task| task.delivery.id).collect()
}

fn many(host: &str) -> Vec<NewDelivery> {
    (0..MANY).map(|n| delivery(&format!("{host}-{n}"), "r1", &format!("https://{host}.example/"))).collect()
}

pub async fn a_broken_host_is_stepped_over_and_then_tried_once(store: &Store) {
    let last = |name: &str, target| NewDelivery { due_at: later(1), ..delivery(name, "r1", target) };
    let deliveries = many("dead").into_iter().chain([last("other", "https://other.example/")]).collect();
    owing(store, deliveries).await;
    let mut hosts = broken("dead.example:443");
    assert_eq!(taken(store, &mut hosts, 8, later(2)).await, ["other"]);
    assert_eq!(taken(store, &mut hosts, 8, later(9)).await, [""; 0]);
    // After the rest one, and no second one beside it.
    let load = hosts.load(later(10));
    let probe = store.claim_deliveries(8, load, DELIVERY_LEASE, later(10)).await.unwrap().tasks;
    assert_eq!((probe.len(), probe[0].delivery.id.as_str(), probe[0].attempt), (1, "dead-0", 1));
    let place = Place { host: "dead.example:443".into(), account: "user_1".into(), began: later(10) };
    hosts.begin(place.clone());
    assert_eq!(taken(store, &mut hosts, 8, later(12)).await, [""; 0]);
    hosts.end(&place, Some((Heard::Delivered, Duration::ZERO, "")), later(12));
    assert_eq!(taken(store, &mut hosts, 3, later(12)).await, ["dead-1", "dead-2", "dead-3"]);
}

pub async fn a_quick_host_is_found_behind_a_long_line_of_others_in_every_claim(store: &Store) {
    let late = |name: &str, host: &str| NewDelivery { due_at: later(1), ..delivery(name, "r1", host) };
    let mut deliveries = many("dead");
    deliveries.extend([late("q1", "https://quick.example/"), late("q2", "https://quick.example/")]);
    deliveries.extend([late("u1", "https://unknown.example/")]);
    owing(store, deliveries).await;
    let mut hosts = broken("dead.example:443");
    tell(&mut hosts, "quick.example:443", Heard::Delivered, 0);
    // The first claim may look at all lines, the next ones of that second may not.
    assert_eq!(taken(store, &mut hosts, 1, later(2)).await, ["q1"]);
    assert_eq!(taken(store, &mut hosts, 8, later(2)).await, ["q2"]);
    assert_eq!(taken(store, &mut hosts, 8, later(3)).await, ["u1"]);
}

pub async fn what_is_held_back_for_too_long_is_given_up_with_the_reason(store: &Store) {
    owing(store, vec![delivery("d1", "r1", "https://dead.example/"), delivery("d2", "r1", "https://well.example/")])
        .await;
    let mut hosts = Hosts::new(LIMITS);
    // It fails for as long as the webhook waits.
    tell(&mut hosts, "dead.example:443", Heard::Down, 0);
    (0..12).for_each(|_| tell(&mut hosts, "dead.example:443", Heard::Down, 3_590));
    assert_eq!(taken(store, &mut hosts, 8, later(3_599)).await, ["d2"]);
    let claimed = store.claim_deliveries(8, hosts.load(later(3_600)), DELIVERY_LEASE, later(3_600)).await.unwrap();
    assert_eq!((claimed.tasks.len(), claimed.next_due), (0, Some(later(3_600))));
    let seen = store.delivery("d1").await.unwrap().unwrap();
    assert_eq!((seen.state, seen.next_at, seen.attempts.len()), (DeliveryState::Dead, None, 1));
    let last = &seen.attempts[0];
    assert_eq!((last.attempt, last.at, last.fault), (1, later(3_600), Some(Fault::Theirs)));
    assert!(last.reason.contains("held back"), "{last:?}");
    assert!(store.delivery("nobody").await.unwrap().is_none());
}

pub async fn what_is_handed_back_costs_nothing_of_the_schedule_and_faults_are_kept(store: &Store) {
    owing(store, vec![delivery("d1", "r1", "https://shop.example/")]).await;
    let ended = |number: u32, fault| DeliveryAttempt {
        attempt: number,
        at: later(1),
        latency: Duration::ZERO,
        http_status: None,
        reason: "stopped".into(),
        fault,
        answer: Bytes::new(),
    };
    for (number, fault, next, on_schedule) in [
        (1, Fault::Ours, DeliveryNext::HandedBack { at: later(1) }, 1),
        (2, Fault::Theirs, DeliveryNext::Retry { at: later(1) }, 1),
        (3, Fault::Theirs, DeliveryNext::Dead, 2),
    ] {
        let now = later(u64::from(number));
        let task = store.claim_deliveries(1, HostLoad::new(1), DELIVERY_LEASE, now).await.unwrap().tasks.remove(0);
        assert_eq!((task.attempt, task.on_schedule()), (number, on_schedule));
        store.settle_delivery("d1", ended(number, Some(fault)), next).await.unwrap();
    }
    let faults: Vec<_> =
        store.delivery("d1").await.unwrap().unwrap().attempts.iter().map(|attempt| attempt.fault).collect();
    assert_eq!(faults, [Some(Fault::Ours), Some(Fault::Theirs), Some(Fault::Theirs)]);
}

pub async fn a_delivery_comes_with_what_its_key_wants_at_that_moment(store: &Store) {
    let options = WebhookOptions {
        hmac: Some(HmacSigning { form: HmacForm::Sha256, secret: WebhookSecret::new("s") }),
        words: StatusWords::Completed,
        standard: Some(WebhookSecret::new("whsec_x")),
    };
    let key = ApiKey {
        id: new_request("r1").caller.key_id,
        name: "n".into(),
        secret_sha256: [7; 32],
        user_id: user("user_1"),
        scope: Scope::Api,
        limits: KeyLimits::default(),
        webhooks: options.clone(),
        created_at: start(),
        revoked_at: None,
    };
    store.add_key(key.clone()).await.unwrap();
    owing(store, vec![delivery("d1", "r1", "https://a.example/"), delivery("d2", "r1", "https://b.example/")]).await;
    let options_of = async || {
        let mut tasks = store.claim_deliveries(1, HostLoad::new(1), DELIVERY_LEASE, start()).await.unwrap().tasks;
        tasks.remove(0).options
    };
    assert_eq!(options_of().await, options);
    let end = WebhookChange { hmac: Some(None), words: Some(StatusWords::Official), standard: Some(None) };
    let ended = ApiKey { webhooks: WebhookOptions::default(), ..key.clone() };
    let changed = store.change_key_webhooks(&key.id, end).await.unwrap();
    assert_eq!(changed, WebhooksChanged::Done { key: Box::new(ended.clone()), before: options });
    assert_eq!(store.key(&key.id).await.unwrap(), Some(ended));
    assert_eq!(options_of().await, WebhookOptions::default());
}

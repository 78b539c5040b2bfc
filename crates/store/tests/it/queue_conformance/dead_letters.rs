//! What was given up: found, and sent again without a flood.

use std::collections::HashSet;

use plantain_queue::dead_letters::{DeadFilter, DeliveryFilter, RECOVERY_BATCH, RECOVERY_STEP, Redelivered};
use plantain_queue::history::PAGE_MAX;
use plantain_queue::model::{DeliveryAttempt, DeliveryNext, DeliveryState};

use super::*;

type Store = Arc<dyn QueueStore>;

const SHOP: &str = "https://shop.example/hook";
const OTHER: &str = "https://other.example/hook";

/// Requests `r1`, `r2`, ... each owing what its number says, ended at `later(5)`.
async fn owing(store: &Store, request: &str, deliveries: Vec<NewDelivery>) {
    submit(store, request).await;
    let claimed = only(claim(store, 1, start()).await);
    assert_eq!(
        settle(store, &claimed.lease, Next::Finish { outcome: answered("{}"), deliveries }).await,
        Settled::Done
    );
}

/// Claims everything that is due and ends it.
async fn end_all(store: &Store, now: Timestamp, next: DeliveryNext) {
    for (id, number) in claim_deliveries(store, 2_000, now).await {
        let attempt = DeliveryAttempt {
            attempt: number,
            at: now,
            latency: Duration::ZERO,
            http_status: Some(503),
            reason: "the receiver answered 503".into(),
            fault: None,
            answer: Bytes::new(),
        };
        assert_eq!(store.settle_delivery(&id, attempt, next.clone()).await.unwrap(), Settled::Done);
    }
}

async fn listed(store: &Store, filter: DeliveryFilter) -> Vec<String> {
    let page = store.list_deliveries(&DeliveryFilter { limit: PAGE_MAX, ..filter }).await.unwrap();
    assert_eq!(page.next, None);
    page.deliveries.into_iter().map(|delivery| delivery.id).collect()
}

pub async fn a_dead_delivery_begins_anew_and_keeps_its_attempts(store: &Store) {
    owing(store, "r1", vec![delivery("d1", "r1", SHOP)]).await;
    end_all(store, start(), DeliveryNext::Dead).await;
    assert_eq!(store.redeliver("d1", later(60)).await.unwrap(), Redelivered::Owed);
    let mut again = store.claim_deliveries(5, HostLoad::new(1), DELIVERY_LEASE, later(60)).await.unwrap().tasks;
    assert_eq!((again.len(), again[0].attempt, again[0].on_schedule()), (1, 2, 1));
    let task = again.remove(0);
    // It is leased as a first attempt.
    assert_eq!(claim_deliveries(store, 5, later(89)).await, []);
    let attempt = DeliveryAttempt {
        attempt: task.attempt,
        at: later(61),
        latency: Duration::ZERO,
        http_status: Some(200),
        reason: String::new(),
        fault: None,
        answer: Bytes::new(),
    };
    store.settle_delivery("d1", attempt.clone(), DeliveryNext::Delivered).await.unwrap();
    let seen = store.deliveries(&id("r1")).await.unwrap().remove(0);
    assert_eq!((seen.state, seen.attempts.len()), (DeliveryState::Delivered, 2));
    // What was delivered may be sent once more; the settle of an attempt before it changes nothing then.
    assert_eq!(store.redeliver("d1", later(70)).await.unwrap(), Redelivered::Owed);
    assert_eq!(store.settle_delivery("d1", attempt, DeliveryNext::Dead).await.unwrap(), Settled::LeaseLost);
    assert_eq!(claim_deliveries(store, 5, later(70)).await, [("d1".into(), 3)]);
}

pub async fn what_is_owed_or_unknown_is_not_redelivered(store: &Store) {
    owing(store, "r1", vec![NewDelivery { due_at: later(30), ..delivery("d1", "r1", SHOP) }]).await;
    assert_eq!(store.redeliver("d1", later(1)).await.unwrap(), Redelivered::Pending);
    assert_eq!(store.redeliver("nobody", later(1)).await.unwrap(), Redelivered::Unknown);
    assert_eq!(store.redeliver_dead(&DeadFilter::default(), None, later(1)).await.unwrap().count, 0);
    assert_eq!(claim_deliveries(store, 5, later(29)).await, []);
    assert_eq!(claim_deliveries(store, 5, later(30)).await, [("d1".into(), 1)]);
}

pub async fn a_recovery_is_paced_and_bounded_by_host_and_time(store: &Store) {
    let to = |name: &str, target| delivery(name, "r1", target);
    owing(store, "r1", vec![to("a1", SHOP), to("b1", OTHER), to("a2", SHOP), to("a3", SHOP)]).await;
    end_all(store, start(), DeliveryNext::Dead).await;
    let shop = DeadFilter { host: Some("shop.example:443".into()), ..DeadFilter::default() };
    // All were owed at the fifth second: a window on either side of it has none.
    for (from, to) in [(Some(later(6)), None), (None, Some(later(5)))] {
        assert_eq!(
            store.redeliver_dead(&DeadFilter { from, to, ..shop.clone() }, None, later(60)).await.unwrap().count,
            0
        );
    }
    let window = DeadFilter { from: Some(later(5)), to: Some(later(6)), ..shop.clone() };
    assert_eq!(store.redeliver_dead(&window, None, later(60)).await.unwrap().count, 3);
    assert_eq!(store.redeliver_dead(&shop, None, later(60)).await.unwrap().count, 0, "they are owed already");
    assert_eq!(claim_deliveries(store, 5, later(60)).await, [("a1".into(), 2)]);
    assert_eq!(claim_deliveries(store, 5, after(later(60), RECOVERY_STEP)).await, [("a2".into(), 2)]);
    // A further recovery of the same host goes behind what still waits.
    let again = DeliveryAttempt {
        attempt: 2,
        at: later(60),
        latency: Duration::ZERO,
        http_status: None,
        reason: String::new(),
        fault: None,
        answer: Bytes::new(),
    };
    store.settle_delivery("a1", again, DeliveryNext::Dead).await.unwrap();
    assert_eq!(store.redeliver_dead(&shop, None, later(60)).await.unwrap().count, 1);
    assert_eq!(claim_deliveries(store, 5, after(later(60), RECOVERY_STEP * 2)).await, [("a3".into(), 2)]);
    assert_eq!(claim_deliveries(store, 5, after(later(60), RECOVERY_STEP * 3)).await, [("a1".into(), 3)]);
    assert_eq!(
        store.redeliver_dead(&DeadFilter::default(), None, later(60)).await.unwrap().count,
        1,
        "the other host's"
    );
}

pub async fn a_recovery_larger_than_a_batch_takes_everything_once(store: &Store) {
    let many = RECOVERY_BATCH + 20;
    owing(
        store,
        "r1",
        (0..many).map(|n| delivery(&format!("d{n}"), "r1", &format!("https://h{n}.example/"))).collect(),
    )
    .await;
    end_all(store, start(), DeliveryNext::Dead).await;
    let first = store.redeliver_dead(&DeadFilter::default(), None, later(60)).await.unwrap();
    assert_eq!((first.count, first.next.is_some()), (RECOVERY_BATCH, true));
    let second = store.redeliver_dead(&DeadFilter::default(), first.next, later(60)).await.unwrap();
    assert_eq!((second.count, second.next), (20, None));
    let claimed: HashSet<_> = claim_deliveries(store, 2_000, later(60)).await.into_iter().collect();
    assert_eq!(claimed.len(), many);
}

pub async fn deliveries_are_listed_by_what_is_asked(store: &Store) {
    owing(store, "r1", vec![delivery("d1", "r1", SHOP), delivery("d2", "r1", OTHER)]).await;
    end_all(store, start(), DeliveryNext::Dead).await;
    owing(store, "r2", vec![delivery("d3", "r2", SHOP)]).await;
    end_all(store, start(), DeliveryNext::Delivered).await;
    owing(store, "r3", vec![delivery("d4", "r3", SHOP)]).await;
    let all = DeliveryFilter::default();
    let of = |state| DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
    let host = Some("shop.example:443".to_owned());
    for (filter, expected) in [
        (all.clone(), &["d4", "d3", "d2", "d1"][..]),
        (of(DeliveryState::Dead), &["d2", "d1"]),
        (of(DeliveryState::Delivered), &["d3"]),
        (of(DeliveryState::Pending), &["d4"]),
        (DeliveryFilter { host: host.clone(), ..all.clone() }, &["d4", "d3", "d1"]),
        (DeliveryFilter { host: host.clone(), ..of(DeliveryState::Dead) }, &["d1"]),
        (DeliveryFilter { from: Some(later(6)), ..all.clone() }, &[]),
        (DeliveryFilter { to: Some(later(5)), ..all.clone() }, &[]),
        (DeliveryFilter { from: Some(later(5)), to: Some(later(6)), ..of(DeliveryState::Dead) }, &["d2", "d1"]),
    ] {
        assert_eq!(listed(store, filter.clone()).await, expected, "{filter:?}");
    }
    let first = store.list_deliveries(&DeliveryFilter { limit: 3, ..all.clone() }).await.unwrap();
    let last = &first.deliveries[2];
    assert_eq!((last.http_status, last.reason.as_str(), last.attempts), (Some(503), "the receiver answered 503", 1));
    assert_eq!((last.host.as_str(), last.created_at, last.next_at), ("other.example:443", later(5), None));
    assert_eq!((first.deliveries[0].next_at, first.deliveries[0].reason.as_str()), (Some(start()), ""));
    assert_eq!(listed(store, DeliveryFilter { before: first.next, ..all }).await, ["d1"]);
}

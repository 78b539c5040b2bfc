//! What is owed for a finished request, and how it is worked off.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use plantain_queue::hosts::Room;
use plantain_queue::model::{DeliveryAttempt, DeliveryNext, DeliveryState, DeliveryView};
use plantain_queue::store::QueueStore;
use plantain_wire::status::QueueStatus;

use super::*;

type Store = Arc<dyn QueueStore>;

const SHOP: &str = "https://shop.example/hook?job=1";

/// A finished request that owes these deliveries.
async fn owing(store: &Store, request: &str, deliveries: Vec<NewDelivery>) {
    submit(store, request).await;
    let claimed = only(claim(store, 1, start()).await);
    let next = Next::Finish { outcome: answered("{}"), deliveries };
    assert_eq!(settle(store, &claimed.lease, next).await, Settled::Done);
}

fn attempt(number: u32, http_status: Option<u16>) -> DeliveryAttempt {
    DeliveryAttempt {
        attempt: number,
        at: later(u64::from(number)),
        latency: Duration::from_millis(15),
        http_status,
        reason: "the receiver said no".into(),
        fault: None,
        answer: Bytes::from_static(b"<b>no\0</b>"),
    }
}

async fn deliver(store: &Store, number: u32, next: DeliveryNext) -> Settled {
    store.settle_delivery("d1", attempt(number, Some(500)), next).await.unwrap()
}

async fn shown(store: &Store) -> DeliveryView {
    store.deliveries(&id("r1")).await.unwrap().remove(0)
}

pub async fn a_finish_and_its_delivery_are_one_commit(store: &Store) {
    let new = delivery("d1", "r1", SHOP);
    owing(store, "r1", vec![new.clone()]).await;
    let seen = shown(store).await;
    assert_eq!((seen.delivery, seen.state, seen.next_at), (new.clone(), DeliveryState::Pending, Some(start())));
    assert!(seen.attempts.is_empty());
    let claimed = store.claim_deliveries(5, HostLoad::new(1), DELIVERY_LEASE, start()).await.unwrap().tasks.remove(0);
    assert_eq!((claimed.attempt, claimed.created_at), (1, later(5)));
    assert_eq!((claimed.delivery.body, claimed.delivery.target), (new.body, new.target));
}

pub async fn a_finish_whose_delivery_can_not_be_stored_leaves_neither(store: &Store) {
    owing(store, "r1", vec![delivery("d1", "r1", SHOP)]).await;
    submit(store, "r2").await;
    let claimed = only(claim(store, 1, start()).await);
    // The second delivery takes an id that is in use, after the state and the first one have been written.
    let deliveries = vec![delivery("d2", "r2", SHOP), delivery("d1", "r2", SHOP)];
    let next = Next::Finish { outcome: answered("{}"), deliveries };
    assert!(store.settle(&claimed.lease, next, &[line("last")], later(1)).await.is_err());
    let seen = view(store, "r2").await;
    assert_eq!((seen.status, seen.outcome, seen.logs), (QueueStatus::InProgress, None, Vec::new()));
    assert!(store.deliveries(&id("r2")).await.unwrap().is_empty());
    let next = Next::Finish { outcome: answered("{}"), deliveries: vec![delivery("d3", "r2", SHOP)] };
    assert_eq!(settle(store, &claimed.lease, next).await, Settled::Done);
}

pub async fn a_delivery_is_claimed_once_until_its_lease_runs_out(store: &Store) {
    owing(store, "r1", vec![NewDelivery { due_at: later(10), ..delivery("d1", "r1", SHOP) }]).await;
    let early = store.claim_deliveries(5, HostLoad::new(5), DELIVERY_LEASE, later(9)).await.unwrap();
    assert!(early.tasks.is_empty());
    assert_eq!(early.next_due, Some(later(10)));
    assert_eq!(claim_deliveries(store, 5, later(10)).await, [("d1".into(), 1)]);
    assert_eq!(claim_deliveries(store, 5, later(39)).await, []);
    assert_eq!(claim_deliveries(store, 5, later(40)).await, [("d1".into(), 2)]);
    // A later attempt may take longer, and so does its lease.
    assert_eq!(claim_deliveries(store, 5, later(159)).await, []);
    assert_eq!(claim_deliveries(store, 5, later(160)).await, [("d1".into(), 3)]);
}

pub async fn every_attempt_is_recorded_until_the_delivery_ends(store: &Store) {
    owing(store, "r1", vec![delivery("d1", "r1", SHOP)]).await;
    claim_deliveries(store, 1, start()).await;
    assert_eq!(deliver(store, 1, DeliveryNext::Retry { at: later(20) }).await, Settled::Done);
    let seen = shown(store).await;
    assert_eq!((seen.state, seen.next_at), (DeliveryState::Pending, Some(later(20))));
    assert_eq!(claim_deliveries(store, 1, later(19)).await, []);
    assert_eq!(claim_deliveries(store, 1, later(20)).await, [("d1".into(), 2)]);
    let last = DeliveryAttempt { reason: String::new(), ..attempt(2, Some(200)) };
    store.settle_delivery("d1", last.clone(), DeliveryNext::Delivered).await.unwrap();
    let seen = shown(store).await;
    assert_eq!((seen.state, seen.next_at), (DeliveryState::Delivered, None));
    assert_eq!(
        seen.attempts,
        [DeliveryAttempt { reason: "the receiver said no".into(), ..attempt(1, Some(500)) }, last]
    );
    assert_eq!(claim_deliveries(store, 1, later(99)).await, []);
}

pub async fn a_stale_attempt_changes_nothing(store: &Store) {
    owing(store, "r1", vec![delivery("d1", "r1", SHOP)]).await;
    claim_deliveries(store, 1, start()).await;
    assert_eq!(claim_deliveries(store, 1, later(30)).await, [("d1".into(), 2)]);
    assert_eq!(deliver(store, 1, DeliveryNext::Dead).await, Settled::LeaseLost);
    assert_eq!(shown(store).await.state, DeliveryState::Pending);
    assert_eq!(deliver(store, 2, DeliveryNext::Retry { at: later(60) }).await, Settled::Done);
    // The same attempt once more, with another end.
    assert_eq!(deliver(store, 2, DeliveryNext::Dead).await, Settled::LeaseLost);
    let seen = shown(store).await;
    assert_eq!((seen.state, seen.next_at, seen.attempts.len()), (DeliveryState::Pending, Some(later(60)), 1));
    claim_deliveries(store, 1, later(60)).await;
    assert_eq!(deliver(store, 3, DeliveryNext::Dead).await, Settled::Done);
    assert_eq!(deliver(store, 3, DeliveryNext::Delivered).await, Settled::LeaseLost);
    assert_eq!(shown(store).await.state, DeliveryState::Dead);
    let unknown = store.settle_delivery("nobody", attempt(1, None), DeliveryNext::Dead).await.unwrap();
    assert_eq!(unknown, Settled::LeaseLost);
}

pub async fn a_host_that_hangs_can_not_take_every_slot(store: &Store) {
    let mut deliveries: Vec<_> =
        (0..40).map(|n| delivery(&format!("slow{n}"), "r1", "https://slow.example/")).collect();
    let quick = NewDelivery { due_at: later(1), ..delivery("quick", "r1", "https://quick.example/") };
    let tomorrow = NewDelivery { due_at: later(86_400), ..delivery("tomorrow", "r1", "https://quick.example/") };
    deliveries.extend([quick, tomorrow]);
    owing(store, "r1", deliveries).await;
    let mut load = HostLoad::new(2);
    let first = store.claim_deliveries(2, load.clone(), DELIVERY_LEASE, later(2)).await.unwrap();
    let hosts: Vec<String> = first.tasks.iter().map(|task| task.delivery.host()).collect();
    assert_eq!(hosts, ["slow.example:443"; 2]);
    hosts.iter().for_each(|host| assert_eq!(load.admit(host, "user_1"), Room::Free));
    let second = store.claim_deliveries(2, load.clone(), DELIVERY_LEASE, later(2)).await.unwrap();
    assert_eq!(second.tasks.len(), 1);
    assert_eq!(second.tasks[0].delivery.id, "quick");
    // What is due for a full host is no reason to ask again at once.
    let idle = store.claim_deliveries(2, load, DELIVERY_LEASE, later(2)).await.unwrap();
    assert!(idle.tasks.is_empty());
    assert_eq!(idle.next_due, Some(later(32)), "the lease of the quick one");
}

pub async fn two_claimers_never_get_the_same_delivery(store: &Store) {
    owing(store, "r1", (0..40).map(|n| delivery(&format!("d{n}"), "r1", SHOP)).collect()).await;
    let claims = (0..12).map(|_| claim_deliveries(store, 5, start()));
    let claimed: Vec<_> = futures_util::future::join_all(claims).await.into_iter().flatten().collect();
    let different: HashSet<_> = claimed.iter().collect();
    assert!(claimed.len() == different.len() && claimed.iter().all(|(_, attempt)| *attempt == 1));
    let rest = claim_deliveries(store, 100, start()).await;
    assert_eq!(claimed.len() + rest.len(), 40);
}

//! Claims, attempts, fences, heartbeats, logs.

use std::collections::HashSet;
use std::sync::Arc;

use plantain_queue::model::{AttemptEnd, Next, Outcome, Pulse};
use plantain_queue::store::QueueStore;
use plantain_wire::error::ErrorType;
use plantain_wire::status::QueueStatus;

use super::*;

type Store = Arc<dyn QueueStore>;

fn retry(seconds: u64) -> Next {
    Next::Requeue { at: later(seconds), attempt: AttemptEnd::Failed(ErrorType::RunnerConnectionError) }
}

fn hand_back(seconds: u64) -> Next {
    Next::Requeue { at: later(seconds), attempt: AttemptEnd::HandedBack }
}

pub async fn a_delayed_request_is_not_claimed_before_its_time(store: &Store) {
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    assert_eq!(settle(store, &claimed.lease, retry(20)).await, Settled::Done);
    assert_eq!(view(store, "r1").await.status, QueueStatus::InQueue);
    let early = store.claim_requests(5, &turns(), LEASE, later(19)).await.unwrap();
    assert!(early.tasks.is_empty());
    assert_eq!(early.next_due, Some(later(20)));
    let again = only(claim(store, 5, later(20)).await);
    assert_eq!((again.failures, again.last_error), (1, Some(ErrorType::RunnerConnectionError)));
    let idle = store.claim_requests(5, &turns(), LEASE, later(21)).await.unwrap();
    assert_eq!(idle.next_due, Some(later(50)), "the lease that may run out");
}

pub async fn each_attempt_has_its_own_number_and_gateway_id(store: &Store) {
    submit(store, "r1").await;
    let first = only(claim(store, 1, start()).await);
    assert_eq!((first.lease.attempt, first.gateway_request_id.as_str()), (1, "r1"));
    assert_eq!((first.failures, first.last_error), (0, None));
    settle(store, &first.lease, retry(5)).await;
    let second = only(claim(store, 1, later(5)).await);
    assert_eq!(second.lease.attempt, 2);
    assert_ne!(second.gateway_request_id.as_str(), "r1");
    let seen = view(store, "r1").await;
    assert_eq!((seen.attempts, seen.gateway_request_id), (2, second.gateway_request_id));
    assert_eq!(seen.started_at, Some(start()));
}

pub async fn what_is_handed_back_costs_nothing_and_keeps_its_place(store: &Store) {
    submit(store, "r1").await;
    submit(store, "r2").await;
    let first = claim(store, 1, start()).await.remove(0);
    assert_eq!(settle(store, &first.lease, hand_back(5)).await, Settled::Done);
    let again = claim(store, 1, later(5)).await.remove(0);
    assert_eq!(again.lease.request_id.as_str(), "r1");
    assert_eq!((again.lease.attempt, again.failures, again.last_error), (2, 0, None));
}

pub async fn two_claimers_never_get_the_same_request(store: &Store) {
    for n in 0..40 {
        submit(store, &format!("r{n}")).await;
    }
    let claims = (0..12).map(|_| claim(store, 5, start()));
    let claimed: Vec<_> = futures_util::future::join_all(claims).await.into_iter().flatten().collect();
    let different: HashSet<_> = claimed.iter().map(|claimed| &claimed.lease).collect();
    assert_eq!((claimed.len(), different.len()), (40, 40));
}

pub async fn a_lease_that_ran_out_is_claimed_again_and_counts_as_a_failure(store: &Store) {
    submit(store, "r1").await;
    claim(store, 1, start()).await;
    assert!(claim(store, 1, later(29)).await.is_empty());
    let second = only(claim(store, 1, later(30)).await);
    assert_eq!((second.lease.attempt, second.failures), (2, 1));
    assert_eq!(second.last_error, Some(ErrorType::RunnerDisconnected));
    assert_ne!(second.gateway_request_id.as_str(), "r1");
}

pub async fn a_stale_worker_settles_after_its_lease_ran_out_and_changes_nothing(store: &Store) {
    submit(store, "r1").await;
    let stale = only(claim(store, 1, start()).await);
    let owed = vec![delivery("stale", "r1", "https://shop.example/hook")];
    let stale_end = Next::Finish { outcome: answered("{\"stale\": true}"), deliveries: owed };
    let current = only(claim(store, 1, later(30)).await);
    for end in [stale_end.clone(), retry(40), hand_back(40)] {
        assert_eq!(settle(store, &stale.lease, end).await, Settled::LeaseLost);
    }
    let seen = view(store, "r1").await;
    assert_eq!((seen.status, seen.outcome), (QueueStatus::InProgress, None));
    assert_eq!(settle(store, &current.lease, finish(answered("{}"))).await, Settled::Done);
    assert_eq!(settle(store, &stale.lease, stale_end).await, Settled::LeaseLost);
    assert_eq!(view(store, "r1").await.outcome, Some(answered("{}")));
    assert!(store.deliveries(&id("r1")).await.unwrap().is_empty());
}

pub async fn an_outcome_is_written_once_even_if_it_is_settled_twice(store: &Store) {
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    let ends =
        [answered("{}"), answered("[]"), answered("0")].map(|outcome| settle(store, &claimed.lease, finish(outcome)));
    let settled = futures_util::future::join_all(ends).await;
    assert_eq!(settled.iter().filter(|settled| **settled == Settled::Done).count(), 1);
    assert!(view(store, "r1").await.outcome.is_some());
    assert_eq!(settle(store, &claimed.lease, retry(9)).await, Settled::LeaseLost);
    assert_eq!(view(store, "r1").await.status, QueueStatus::Completed);
}

pub async fn a_heartbeat_keeps_a_lease_and_tells_of_a_cancel_or_a_loss(store: &Store) {
    for request in ["kept", "cancelled", "lost"] {
        submit(store, request).await;
    }
    let claimed = claim(store, 3, start()).await;
    let leases: Vec<Lease> = claimed.into_iter().map(|claimed| claimed.lease).collect();
    settle(store, &leases[2], finish(answered("{}"))).await;
    let cancel = Outcome::Failed { error_type: ErrorType::ClientCancelled, detail: String::new() };
    store.cancel(&id("cancelled"), cancel, Vec::new(), later(1)).await.unwrap();
    let pulses = store.heartbeat(&leases, later(60)).await.unwrap();
    assert_eq!(pulses, [Pulse::Held, Pulse::CancelRequested, Pulse::Lost]);
    assert!(claim(store, 3, later(59)).await.is_empty());
    assert_eq!(claim(store, 3, later(60)).await.len(), 2);
    assert_eq!(store.heartbeat(&leases, later(90)).await.unwrap(), [Pulse::Lost; 3]);
    assert!(store.heartbeat(&[], later(90)).await.unwrap().is_empty());
}

async fn messages(store: &Store, request: &str) -> Vec<String> {
    view(store, request).await.logs.into_iter().map(|line| line.message).collect()
}

pub async fn logs_are_kept_in_order_over_all_attempts(store: &Store) {
    submit(store, "r1").await;
    let first = only(claim(store, 1, start()).await);
    assert_eq!(store.append_logs(&first.lease, &[line("one"), line("two")]).await.unwrap(), Settled::Done);
    store.settle(&first.lease, retry(5), &[line("three")], later(1)).await.unwrap();
    let second = only(claim(store, 1, later(5)).await);
    assert_eq!(store.append_logs(&second.lease, &[]).await.unwrap(), Settled::Done);
    let last = [line("four"), line("five")];
    store.settle(&second.lease, finish(answered("{}")), &last, later(6)).await.unwrap();
    assert_eq!(messages(store, "r1").await, ["one", "two", "three", "four", "five"]);
    assert_eq!(view(store, "r1").await.logs[0], line("one"));
}

pub async fn logs_of_a_lost_lease_are_dropped(store: &Store) {
    submit(store, "r1").await;
    let stale = only(claim(store, 1, start()).await);
    let current = only(claim(store, 1, later(30)).await);
    assert_eq!(store.append_logs(&stale.lease, &[line("stale")]).await.unwrap(), Settled::LeaseLost);
    let settled = store.settle(&stale.lease, finish(answered("{}")), &[line("stale")], later(31)).await.unwrap();
    assert_eq!(settled, Settled::LeaseLost);
    settle(store, &current.lease, finish(answered("{}"))).await;
    assert_eq!(store.append_logs(&current.lease, &[line("late")]).await.unwrap(), Settled::LeaseLost);
    assert!(messages(store, "r1").await.is_empty());
}

pub async fn text_with_a_zero_byte_does_not_block_a_settle(store: &Store) {
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    let outcome = Outcome::Failed { error_type: ErrorType::RunnerServerError, detail: "a\0b".into() };
    let settled = store.settle(&claimed.lease, finish(outcome), &[line("c\0d")], later(1)).await.unwrap();
    assert_eq!(settled, Settled::Done);
    assert_eq!(messages(store, "r1").await.len(), 1);
}

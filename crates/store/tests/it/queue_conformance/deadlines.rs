//! Start deadlines: who waits past one is found by it, whatever else waits or runs.

use std::collections::HashSet;
use std::sync::Arc;

use plantain_queue::model::AttemptEnd;
use plantain_queue::store::{Claimed, QueueStore};
use plantain_wire::error::ErrorType;
use plantain_wire::status::QueueStatus;

use super::*;

type Store = Arc<dyn QueueStore>;

async fn overdue(store: &Store, count: usize, now: Timestamp) -> Claimed<ClaimedRequest> {
    store.claim_overdue(count, LEASE, now).await.unwrap()
}

fn names(claimed: &Claimed<ClaimedRequest>) -> Vec<&str> {
    claimed.tasks.iter().map(|task| task.lease.request_id.as_str()).collect()
}

pub async fn what_waits_past_its_start_deadline_is_taken_and_nothing_else(store: &Store) {
    // The first two of these are taken by a worker before their deadlines; one of them comes back to wait.
    for (request, deadline) in [("runs", 10), ("waits-again", 12), ("soon", 10), ("later", 20)] {
        store.enqueue(starting_by(request, deadline)).await.unwrap();
    }
    submit(store, "patient").await;
    let taken = claim(store, 2, start()).await;
    let retry = Next::Requeue { at: later(500), attempt: AttemptEnd::Failed(ErrorType::RunnerDisconnected) };
    settle(store, &taken[1].lease, retry).await;
    let early = overdue(store, 9, later(9)).await;
    assert_eq!((names(&early), early.next_due), (vec![], Some(later(10))));
    let on_time = overdue(store, 9, later(10)).await;
    assert_eq!((names(&on_time), on_time.next_due), (vec!["soon"], Some(later(12))));
    let ended = &on_time.tasks[0];
    assert_eq!((ended.lease.attempt, ended.start_by, ended.failures), (1, Some(later(10)), 0));
    let again = overdue(store, 1, later(30)).await;
    assert_eq!((names(&again), again.next_due), (vec!["waits-again"], Some(later(20))), "the earliest first");
    assert_eq!(names(&overdue(store, 9, later(30)).await), ["later"]);
    let end = finish(Outcome::Failed { error_type: ErrorType::RequestTimeout, detail: "too late".into() });
    assert_eq!(settle(store, &ended.lease, end).await, Settled::Done);
    assert_eq!(view(store, "soon").await.status, QueueStatus::Completed);
    assert_eq!(view(store, "runs").await.status, QueueStatus::InProgress);
    let idle = overdue(store, 9, later(1000)).await;
    assert_eq!((names(&idle), idle.next_due), (vec![], None));
}

pub async fn two_claimers_never_end_the_same_request(store: &Store) {
    for n in 0..40 {
        store.enqueue(starting_by(&format!("r{n}"), 1)).await.unwrap();
    }
    let claims = (0..12).map(async |_| overdue(store, 5, later(2)).await.tasks);
    let workers = (0..4).map(async |_| claim(store, 5, later(2)).await);
    let (ending, working) =
        tokio::join!(futures_util::future::join_all(claims), futures_util::future::join_all(workers));
    let claimed: Vec<_> = ending.into_iter().chain(working).flatten().collect();
    let different: HashSet<_> = claimed.iter().map(|claimed| &claimed.lease).collect();
    assert_eq!((claimed.len(), different.len()), (40, 40));
}

pub async fn a_claimer_that_died_leaves_the_deadline_to_the_next(store: &Store) {
    store.enqueue(starting_by("r1", 1)).await.unwrap();
    assert_eq!(names(&overdue(store, 1, later(1)).await), ["r1"]);
    let next = only(claim(store, 1, later(31)).await);
    assert_eq!((next.lease.attempt, next.start_by), (2, Some(later(1))));
}

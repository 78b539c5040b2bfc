//! Taking in, showing, ordering, cancelling.

use std::sync::Arc;

use plantain_queue::model::{Caller, Cancelled, NewRequest, Outcome, Priority};
use plantain_queue::store::{Enqueued, QueueStore};
use plantain_wire::error::ErrorType;
use plantain_wire::status::QueueStatus;

use super::*;

type Store = Arc<dyn QueueStore>;

pub async fn a_request_shows_what_was_submitted(store: &Store) {
    let webhook = Some("https://shop.example/hook?job=1".parse().unwrap());
    let request = NewRequest { webhook, start_by: Some(later(60)), ..new_request("r1") };
    assert_eq!(store.enqueue(request.clone()).await.unwrap(), Enqueued::New);
    let seen = view(store, "r1").await;
    assert_eq!((seen.endpoint, seen.caller), (request.endpoint.clone(), request.caller.clone()));
    assert_eq!((seen.status, seen.queue_position, seen.attempts), (QueueStatus::InQueue, Some(0), 0));
    assert_eq!((seen.gateway_request_id.as_str(), &seen.webhook), ("r1", &request.webhook));
    assert_eq!((seen.created_at, seen.started_at, seen.finished_at), (start(), None, None));
    assert!(seen.outcome.is_none() && seen.logs.is_empty());
    let claimed = only(claim(store, 5, later(1)).await);
    assert_eq!((claimed.input, claimed.webhook), (request.input, request.webhook));
    assert_eq!((claimed.start_by, claimed.created_at), (Some(later(60)), start()));
    assert_eq!((claimed.caller, claimed.endpoint), (request.caller, request.endpoint));
    let running = view(store, "r1").await;
    assert_eq!((running.status, running.queue_position), (QueueStatus::InProgress, None));
    assert_eq!((running.started_at, running.attempts), (Some(later(1)), 1));
}

pub async fn an_unknown_request_is_none(store: &Store) {
    assert!(store.request(&id("nobody")).await.unwrap().is_none());
    assert!(store.deliveries(&id("nobody")).await.unwrap().is_empty());
}

pub async fn the_answer_is_kept_byte_for_byte(store: &Store) {
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    let outcome = answered("{\"seed\":   17454220438242315174, \"é\": \"\\u0000\"}\n");
    settle(store, &claimed.lease, finish(outcome.clone())).await;
    let seen = view(store, "r1").await;
    assert_eq!((seen.status, seen.finished_at), (QueueStatus::Completed, Some(later(5))));
    assert_eq!((seen.outcome, seen.queue_position), (Some(outcome), None));
}

pub async fn a_failure_is_kept_with_its_type(store: &Store) {
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    let outcome = Outcome::Failed { error_type: ErrorType::RunnerDisconnected, detail: "it went away".into() };
    settle(store, &claimed.lease, finish(outcome.clone())).await;
    assert_eq!(view(store, "r1").await.outcome, Some(outcome));
}

pub async fn fifty_submits_under_one_key_make_one_request(store: &Store) {
    let submits = (0..50).map(|n| store.enqueue(under_key(&format!("r{n}"), "same", 1)));
    let answers: Vec<_> = futures_util::future::join_all(submits).await.into_iter().map(Result::unwrap).collect();
    let new: Vec<usize> = (0..50).filter(|n| matches!(answers[*n], Enqueued::New)).collect();
    assert_eq!(new.len(), 1);
    let first = id(&format!("r{}", new[0]));
    let known = answers.iter().filter(|answer| **answer == Enqueued::Known { id: first.clone() });
    assert_eq!(known.count(), 49);
    assert_eq!(claim(store, 100, start()).await.len(), 1);
}

pub async fn a_key_belongs_to_its_account_and_its_content(store: &Store) {
    assert_eq!(store.enqueue(under_key("r1", "same", 1)).await.unwrap(), Enqueued::New);
    assert_eq!(store.enqueue(under_key("r2", "same", 1)).await.unwrap(), Enqueued::Known { id: id("r1") });
    assert_eq!(store.enqueue(under_key("r3", "same", 2)).await.unwrap(), Enqueued::KeyReused);
    let somebody_else = Caller { user_id: user("user_2"), key_id: "key_1".into() };
    let other = NewRequest { caller: somebody_else, ..under_key("r4", "same", 2) };
    assert_eq!(store.enqueue(other).await.unwrap(), Enqueued::New);
    assert!(store.request(&id("r2")).await.unwrap().is_none());
    assert!(store.request(&id("r3")).await.unwrap().is_none());
}

pub async fn an_id_that_comes_twice_is_one_request(store: &Store) {
    submit(store, "r1").await;
    assert_eq!(store.enqueue(new_request("r1")).await.unwrap(), Enqueued::Known { id: id("r1") });
    assert_eq!(claim(store, 5, start()).await.len(), 1);
}

pub async fn older_requests_go_first_and_low_priority_behind_normal(store: &Store) {
    store.enqueue(NewRequest { priority: Priority::Low, ..new_request("low1") }).await.unwrap();
    submit(store, "a").await;
    store.enqueue(NewRequest { priority: Priority::Low, ..new_request("low2") }).await.unwrap();
    submit(store, "b").await;
    submit(store, "c").await;
    assert_eq!(claim_names(store, 2, start()).await, ["a", "b"]);
    submit(store, "d").await;
    assert_eq!(claim_names(store, 9, start()).await, ["c", "d", "low1", "low2"]);
    assert_eq!(claim_names(store, 9, start()).await, [""; 0]);
}

pub async fn the_position_counts_who_waits_before_on_the_same_app(store: &Store) {
    submit(store, "a").await;
    let low = NewRequest { priority: Priority::Low, ..new_request("low") };
    store.enqueue(low).await.unwrap();
    assert_eq!(view(store, "low").await.queue_position, Some(1));
    store.enqueue(new_request("b")).await.unwrap();
    assert_eq!(view(store, "b").await.queue_position, Some(1));
    let elsewhere = NewRequest { endpoint: "fal-ai/flux/dev".parse().unwrap(), ..new_request("x") };
    store.enqueue(elsewhere).await.unwrap();
    assert_eq!(view(store, "x").await.queue_position, Some(0));
    // Another path of the same app waits in the same queue.
    let plain = NewRequest { endpoint: "fal-ai/nano-banana".parse().unwrap(), ..new_request("c") };
    store.enqueue(plain).await.unwrap();
    assert_eq!(view(store, "c").await.queue_position, Some(2));
    assert_eq!(view(store, "low").await.queue_position, Some(3));
    let a = claim(store, 1, start()).await.remove(0);
    assert_eq!(view(store, "c").await.queue_position, Some(1));
    assert_eq!(view(store, "low").await.queue_position, Some(2));
    settle(store, &a.lease, finish(answered("{}"))).await;
    assert_eq!(view(store, "low").await.queue_position, Some(2));
}

fn gone() -> Outcome {
    Outcome::Failed { error_type: ErrorType::ClientCancelled, detail: "Request cancelled by the client.".into() }
}

pub async fn a_waiting_request_is_cancelled_at_once_and_its_delivery_owed(store: &Store) {
    submit(store, "r1").await;
    let owed = vec![delivery("d1", "r1", "https://shop.example/hook")];
    let cancelled = store.cancel(&id("r1"), gone(), owed.clone(), later(1)).await.unwrap();
    assert_eq!(cancelled, Cancelled::Removed);
    let seen = view(store, "r1").await;
    assert_eq!((seen.status, seen.outcome, seen.finished_at), (QueueStatus::Completed, Some(gone()), Some(later(1))));
    assert!(claim(store, 5, later(2)).await.is_empty());
    assert_eq!(claim_deliveries(store, 5, later(2)).await, [("d1".into(), 1)]);
    assert_eq!(store.cancel(&id("r1"), gone(), owed, later(2)).await.unwrap(), Cancelled::AlreadyCompleted);
}

pub async fn a_running_request_is_flagged_and_may_still_finish(store: &Store) {
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    assert!(!claimed.cancel_requested);
    let owed = vec![delivery("d1", "r1", "https://shop.example/hook")];
    for _ in 0..2 {
        let cancelled = store.cancel(&id("r1"), gone(), owed.clone(), later(1)).await.unwrap();
        assert_eq!(cancelled, Cancelled::Requested);
    }
    assert_eq!(view(store, "r1").await.status, QueueStatus::InProgress);
    assert!(claim_deliveries(store, 5, later(2)).await.is_empty());
    assert_eq!(settle(store, &claimed.lease, finish(answered("{}"))).await, Settled::Done);
    assert_eq!(view(store, "r1").await.outcome, Some(answered("{}")));
}

pub async fn a_cancelled_request_whose_worker_died_comes_back_flagged(store: &Store) {
    submit(store, "r1").await;
    claim(store, 1, start()).await;
    store.cancel(&id("r1"), gone(), Vec::new(), later(1)).await.unwrap();
    assert!(only(claim(store, 1, later(31)).await).cancel_requested);
}

pub async fn a_completed_or_unknown_request_can_not_be_cancelled(store: &Store) {
    assert_eq!(store.cancel(&id("r1"), gone(), Vec::new(), start()).await.unwrap(), Cancelled::NotFound);
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    settle(store, &claimed.lease, finish(answered("{}"))).await;
    assert_eq!(store.cancel(&id("r1"), gone(), Vec::new(), later(9)).await.unwrap(), Cancelled::AlreadyCompleted);
    assert_eq!(view(store, "r1").await.outcome, Some(answered("{}")));
}

//! What is kept of a request beside its status: options, failures, attempts, headers.

use std::sync::Arc;

use plantain_queue::history::{Attempt, AttemptHow, Origin, Payload};
use plantain_queue::model::{AttemptEnd, Cancelled, Failures, NewRequest, Next, Outcome, Settled};
use plantain_queue::runner::AnswerHeaders;
use plantain_queue::store::{Enqueued, QueueStore};
use plantain_wire::error::ErrorType;
use plantain_wire::options::{Labels, Payloads, Retries};

use super::*;

type Store = Arc<dyn QueueStore>;

fn asking() -> RequestOptions {
    RequestOptions {
        runner_hint: Some("warm".into()),
        payloads: Payloads::Drop,
        retries: Retries::none(),
        labels: Labels::parse("shop=7,note=ü").unwrap(),
        ..RequestOptions::default()
    }
}

pub async fn what_was_asked_for_in_headers_is_kept(store: &Store) {
    let request = NewRequest { options: asking(), retry_of: Some(id("r0")), ..new_request("r1") };
    store.enqueue(request).await.unwrap();
    let seen = view(store, "r1").await;
    assert_eq!((seen.options, seen.origin, seen.payload), (asking(), Origin::Queue, Payload::Drop));
    assert_eq!(seen.retry_of, Some(id("r0")));
    let claimed = only(claim(store, 1, start()).await);
    assert_eq!((claimed.options, claimed.failures_by, claimed.note), (asking(), Failures::default(), None));
}

pub async fn a_queue_that_is_too_long_takes_nothing_in(store: &Store) {
    let patient = |name: &str, max| NewRequest { max_queue_length: Some(max), ..new_request(name) };
    assert_eq!(store.enqueue(patient("r1", 0)).await.unwrap(), Enqueued::New);
    assert_eq!(store.enqueue(patient("r2", 0)).await.unwrap(), Enqueued::QueueFull);
    assert_eq!(store.enqueue(patient("r2", 1)).await.unwrap(), Enqueued::New);
    assert_eq!(store.enqueue(patient("r3", 1)).await.unwrap(), Enqueued::QueueFull);
    assert!(store.request(&id("r3")).await.unwrap().is_none());
    let elsewhere = NewRequest { endpoint: "fal-ai/flux/dev".parse().unwrap(), ..patient("x", 0) };
    assert_eq!(store.enqueue(elsewhere).await.unwrap(), Enqueued::New);
    // What runs does not wait, and a request that is known already is not a new one.
    claim(store, 2, start()).await;
    let keyed = NewRequest { max_queue_length: Some(0), ..under_key("k1", "same", 1) };
    assert!(matches!(store.enqueue(keyed).await.unwrap(), Enqueued::New));
    let refused = NewRequest { max_queue_length: Some(0), ..under_key("k2", "other", 1) };
    assert_eq!(store.enqueue(refused).await.unwrap(), Enqueued::QueueFull);
    let again = NewRequest { max_queue_length: Some(0), ..under_key("k3", "same", 1) };
    assert_eq!(store.enqueue(again).await.unwrap(), Enqueued::Known { id: id("k1") });
    // The key of what was not taken in is free.
    assert!(matches!(store.enqueue(under_key("k4", "other", 2)).await.unwrap(), Enqueued::New));
}

pub async fn what_a_model_says_beside_its_body_is_kept(store: &Store) {
    submit(store, "r1").await;
    let claimed = only(claim(store, 1, start()).await);
    let headers = AnswerHeaders {
        needs_retry: Some(false),
        billable_units: Some("2.5".into()),
        content_type: Some("application/json".into()),
        passed_on: vec![("x-fal-served-from".into(), "eu".into())],
    };
    let outcome =
        Outcome::Answered { http_status: 503, body: "busy".into(), headers, inference: Duration::from_secs(1) };
    settle(store, &claimed.lease, finish(outcome.clone())).await;
    assert_eq!(view(store, "r1").await.outcome, Some(outcome));
}

pub async fn failures_are_counted_by_their_condition(store: &Store) {
    submit(store, "r1").await;
    let mut now = start();
    for attempt in [
        AttemptEnd::Failed(ErrorType::RequestTimeout),
        AttemptEnd::Failed(ErrorType::RunnerConnectionRefused),
        AttemptEnd::Failed(ErrorType::RunnerConnectionError),
        AttemptEnd::Answered { http_status: 503 },
        AttemptEnd::HandedBack,
    ] {
        let claimed = only(claim(store, 1, now).await);
        assert_eq!(settle(store, &claimed.lease, Next::Requeue { at: now, attempt }).await, Settled::Done);
    }
    // And once a worker that nobody hears of again.
    only(claim(store, 1, now).await);
    now = after(now, LEASE);
    let claimed = only(claim(store, 1, now).await);
    assert_eq!(claimed.failures_by, Failures { server_errors: 2, timeouts: 1, connection_errors: 2 });
    assert_eq!((claimed.failures, claimed.lease.attempt), (5, 7));
}

fn tried(attempts: &[Attempt]) -> Vec<(u32, AttemptHow)> {
    attempts.iter().map(|attempt| (attempt.number, attempt.how)).collect()
}

pub async fn every_attempt_is_on_record(store: &Store) {
    assert!(store.attempts(&id("r1")).await.unwrap().is_empty());
    submit(store, "r1").await;
    assert!(store.attempts(&id("r1")).await.unwrap().is_empty());
    let first = only(claim(store, 1, later(1)).await);
    let running = store.attempts(&id("r1")).await.unwrap();
    assert_eq!(tried(&running), [(1, AttemptHow::Running)]);
    assert_eq!((running[0].started_at, running[0].ended_at), (Some(later(1)), None));
    let failed = Next::Requeue { at: later(5), attempt: AttemptEnd::Failed(ErrorType::RunnerDisconnected) };
    settle(store, &first.lease, failed).await;
    assert_eq!(
        tried(&store.attempts(&id("r1")).await.unwrap()),
        [(1, AttemptHow::Failed(ErrorType::RunnerDisconnected))]
    );
    let second = only(claim(store, 1, later(6)).await);
    settle(store, &second.lease, Next::Requeue { at: later(5), attempt: AttemptEnd::HandedBack }).await;
    let third = only(claim(store, 1, later(7)).await);
    settle(store, &third.lease, Next::Requeue { at: later(5), attempt: AttemptEnd::Answered { http_status: 503 } })
        .await;
    only(claim(store, 1, later(8)).await);
    let last = only(claim(store, 1, later(100)).await);
    store.settle(&last.lease, finish(answered("{}")), &[], later(120)).await.unwrap();
    let all = store.attempts(&id("r1")).await.unwrap();
    let expected = [
        (1, AttemptHow::Failed(ErrorType::RunnerDisconnected)),
        (2, AttemptHow::HandedBack),
        (3, AttemptHow::Answered(503)),
        (4, AttemptHow::Lapsed),
        (5, AttemptHow::Answered(200)),
    ];
    assert_eq!(tried(&all), expected);
    assert_eq!((all[0].gateway_request_id.as_str(), all[0].ended_at), ("r1", Some(later(5))));
    assert_eq!((all[3].started_at, all[3].ended_at), (Some(later(8)), Some(later(100))));
    assert_eq!((all[4].started_at, all[4].ended_at), (Some(later(100)), Some(later(120))));
    assert_eq!(all[4].gateway_request_id, last.gateway_request_id);
}

pub async fn a_waiting_request_that_is_cancelled_keeps_its_attempts(store: &Store) {
    submit(store, "r1").await;
    let first = only(claim(store, 1, start()).await);
    let failed = Next::Requeue { at: later(50), attempt: AttemptEnd::Failed(ErrorType::RunnerDisconnected) };
    settle(store, &first.lease, failed).await;
    let outcome = Outcome::Failed { error_type: ErrorType::ClientCancelled, detail: "no".into() };
    assert_eq!(store.cancel(&id("r1"), outcome, vec![], later(6)).await.unwrap(), Cancelled::Removed);
    assert_eq!(
        tried(&store.attempts(&id("r1")).await.unwrap()),
        [(1, AttemptHow::Failed(ErrorType::RunnerDisconnected))]
    );
}

//! From a submit to the end of the attempts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use plantain_queue::engine::{EngineConfig, SubmitError};
use plantain_queue::model::{Idempotency, NewRequest, Outcome, RequestView};
use plantain_queue::runner::{LogSink, Runners};
use plantain_wire::error::ErrorType;
use plantain_wire::status::QueueStatus;

use crate::bench::{Bench, Gate, answer, config, end, failure, in_time, name, serving};

#[tokio::test]
async fn the_runner_gets_what_was_submitted_and_its_answer_is_the_result() {
    let bench = Bench::start(serving(|task| async move {
        assert_eq!((task.request_id.as_str(), task.gateway_request_id.as_str()), ("r1", "r1"));
        assert_eq!(&task.input[..], br#"{"prompt": "a chair"}"#);
        answer(r#"{"seed": 17454220438242315174}"#)
    }))
    .await;
    let submitted = bench.engine.submit(bench.request("r1")).await.unwrap();
    assert_eq!((submitted.id.as_str(), submitted.queue_position, submitted.known), ("r1", 0, false));
    let view = bench.completed("r1").await;
    let Some(Outcome::Answered { http_status, body, .. }) = view.outcome else { panic!("{view:?}") };
    assert_eq!((http_status, &body[..]), (200, &br#"{"seed": 17454220438242315174}"#[..]));
    bench.stop().await;
}

#[tokio::test]
async fn a_runner_that_dies_is_replaced_under_a_new_gateway_id() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let ids = seen.clone();
    let bench = Bench::start(serving(move |task| {
        ids.lock().unwrap().push(task.gateway_request_id.to_string());
        let first = ids.lock().unwrap().len() == 1;
        async move { if first { failure(ErrorType::RunnerDisconnected) } else { answer("{}") } }
    }))
    .await;
    bench.submit("r1").await;
    bench.until("r1", |view| view.status == QueueStatus::InQueue && view.attempts == 1).await;
    bench.clock.advance(Duration::from_secs(1));
    let view = bench.completed("r1").await;
    assert_eq!((end(&view), view.attempts), ("answered", 2));
    let seen = seen.lock().unwrap().clone();
    assert!(seen.len() == 2 && seen[0] == "r1" && seen[1] == view.gateway_request_id.as_str() && seen[1] != "r1");
    bench.stop().await;
}

#[tokio::test]
async fn a_failure_that_fal_does_not_repeat_is_final() {
    let bench = Bench::start(serving(|_| async { failure(ErrorType::RunnerServerError) })).await;
    bench.submit("r1").await;
    let view = bench.completed("r1").await;
    assert_eq!((end(&view), view.attempts), ("runner_server_error", 1));
    bench.stop().await;
}

#[tokio::test]
async fn attempts_end_when_the_budget_is_used_up() {
    let mut few = config();
    few.budget.attempts_max = 3;
    let bench = Bench::start_with(serving(|_| async { failure(ErrorType::RunnerConnectionRefused) }), few).await;
    bench.submit("r1").await;
    for attempt in 1..3 {
        bench.until("r1", |view| view.status == QueueStatus::InQueue && view.attempts == attempt).await;
        bench.clock.advance(Duration::from_secs(2));
    }
    let view = bench.completed("r1").await;
    assert_eq!((end(&view), view.attempts), ("runner_connection_refused", 3));
    bench.stop().await;
}

#[tokio::test]
async fn a_runner_that_panics_fails_its_own_attempt_and_nobody_elses() {
    let bench = Bench::start(serving(|task| async move {
        assert_ne!(task.request_id.as_str(), "r1", "a bug in a runner");
        answer("{}")
    }))
    .await;
    bench.submit("r1").await;
    bench.submit("r2").await;
    assert_eq!(end(&bench.completed("r1").await), "runner_server_error");
    assert_eq!(end(&bench.completed("r2").await), "answered");
    bench.stop().await;
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_ended_and_repeated() {
    let begun = Gate::default();
    let telling = begun.clone();
    let hurried = EngineConfig { attempt_timeout: Duration::from_secs(2), ..config() };
    let slow = serving(move |task| {
        let begun = telling.clone();
        async move {
            if task.gateway_request_id.as_str() == "r1" {
                begun.open();
                std::future::pending().await
            }
            answer("{}")
        }
    });
    let bench = Bench::start_with(slow, hurried).await;
    bench.submit("r1").await;
    in_time(begun.pass()).await;
    bench.clock.advance(Duration::from_secs(2));
    bench.until("r1", |view| view.attempts == 1 && view.status == QueueStatus::InQueue).await;
    bench.clock.advance(Duration::from_secs(1));
    let view = bench.completed("r1").await;
    assert_eq!((end(&view), view.attempts), ("answered", 2));
    bench.stop().await;
}

#[tokio::test]
async fn a_request_that_could_not_start_in_time_is_never_run() {
    let gate = Gate::default();
    let passing = gate.clone();
    let blocked = serving(move |task| {
        let gate = passing.clone();
        async move {
            assert_eq!(task.request_id.as_str(), "r1");
            gate.pass().await;
            answer("{}")
        }
    });
    let bench = Bench::start_with(blocked, EngineConfig { slots: 1, ..config() }).await;
    bench.submit("r1").await;
    bench.running("r1").await;
    let late = NewRequest { start_by: Some(bench.later(Duration::from_secs(3))), ..bench.request("r2") };
    let submitted = bench.engine.submit(late).await.unwrap();
    assert_eq!(submitted.queue_position, 0);
    bench.clock.advance(Duration::from_secs(3));
    gate.open();
    assert_eq!(end(&bench.completed("r2").await), "request_timeout");
    assert_eq!(end(&bench.completed("r1").await), "answered");
    bench.stop().await;
}

#[tokio::test]
async fn what_nobody_serves_is_refused_and_what_nobody_serves_any_more_is_tried_again() {
    let bench = Bench::start(Runners::default()).await;
    let refused = bench.engine.submit(bench.request("r1")).await;
    assert!(matches!(refused, Err(SubmitError::UnknownEndpoint)));
    bench.engine.store().enqueue(bench.request("r2")).await.unwrap();
    let bench = bench.restart(Runners::default()).await;
    bench.until("r2", |view| view.attempts == 1 && view.status == QueueStatus::InQueue).await;
    let bench = bench.restart(serving(|_| async { answer("{}") })).await;
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(end(&bench.completed("r2").await), "answered");
    bench.stop().await;
}

#[tokio::test]
async fn a_repeated_submit_is_answered_with_the_first_ones_request() {
    let bench = Bench::start(serving(|_| async { answer("{}") })).await;
    let under_key = |id, content| {
        let idempotency = Some(Idempotency { key: "k".into(), fingerprint: [content; 32] });
        bench.engine.submit(NewRequest { idempotency, ..bench.request(id) })
    };
    assert!(!under_key("r1", 1).await.unwrap().known);
    let again = under_key("r2", 1).await.unwrap();
    assert!(again.known && again.id == name("r1"));
    assert!(matches!(under_key("r3", 2).await, Err(SubmitError::KeyReused)));
    bench.stop().await;
}

fn messages(view: &RequestView) -> Vec<&str> {
    view.logs.iter().map(|line| line.message.as_str()).collect()
}

#[tokio::test]
async fn a_running_attempts_log_can_be_followed() {
    let (begun, gate) = (Gate::default(), Gate::default());
    let (beginning, passing) = (begun.clone(), gate.clone());
    let bench = Bench::start(serving(move |task| {
        task.logs.info("looking for the product");
        beginning.open();
        let gate = passing.clone();
        async move {
            gate.pass().await;
            task.logs.info("painting");
            answer("{}")
        }
    }))
    .await;
    bench.submit("r1").await;
    in_time(begun.pass()).await;
    let mut watch = bench.engine.watch(&name("r1"));
    bench.clock.advance(Duration::from_millis(100));
    in_time(watch.changed()).await;
    assert_eq!(messages(&bench.running("r1").await), ["looking for the product"]);
    gate.open();
    in_time(watch.changed()).await;
    assert_eq!(messages(&bench.completed("r1").await), ["looking for the product", "painting"]);
    bench.stop().await;
}

#[tokio::test]
async fn a_copy_of_the_log_that_lives_on_does_not_hold_up_the_end() {
    let kept: Arc<Mutex<Option<LogSink>>> = Arc::default();
    let keep = kept.clone();
    let bench = Bench::start(serving(move |task| {
        *keep.lock().unwrap() = Some(task.logs.clone());
        async move {
            task.logs.info("done");
            answer("{}")
        }
    }))
    .await;
    bench.submit("r1").await;
    assert_eq!(bench.completed("r1").await.logs.len(), 1);
    kept.lock().unwrap().as_ref().unwrap().info("too late");
    bench.stop().await;
}

#[tokio::test]
async fn no_more_requests_run_at_once_than_there_are_slots() {
    let gate = Gate::default();
    let at_once = Arc::new(Mutex::new((0, 0)));
    let (passing, counting) = (gate.clone(), at_once.clone());
    let bench = Bench::start(serving(move |_| {
        let (gate, counting) = (passing.clone(), counting.clone());
        async move {
            {
                let mut counts = counting.lock().unwrap();
                counts.0 += 1;
                counts.1 = counts.0.max(counts.1);
            }
            gate.pass().await;
            counting.lock().unwrap().0 -= 1;
            answer("{}")
        }
    }))
    .await;
    for number in 0..6 {
        bench.submit(&format!("r{number}")).await;
    }
    let full = async {
        while at_once.lock().unwrap().0 < 2 {
            tokio::task::yield_now().await;
        }
    };
    in_time(full).await;
    for number in 0..6 {
        let done = async {
            while bench.engine.status(&name(&format!("r{number}"))).await.unwrap().unwrap().outcome.is_none() {
                gate.open();
                tokio::task::yield_now().await;
            }
        };
        in_time(done).await;
    }
    assert_eq!(at_once.lock().unwrap().1, 2);
    bench.stop().await;
}

//! Cancelling what waits, runs, won't stop, or is done.

use plantain_queue::engine::EngineConfig;
use plantain_queue::model::Cancelled;
use plantain_queue::runner::Runners;
use plantain_wire::error::ErrorType;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};

use crate::bench::{Bench, Gate, answer, config, end, failure, in_time, name, serving};

/// Attempts that end when they are told to stop, and not before. Each opens the gate when it begins.
fn obedient(begun: &Gate) -> Runners {
    let begun = begun.clone();
    serving(move |task| {
        begun.open();
        async move {
            task.cancel.cancelled().await;
            failure(ErrorType::ClientCancelled)
        }
    })
}

#[tokio::test]
async fn a_waiting_request_is_removed_never_run_and_announced() {
    let begun = Gate::default();
    let bench = Bench::start_with(obedient(&begun), EngineConfig { slots: 1, ..config() }).await;
    bench.submit("r1").await;
    in_time(begun.pass()).await;
    bench.submit("r2").await;
    assert_eq!(bench.engine.cancel(&name("r2")).await.unwrap(), Cancelled::Removed);
    assert_eq!(end(&bench.completed("r2").await), "client_cancelled");
    let webhook = bench.receiver.wait_for(1).await.remove(0);
    let body = WebhookBody::parse(&webhook.body).unwrap();
    assert_eq!((body.request_id, body.status), (name("r2"), WebhookStatus::Error));
    assert_eq!(body.error.as_deref(), Some("Invalid status code: 499"));
    assert_eq!(bench.engine.cancel(&name("r2")).await.unwrap(), Cancelled::AlreadyCompleted);
    assert_eq!(bench.completed("r2").await.attempts, 0);
    bench.stop().await;
}

#[tokio::test]
async fn a_running_request_is_asked_to_stop_at_once() {
    let begun = Gate::default();
    let bench = Bench::start(obedient(&begun)).await;
    bench.submit("r1").await;
    in_time(begun.pass()).await;
    // Nothing but the cancel itself moves here: no heartbeat, no time.
    assert_eq!(bench.engine.cancel(&name("r1")).await.unwrap(), Cancelled::Requested);
    assert_eq!(end(&bench.completed("r1").await), "client_cancelled");
    assert_eq!(bench.receiver.wait_for(1).await.len(), 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_cancel_that_another_process_took_is_learnt_with_the_heartbeat() {
    let begun = Gate::default();
    let bench = Bench::start(obedient(&begun)).await;
    bench.submit("r1").await;
    in_time(begun.pass()).await;
    // Straight to the store, as another process would.
    let outcome = plantain_queue::decide::cancelled();
    bench.engine.store().cancel(&name("r1"), outcome, Vec::new(), bench.clock.now()).await.unwrap();
    bench.clock.advance(config().lease / 3);
    assert_eq!(end(&bench.completed("r1").await), "client_cancelled");
    bench.stop().await;
}

#[tokio::test]
async fn a_runner_that_will_not_stop_is_left_after_a_while() {
    let (begun, told) = (Gate::default(), Gate::default());
    let (beginning, telling) = (begun.clone(), told.clone());
    let bench = Bench::start(serving(move |task| {
        beginning.open();
        let told = telling.clone();
        async move {
            task.cancel.cancelled().await;
            told.open();
            std::future::pending().await
        }
    }))
    .await;
    bench.submit("r1").await;
    in_time(begun.pass()).await;
    let outcome = plantain_queue::decide::cancelled();
    bench.engine.store().cancel(&name("r1"), outcome, Vec::new(), bench.clock.now()).await.unwrap();
    bench.clock.advance(config().lease / 3);
    in_time(told.pass()).await;
    assert_eq!(end(&bench.running("r1").await), "nothing yet");
    bench.clock.advance(config().cancel_grace);
    let view = bench.completed("r1").await;
    assert_eq!((end(&view), view.attempts), ("client_cancelled", 1));
    bench.stop().await;
}

#[tokio::test]
async fn an_answer_that_was_ready_is_delivered_all_the_same() {
    let gate = Gate::default();
    let passing = gate.clone();
    let bench = Bench::start(serving(move |_| {
        let gate = passing.clone();
        async move {
            gate.pass().await;
            answer("{}")
        }
    }))
    .await;
    bench.submit("r1").await;
    bench.running("r1").await;
    assert_eq!(bench.engine.cancel(&name("r1")).await.unwrap(), Cancelled::Requested);
    gate.open();
    assert_eq!(end(&bench.completed("r1").await), "answered");
    assert_eq!(bench.engine.cancel(&name("r1")).await.unwrap(), Cancelled::AlreadyCompleted);
    assert_eq!(bench.engine.cancel(&name("nobody")).await.unwrap(), Cancelled::NotFound);
    bench.stop().await;
}

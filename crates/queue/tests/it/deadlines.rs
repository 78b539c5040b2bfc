//! Start deadlines hold even where every runner is busy.

use std::time::Duration;

use plantain_queue::engine::EngineConfig;
use plantain_queue::model::{NewRequest, Outcome};
use plantain_wire::error::ErrorType;
use plantain_wire::status::QueueStatus;

use crate::bench::{Bench, Gate, answer, config, end, gated, in_time, name, serving};

#[tokio::test]
async fn a_request_ends_at_its_start_deadline_though_every_slot_is_busy() {
    let gate = Gate::default();
    let bench = Bench::start_with(gated(&gate), EngineConfig { slots: 1, ..config() }).await;
    bench.submit("runs").await;
    bench.running("runs").await;
    let start_by = Some(bench.later(Duration::from_secs(5)));
    for request in ["hurried", "as-hurried"] {
        bench.engine.submit(NewRequest { start_by, ..bench.request(request) }).await.unwrap();
    }
    bench.submit("patient").await;
    bench.clock.advance(Duration::from_secs(4));
    assert_eq!(bench.engine.status(&name("hurried")).await.unwrap().unwrap().status, QueueStatus::InQueue);
    bench.clock.advance(Duration::from_secs(1));
    for request in ["hurried", "as-hurried"] {
        let view = bench.completed(request).await;
        let Some(Outcome::Failed { error_type, detail }) = view.outcome else { panic!("{view:?}") };
        assert_eq!(error_type, ErrorType::RequestTimeout);
        assert!(detail.contains("did not start before its deadline"), "{detail}");
        bench.delivered(request).await;
    }
    let seen = bench.engine.status(&name("runs")).await.unwrap().unwrap();
    assert_eq!(seen.status, QueueStatus::InProgress, "the slot was busy all the time");
    for request in ["runs", "patient"] {
        gate.open();
        assert_eq!(end(&bench.completed(request).await), "answered");
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_request_that_started_in_time_may_run_past_its_deadline() {
    let (begun, gate) = (Gate::default(), Gate::default());
    let (beginning, passing) = (begun.clone(), gate.clone());
    let slow = serving(move |_| {
        let (begun, gate) = (beginning.clone(), passing.clone());
        async move {
            begun.open();
            gate.pass().await;
            answer("{}")
        }
    });
    let bench = Bench::start_with(slow, EngineConfig { slots: 1, ..config() }).await;
    let start_by = Some(bench.later(Duration::from_secs(5)));
    bench.engine.submit(NewRequest { start_by, ..bench.request("r1") }).await.unwrap();
    in_time(begun.pass()).await;
    bench.clock.advance(Duration::from_secs(6));
    gate.open();
    assert_eq!(end(&bench.completed("r1").await), "answered");
    bench.stop().await;
}

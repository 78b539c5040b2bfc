//! The simulated model as the queue runs it.

use std::time::Duration;

use jiff::Timestamp;
use plantain_models::Simulated;
use plantain_models::simulated::{ENDPOINT, Failing, Script};
use plantain_queue::runner::{Partials, RunTask, Runner};
use plantain_wire::error::ErrorType;
use plantain_work::Clock;
use tokio_util::sync::CancellationToken;

use crate::bench::{run, run_task, run_until, task};

#[tokio::test]
async fn it_takes_its_time_and_says_that_it_is_no_model() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH);
    let model = Simulated::new(clock.clone(), Duration::ZERO);
    let running = run(&model, ENDPOINT, r#"{"duration_ms":1500,"output":{"seed": 17454220438242315174}}"#);
    tokio::pin!(running);
    assert!(futures_util::poll!(&mut running).is_pending());
    clock.advance(Duration::from_millis(1499));
    assert!(futures_util::poll!(&mut running).is_pending());
    clock.advance(Duration::from_millis(1));
    let ended = running.await;
    assert_eq!(ended.ended.unwrap().body, r#"{"seed": 17454220438242315174}"#);
    assert_eq!(ended.logs, ["Simulating a model for 1500 ms"]);
}

#[tokio::test]
async fn it_stops_when_it_is_cancelled() {
    let model = Simulated::new(Clock::manual(Timestamp::UNIX_EPOCH), Duration::from_secs(60));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let ended = run_until(&model, ENDPOINT, "{}", cancel).await;
    assert_eq!(ended.ended.unwrap_err().error_type, ErrorType::ClientCancelled);
}

#[tokio::test]
async fn nonsense_is_the_models_own_422() {
    let model = Simulated::new(Clock::system(), Duration::ZERO);
    run(&model, ENDPOINT, r#"{"fail":"tired"}"#).await.refuses("one_of", "body.fail", "error type");
}

#[tokio::test]
async fn a_configured_run_logs_streams_and_fails_as_its_script_says() {
    let script = Script {
        logs: 2,
        partials: 2,
        output: r#"{"images": []}"#.into(),
        failures: vec![Failing::Status(422)],
        ..Script::lasting(Duration::from_millis(900))
    };
    let clock = Clock::manual(Timestamp::UNIX_EPOCH);
    let model = Simulated::scripted(clock.clone(), script.clone());
    let (task, lines) = task("fal-ai/flux/dev", r#"{"prompt":"a cup"}"#);
    assert!(model.streams(&task.endpoint));
    let (partials, mut heard) = Partials::channel(10);
    let running = run_task(&model, RunTask { partials, ..task }, lines);
    tokio::pin!(running);
    assert!(futures_util::poll!(&mut running).is_pending());
    assert!(heard.try_recv().is_err());
    clock.advance(Duration::from_millis(300));
    assert!(futures_util::poll!(&mut running).is_pending());
    assert_eq!(heard.try_recv().unwrap(), r#"{"step":1,"of":2}"#);
    clock.advance(Duration::from_millis(600));
    let ended = running.await;
    assert_eq!(ended.ended.unwrap().body, r#"{"images": []}"#);
    assert_eq!(ended.logs[1..], ["Step 1 of 2", "Step 2 of 2"]);

    let failing =
        Simulated::scripted(Clock::system(), Script { failure_rate: 1.0, duration: Duration::ZERO, ..script });
    run(&failing, "fal-ai/flux/dev", "{}").await.refuses("value_error", "body", "simulated");
}

//! The simulated model as the queue runs it.

use std::time::Duration;

use jiff::Timestamp;
use plantain_models::Simulated;
use plantain_models::simulated::ENDPOINT;
use plantain_wire::error::ErrorType;
use plantain_work::Clock;
use tokio_util::sync::CancellationToken;

use crate::bench::{run, run_until};

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

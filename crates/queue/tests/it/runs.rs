//! Runs on the caller's own connection.

use std::time::Duration;

use bytes::Bytes;
use plantain_queue::engine::{EngineConfig, RunError, RunRequest, StreamEvent};
use plantain_queue::history::{AttemptHow, Origin};
use plantain_queue::model::{Failures, NewRequest, Outcome, RequestView};
use plantain_queue::runner::{Endpoint, EndpointSettings, Runners};
use plantain_wire::error::ErrorType;
use plantain_wire::options::{Condition, RequestOptions, Retries};
use plantain_wire::status::QueueStatus;

use crate::bench::{Bench, Gate, answer, config, end, failure, in_time, name, serving};

fn request(bench: &Bench, id: &str) -> RunRequest {
    let NewRequest { id, endpoint, caller, options, .. } = bench.request(id);
    RunRequest { id, endpoint, caller, input: Bytes::from_static(b"{}"), options, key_concurrency: None }
}

async fn recorded(bench: &Bench, id: &str) -> RequestView {
    let found = async {
        loop {
            if let Some(view) = bench.engine.status(&name(id)).await.unwrap() {
                return view;
            }
            tokio::task::yield_now().await;
        }
    };
    in_time(found).await
}

#[tokio::test]
async fn a_run_is_answered_and_then_put_on_record_with_its_log() {
    let bench = Bench::start(serving(|task| async move {
        task.logs.info("painting");
        answer(r#"{"a":1}"#)
    }))
    .await;
    let outcome = bench.engine.run_now(request(&bench, "run")).await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Answered { http_status: 200, body, .. } if body == r#"{"a":1}"#),
        "{outcome:?}"
    );
    let view = recorded(&bench, "run").await;
    assert_eq!((view.origin, view.status, view.logs.len()), (Origin::Run, QueueStatus::Completed, 1));
    assert!(bench.engine.store().deliveries(&name("run")).await.unwrap().is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn a_failed_run_is_not_repeated_and_one_that_takes_too_long_is_ended() {
    let begun = Gate::default();
    let telling = begun.clone();
    let hurried = EngineConfig { attempt_timeout: Duration::from_secs(2), ..config() };
    let runners = serving(move |task| {
        let begun = telling.clone();
        async move {
            if task.request_id.as_str() == "slow" {
                begun.open();
                std::future::pending().await
            }
            failure(ErrorType::RunnerDisconnected)
        }
    });
    let bench = Bench::start_with(runners, hurried).await;
    let failed = bench.engine.run_now(request(&bench, "lost")).await.unwrap();
    assert!(matches!(failed, Outcome::Failed { error_type: ErrorType::RunnerDisconnected, .. }));
    let slow = bench.engine.run_now(request(&bench, "slow"));
    let (slow, ()) = tokio::join!(slow, async {
        in_time(begun.pass()).await;
        bench.clock.advance(Duration::from_secs(2));
    });
    assert!(matches!(slow, Ok(Outcome::Failed { error_type: ErrorType::RequestTimeout, .. })), "{slow:?}");
    assert_eq!(recorded(&bench, "slow").await.attempts, 1);
    bench.stop().await;
}

#[tokio::test]
async fn a_run_whose_caller_goes_away_is_stopped_and_on_record() {
    let (begun, stopped) = (Gate::default(), Gate::default());
    let (beginning, stopping) = (begun.clone(), stopped.clone());
    let bench = Bench::start(serving(move |task| {
        let (begun, stopped) = (beginning.clone(), stopping.clone());
        // A model that works on beside its call, as those in other processes do.
        let cancel = task.cancel.clone();
        plantain_work::Tasks::new().spawn("beside", async move {
            cancel.cancelled().await;
            stopped.open();
        });
        async move {
            begun.open();
            std::future::pending().await
        }
    }))
    .await;
    let run = bench.engine.run_now(request(&bench, "left"));
    tokio::select! {
        outcome = run => panic!("{outcome:?}"),
        () = in_time(begun.pass()) => {}
    }
    in_time(stopped.pass()).await;
    assert_eq!(end(&recorded(&bench, "left").await), "client_disconnected");
    bench.stop().await;
}

#[tokio::test]
async fn partial_results_come_before_the_end_and_only_from_who_has_them() {
    let bench = Bench::start(serving(|_| async { answer("{}") })).await;
    let refused = bench.engine.run_stream(request(&bench, "r")).await.err();
    assert_eq!(refused, Some(RunError::NoStream));
    let unknown = RunRequest { endpoint: "nobody/serves".parse().unwrap(), ..request(&bench, "r") };
    assert_eq!(bench.engine.run_stream(unknown.clone()).await.err(), Some(RunError::UnknownEndpoint));
    assert_eq!(bench.engine.run_now(unknown).await.err(), Some(RunError::UnknownEndpoint));
    bench.stop().await;
    let streaming = crate::bench::streaming(|task| async move {
        task.partials.send("1".into());
        task.partials.send("2".into());
        answer("3")
    });
    let bench = Bench::start(streaming).await;
    let mut stream = bench.engine.run_stream(request(&bench, "r")).await.unwrap();
    assert_eq!(stream.next().await, Some(StreamEvent::Partial("1".into())));
    assert_eq!(stream.next().await, Some(StreamEvent::Partial("2".into())));
    assert!(matches!(stream.next().await, Some(StreamEvent::End(Outcome::Answered { .. }))));
    assert_eq!(stream.next().await, None);
    bench.stop().await;
}

#[tokio::test]
async fn runs_at_the_stop_are_still_put_on_record() {
    let (begun, gate) = (Gate::default(), Gate::default());
    let (beginning, passing) = (begun.clone(), gate.clone());
    let bench = Bench::start(serving(move |_| {
        let (begun, gate) = (beginning.clone(), passing.clone());
        async move {
            begun.open();
            gate.pass().await;
            answer("{}")
        }
    }))
    .await;
    let run = bench.engine.run_now(request(&bench, "late"));
    let (outcome, ()) = tokio::join!(run, async {
        in_time(begun.pass()).await;
        bench.shutdown.begin();
        bench.drain().await;
        gate.open();
    });
    assert!(outcome.is_ok());
    assert_eq!(end(&recorded(&bench, "late").await), "answered");
}

#[tokio::test]
async fn a_run_that_outlasts_the_stop_is_answered_and_on_record() {
    let begun = Gate::default();
    let telling = begun.clone();
    let bench = Bench::start(serving(move |_| {
        telling.open();
        std::future::pending()
    }))
    .await;
    let run = bench.engine.run_now(request(&bench, "late"));
    let (outcome, ()) = tokio::join!(run, async {
        in_time(begun.pass()).await;
        bench.shutdown.abort();
    });
    assert!(matches!(outcome, Ok(Outcome::Failed { error_type: ErrorType::RunnerDisconnected, .. })), "{outcome:?}");
    assert_eq!(end(&recorded(&bench, "late").await), "runner_disconnected");
}

#[tokio::test]
async fn runs_count_against_what_their_key_may_have_at_once() {
    let (begun, gate) = (Gate::default(), Gate::default());
    let (beginning, passing) = (begun.clone(), gate.clone());
    let runners = serving(move |task| {
        let (begun, gate) = (beginning.clone(), passing.clone());
        async move {
            if task.request_id.as_str() == "held" {
                begun.open();
                gate.pass().await;
            }
            answer("{}")
        }
    });
    let bench = Bench::start_with(runners, EngineConfig { key_concurrency: 1, ..config() }).await;
    bench.submit("held").await;
    in_time(begun.pass()).await;
    // While a request of the key runs, a run of it has to wait, and after a second it is refused.
    let mut run = Box::pin(bench.engine.run_now(request(&bench, "run")));
    assert!(futures_util::poll!(&mut run).is_pending());
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(run.await.err(), Some(RunError::Busy));
    let more = RunRequest { key_concurrency: Some(2), ..request(&bench, "more") };
    assert!(bench.engine.run_now(more).await.is_ok(), "the key's own number counts");
    gate.open();
    bench.completed("held").await;
    assert!(in_time(bench.engine.run_now(request(&bench, "free"))).await.is_ok());
    bench.stop().await;
}

#[tokio::test]
async fn an_endpoints_own_settings_hold() {
    let served = serving(|_| async { failure(ErrorType::RunnerConnectionRefused) });
    let runner = served.find(&crate::bench::ENDPOINT.parse().unwrap()).unwrap();
    let settings = EndpointSettings { skip_retry: vec![Condition::ConnectionError], ..EndpointSettings::default() };
    let once = Runners::default().with_endpoint(crate::bench::ENDPOINT, Endpoint { runner, settings });
    let bench = Bench::start(once).await;
    bench.submit("r1").await;
    let view = bench.completed("r1").await;
    assert_eq!((end(&view), view.attempts), ("runner_connection_refused", 1));
    bench.stop().await;
}

#[tokio::test]
async fn an_answer_that_says_come_again_is_repeated_and_the_last_one_is_the_result() {
    let bench = Bench::start(serving(|task| async move {
        let body = format!("{{\"at\":\"{}\"}}", task.gateway_request_id);
        Ok(plantain_queue::runner::Answer::new(503, body))
    }))
    .await;
    let retries = Retries::read(None, Some(r#"{"server_error":{"retries":1}}"#));
    let options = RequestOptions { retries, ..RequestOptions::default() };
    bench.engine.submit(NewRequest { options, ..bench.request("r1") }).await.unwrap();
    bench.until("r1", |view| view.status == QueueStatus::InQueue && view.attempts == 1).await;
    bench.clock.advance(Duration::from_secs(1));
    let view = bench.completed("r1").await;
    let Some(Outcome::Answered { http_status: 503, body, .. }) = &view.outcome else { panic!("{view:?}") };
    assert!(body.ends_with(format!("{}\"}}", view.gateway_request_id).as_bytes()), "{body:?}");
    let attempts = bench.engine.store().attempts(&name("r1")).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.how).collect::<Vec<_>>(), [AttemptHow::Answered(503); 2]);
    assert_eq!(Failures::default().of(Condition::Timeout), 0);
    bench.stop().await;
}

#[tokio::test]
async fn what_is_tried_again_is_a_new_request_that_names_the_old_one() {
    let bench = Bench::start(serving(|_| async { answer("{}") })).await;
    bench.submit("r1").await;
    bench.completed("r1").await;
    let again = bench.engine.retry(&name("r1")).await.unwrap();
    let copy = bench.completed(again.id.as_str()).await;
    let old = bench.completed("r1").await;
    assert_eq!((copy.retry_of, copy.endpoint, copy.caller), (Some(name("r1")), old.endpoint, old.caller));
    assert_eq!((copy.webhook, old.attempts), (old.webhook, 1));
    assert!(bench.engine.retry(&name("nobody")).await.is_err());
    bench.stop().await;
}

#[tokio::test]
async fn what_has_been_kept_for_long_enough_is_gone() {
    let bench = Bench::start_with(
        serving(|_| async { answer("{}") }),
        EngineConfig { retention: Duration::from_secs(7200), ..config() },
    )
    .await;
    bench.engine.submit(NewRequest { webhook: None, ..bench.request("r1") }).await.unwrap();
    bench.completed("r1").await;
    bench.clock.advance(Duration::from_secs(7200));
    assert!(bench.engine.status(&name("r1")).await.unwrap().is_none(), "at once");
    let forgotten = async {
        while bench.engine.store().request(&name("r1")).await.unwrap().is_some() {
            bench.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    in_time(forgotten).await;
    bench.stop().await;
}

#[tokio::test]
async fn a_note_outlives_the_attempt_that_wrote_it() {
    let bench = Bench::start(serving(|task| async move {
        match task.memory.recall() {
            Some(note) => answer_with(note),
            None => {
                task.memory.remember("handed on".into()).await.unwrap();
                failure(ErrorType::RunnerDisconnected)
            }
        }
    }))
    .await;
    bench.submit("r1").await;
    bench.until("r1", |view| view.status == QueueStatus::InQueue && view.attempts == 1).await;
    bench.clock.advance(Duration::from_secs(1));
    let Some(Outcome::Answered { body, .. }) = bench.completed("r1").await.outcome else { panic!() };
    assert_eq!(body, "\"handed on\"");
    bench.stop().await;
}

fn answer_with(note: &str) -> crate::bench::Ran {
    Ok(plantain_queue::runner::Answer::new(200, format!("\"{note}\"")))
}

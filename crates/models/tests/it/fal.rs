//! Handing requests on to another queue: a server on this machine that speaks its protocol, well and badly.

use std::time::Duration;

use plantain_client::{ApiKey, Endpoints, QueueClient};
use plantain_models::FalRunner;
use plantain_models::fal::{FalSettings, REQUEST_TIMEOUT, Repeats};
use plantain_queue::runner::{Memory, RunTask};
use plantain_wire::error::ErrorType;
use plantain_work::Clock;
use tokio::sync::mpsc;

use crate::bench::{Run, run_task, task};
use crate::raw::{Act, Raw, answer, json};

const KLING: &str = "fal-ai/kling-video/v3/pro/text-to-video";
const INPUT: &str = r#"{"prompt":"a cup falls",  "seed":17454220438242315174}"#;
const OUTPUT: &str = r#"{"video":{"url":"https://v3b.fal.media/files/b/x.mp4"}, "seed": 17454220438242315174}"#;

fn settings(server: &Raw) -> FalSettings {
    let endpoints = Endpoints::under(&server.url("").parse().unwrap());
    let client = QueueClient::new(endpoints, Some(ApiKey::new("id:s3cret").unwrap())).unwrap();
    FalSettings { client, endpoint: None, repeats: Repeats::Unsafe, request_timeout: REQUEST_TIMEOUT }
}

fn accepted(id: &str) -> Vec<Act> {
    json(200, &format!(r#"{{"request_id":"{id}","status":"IN_QUEUE"}}"#))
}

fn stream(events: &[&str]) -> Vec<Act> {
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    answer(200, "content-type: text/event-stream\r\n", &text)
}

fn result(status: u16, body: &str) -> Vec<Act> {
    let headers = "content-type: application/json\r\nx-fal-request-id: far-1\r\nx-fal-billable-units: 5\r\nx-fal-served-from: eu\r\n";
    answer(status, headers, body)
}

const WAITING: &str = r#"{"status":"IN_QUEUE","request_id":"far-1","queue_position":3}"#;
const RUNNING: &str = r#"{"status":"IN_PROGRESS","request_id":"far-1","logs":[{"message":"step 1","timestamp":"2026-01-01T00:00:00.000Z","level":"WARN"}]}"#;
const DONE: &str = r#"{"status":"COMPLETED","request_id":"far-1","logs":[{"message":"step 2","timestamp":"2026-01-01T00:00:01.000Z"}]}"#;

/// Keeps what a runner notes, as the queue would.
async fn keep(mut notes: mpsc::Receiver<plantain_queue::runner::Note>) -> Vec<String> {
    let mut kept = Vec::new();
    while let Some(note) = notes.recv().await {
        kept.push(note.text);
        let _ = note.kept.send(());
    }
    kept
}

/// One attempt; `earlier` is what the last one noted.
async fn attempt(settings: FalSettings, earlier: Option<&str>) -> (Run, Vec<String>) {
    let (task, lines) = task(KLING, INPUT);
    let (memory, notes) = Memory::channel(earlier.map(str::to_owned));
    let runner = FalRunner::new(settings, Clock::system());
    tokio::join!(run_task(&runner, RunTask { memory, ..task }, lines), keep(notes))
}

/// What the server was asked, without headers.
fn asked(server: &Raw) -> Vec<String> {
    let lines = server.seen().requests;
    lines.iter().map(|request| request.lines().next().unwrap_or_default().replace(" HTTP/1.1", "")).collect()
}

#[tokio::test]
async fn a_request_is_handed_on_followed_and_brought_back_untouched() {
    let server = Raw::start(vec![accepted("far-1"), stream(&[WAITING, RUNNING, DONE]), result(200, OUTPUT)]).await;
    let (run, notes) = attempt(settings(&server), None).await;
    let answer = run.ended.unwrap();
    assert_eq!((answer.http_status, answer.body.as_ref()), (200, OUTPUT.as_bytes()));
    assert_eq!(answer.headers.billable_units.as_deref(), Some("5"));
    assert_eq!(answer.headers.passed_on, [("x-fal-served-from".to_owned(), "eu".to_owned())]);
    assert_eq!(run.logs, ["Handed on as request far-1", "Waiting in the other queue, 3 ahead", "step 1", "step 2"]);
    assert_eq!(notes, ["submitting", "accepted far-1"], "each before the next step");
    assert_eq!(
        asked(&server),
        [
            "POST /queue/fal-ai/kling-video/v3/pro/text-to-video",
            "GET /queue/fal-ai/kling-video/requests/far-1/status/stream?logs=1",
            "GET /queue/fal-ai/kling-video/requests/far-1",
        ]
    );
    let submit = server.seen().requests[0].clone();
    assert!(
        submit.contains("idempotency-key: plantain-r1") && submit.contains("authorization: Key id:s3cret"),
        "{submit}"
    );
    assert!(submit.ends_with(INPUT));
}

#[tokio::test]
async fn after_a_crash_the_next_attempt_asks_and_does_not_submit_again() {
    let server = Raw::start(vec![stream(&[DONE]), result(422, r#"{"detail":[]}"#)]).await;
    let (run, notes) = attempt(settings(&server), Some("accepted far-1")).await;
    assert_eq!(run.ended.unwrap().http_status, 422);
    assert!(notes.is_empty() && asked(&server).iter().all(|line| line.starts_with("GET ")), "{:?}", asked(&server));
}

#[tokio::test]
async fn nothing_is_handed_on_by_a_worker_whose_notes_are_not_kept() {
    let server = Raw::start(vec![accepted("far-1"), stream(&[DONE]), result(200, OUTPUT)]).await;
    let (task, lines) = task(KLING, INPUT);
    let (memory, mut notes) = Memory::channel(None);
    // As for a worker that lost its lease: the note is taken, and never confirmed.
    let losing = async { while notes.recv().await.is_some() {} };
    let runner = FalRunner::new(settings(&server), Clock::system());
    let (run, ()) = tokio::join!(run_task(&runner, RunTask { memory, ..task }, lines), losing);
    assert_eq!(run.ended.unwrap_err().error_type, ErrorType::RunnerSchedulingFailure);
    assert!(asked(&server).is_empty(), "{:?}", asked(&server));
}

#[tokio::test]
async fn after_a_crash_during_the_submit_only_a_safe_queue_is_asked_again() {
    let server = Raw::start(vec![accepted("far-1"), stream(&[DONE]), result(200, OUTPUT)]).await;
    let (run, _) = attempt(settings(&server), Some("submitting")).await;
    assert_eq!(run.failed(), "internal_error");
    assert!(server.seen().requests.is_empty(), "it might be billed twice");
    let safe = FalSettings { repeats: Repeats::Safe, ..settings(&server) };
    let (run, notes) = attempt(safe, Some("submitting")).await;
    assert_eq!((run.ended.unwrap().body, notes.len()), (OUTPUT.into(), 2));
}

#[tokio::test]
async fn a_submit_whose_answer_is_lost_is_not_repeated() {
    let server = Raw::start(vec![vec![], accepted("far-1")]).await;
    let (run, notes) = attempt(settings(&server), None).await;
    assert_eq!((run.failed(), notes), ("internal_error", vec!["submitting".to_owned()]));
    assert_eq!(asked(&server).len(), 1);
}

#[tokio::test]
async fn a_refused_submit_leaves_nothing_behind() {
    for (status, expected) in
        [(401, "runner_server_error"), (404, "runner_server_error"), (429, "runner_connection_error")]
    {
        let server = Raw::start(vec![json(status, r#"{"detail":"no"}"#)]).await;
        let (run, notes) = attempt(settings(&server), None).await;
        assert_eq!(run.failed(), expected, "{status}");
        assert_eq!(notes, ["submitting", ""], "{status}");
        assert!(!run.ended.unwrap_err().detail.contains("s3cret"));
    }
}

#[tokio::test]
async fn a_queue_without_streams_is_polled_and_no_line_comes_twice() {
    let no_stream = || json(404, r#"{"detail":"Path not found"}"#);
    let done = r#"{"status":"COMPLETED","request_id":"far-1","logs":[{"message":"step 1","timestamp":"2026-01-01T00:00:00.000Z"}]}"#;
    let script = vec![no_stream(), json(202, RUNNING), no_stream(), json(200, done), result(200, OUTPUT)];
    let server = Raw::start(script).await;
    let (run, _) = attempt(settings(&server), Some("accepted far-1")).await;
    assert_eq!(run.ended.unwrap().body, OUTPUT);
    assert_eq!(run.logs, ["Asking for request far-1 again", "step 1"]);
}

#[tokio::test]
async fn a_request_that_the_other_queue_lost_ends_here_too() {
    let server = Raw::start(vec![json(404, r#"{"status":"NOT_FOUND"}"#)]).await;
    let (run, _) = attempt(settings(&server), Some("accepted far-1")).await;
    assert_eq!(run.failed(), "runner_server_error");
}

#[tokio::test]
async fn an_infrastructure_error_over_there_is_the_answer_and_not_tried_again_here() {
    let body = r#"{"detail":"Request timed out","error_type":"request_timeout"}"#;
    let server = Raw::start(vec![accepted("far-1"), stream(&[DONE]), result(504, body)]).await;
    let (run, _) = attempt(settings(&server), None).await;
    let answer = run.ended.unwrap();
    assert_eq!(
        (answer.http_status, answer.body.as_ref(), answer.headers.needs_retry),
        (504, body.as_bytes(), Some(false))
    );
}

#[tokio::test]
async fn a_cancel_is_sent_on() {
    let held = [stream(&[WAITING])[..].to_vec(), vec![Act::Hold]].concat();
    let held = held.into_iter().map(|act| match act {
        // Announces more than it sends, so that the client waits.
        Act::Send(bytes) => {
            Act::Send(String::from_utf8(bytes).unwrap().replace("content-length: ", "content-length: 9").into())
        }
        hold => hold,
    });
    let cancelled = json(202, r#"{"status":"CANCELLATION_REQUESTED"}"#);
    let server = Raw::start(vec![accepted("far-1"), held.collect(), cancelled]).await;
    let (task, lines) = task(KLING, INPUT);
    let cancel = task.cancel.clone();
    let runner = FalRunner::new(settings(&server), Clock::system());
    let cancelling = async {
        server.until(|seen| seen.requests.len() == 2).await;
        cancel.cancel();
    };
    let (run, ()) = tokio::join!(run_task(&runner, task, lines), cancelling);
    assert_eq!(run.failed(), "client_cancelled");
    assert_eq!(asked(&server)[2], "PUT /queue/fal-ai/kling-video/requests/far-1/cancel");
}

#[tokio::test]
async fn a_request_that_takes_too_long_goes_on_over_there() {
    let server = Raw::start(vec![accepted("far-1"), vec![Act::Hold]]).await;
    let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let limited = FalSettings { request_timeout: Duration::from_secs(5), ..settings(&server) };
    let (task, lines) = task(KLING, INPUT);
    let (memory, notes) = Memory::channel(None);
    let runner = FalRunner::new(limited, clock.clone());
    let waiting = async {
        server.until(|seen| seen.requests.len() == 2).await;
        clock.advance(Duration::from_secs(5));
    };
    let (run, notes, ()) = tokio::join!(run_task(&runner, RunTask { memory, ..task }, lines), keep(notes), waiting);
    assert_eq!((run.failed(), notes.last().map(String::as_str)), ("request_timeout", Some("accepted far-1")));
    assert!(!asked(&server).iter().any(|line| line.starts_with("PUT ")), "the next attempt asks for it");
}

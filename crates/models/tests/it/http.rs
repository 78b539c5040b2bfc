//! A model behind a real HTTP server on this machine, good and bad.

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use plantain_models::http::{HttpSettings, Style, Template};
use plantain_models::{Checked, HttpRunner};
use plantain_queue::runner::{Partials, RunTask, Runner};
use plantain_wire::options::RequestOptions;
use plantain_work::Clock;
use tokio::net::TcpListener;

use crate::bench::{Run, run, run_task, task};
use crate::raw::{Act, Raw, answer, json};

const APP: &str = "me/app/v2/edit";
const INPUT: &str = r#"{"prompt": "a cup",  "seed":17454220438242315174}"#;

fn settings(url: &str) -> HttpSettings {
    HttpSettings::new(Template::parse(url).unwrap())
}

fn runner(settings: HttpSettings) -> HttpRunner {
    HttpRunner::new(settings, Clock::system()).unwrap()
}

/// One run against a server that behaves like this.
async fn run_against(script: Vec<Act>) -> Run {
    let server = Raw::start(vec![script]).await;
    run(&runner(settings(&server.url("/"))), APP, INPUT).await
}

fn sent(text: &str) -> Vec<Act> {
    vec![Act::Send(text.as_bytes().to_vec())]
}

#[tokio::test]
async fn input_and_output_pass_byte_for_byte_and_headers_with_them() {
    let output = r#"{"images":[], "seed": 17454220438242315174, "x": 1.50}"#;
    let headers = "content-type: application/json\r\nX-Fal-Billable-Units: 2\r\nX-Fal-Needs-Retry: 0\r\n\
                   x-fal-stop-runner: 1\r\nX-Fal-Served-From: gpu-3\r\nx-plantain-log: loaded the model\r\n";
    let server = Raw::start(vec![answer(200, headers, output)]).await;
    let mut own = HeaderMap::new();
    own.insert("authorization", HeaderValue::from_static("Bearer s3cret"));
    let model = runner(HttpSettings { headers: own, ..settings(&server.url("/run/{path}")) });
    let (task, lines) = task(APP, INPUT);
    let pairs =
        [("x-fal-runner-hint", "warm"), ("x-fal-object-lifecycle-preference", r#"{"expiration_duration_seconds":60}"#)];
    let options = RequestOptions::read(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value));
    let ended = run_task(&model, RunTask { options: options.unwrap(), ..task }, lines).await;

    let answer = ended.ended.unwrap();
    assert_eq!((answer.http_status, answer.body.as_ref()), (200, output.as_bytes()));
    assert_eq!((answer.headers.needs_retry, answer.headers.billable_units.as_deref()), (Some(false), Some("2")));
    assert_eq!(answer.headers.passed_on, [("x-fal-served-from".to_owned(), "gpu-3".to_owned())]);
    assert_eq!(ended.logs, ["loaded the model"]);
    let request = server.seen().requests[0].clone();
    assert!(request.starts_with("POST /run/v2/edit HTTP/1.1\r\n") && request.ends_with(INPUT), "{request}");
    for line in [
        "x-fal-request-id: r1",
        "x-fal-gateway-request-id: r1",
        "x-fal-runner-hint: warm",
        "authorization: Bearer s3cret",
        r#"x-fal-object-lifecycle-preference: {"expiration_duration_seconds":60}"#,
    ] {
        assert!(request.contains(line), "{line} is not in {request}");
    }
}

#[tokio::test]
async fn a_models_own_errors_are_answers_with_its_wish_for_another_attempt() {
    for (status, headers, retry) in [
        (422, "", None),
        (503, "", None),
        (500, "x-fal-needs-retry: 1\r\n", Some(true)),
        (307, "location: /x\r\n", None),
    ] {
        let run = run_against(answer(status, headers, r#"{"detail":"no"}"#)).await;
        let answer = run.ended.unwrap();
        assert_eq!((answer.http_status, answer.headers.needs_retry), (status, retry));
        assert_eq!(answer.body, r#"{"detail":"no"}"#);
    }
}

#[tokio::test]
async fn each_way_not_to_answer_has_its_error_type() {
    let json_of = |length: usize, body: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    for (script, expected) in [
        (vec![], "runner_disconnected"),
        (sent("HTTP/1.1 200 OK\r\ncontent-"), "runner_disconnected"),
        (sent("SSH-2.0-OpenSSH\r\n\r\n"), "runner_disconnected"),
        (sent(&json_of(100, "{\"a\":")), "runner_incomplete_response"),
        (sent("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"), "runner_incomplete_response"),
        (sent("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"a\":"), "runner_incomplete_response"),
        (json(200, "{'a': 1}"), "runner_server_error"),
        (json(200, "{\"a\": NaN}"), "runner_server_error"),
    ] {
        let shown = format!("{script:?}");
        assert_eq!(run_against(script).await.failed(), expected, "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_refuses_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let run = run(&runner(settings(&url)), APP, INPUT).await;
    assert_eq!(run.failed(), "runner_connection_refused");
    let nowhere = runner(settings("http://no-such-host.invalid/"));
    assert_eq!(run_for(&nowhere).await.failed(), "runner_connection_error");
}

async fn run_for(runner: &dyn Runner) -> Run {
    run(runner, APP, INPUT).await
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let announced = sent("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{");
    let endless = [sent("HTTP/1.1 200 OK\r\n\r\n"), vec![Act::Send(vec![b' '; 1 << 16]); 64], vec![Act::Hold]].concat();
    for script in [announced, endless] {
        let server = Raw::start(vec![script]).await;
        let model = runner(HttpSettings { answer_bytes_max: 1 << 20, ..settings(&server.url("/")) });
        let run = run(&model, APP, INPUT).await;
        assert_eq!(run.failed(), "runner_server_error");
        assert!(run.ended.unwrap_err().detail.contains("larger than 1048576 bytes"));
    }
}

/// A server that begins an answer and never ends it.
async fn dripping() -> Raw {
    Raw::start(vec![[sent("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), vec![Act::Hold]].concat()]).await
}

#[tokio::test]
async fn an_answer_that_drips_for_ever_is_ended_by_the_request_timeout() {
    let server = dripping().await;
    let clock = Clock::manual(Timestamp::UNIX_EPOCH);
    let limited = HttpSettings { request_timeout: Duration::from_secs(90), ..settings(&server.url("/")) };
    let model = HttpRunner::new(limited, clock.clone()).unwrap();
    let waiting = async {
        server.until(|seen| seen.requests.len() == 1).await;
        clock.advance(Duration::from_secs(90));
    };
    let (ended, ()) = tokio::join!(run(&model, APP, INPUT), waiting);
    assert_eq!(ended.failed(), "request_timeout");
    server.until(|seen| seen.hung_up == 1).await;
}

#[tokio::test]
async fn a_cancelled_run_closes_its_connection() {
    let server = dripping().await;
    let (task, lines) = task(APP, INPUT);
    let cancel = task.cancel.clone();
    let cancelling = async {
        server.until(|seen| seen.requests.len() == 1).await;
        cancel.cancel();
    };
    let model = runner(settings(&server.url("/")));
    let (ended, ()) = tokio::join!(run_task(&model, task, lines), cancelling);
    assert_eq!(ended.failed(), "client_cancelled");
    server.until(|seen| seen.hung_up == 1).await;
}

#[tokio::test]
async fn cog_is_asked_and_understood_in_its_own_way() {
    let predicted =
        json(200, r#"{"id":"p","status":"succeeded","output":{"seed": 17454220438242315174},"logs":"step 1\nstep 2"}"#);
    let server = Raw::start(vec![predicted]).await;
    let model = runner(HttpSettings { style: Style::Cog, ..settings(&server.url("")) });
    let ended = run(&model, APP, INPUT).await;
    assert_eq!(ended.ended.unwrap().body, r#"{"seed": 17454220438242315174}"#);
    assert_eq!(ended.logs, ["step 1", "step 2"]);
    let request = server.seen().requests[0].clone();
    assert!(
        request.starts_with("POST /predictions ") && request.ends_with(&format!("{{\"input\":{INPUT}}}")),
        "{request}"
    );
}

fn events(text: &str) -> Vec<Act> {
    sent(&format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{text}"))
}

#[tokio::test]
async fn partial_outputs_are_passed_on_and_the_last_one_is_the_output() {
    let stream = events(": hi\n\ndata: {\"n\": 1}\n\ndata: {\"n\":\ndata: 2}\n\ndata: [DONE\n\ndata: {\"n\":3}\n\n");
    let server = Raw::start(vec![stream]).await;
    let stream_url = Template::parse(&server.url("/stream")).unwrap();
    let model = runner(HttpSettings { stream_url: Some(stream_url), ..settings(&server.url("/")) });
    assert!(model.streams(&APP.parse().unwrap()));
    let (task, lines) = task(APP, INPUT);
    let (partials, mut heard) = Partials::channel(10);
    let ended = run_task(&model, RunTask { partials, ..task }, lines).await;
    let answer = ended.ended.unwrap();
    assert_eq!((answer.body.as_ref(), answer.headers.content_type), (&b"{\"n\":3}"[..], None));
    let mut parts = Vec::new();
    while let Some(part) = heard.recv().await {
        parts.push(String::from_utf8(part.to_vec()).unwrap());
    }
    assert_eq!(parts, ["{\"n\": 1}", "{\"n\":\n2}", "{\"n\":3}"]);
    let request = server.seen().requests[0].clone();
    assert!(request.starts_with("POST /stream ") && request.contains("accept: text/event-stream"), "{request}");
}

#[tokio::test]
async fn without_a_listener_nobody_asks_for_partial_outputs() {
    let server = Raw::start(vec![json(200, "{}")]).await;
    let stream_url = Template::parse(&server.url("/stream")).unwrap();
    let model = runner(HttpSettings { stream_url: Some(stream_url), ..settings(&server.url("/whole")) });
    run(&model, APP, INPUT).await.output();
    assert!(server.seen().requests[0].starts_with("POST /whole "));
}

#[tokio::test]
async fn a_stream_without_an_output_is_incomplete() {
    assert_eq!(run_against(events(": nothing\n\n")).await.failed(), "runner_incomplete_response");
    let broken = sent("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\ndata: {}\n\n");
    assert_eq!(run_against(broken).await.failed(), "runner_incomplete_response");
}

#[tokio::test]
async fn a_known_models_schema_is_held_before_its_server_is_asked() {
    let server = Raw::start(vec![json(200, "{}")]).await;
    let model = Checked::new(Arc::new(runner(settings(&server.url("/")))));
    let refused = run(&model, "fal-ai/flux/dev", r#"{"prompt":"a cup","num_images":9}"#).await;
    refused.refuses("less_than_equal", "body.num_images", "equal to 4");
    assert_eq!(refused.ended.unwrap().headers.billable_units.as_deref(), Some("0"));
    assert!(server.seen().requests.is_empty());
    run(&model, "fal-ai/flux/dev", r#"{"prompt":"a cup"}"#).await.output();
    run(&model, "me/app", "{}").await.output();
    assert_eq!(server.seen().requests.len(), 2);
}

//! Status, result and cancel: read what the queue says, repeat on passing troubles, and tell a model's error from a failed call.

use axum::http::Method;
use plantain_client::error::{Fault, Lost};
use plantain_client::{ClientError, Logs, ResultReply};
use plantain_wire::cancel::CancelReply;
use plantain_wire::error::ErrorType;
use plantain_wire::status::QueueStatus;

use crate::server::{Reply, Server, foreign, reply};
use crate::{client, edit, id};

const RUNNING: &str = r#"{"status":"IN_PROGRESS","request_id":"r1","logs":null,"metrics":{}}"#;

#[tokio::test]
async fn a_status_is_asked_under_the_application_without_the_path() {
    let server = Server::start([reply(202, RUNNING), reply(202, RUNNING)]).await;
    let status = client(&server).status(&edit(), &id(), Logs::With).await.unwrap();
    assert_eq!(status.status, QueueStatus::InProgress);
    client(&server).status(&edit(), &id(), Logs::Without).await.unwrap();
    let uris: Vec<_> = server.seen().iter().map(|seen| seen.uri.to_string()).collect();
    let base = "/queue/fal-ai/nano-banana/requests/r1/status";
    assert_eq!(uris, [format!("{base}?logs=1"), format!("{base}?logs=0")]);
}

#[tokio::test]
async fn a_passing_trouble_is_waited_out() {
    let server = Server::start([foreign(502, "<html>"), reply(202, RUNNING)]).await;
    let status = client(&server).status(&edit(), &id(), Logs::Without).await.unwrap();
    assert_eq!((status.status, server.seen().len()), (QueueStatus::InProgress, 2));
}

#[tokio::test]
async fn what_repeating_cannot_cure_is_not_repeated() {
    let far = || reply(503, "{}").with("retry-after", "60");
    for (answer, status) in [(reply(404, r#"{"status":"NOT_FOUND"}"#), 404), (far(), 503)] {
        let server = Server::start([answer]).await;
        let error = client(&server).status(&edit(), &id(), Logs::Without).await.unwrap_err();
        let named = match &error {
            ClientError::Rejected { status, .. } | ClientError::Busy { status, .. } => *status,
            other => panic!("{other}"),
        };
        assert_eq!((named, server.seen().len()), (status, 1));
    }
}

#[tokio::test]
async fn an_unknown_word_is_no_status() {
    let server = Server::start([reply(200, r#"{"status":"WHO_KNOWS","request_id":"r1"}"#)]).await;
    let error = client(&server).status(&edit(), &id(), Logs::Without).await.unwrap_err();
    assert_eq!(error, ClientError::Protocol(Fault::Unreadable));
}

async fn result(answer: Reply) -> Result<ResultReply, ClientError> {
    let server = Server::start([answer]).await;
    let result = client(&server).result(&edit(), &id()).await;
    assert_eq!(server.seen()[0].uri, "/queue/fal-ai/nano-banana/requests/r1");
    result
}

#[tokio::test]
async fn an_output_comes_byte_for_byte() {
    let output = "{ \"seed\": 17454220438242315174,\n \"images\": [] }";
    let reply = result(reply(200, output)).await.unwrap();
    assert_eq!((reply.body.as_ref(), reply.succeeded(), reply.error_type), (output.as_bytes(), true, None));
}

#[tokio::test]
async fn a_models_error_is_a_reply() {
    let refused =
        result(reply(422, r#"{"detail":[{"loc":["body","prompt"],"msg":"no","type":"missing"}]}"#)).await.unwrap();
    assert_eq!((refused.http_status, refused.succeeded(), refused.error_type), (422, false, None));
    let body = r#"{"detail":"The runner disconnected.","error_type":"runner_disconnected"}"#;
    let lost = result(reply(503, body)).await.unwrap();
    assert_eq!((lost.http_status, lost.error_type), (503, Some(ErrorType::RunnerDisconnected)));
    let late = result(reply(504, "{\"detail\":\"x\"}").with("x-fal-error-type", "request_timeout")).await.unwrap();
    assert_eq!(late.error_type, Some(ErrorType::RequestTimeout));
    let early = result(reply(400, r#"{"detail":"Request is still in progress"}"#)).await.unwrap();
    assert!(early.still_running() && !refused.still_running());
}

#[tokio::test]
async fn a_failed_call_is_no_result() {
    for (answer, status) in [(reply(404, r#"{"status":"NOT_FOUND"}"#), 404), (reply(401, r#"{"detail":"no"}"#), 401)] {
        let error = result(answer).await.unwrap_err();
        assert!(matches!(error, ClientError::Rejected { status: found, .. } if found == status), "{error}");
    }
    let server = Server::start([foreign(502, ""), foreign(504, ""), foreign(500, "")]).await;
    let error = client(&server).result(&edit(), &id()).await.unwrap_err();
    assert_eq!((error, server.seen().len()), (ClientError::Unknown(Lost::ServerError(500)), 3));
}

#[tokio::test]
async fn a_cancel_is_put_once_and_answered_in_words() {
    for answer in [CancelReply::Requested, CancelReply::Removed, CancelReply::AlreadyCompleted, CancelReply::NotFound] {
        let server = Server::start([reply(answer.http_status(), answer.to_json())]).await;
        assert_eq!(client(&server).cancel(&edit(), &id()).await, Ok(answer));
        let seen = server.seen().remove(0);
        assert_eq!((seen.method, seen.uri.path()), (Method::PUT, "/queue/fal-ai/nano-banana/requests/r1/cancel"));
    }
    let server = Server::start([foreign(503, "")]).await;
    let error = client(&server).cancel(&edit(), &id()).await.unwrap_err();
    assert_eq!(error, ClientError::Busy { status: 503, retry_after: None });
}

/// Whoever follows jobs does so in tasks of a multi-threaded runtime.
#[tokio::test]
async fn every_call_can_be_made_from_another_thread() {
    fn sendable<F: Future + Send>(call: F) -> F {
        call
    }
    let server = Server::start([]).await;
    let client = client(&server);
    let (endpoint, id) = (edit(), id());
    drop(sendable(client.status(&endpoint, &id, Logs::With)));
    drop(sendable(client.result(&endpoint, &id)));
    drop(sendable(client.cancel(&endpoint, &id)));
    drop(sendable(client.submit(&endpoint, "{}", &Default::default())));
    drop(sendable(client.upload("x", "text/plain", "x.txt")));
    assert!(server.seen().is_empty(), "a call that is never awaited is never made");
}

//! A submit goes out once, says all it was asked to say, and its failure tells whether it may have arrived.

use std::time::Duration;

use axum::http::Method;
use plantain_client::error::{Fault, Lost, NotSent};
use plantain_client::{ClientError, Endpoints, Priority, QueueClient, SubmitOptions};
use plantain_outbound::transport::NoConnection;
use tokio::net::TcpListener;

use crate::server::{Reply, Server, foreign, reply};
use crate::{client, edit};

const INPUT: &str = r#"{"prompt":"on white","seed":17454220438242315174}"#;
const ACCEPTED: &str = r#"{"status":"IN_QUEUE","request_id":"r1","queue_position":3}"#;

async fn submit(server: &Server, options: &SubmitOptions) -> Result<(), ClientError> {
    let reply = client(server).submit(&edit(), INPUT, options).await?;
    assert_eq!((reply.request_id.as_str(), reply.queue_position), ("r1", 3));
    Ok(())
}

#[tokio::test]
async fn everything_is_said_in_the_protocols_words() {
    let server = Server::start([reply(200, ACCEPTED)]).await;
    let options = SubmitOptions {
        webhook: Some("https://app.test/api/fal/webhook?jobId=1&x=2".parse().unwrap()),
        idempotency_key: Some("job-1".into()),
        priority: Priority::Low,
        start_timeout: Some(Duration::from_secs(30)),
    };
    submit(&server, &options).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.method, Method::POST);
    let uri =
        "/queue/fal-ai/nano-banana/edit?fal_webhook=https%3A%2F%2Fapp.test%2Fapi%2Ffal%2Fwebhook%3FjobId%3D1%26x%3D2";
    assert_eq!(seen.uri.to_string(), uri);
    assert_eq!(seen.body, INPUT);
    for (name, value) in [
        ("authorization", "Key id:secret"),
        ("content-type", "application/json"),
        ("idempotency-key", "job-1"),
        ("x-fal-queue-priority", "low"),
        ("x-fal-request-timeout", "30"),
        ("x-fal-request-start-timeout", "30"),
    ] {
        assert_eq!(seen.headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn without_options_nothing_more_is_sent() {
    let server = Server::start([reply(200, ACCEPTED)]).await;
    submit(&server, &SubmitOptions::default()).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.uri, "/queue/fal-ai/nano-banana/edit");
    assert!(seen.headers.keys().all(|name| !name.as_str().starts_with("x-fal-") && name != "idempotency-key"));
}

#[track_caller]
fn sent_once(server: &Server) {
    assert_eq!(server.seen().len(), 1, "a submit is never repeated");
}

async fn fails(answer: Reply) -> ClientError {
    let server = Server::start([answer]).await;
    let error = submit(&server, &SubmitOptions::default()).await.unwrap_err();
    sent_once(&server);
    error
}

#[tokio::test]
async fn each_failure_says_what_may_be_done() {
    let error = fails(reply(401, r#"{"detail":"No user found for Key ID and Secret"}"#)).await;
    assert!(error.to_string().contains("No user found"), "{error}");
    assert!(!error.may_have_arrived());
    let busy = fails(reply(429, "{}").with("retry-after", "7")).await;
    assert_eq!(busy, ClientError::Busy { status: 429, retry_after: Some(Duration::from_secs(7)) });
    assert_eq!(fails(foreign(502, "<html>")).await, ClientError::Unknown(Lost::ServerError(502)));
    assert_eq!(fails(foreign(302, "")).await, ClientError::Protocol(Fault::Status(302)));
    let no_id = fails(reply(200, "{}")).await;
    assert_eq!(no_id, ClientError::Protocol(Fault::Unreadable));
    assert!(no_id.may_have_arrived());
}

#[tokio::test]
async fn an_answer_larger_than_any_reply_is_not_read() {
    let huge = fails(reply(200, vec![b' '; 4 * 1024 * 1024 + 1])).await;
    assert!(matches!(huge, ClientError::Protocol(Fault::TooLarge { .. })), "{huge}");
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_told_from_one_that_broke() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let client = QueueClient::new(Endpoints::under(&base), None).unwrap();
    let options = SubmitOptions::default();
    let closing = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        tokio::io::AsyncReadExt::read(&mut connection, &mut request).await.unwrap();
    };
    let endpoint = edit();
    let (broken, ()) = tokio::join!(client.submit(&endpoint, INPUT, &options), closing);
    assert_eq!(broken.unwrap_err(), ClientError::Unknown(Lost::Broken));
    drop(listener);
    let absent = client.submit(&endpoint, INPUT, &options).await.unwrap_err();
    assert_eq!(absent, ClientError::NotSent(NotSent::NoConnection(NoConnection::Refused)));
}

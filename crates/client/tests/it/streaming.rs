//! The status stream: events in order, an end after COMPLETED, and errors that end it.

use axum::body::Body;
use axum::body::Bytes;
use futures_util::stream::{self, StreamExt};
use plantain_client::error::{Fault, Lost, NotSent};
use plantain_client::{ClientError, Endpoints, Logs, QueueClient};
use plantain_outbound::transport::NoConnection;
use plantain_wire::status::{QueueStatus, StatusBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::server::{Reply, Server, foreign, reply};
use crate::{client, edit, id};

fn event(status: &str) -> String {
    format!("data: {{\"status\":\"{status}\",\"request_id\":\"r1\",\"logs\":null,\"metrics\":{{}}}}\n\n")
}

fn events(pieces: Vec<String>) -> Reply {
    let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)));
    reply(200, body).with("content-type", "text/event-stream; charset=utf-8")
}

async fn all(server: &Server) -> Vec<Result<StatusBody, ClientError>> {
    client(server).stream(&edit(), &id(), Logs::With).collect().await
}

fn words(items: &[Result<StatusBody, ClientError>]) -> Vec<QueueStatus> {
    items.iter().map(|item| item.as_ref().expect("no error").status).collect()
}

#[tokio::test]
async fn events_come_in_order_until_the_request_has_ended() {
    let first = format!("{}: ping\n\n{}", event("IN_QUEUE"), &event("IN_PROGRESS")[..20]);
    let second = format!("{}{}{}", &event("IN_PROGRESS")[20..], event("COMPLETED"), event("IN_QUEUE"));
    let server = Server::start([events(vec![first, second])]).await;
    let items = all(&server).await;
    assert_eq!(words(&items), [QueueStatus::InQueue, QueueStatus::InProgress, QueueStatus::Completed]);
    let seen = server.seen().remove(0);
    assert_eq!(seen.uri, "/queue/fal-ai/nano-banana/requests/r1/status/stream?logs=1");
    assert_eq!(
        (&seen.headers["accept"], &seen.headers["authorization"]),
        (&"text/event-stream".parse().unwrap(), &"Key id:secret".parse().unwrap())
    );
}

#[tokio::test]
async fn a_completed_event_ends_the_stream_although_the_server_stays_open() {
    let pieces = stream::iter([Ok::<_, std::io::Error>(Bytes::from(event("COMPLETED")))]).chain(stream::pending());
    let answer = reply(200, Body::from_stream(pieces)).with("content-type", "text/event-stream");
    let server = Server::start([answer]).await;
    assert_eq!(words(&all(&server).await), [QueueStatus::Completed]);
}

#[tokio::test]
async fn an_early_close_is_an_end_and_not_a_verdict() {
    let server = Server::start([events(vec![event("IN_PROGRESS")])]).await;
    assert_eq!(words(&all(&server).await), [QueueStatus::InProgress]);
}

#[tokio::test]
async fn a_broken_connection_is_the_last_item() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let client = QueueClient::new(Endpoints::under(&base), None).unwrap();
    let breaking = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 1024]).await.unwrap();
        let event = event("IN_PROGRESS");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let answer = format!("{head}{:x}\r\n{event}\r\n", event.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
    };
    let following = client.stream(&edit(), &id(), Logs::With).collect::<Vec<_>>();
    let (items, ()) = tokio::join!(following, breaking);
    assert_eq!(words(&items[..1]), [QueueStatus::InProgress]);
    assert_eq!(items[1..], [Err(ClientError::Unknown(Lost::Broken))]);
}

#[tokio::test]
async fn what_is_no_stream_of_statuses_is_refused() {
    for (answer, error) in [
        (reply(200, event("IN_QUEUE")), ClientError::Protocol(Fault::NotAStream)),
        (events(vec!["data: {}\n\n".into()]), ClientError::Protocol(Fault::Unreadable)),
        (foreign(502, "<html>"), ClientError::Unknown(Lost::ServerError(502))),
        (foreign(404, ""), ClientError::Rejected { status: 404, body: Bytes::new() }),
    ] {
        let server = Server::start([answer]).await;
        assert_eq!(all(&server).await, [Err(error)]);
    }
}

#[tokio::test]
async fn an_endless_event_is_dropped_at_the_bound() {
    let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'a'; 256 * 1024])));
    let answer = reply(200, Body::from_stream(pieces)).with("content-type", "text/event-stream");
    let server = Server::start([answer]).await;
    assert_eq!(all(&server).await, [Err(ClientError::Protocol(Fault::Unreadable))]);
}

#[tokio::test]
async fn nothing_is_asked_before_the_stream_is_polled() {
    let server = Server::start([]).await;
    drop(client(&server).stream(&edit(), &id(), Logs::With));
    assert!(server.seen().is_empty());
    let nowhere = "http://nobody.invalid".parse().unwrap();
    let client = QueueClient::new(Endpoints::under(&nowhere), None).unwrap();
    let items: Vec<_> = client.stream(&edit(), &id(), Logs::With).collect().await;
    assert_eq!(items, [Err(ClientError::NotSent(NotSent::NoConnection(NoConnection::NameUnknown)))]);
}

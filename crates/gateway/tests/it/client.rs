//! Everything once through the client that the studio uses.

use futures_util::StreamExt;
use plantain_client::{Logs, SubmitOptions};
use plantain_testkit::Receiver;
use plantain_wire::cancel::CancelReply;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::jwks::KeySet;
use plantain_wire::signature::{SignedHeaders, verify};
use plantain_wire::status::QueueStatus;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};

use crate::system::{EDIT, OTHER_KEY, Reply, start};

/// Exceeds every integer type that JSON readers commonly use.
const BIG: &str = r#"{"seed": 17454220438242315174, "images": [], "x": 1.50}"#;

fn edit() -> EndpointId {
    EDIT.parse().unwrap()
}

#[tokio::test]
async fn submit_stream_result_and_a_signed_webhook() {
    let system = start().await;
    let (client, receiver) = (system.client(), Receiver::start().await);
    let options = SubmitOptions { webhook: Some(receiver.url("/hook?job=1&x=2")), ..SubmitOptions::default() };
    let input = format!(r#"{{"output": {BIG}, "logs": ["Decoding", "Saving"]}}"#);
    let submitted = client.submit(&edit(), input, &options).await.unwrap();
    let events: Vec<_> = client.stream(&edit(), &submitted.request_id, Logs::With).collect().await;
    let last = events.last().unwrap().as_ref().unwrap();
    assert_eq!((last.status, &last.failure), (QueueStatus::Completed, &None));
    assert!(last.metrics.inference_time.is_some());
    let lines = events.iter().flat_map(|event| event.as_ref().unwrap().logs.clone().unwrap());
    assert_eq!(lines.map(|line| line.message).collect::<Vec<_>>(), ["Decoding", "Saving"]);

    let result = client.result(&edit(), &submitted.request_id).await.unwrap();
    assert_eq!((result.http_status, std::str::from_utf8(&result.body).unwrap()), (200, BIG));

    let delivered = receiver.wait_for(1).await.remove(0);
    assert_eq!(delivered.uri.to_string(), "/hook?job=1&x=2");
    let jwks = Reply::of(system.stranger(reqwest::Method::GET, "rest/.well-known/jwks.json")).await;
    let keys = KeySet::parse(jwks.text.as_bytes()).unwrap();
    let headers = delivered.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let verified =
        verify(&SignedHeaders::read(headers).unwrap(), &delivered.body, &keys, system.clock.now().as_second());
    assert_eq!(verified.unwrap().user_id.as_str(), "user_shop");
    let body = WebhookBody::parse(&delivered.body).unwrap();
    assert_eq!((body.status, body.payload.unwrap().get()), (WebhookStatus::Ok, BIG));
}

#[tokio::test]
async fn cancel_ends_a_running_and_a_waiting_request() {
    let system = start().await;
    let client = system.client();
    let running = client.submit(&edit(), r#"{"hold":true}"#, &SubmitOptions::default()).await.unwrap().request_id;
    system.until(running.as_str(), "IN_PROGRESS").await;
    let waiting = client.submit(&edit(), r#"{}"#, &SubmitOptions::default()).await.unwrap().request_id;
    for id in [&waiting, &running] {
        assert_eq!(client.cancel(&edit(), id).await.unwrap(), CancelReply::Requested);
        let status = system.until(id.as_str(), "COMPLETED").await.json();
        assert_eq!(status["error_type"], "client_cancelled");
        let result = client.result(&edit(), id).await.unwrap();
        assert_eq!(result.http_status, 499);
        assert_eq!(client.cancel(&edit(), id).await.unwrap(), CancelReply::AlreadyCompleted);
    }
    assert_eq!(system.client_of(OTHER_KEY).cancel(&edit(), &running).await.unwrap(), CancelReply::NotFound);
}

#[tokio::test]
async fn an_upload_can_be_read_back() {
    let system = start().await;
    let picture = b"\x89PNG\r\n\x1a\n and so on".as_slice();
    let url = system.client().upload(picture, "image/png", "my mug.png").await.unwrap();
    assert!(url.as_str().starts_with(system.at("cdn/files/b/").as_str()), "{url}");
    assert!(url.path().ends_with("/my_mug.png"), "{url}");
    let read = system.stranger(reqwest::Method::GET, url.path()).send().await.unwrap();
    assert_eq!(read.headers()["content-type"], "image/png");
    assert_eq!(read.bytes().await.unwrap(), picture);
}

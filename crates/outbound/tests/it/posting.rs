//! Deliveries: what arrives, what is kept of the answer, and what each outcome means for the next attempt.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use plantain_outbound::classify;
use plantain_outbound::delivery::{DeadReason, Delivery};
use plantain_outbound::send::{Answer, Fault, FetchError, SendError};
use url::Url;

use crate::receiver::Receiver;
use crate::{Bounds, HASTY, PATIENT, local};

async fn post(url: &Url, deadline: Duration) -> Result<Answer, SendError> {
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    local().post(url, headers, Bytes::from_static(b"{\"a\": 1}"), Bounds::answer_within(deadline)).await
}

#[tokio::test]
async fn the_body_and_headers_arrive_as_they_are() {
    let receiver = Receiver::start().await;
    let answer = post(&receiver.url("/status/204"), PATIENT).await.unwrap();
    assert_eq!((answer.status, answer.retry_after), (204, None));
    assert!(answer.latency < PATIENT);
    let seen = receiver.seen();
    assert_eq!(seen[0].body.as_ref(), b"{\"a\": 1}");
    assert_eq!(seen[0].headers["content-type"], "application/json");
    assert!(seen[0].headers["user-agent"].to_str().unwrap().starts_with("Plantain/"));
    assert!(!seen[0].headers.contains_key("accept-encoding"));
}

#[tokio::test]
async fn of_a_long_answer_only_the_start_is_kept() {
    let receiver = Receiver::start().await;
    let answer = post(&receiver.url("/endless"), PATIENT).await.unwrap();
    assert_eq!(answer.first_bytes.as_ref(), [b'x'; 1024]);
    let short = post(&receiver.url("/status/500"), PATIENT).await.unwrap();
    assert_eq!(short.first_bytes.as_ref(), b"answer 500");
}

#[tokio::test]
async fn a_compressed_answer_is_kept_as_it_came_and_only_its_start() {
    let receiver = Receiver::start().await;
    let answer = post(&receiver.url("/bomb"), PATIENT).await.unwrap();
    assert_eq!((answer.status, answer.first_bytes.as_ref()), (200, &[0x1f; 1024][..]));
    let fetched = local().get(&receiver.url("/bomb"), crate::within(50_000, PATIENT)).await;
    assert_eq!(fetched, Err(FetchError::TooLarge { max_bytes: 50_000, start: vec![0x1f; 50_000].into() }));
}

#[tokio::test]
async fn a_head_that_drips_meets_the_deadline() {
    let receiver = Receiver::dripping_head().await;
    assert_eq!(post(&receiver.url("/"), HASTY).await, Err(SendError::TimedOut { deadline: HASTY }));
}

#[tokio::test]
async fn a_dripping_answer_counts_by_its_status() {
    let receiver = Receiver::start().await;
    let answer = post(&receiver.url("/drip"), PATIENT).await;
    assert_eq!(answer.as_ref().unwrap().first_bytes.as_ref(), b".");
    assert_eq!(classify(&answer), Delivery::Delivered);
}

#[tokio::test]
async fn a_redirect_is_final_and_reaches_nobody_else() {
    let receiver = Receiver::start().await;
    let outcome = classify(&post(&receiver.url("/redirect"), PATIENT).await);
    assert_eq!(outcome, Delivery::Dead(DeadReason::Redirected { status: 302 }));
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn a_busy_receiver_says_when_to_come_back() {
    let receiver = Receiver::start().await;
    let outcome = classify(&post(&receiver.url("/busy/17"), PATIENT).await);
    assert_eq!(outcome, Delivery::Retry { after: Some(Duration::from_secs(17)) });
    let date = post(&receiver.url("/busy/Fri,%2020%20Nov%202099%2012:00:00%20GMT"), PATIENT).await;
    assert_eq!(classify(&date), Delivery::Retry { after: Some(Duration::from_secs(3600)) }, "capped");
}

#[tokio::test]
async fn silence_and_closed_connections_are_tried_again() {
    let receiver = Receiver::start().await;
    let late = post(&receiver.url("/silent"), HASTY).await;
    assert_eq!(late, Err(SendError::TimedOut { deadline: HASTY }));
    assert_eq!(classify(&late), Delivery::Retry { after: None });
    let closing = Receiver::raw(b"").await;
    let closed = post(&closing.url("/"), PATIENT).await;
    assert_eq!(closed, Err(SendError::Broken));
    assert_eq!(closed.as_ref().unwrap_err().fault(), Fault::Theirs);
    assert_eq!(classify(&closed), Delivery::Retry { after: None });
}

#[tokio::test]
async fn a_server_that_is_asked_something_is_read_to_the_end_within_the_bounds() {
    let receiver = Receiver::start().await;
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let ask = async |url: Url, bounds: Bounds| {
        local().ask(&url, headers.clone(), Bytes::from_static(b"{\"a\": 1}"), bounds).await
    };
    let answer = ask(receiver.url("/status/400"), crate::within(100, PATIENT)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref()), (400, &b"answer 400"[..]));
    assert_eq!(receiver.seen()[0].body.as_ref(), b"{\"a\": 1}");
    let endless = ask(receiver.url("/endless"), crate::within(50_000, PATIENT)).await;
    assert_eq!(endless, Err(FetchError::TooLarge { max_bytes: 50_000, start: vec![b'x'; 50_000].into() }));
    let silent = ask(receiver.url("/silent"), crate::within(100, HASTY)).await;
    assert_eq!(silent, Err(FetchError::TimedOut { deadline: HASTY }));
    let refused = ask("http://10.0.0.5/".parse().unwrap(), crate::within(100, PATIENT)).await;
    assert!(matches!(refused, Err(FetchError::Refused(_))), "{refused:?}");
}

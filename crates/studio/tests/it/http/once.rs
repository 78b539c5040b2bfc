//! `Idempotency-Key`: a wish that is sent again is the same wish.

use std::time::Duration;

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_studio::store::JobFilter;

use super::house::{
    Answer, BOUNDARY, House, Part, file, form_body, form_request, house, house_with, photo, report, request, text,
};

fn mug(preset: &str) -> [Part; 2] {
    [file("image", "mug.jpg", photo()), text("preset", preset)]
}

async fn send(house: &House, preset: &str, key: &str) -> Answer {
    house.post_form(&mug(preset), &[("idempotency-key", key)]).await
}

async fn jobs(house: &House) -> usize {
    house.store.jobs(&JobFilter::default()).await.unwrap().len()
}

#[tokio::test]
async fn a_wish_that_is_sent_again_is_answered_with_its_job() {
    let house = house().await;
    let first = send(&house, "ebay", "a key").await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    assert!(!first.headers.contains_key("idempotency-replayed"));
    // Another boundary is not another wish.
    let body = String::from_utf8_lossy(&form_body(&[text("prompt", "p")])).replace(BOUNDARY, "other");
    let kind = [("content-type", "multipart/form-data; boundary=other"), ("idempotency-key", "b")];
    let other = |body: String| house.send(request(Method::POST, "/api/generate", &kind, Body::from(body)));
    assert_eq!(other(body).await.code(), "photo_missing", "what was refused has used no key");
    assert_eq!(send(&house, "ebay", "b").await.status, StatusCode::ACCEPTED);
    let again = send(&house, "ebay", "a key").await;
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    assert_eq!((again.header("idempotency-replayed"), again.header("location")), ("true", first.header("location")));
    assert_eq!(jobs(&house).await, 2);
    let refused = send(&house, "amazon_main", "a key").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_used"));
    house.clock.advance(Duration::from_secs(24 * 60 * 60 + 1));
    let new = send(&house, "amazon_main", "a key").await;
    assert_eq!(new.status, StatusCode::ACCEPTED, "after a day the key is free again");
    assert_eq!(jobs(&house).await, 3);
}

#[tokio::test]
async fn a_wish_to_make_a_job_again_has_a_key_as_well() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let again = async |wish: &str, key: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        house.send(request(Method::POST, &format!("/api/jobs/{id}/again"), &headers, Body::from(wish.to_owned()))).await
    };
    let first = again("{}", "k").await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    let second = again("{}", "k").await;
    assert_eq!((second.json(), second.header("idempotency-replayed")), (first.json(), "true"));
    assert_eq!(again("{\"straighten\": true}", "k").await.code(), "idempotency_key_used");
    assert_eq!(send(&house, "ebay", "k").await.code(), "idempotency_key_used", "a key stands for one wish of any kind");
    assert_eq!(jobs(&house).await, 2);
}

#[tokio::test]
async fn a_wish_that_is_still_read_is_told_from_one_that_is_done() {
    let house = house().await;
    let whole = form_body(&mug("ebay"));
    let (half, rest) = whole.split_at(whole.len() / 2);
    let (sender, body) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(2);
    sender.send(Ok(half.to_vec())).await.unwrap();
    let stream = futures_util::stream::unfold(body, |mut body| async { Some((body.recv().await?, body)) });
    let slow = house.send(form_request(Body::from_stream(stream), &[("idempotency-key", "k")]));
    let meanwhile = async {
        let refused = send(&house, "ebay", "k").await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "in_progress"));
        assert_eq!(send(&house, "ebay", "l").await.status, StatusCode::ACCEPTED, "other keys go on");
        sender.send(Ok(rest.to_vec())).await.unwrap();
        drop(sender);
    };
    let (first, ()) = tokio::join!(biased; slow, meanwhile);
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    assert_eq!(send(&house, "ebay", "k").await.json()["jobId"], first.json()["jobId"]);
}

#[tokio::test]
async fn senders_have_keys_of_their_own() {
    let house = house_with(|config| config.loopback = false).await;
    let seller = async || house.get("/").await.header("set-cookie").split(';').next().unwrap().to_owned();
    let (one, other) = (seller().await, seller().await);
    let post = |cookie: &str| {
        let headers = [("cookie", cookie), ("idempotency-key", "k")];
        house.send(form_request(form_body(&mug("ebay")), &headers))
    };
    let (first, second) = (post(&one).await.json(), post(&other).await.json());
    assert_ne!(first["jobId"], second["jobId"]);
    assert_eq!(post(&one).await.json()["jobId"], first["jobId"]);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let house = house().await;
    let long = "k".repeat(256);
    for key in ["", &long, "a\tb"] {
        let refused = send(&house, "ebay", key).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "bad_idempotency_key"), "{key}");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    assert_eq!(house.post_form(&mug("ebay"), &twice).await.code(), "bad_idempotency_key");
    assert_eq!(jobs(&house).await, 0);
}

//! `POST /api/jobs/{id}/presets`: what is refused, whose the new job is, and that two clicks are one job.

use axum::body::Body;
use http::{Method, StatusCode};
use jiff::Timestamp;
use plantain_studio::config::Maker;
use plantain_studio::job::{JobId, Making, Owner, Phase};
use plantain_studio::store::JobFilter;

use super::house::{Answer, House, house, house_made_by, house_with, report, request};

async fn wish_with(house: &House, id: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let all: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
    let path = format!("/api/jobs/{id}/presets");
    house.send(request(Method::POST, &path, &all, Body::from(body.to_owned()))).await
}

async fn wish(house: &House, id: &str, body: &str) -> Answer {
    wish_with(house, id, body, &[]).await
}

const EBAY: &str = r#"{"preset": "ebay"}"#;

#[tokio::test]
async fn a_job_for_another_preset_costs_nothing_and_is_the_same_sellers() {
    let house = house_made_by(Maker::generative(3.9)).await;
    let id = house.succeeded(3, report("Size")).await;
    let mut job = house.store.job(&id).await.unwrap().unwrap();
    (job.id, job.owner) = (JobId::new(house.clock.now()), Some(Owner::session("a")));
    house.store.insert(&job).await.unwrap();
    let answer = wish(&house, job.id.as_str(), EBAY).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let begun = answer.json();
    assert_eq!((&begun["preset"], &begun["costCents"], &begun["numImages"]), (&"ebay".into(), &0.0.into(), &3.into()));
    let new = house.store.job(&JobId::parse(begun["jobId"].as_str().unwrap()).unwrap()).await.unwrap().unwrap();
    assert_eq!((new.phase, new.owner.clone(), new.price_micro_usd), (Phase::Save, job.owner.clone(), Some(0)));
    assert!(new.spec.prompt != job.spec.prompt, "what would be asked is about the new preset");
    let Making::Kept(reuse) = &new.spec.making else { panic!("it asks nobody") };
    let blobs = new.blobs();
    assert!(reuse.pictures.iter().all(|picture| blobs.contains(&picture.blob.as_str())), "its bytes are its own");
    let shown = house.get(&format!("/api/jobs/{}", new.id)).await.json();
    assert_eq!((&shown["madeFrom"], &shown["status"]), (&job.id.as_str().into(), &"RUNNING".into()));
    let page = house.get_with(&format!("/jobs/{}", new.id), &[("accept", "text/html")]).await.text();
    assert!(page.contains(&format!("href=\"/jobs/{}\"", job.id)), "the page leads to the first one");
    let history = house.get_with("/history", &[("accept", "text/html")]).await.text();
    assert!(history.contains("data-test=\"made-from\""));
}

#[tokio::test]
async fn two_clicks_are_one_job() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let key = [("idempotency-key", "k")];
    let first = wish_with(&house, id.as_str(), EBAY, &key).await;
    let second = wish_with(&house, id.as_str(), EBAY, &key).await;
    assert_eq!((second.status, second.json()), (StatusCode::ACCEPTED, first.json()));
    assert_eq!(second.header("idempotency-replayed"), "true");
    let other = wish_with(&house, id.as_str(), r#"{"preset": "etsy"}"#, &key).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "idempotency_key_used"));
    assert_eq!(house.store.jobs(&JobFilter::default()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_can_not_be_made_for_another_preset_is_told() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let waiting = house.generate().await;
    for (id, body, status, code) in [
        (id.as_str(), "", 422, "wrong_field"),
        (id.as_str(), "[]", 422, "wrong_field"),
        (id.as_str(), r#"{"preset": "ebay", "prompt": "x"}"#, 422, "wrong_field"),
        (id.as_str(), r#"{"preset": "ebey"}"#, 422, "unknown_preset"),
        (id.as_str(), r#"{"preset": "amazon_main"}"#, 409, "same_preset"),
        (waiting.as_str(), EBAY, 409, "not_finished"),
    ] {
        let answer = wish(&house, id, body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body}");
    }
    assert_eq!(wish(&house, id.as_str(), &" ".repeat(2000)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let unknown = JobId::new(Timestamp::UNIX_EPOCH);
    for id in [unknown.as_str(), "nonsense"] {
        assert_eq!(wish(&house, id, EBAY).await.status, StatusCode::NOT_FOUND, "{id}");
    }
    let closed = house_with(|config| config.open = false).await;
    let id = closed.succeeded(1, report("Size")).await;
    assert_eq!(wish(&closed, id.as_str(), EBAY).await.status, StatusCode::UNAUTHORIZED);
}

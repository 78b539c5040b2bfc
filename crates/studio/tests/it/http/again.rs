//! `POST /api/jobs/{id}/again`: the same wishes anew, with what was offered.

use axum::body::Body;
use http::{Method, StatusCode};
use jiff::Timestamp;
use plantain_studio::config::Maker;
use plantain_studio::job::{JobError, JobId, Outcome, Phase};
use plantain_studio::store::JobFilter;
use serde_json::json;

use super::house::{Answer, House, TOKEN, house, house_made_by, house_with, report, request};

async fn again(house: &House, id: &str, wish: &str) -> Answer {
    let path = format!("/api/jobs/{id}/again");
    let kind = &[("content-type", "application/json")];
    house.send(request(Method::POST, &path, kind, Body::from(wish.to_owned()))).await
}

#[tokio::test]
async fn a_job_is_made_again_with_the_product_set_upright() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let answer = again(&house, id.as_str(), r#"{"straighten": true}"#).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let new = answer.json()["jobId"].as_str().unwrap().to_owned();
    assert_ne!(new, id.as_str());
    let (old, new) = (house.store.job(&id).await.unwrap().unwrap(), JobId::parse(&new).unwrap());
    let new = house.store.job(&new).await.unwrap().unwrap();
    assert!(new.spec.staging.straighten && !new.spec.staging.normalize && !old.spec.staging.straighten);
    let mut same = new.spec.clone();
    same.staging = old.spec.staging;
    assert_eq!(same, old.spec, "nothing else differs");
    assert!(old.outcome.is_some() && new.outcome.is_none(), "the old one keeps its pictures");
    let shown = house.get(&format!("/api/jobs/{}", new.id)).await.json();
    assert_eq!(shown["staging"]["straighten"], true);
}

#[tokio::test]
async fn what_was_told_of_the_photo_stays_and_what_of_the_wishes_is_judged_anew() {
    let house = house().await;
    let mut job = house.job("mug.gif", "ab");
    job.spec.sources[0].notices = vec!["Only the first frame was used.".into()];
    job.spec.identifier = Some("SKU 7".into());
    job.spec.notices = vec!["The marketplace's rules of yesterday were heeded.".into()];
    house.store.insert(&job).await.unwrap();
    let answer = again(&house, job.id.as_str(), "{}").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let path = format!("/api/jobs/{}", answer.json()["jobId"].as_str().unwrap());
    let notices = house.get(&path).await.json()["notices"].clone();
    assert_eq!(notices[0], "Only the first frame was used.");
    assert!(notices[1].as_str().unwrap().contains("is no ASIN"), "{notices}");
    assert_eq!(notices.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_job_whose_preset_is_gone_is_not_made_again() {
    let house = house().await;
    let mut job = house.job("mug.jpg", "ab");
    job.spec.preset = "amazon_mian".into();
    house.store.insert(&job).await.unwrap();
    let answer = again(&house, job.id.as_str(), "{}").await;
    let told = (answer.status, answer.code());
    assert_eq!(told, (StatusCode::UNPROCESSABLE_ENTITY, "unknown_preset".to_owned()), "{}", answer.text());
    assert_eq!(house.store.jobs(&JobFilter::default()).await.unwrap().len(), 1, "no job was made");
}

#[tokio::test]
async fn what_can_not_be_made_again_is_told() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    for wish in ["", "[]", "{\"straighten\": 1}", "{\"scene\": \"white\"}"] {
        let answer = again(&house, id.as_str(), wish).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "wrong_field"),
            "{wish}"
        );
    }
    let large = again(&house, id.as_str(), &" ".repeat(2000)).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let unknown = JobId::new(Timestamp::UNIX_EPOCH);
    for id in [unknown.as_str(), "nonsense"] {
        assert_eq!(again(&house, id, "{}").await.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn only_whoever_may_generate_makes_a_job_again() {
    let house = house_with(|config| config.open = false).await;
    let id = house.succeeded(1, report("Size")).await;
    assert_eq!(again(&house, id.as_str(), "{}").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_might_bill_again_is_not_made_again() {
    let house = house_made_by(Maker::generative(3.9)).await;
    let id = house.succeeded(1, report("Size")).await;
    let answer = again(&house, id.as_str(), r#"{"straighten": true}"#).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "not_the_local_engine"));
    assert_eq!(house.get(&format!("/api/jobs/{id}")).await.json()["costCents"], 3.9);
    assert_eq!(house.store.jobs(&JobFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_making_a_job_again_costs_is_told_before() {
    for (maker, cents) in [
        (Maker::LOCAL, json!(0.0)),
        (Maker { cents_per_image: 1.5, ..Maker::LOCAL }, json!(4.5)),
        (Maker::generative(3.9), json!(null)),
    ] {
        let house = house_made_by(maker).await;
        let id = house.succeeded(1, report("Size")).await;
        assert_eq!(house.get(&format!("/api/jobs/{id}")).await.json()["againCents"], cents, "{maker:?}");
    }
}

/// A job that has failed, whoever makes its pictures.
async fn failed(house: &House) -> JobId {
    let mut job = house.job("mug.jpg", "ab");
    job.phase = Phase::Done;
    job.finished_at = Some(house.clock.now());
    job.outcome = Some(Outcome::Failed(JobError::new("no_product", "No product.", "Move closer.")));
    house.store.insert(&job).await.unwrap();
    job.id
}

#[tokio::test]
async fn what_has_failed_is_made_again_for_its_price() {
    for (maker, each) in [(Maker::generative(3.9), 3.9), (Maker::LOCAL, 0.0)] {
        let house = house_made_by(maker).await;
        let id = failed(&house).await;
        let shown = house.get(&format!("/api/jobs/{id}")).await.json();
        assert_eq!(shown["againCents"], each * 3.0, "{shown}");
        let answer = again(&house, id.as_str(), "{}").await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        assert_eq!(answer.json()["costCents"], each * 3.0);
        let new = house.get(&format!("/api/jobs/{}", answer.json()["jobId"].as_str().unwrap())).await.json();
        let local = maker == Maker::LOCAL;
        assert_eq!(
            new["againCents"],
            if local { json!(0.0) } else { json!(null) },
            "another one only once it has failed, too"
        );
    }
}

#[tokio::test]
async fn a_key_pays_for_what_is_made_again() {
    let house = house_made_by(Maker::generative(3.9)).await;
    let admin = [("content-type", "application/json"), ("authorization", &*format!("Bearer {TOKEN}"))];
    let wish = Body::from(r#"{"name": "shop", "tier": "paid", "monthlyBudgetCents": 12}"#);
    let made = house.send(request(Method::POST, "/api/keys", &admin, wish)).await;
    let secret = format!("Bearer {}", made.json()["secret"].as_str().unwrap());
    let id = failed(&house).await;
    let own = [("content-type", "application/json"), ("authorization", &*secret)];
    let mut told = Vec::new();
    for _ in 0..2 {
        let wish = request(Method::POST, &format!("/api/jobs/{id}/again"), &own, Body::from("{}"));
        told.push(house.send(wish).await.status.as_u16());
    }
    assert_eq!(told, [202, 402], "the month holds it once");
}

//! `POST /api/jobs`, its answer, and the files that the answer named: who may ask, what is refused, what is served and how.

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_studio::config::{Maker, Makers};
use plantain_studio::job::making::AnyInput;
use plantain_studio::job::medium::{KeptMedium, Kind, Medium};
use plantain_studio::job::{Finished, JobId, Making, Outcome, Phase};
use plantain_studio::store::JobFilter;
use plantain_wire::endpoint::EndpointPattern;
use serde_json::json;

use super::house::{Answer, House, TOKEN, house, house_made_by, house_of, house_with, report, request};

async fn ask_with(house: &House, body: &str, headers: &[(&str, &str)]) -> Answer {
    let all: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
    house.send(request(Method::POST, "/api/jobs", &all, Body::from(body.to_owned()))).await
}

const CHAIR: &str =
    r#"{"endpoint": "fal-ai/flux/dev", "input": {"prompt": "a chair",  "seed": 174542204382423151740001}}"#;

#[tokio::test]
async fn any_endpoint_is_asked_with_its_own_input() {
    let house = house_made_by(Maker::generative(5.0)).await;
    let key = [("idempotency-key", "k")];
    let first = ask_with(&house, CHAIR, &key).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    assert_eq!(first.json()["costCents"], 5.0);
    assert_eq!(ask_with(&house, CHAIR, &key).await.json(), first.json());
    let job = house.store.jobs(&JobFilter::default()).await.unwrap().pop().unwrap();
    assert_eq!(job.spec.making.own_input(), Some(r#"{"prompt": "a chair",  "seed": 174542204382423151740001}"#));
    let page = house.get_with(&format!("/jobs/{}", job.id), &[("accept", "text/html")]).await.text();
    assert!(page.contains("fal-ai/flux/dev") && page.contains("a chair"));
    let none = house.get(&format!("/api/jobs/{}/result", job.id)).await;
    assert_eq!((none.status, none.code().as_str()), (StatusCode::CONFLICT, "no_result"));
}

#[tokio::test]
async fn what_can_not_be_asked_is_told() {
    let house = house().await;
    for (body, status, code) in [
        ("", 400, "not_json"),
        ("{", 400, "not_json"),
        ("{}", 422, "wrong_field"),
        (r#"{"endpoint": "flux", "input": {}}"#, 422, "endpoint_unusable"),
        (r#"{"endpoint": "a/../b", "input": {}}"#, 422, "endpoint_unusable"),
        (r#"{"endpoint": "a/b", "input": []}"#, 422, "no_input"),
        (r#"{"endpoint": "a/b", "input": null}"#, 422, "no_input"),
        (r#"{"endpoint": "a/b", "input": {}, "sku": "../x"}"#, 422, "identifier_unusable"),
        (r#"{"endpoint": "a/b", "input": {}, "preset": "ebay"}"#, 422, "wrong_field"),
    ] {
        let answer = ask_with(&house, body, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body}");
    }
    let large = format!(r#"{{"endpoint": "a/b", "input": {{"x": "{}"}}}}"#, "x".repeat(256 * 1024));
    assert_eq!(ask_with(&house, &large, &[]).await.code(), "input_too_large");
    assert_eq!(house.store.jobs(&JobFilter::default()).await.unwrap(), []);
}

#[tokio::test]
async fn strangers_choose_no_endpoint_and_a_budget_needs_a_price() {
    let house = house_with(|config| config.loopback = false).await;
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(ask_with(&house, CHAIR, &[]).await.code(), "tier_too_low");
    assert_eq!(ask_with(&house, CHAIR, &[("authorization", &bearer)]).await.status, StatusCode::ACCEPTED);
    let key = async |wish: serde_json::Value| {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let made = house.send(request(Method::POST, "/api/keys", &headers, Body::from(wish.to_string()))).await;
        format!("Bearer {}", made.json()["secret"].as_str().unwrap_or_else(|| panic!("{}", made.text())))
    };
    let free = key(json!({"name": "free", "tier": "free"})).await;
    assert_eq!(ask_with(&house, CHAIR, &[("authorization", &free)]).await.code(), "tier_too_low");
    let paid = key(json!({"name": "paid", "tier": "paid"})).await;
    assert_eq!(ask_with(&house, CHAIR, &[("authorization", &paid)]).await.status, StatusCode::ACCEPTED);
    let bounded = key(json!({"name": "bounded", "tier": "paid", "monthlyBudgetCents": 100})).await;
    assert_eq!(ask_with(&house, CHAIR, &[("authorization", &bounded)]).await.code(), "price_unknown");
}

#[tokio::test]
async fn what_an_endpoint_costs_is_told_where_somebody_has_said_so() {
    let makers = Makers::only(Maker::LOCAL).with(EndpointPattern::new("fal-ai/flux/*"), Maker::generative(2.5));
    let house = house_of(makers).await;
    for (endpoint, cents) in [("fal-ai/flux/dev", json!(2.5)), ("fal-ai/kling", json!(null))] {
        let answer = house.get(&format!("/api/price?endpoint={endpoint}")).await;
        assert_eq!(answer.json(), json!({"endpoint": endpoint, "centsPerImage": cents}));
    }
    for (query, status, code) in [("?endpoint=flux", 422, "endpoint_unusable"), ("", 400, "bad_query")] {
        let answer = house.get(&format!("/api/price{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{query}");
    }
    let closed = house_with(|config| config.open = false).await;
    assert_eq!(closed.get("/api/price?endpoint=a/b").await.status, StatusCode::UNAUTHORIZED);
}

/// A job whose answer named a film, a page and something that is only linked.
async fn answered(house: &House) -> JobId {
    let first = house.succeeded(1, report("Size")).await;
    let mut job = house.store.job(&first).await.unwrap().unwrap();
    let film = house.blobs.put((0..=255).collect::<Vec<u8>>().into()).await.unwrap().as_str().to_owned();
    let kept = |kind, content_type: &str, file_name: &str| KeptMedium {
        blob: film.clone(),
        kind,
        content_type: content_type.to_owned(),
        file_name: file_name.to_owned(),
        bytes: 256,
        size: None,
    };
    let medium = |kept, note: Option<&str>| Medium {
        at: "/x/url".into(),
        url: "https://queue.test/x.mp4?token=1".into(),
        kept,
        note: note.map(str::to_owned),
    };
    job.id = JobId::new(house.clock.now());
    job.spec.preset = String::new();
    job.spec.making = Making::Any(Box::new(AnyInput { input: "{}".into() }));
    (job.phase, job.result_at) = (Phase::Done, Some(house.clock.now()));
    job.outcome = Some(Outcome::Succeeded(Finished {
        pictures: Vec::new(),
        media: vec![
            medium(Some(kept(Kind::Video, "video/mp4", "a.mp4")), None),
            medium(Some(kept(Kind::File, "application/octet-stream", "a.bin")), None),
            medium(None, Some("It is too large.")),
        ],
        description: None,
        notices: Vec::new(),
        cutout: None,
        tilt_degrees: None,
    }));
    house.store.insert(&job).await.unwrap();
    job.id
}

#[tokio::test]
async fn files_are_served_so_that_nothing_runs_and_in_parts() {
    let house = house().await;
    let id = answered(&house).await;
    let film = format!("/api/jobs/{id}/media/1");
    let whole = house.get(&film).await;
    assert_eq!((whole.status, whole.body.len(), whole.header("content-type")), (StatusCode::OK, 256, "video/mp4"));
    assert!(
        whole.header("content-disposition").starts_with("inline")
            && whole.header("x-content-type-options") == "nosniff"
    );
    assert!(whole.header("content-security-policy").contains("sandbox"));
    let packed = house.get_with(&film, &[("accept-encoding", "gzip")]).await;
    assert!(!packed.headers.contains_key("content-encoding") && packed.header("accept-ranges") == "bytes");
    for (range, status, told, length) in [
        ("bytes=0-9", 206, "bytes 0-9/256", 10),
        ("bytes=250-", 206, "bytes 250-255/256", 6),
        ("bytes=-6", 206, "bytes 250-255/256", 6),
    ] {
        let part = house.get_with(&film, &[("range", range)]).await;
        assert_eq!(
            (part.status.as_u16(), part.header("content-range"), part.body.len()),
            (status, told, length),
            "{range}"
        );
        assert_eq!(
            part.body[..],
            whole.body[whole.body.len() - if range == "bytes=0-9" { 256 } else { 6 }..][..length]
        );
    }
    assert_eq!(house.get_with(&film, &[("range", "bytes=999-")]).await.code(), "no_such_part");
    let known = [("if-none-match", whole.header("etag"))];
    assert_eq!(house.get_with(&film, &known).await.status, StatusCode::NOT_MODIFIED);
    let other = house.get(&format!("/api/jobs/{id}/media/2")).await;
    assert!(other.header("content-disposition").starts_with("attachment"));
    for n in ["0", "3", "4", "x"] {
        assert_eq!(house.get(&format!("/api/jobs/{id}/media/{n}")).await.code(), "no_such_picture", "{n}");
    }
    let shown = house.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!((&shown["media"][2]["url"], &shown["media"][2]["note"]), (&json!(null), &json!("It is too large.")));
    let page = house.get_with(&format!("/jobs/{id}"), &[("accept", "text/html")]).await;
    assert!(page.header("content-security-policy").contains("media-src 'self'"));
    assert!(page.text().contains("<video") && page.text().contains("noreferrer"));
}

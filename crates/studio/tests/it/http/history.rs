//! Choosing a picture, taking all of them, sharing them, and forgetting a job.

use std::io::{Cursor, Read};
use std::time::Duration;

use axum::body::Body;
use http::{Method, StatusCode};
use jiff::Timestamp;
use plantain_studio::job::JobId;
use plantain_studio::view::Which;
use serde_json::{Value, json};
use zip::ZipArchive;

use super::house::{Answer, House, TOKEN, ask, file, house, house_with, photo, report, request};

/// As long as garbage waits, and a second.
const HOUR: Duration = Duration::from_secs(60 * 60 + 1);
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

async fn post(house: &House, path: &str, body: &str) -> Answer {
    let kind = &[("content-type", "application/json")];
    house.send(request(Method::POST, path, kind, Body::from(body.to_owned()))).await
}

#[tokio::test]
async fn the_picture_that_a_seller_uses_is_marked() {
    let house = house().await;
    let id = house.succeeded(3, report("Size")).await;
    let path = format!("/api/jobs/{id}/use");
    for (body, status, chosen) in [
        (r#"{"n": 2}"#, 200, json!(2)),
        (r#"{"n": 3}"#, 200, json!(3)),
        (r#"{"n": 4}"#, 404, json!(3)),
        (r#"{"n": 0}"#, 404, json!(3)),
        (r#"{"n": "2"}"#, 422, json!(3)),
        ("", 422, json!(3)),
        ("{}", 422, json!(3)),
        (r#"{"n": null}"#, 200, Value::Null),
    ] {
        let answer = post(&house, &path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text());
        let job = house.get(&format!("/api/jobs/{id}")).await.json();
        assert_eq!(job["chosen"], chosen, "{body}");
    }
    let unknown = format!("/api/jobs/{}/use", JobId::new(Timestamp::UNIX_EPOCH));
    assert_eq!(post(&house, &unknown, r#"{"n": 1}"#).await.text(), r#"{"status":"NOT_FOUND"}"#);
}

#[tokio::test]
async fn all_pictures_come_in_one_zip_under_their_names() {
    let house = house().await;
    let id = house.succeeded(3, report("Size")).await;
    let job = house.get(&format!("/api/jobs/{id}")).await.json();
    let answer = house.get(job["zipUrl"].as_str().unwrap()).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/zip"));
    let disposition = answer.header("content-disposition").to_owned();
    assert!(disposition.starts_with("attachment") && disposition.contains(".zip"), "{disposition}");
    let mut zip = ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let images = job["images"].as_array().unwrap();
    assert_eq!(zip.len(), images.len());
    for image in images {
        let whole = house.get(&format!("{}?download", image["url"].as_str().unwrap())).await.body;
        let mut packed = Vec::new();
        zip.by_name(image["fileName"].as_str().unwrap()).unwrap().read_to_end(&mut packed).unwrap();
        assert_eq!(packed, whole);
    }
    let open = house.generate().await;
    assert_eq!(house.get(&format!("/api/jobs/{open}/zip")).await.code(), "no_such_picture");
    assert!(house.get(&format!("/api/jobs/{open}")).await.json().get("zipUrl").is_none());
}

#[tokio::test]
async fn a_forgotten_job_is_gone_with_its_bytes() {
    let house = house().await;
    let id = house.succeeded(2, report("Size")).await;
    let kept = house.studio.picture(&id, Which::Result(1)).await.unwrap().unwrap();
    let used = house.get("/api/usage").await.json();
    assert!(used["jobs"] == 1 && used["bytes"].as_u64().unwrap() > 0, "{used}");
    let history = format!("/api/history/{id}");
    assert_eq!(house.send(ask(Method::DELETE, &history, &[])).await.status, StatusCode::NO_CONTENT);
    for path in ["", "/images/1", "/source", "/zip", "/sheet"] {
        assert_eq!(house.get(&format!("/api/jobs/{id}{path}")).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let used = house.get("/api/usage").await.json();
    assert_eq!((&used["jobs"], &used["bytes"], &used["monthCostCents"]), (&json!(0), &json!(0), &json!(0.0)));
    assert_eq!(house.send(ask(Method::DELETE, &history, &[])).await.status, StatusCode::NOT_FOUND);
    assert!(house.studio.bytes(&kept).await.unwrap().is_some(), "somebody may still be sent them");
    house.clock.advance(HOUR);
    assert!(house.studio.collect().await.unwrap() > 0);
    assert!(house.studio.bytes(&kept).await.unwrap().is_none());
    assert_eq!(house.studio.collect().await.unwrap(), 0);
}

#[tokio::test]
async fn a_job_that_runs_is_not_forgotten() {
    let house = house().await;
    let id = house.generate().await;
    let answer = house.send(ask(Method::DELETE, &format!("/api/history/{id}"), &[])).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "not_ended"));
    assert_eq!(house.get(&format!("/api/jobs/{id}")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn bytes_that_never_became_a_job_are_found_and_removed() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let orphan = house.blobs.put(bytes::Bytes::from_static(b"an upload whose job was refused")).await.unwrap();
    house.studio.walk().await.unwrap();
    house.clock.advance(HOUR);
    assert_eq!(house.studio.collect().await.unwrap(), 0, "it may become one");
    // The house's clock lies in the past of the disk's: by it nothing is old until it has passed the disk's.
    house.clock.advance(CENTURY);
    house.studio.walk().await.unwrap();
    house.clock.advance(HOUR);
    assert_eq!(house.studio.collect().await.unwrap(), 1);
    assert!(house.blobs.get(&orphan).await.unwrap().is_none());
    assert_eq!(house.get(&format!("/api/jobs/{id}/images/1")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_shared_link_shows_one_job_until_it_ends_and_changes_nothing() {
    let house = house_with(|config| config.loopback = false).await;
    let seller = house.get("/").await.header("set-cookie").split(';').next().unwrap().to_owned();
    let made = house.post_form(&[file("image", "mug.jpg", photo())], &[("cookie", &seller)]).await.json();
    let id = made["jobId"].as_str().unwrap().to_owned();
    let share = format!("/api/jobs/{id}/share");
    let kind = ("content-type", "application/json");
    let answer =
        house.send(request(Method::POST, &share, &[kind, ("cookie", &seller)], Body::from(r#"{"hours": 2}"#))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["expiresAt"], "2026-11-21T14:00:00Z");
    let link: url::Url = answer.json()["url"].as_str().unwrap().parse().unwrap();

    let followed = house.get(link.path()).await;
    assert_eq!((followed.status, followed.header("location")), (StatusCode::SEE_OTHER, &*format!("/jobs/{id}")));
    let guest = followed.header("set-cookie").split(';').next().unwrap().to_owned();
    let looks = async |path: &str| house.get_with(path, &[("cookie", &guest)]).await.status;
    let other = house.succeeded(1, report("Size")).await;
    for path in [format!("/jobs/{id}"), format!("/api/jobs/{id}"), format!("/api/jobs/{id}/source")] {
        assert_eq!(looks(&path).await, StatusCode::OK, "{path}");
        assert_eq!(house.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let marked = async |cookie: &str| {
        house.get_with(&format!("/jobs/{id}"), &[("cookie", cookie)]).await.text().contains("is-guest")
    };
    assert!(marked(&guest).await && !marked(&seller).await);
    for (method, path) in [
        (Method::DELETE, format!("/api/jobs/{id}")),
        (Method::DELETE, format!("/api/history/{id}")),
        (Method::POST, format!("/api/jobs/{id}/use")),
        (Method::POST, share.clone()),
        (Method::POST, format!("/api/jobs/{id}/strokes")),
    ] {
        let answer = house.send(ask(method.clone(), &path, &[("cookie", &guest)])).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    assert_eq!(house.get_with("/api/jobs", &[("cookie", &guest)]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(looks(&format!("/jobs/{other}")).await, StatusCode::OK, "it is nobody's");

    house.clock.advance(Duration::from_secs(2 * 60 * 60));
    assert_eq!(looks(&format!("/api/jobs/{id}")).await, StatusCode::NOT_FOUND);
    for dead in [link.path(), &format!("/share/{id}/1.00")] {
        let answer = house.get(dead).await;
        let told = answer.text().contains("It may have expired");
        assert_eq!((answer.status, told), (StatusCode::NOT_FOUND, true), "{dead}");
    }
}

#[tokio::test]
async fn a_wrong_wish_for_a_link_is_told() {
    let house = house().await;
    let id = house.generate().await;
    for body in ["", "[]", r#"{"hours": 0}"#, r#"{"hours": 721}"#, r#"{"days": 1}"#] {
        let answer = post(&house, &format!("/api/jobs/{id}/share"), body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "wrong_field"), "{body}");
    }
    assert_eq!(post(&house, &format!("/api/jobs/{id}/share"), "{}").await.status, StatusCode::OK);
    let nobodys = house.succeeded(1, report("Size")).await;
    let refused = post(&house, &format!("/api/jobs/{nobodys}/share"), "{}").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "not_owned"));
}

#[tokio::test]
async fn a_public_studio_tells_its_usage_to_those_it_knows() {
    let house = house_with(|config| config.loopback = false).await;
    house.succeeded(1, report("Size")).await;
    assert_eq!(house.get("/api/usage").await.status, StatusCode::UNAUTHORIZED);
    let seller = house.get("/").await.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(house.get_with("/api/usage", &[("cookie", &seller)]).await.json()["jobs"], 0);
    let operator = format!("Bearer {TOKEN}");
    assert_eq!(house.get_with("/api/usage", &[("authorization", &operator)]).await.json()["jobs"], 1);
}

//! Making a job's pictures anew of its corrected cut-out, and what survives a lost answer or a crowd.

use futures_util::future::join_all;
use http::{Method, StatusCode};
use plantain_studio::job::{JobId, Outcome};
use serde_json::{Value, json};

use super::brush::{add, apply, erase, grey, job, job_with, keep, ok, put, refused, send};
use super::house::{House, house};

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_answered_again_and_stands_once() {
    let house = house().await;
    let id = job(&house).await;
    for again in 0..3 {
        let said = ok(&add(&house, &id, 0, json!([keep()])).await);
        assert_eq!((&said["revision"], &said["strokes"]), (&json!(1), &json!(1)), "{again}");
        assert!(said["changed"].is_object() && said["matte"].is_string());
    }
    for _ in 0..2 {
        let said = ok(&put(&house, &id, 1, json!([keep(), erase()])).await);
        assert_eq!((&said["revision"], &said["strokes"]), (&json!(2), &json!(2)));
        assert!(!said["changed"].is_null(), "{said}");
    }
    refused(&add(&house, &id, 1, json!([keep()])).await, 409, "strokes_changed");
    refused(&put(&house, &id, 1, json!([erase()])).await, 409, "strokes_changed");
    refused(&add(&house, &id, 0, json!([erase()])).await, 409, "strokes_changed");
    refused(&add(&house, &id, 1, json!([])).await, 409, "strokes_changed");
    let (one, other) = tokio::join!(add(&house, &id, 2, json!([erase()])), add(&house, &id, 2, json!([erase()])));
    assert_eq!((&ok(&one)["revision"], &ok(&other)["strokes"]), (&json!(3), &json!(3)), "both at once too");
}

#[tokio::test]
async fn what_follows_a_kept_change_and_fails_tells_its_revision() {
    let house = house().await;
    let id = job(&house).await;
    let all = json!({"kind": "erase", "radius": 600, "points": [[500, 450]]});
    let body = json!({"revision": 0, "strokes": [all], "finish": true});
    for _ in 0..2 {
        let answer = send(&house, Method::POST, &format!("/api/jobs/{id}/strokes"), &body).await;
        refused(&answer, 422, "nothing_left");
        assert_eq!(answer.json()["revision"], 1);
    }
    let kept = ok(&house.get(&format!("/api/jobs/{id}/strokes")).await);
    assert_eq!((&kept["revision"], kept["strokes"].as_array().unwrap().len()), (&json!(1), 1));
    assert!(apply(&house, &id, 1).await.json().get("revision").is_none(), "nothing was kept by this call");
}

#[tokio::test]
async fn strokes_that_would_take_minutes_together_are_refused() {
    let house = house().await;
    let id = job(&house).await;
    let broad = json!({"kind": "keep", "radius": 1200, "points": [[600, 450]]});
    refused(&add(&house, &id, 0, json!(vec![broad.clone(); 33])).await, 422, "strokes_too_broad");
    ok(&add(&house, &id, 0, json!([broad])).await);
    refused(&add(&house, &id, 1, json!(vec![broad; 32])).await, 422, "strokes_too_broad");
    assert_eq!(ok(&house.get(&format!("/api/jobs/{id}/strokes")).await)["revision"], 1);
}

#[tokio::test]
async fn what_may_have_changed_follows_from_the_strokes_alone() {
    let house = house().await;
    let id = job(&house).await;
    let drawn = ok(&add(&house, &id, 0, json!([keep()])).await);
    let further = ok(&add(&house, &id, 1, json!([erase()])).await);
    // What was made leaves the memory, as it does when the process starts anew.
    ok(&apply(&house, &id, 2).await);
    let undone = ok(&put(&house, &id, 2, json!([keep()])).await);
    assert_eq!(undone["changed"], further["changed"]);
    ok(&apply(&house, &id, 3).await);
    assert_eq!(ok(&put(&house, &id, 3, json!([])).await)["changed"], drawn["changed"]);
    assert_eq!(ok(&put(&house, &id, 4, json!([])).await)["changed"], Value::Null);
}

#[tokio::test]
async fn a_revision_whose_pictures_are_there_is_answered_as_it_is() {
    let house = house().await;
    let id = job(&house).await;
    ok(&add(&house, &id, 0, json!([keep()])).await);
    let done = ok(&apply(&house, &id, 1).await);
    let mut job = house.store.job(&id).await.unwrap().unwrap();
    let photo = plantain_blobs::BlobKey::parse(&job.spec.sources.remove(0).blob).unwrap();
    house.blobs.delete(&photo).await.unwrap();
    assert_eq!(ok(&apply(&house, &id, 1).await), done, "nothing is made again");
}

async fn with_notices(house: &House, notices: &[&str], enlarged: Option<&str>) -> JobId {
    let id = job_with(house, |cutout| cutout.enlarged = enlarged.map(str::to_owned)).await;
    let mut job = house.store.job(&id).await.unwrap().unwrap();
    job.id = JobId::new(house.clock.now());
    let Some(Outcome::Succeeded(finished)) = &mut job.outcome else { panic!("it has succeeded") };
    finished.notices = notices.iter().map(|notice| (*notice).to_owned()).collect();
    house.store.insert(&job).await.unwrap();
    job.id
}

#[tokio::test]
async fn a_correction_says_anew_only_what_it_measures_anew() {
    let house = house().await;
    let left_out = "1 of 3 pictures could not be used and were left out.";
    let id = with_notices(&house, &[left_out, "enlarged 99 times"], Some("enlarged 99 times")).await;
    ok(&add(&house, &id, 0, json!([keep()])).await);
    let notices = ok(&apply(&house, &id, 1).await)["notices"].clone();
    assert_eq!(notices[0], left_out);
    assert!(notices[1].as_str().unwrap().contains("was enlarged"), "{notices}");
    assert_eq!(notices.as_array().unwrap().len(), 2, "{notices}");
}

#[tokio::test]
async fn a_corrected_picture_has_its_cut_out_beside_it() {
    let house = house().await;
    let id = job(&house).await;
    ok(&add(&house, &id, 0, json!([keep()])).await);
    let done = ok(&apply(&house, &id, 1).await);
    for (n, image) in (1..).zip(done["images"].as_array().unwrap()) {
        let url = image["matteUrl"].as_str().unwrap();
        assert_eq!(url, format!("/api/jobs/{id}/corrected/1/{n}/matte"));
        let matte = house.get(url).await;
        assert_eq!((matte.status, matte.header("content-type")), (StatusCode::OK, "image/png"));
        let (width, height, pixels) = grey(&matte.body);
        assert_eq!((json!(width), json!(height)), (image["width"].clone(), image["height"].clone()));
        assert!(pixels.contains(&255) && pixels[0] == 0);
    }
    for nothing in ["corrected/2/1/matte", "corrected/1/4/matte", "corrected/1/0/matte", "corrected/x/1/matte"] {
        refused(&house.get(&format!("/api/jobs/{id}/{nothing}")).await, 404, "no_such_picture");
    }
}

#[tokio::test]
async fn a_crowd_that_applies_at_once_is_told_to_come_back_and_nothing_is_lost() {
    let house = house().await;
    let ids = join_all((0..5).map(|_| job(&house))).await;
    let answers = join_all(ids.iter().map(|id| apply(&house, id, 0))).await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert!((1..5).contains(&made), "{made}");
    for answer in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
        refused(answer, 503, "busy");
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    let turned_away = answers.iter().position(|answer| answer.status != StatusCode::OK).unwrap();
    assert_eq!(ok(&apply(&house, &ids[turned_away], 0).await)["corrected"], 0);
}

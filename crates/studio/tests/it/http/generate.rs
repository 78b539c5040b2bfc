//! `POST /api/generate`: what is accepted, and what a seller is told where it isn't.

use axum::body::Body;
use http::{Method, StatusCode};
use plantain_studio::job::JobId;

use super::house::{Part, file, form_body, form_request, house, in_the_end, photo, request, text};

#[tokio::test]
async fn a_photo_becomes_a_job() {
    let house = house().await;
    let parts = [
        file("image", "mug.jpg", photo()),
        text("prompt", "soft light"),
        text("preset", "ebay"),
        text("num_images", "2"),
        text("identifier", "SKU-7"),
        text("box", "1,2,30,40"),
        text("include", "5,6"),
        text("include", "7,8"),
    ];
    let answer = house.post_form(&parts, &[]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let begun = answer.json();
    let id = JobId::parse(begun["jobId"].as_str().unwrap()).unwrap();
    assert_eq!(begun["status"], "QUEUED");
    assert!(begun["requestId"].is_null(), "no queue answered");
    assert_eq!(begun["statusUrl"], format!("/api/jobs/{id}"));
    assert_eq!(begun["eventsUrl"], format!("/api/jobs/{id}/events"));
    assert_eq!(answer.header("location"), format!("/api/jobs/{id}"));
    let job = house.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!((&job["preset"], &job["prompt"], &job["numImages"]), (&"ebay".into(), &"soft light".into(), &2.into()));
    assert_eq!(job["sourceName"], "mug.jpg");
}

#[tokio::test]
async fn pictures_by_address_come_in_the_same_form() {
    let house = house().await;
    let parts = [file("image", "mug.jpg", photo()), text("image_url", "https://pictures.test/a.jpg")];
    let answer = house.post_form(&parts, &[]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let id = JobId::parse(answer.json()["jobId"].as_str().unwrap()).unwrap();
    let job = house.store.job(&id).await.unwrap().unwrap();
    assert_eq!((job.spec.sources.len(), job.spec.image_urls[0].as_str()), (1, "https://pictures.test/a.jpg"));
    for (address, code) in [("no address", "image_url_unusable"), ("ftp://a.test/x.jpg", "image_url_unusable")] {
        let answer = house.post_form(&[file("image", "mug.jpg", photo()), text("image_url", address)], &[]).await;
        assert_eq!(answer.code(), code, "{address}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("picture 2"), "{}", answer.text());
    }
}

#[tokio::test]
async fn whoever_waits_is_given_the_ended_job_or_what_was_begun() {
    let house = house().await;
    let post = |wait: &str| {
        let mut request = form_request(form_body(&[file("image", "mug.jpg", photo())]), &[]);
        *request.uri_mut() = format!("/api/generate?wait={wait}").parse().unwrap();
        house.send(request)
    };
    let begun = in_the_end(&house.clock, post("2")).await;
    assert_eq!((begun.status, &begun.json()["status"]), (StatusCode::ACCEPTED, &"QUEUED".into()), "{}", begun.text());
    assert!(begun.json()["statusUrl"].is_string());
    let before = begun.json()["jobId"].clone();
    let cancel = async {
        loop {
            let jobs = house.get("/api/jobs").await.json();
            let newest = jobs["jobs"][0]["jobId"].clone();
            if newest != before {
                break house.studio.cancel(&JobId::parse(newest.as_str().unwrap()).unwrap()).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    };
    let (ended, _) = tokio::join!(post("120"), cancel);
    assert_eq!((ended.status, &ended.json()["status"]), (StatusCode::OK, &"CANCELED".into()), "{}", ended.text());
    assert_eq!(ended.header("location"), format!("/api/jobs/{}", ended.json()["jobId"].as_str().unwrap()));
    let refused = post("121").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "bad_wait".to_owned()));
}

#[tokio::test]
async fn a_photo_without_a_name_is_given_one() {
    let house = house().await;
    let answer = house.post_form(&[text("image", photo())], &[]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let job = house.get(answer.json()["statusUrl"].as_str().unwrap()).await.json();
    assert_eq!(job["sourceName"], "photo-1.jpg");
}

#[tokio::test]
async fn what_a_second_picture_and_a_foreign_number_are_used_for_is_told_at_once() {
    let house = house().await;
    for (preset, words) in [("amazon_main", "demands a white background"), ("amazon_additional", "as its backdrop")] {
        let parts = [
            file("image", "mug.jpg", photo()),
            file("image", "table.jpg", photo()),
            text("preset", preset),
            text("identifier", "my mug"),
        ];
        let begun = house.post_form(&parts, &[]).await.json();
        let notices: Vec<&str> = begun["notices"].as_array().unwrap().iter().filter_map(|n| n.as_str()).collect();
        assert!(notices.len() == 2 && notices[0].contains(words), "{begun:#}");
        assert!(notices[1].contains("\"my mug\" is no ASIN"), "{begun:#}");
    }
}

#[tokio::test]
async fn a_browser_without_scripts_is_led_to_the_job() {
    let house = house().await;
    let answer = house.post_form(&[file("image", "mug.jpg", photo())], &[("accept", "text/html,*/*")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.header("location").starts_with("/jobs/"));
    let refused = house.post_form(&[file("image", "", "")], &[("accept", "text/html,*/*")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("No photo was sent."), "{}", refused.text());
    assert!(refused.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn every_wrong_form_is_told_what_is_wrong_with_it() {
    let house = house().await;
    let image = || file("image", "mug.jpg", photo());
    let cases: Vec<(&str, Vec<Part>, u16, &str)> = vec![
        ("nothing", vec![], 422, "photo_missing"),
        ("no file chosen", vec![file("image", "", "")], 422, "photo_missing"),
        ("an empty file", vec![file("image", "mug.jpg", "")], 422, "picture_empty"),
        ("words for a photo", vec![file("image", "mug.jpg", "hello")], 415, "not_a_picture"),
        ("an unknown preset", vec![image(), text("preset", "amazon_mian")], 422, "unknown_preset"),
        ("no pictures", vec![image(), text("num_images", "0")], 422, "num_images_out_of_range"),
        ("99 pictures", vec![image(), text("num_images", "99")], 422, "num_images_out_of_range"),
        ("999 pictures", vec![image(), text("num_images", "999")], 422, "num_images_out_of_range"),
        ("some pictures", vec![image(), text("num_images", "some")], 422, "num_images_not_a_number"),
        ("two prompts", vec![image(), text("prompt", "a"), text("prompt", "b")], 422, "repeated_field"),
        ("a misspelt field", vec![image(), text("promt", "a")], 422, "unknown_field"),
        ("a prompt in Latin-1", vec![image(), text("prompt", b"caf\xe9")], 400, "not_utf8"),
        ("a long prompt", vec![image(), text("prompt", "x".repeat(4_001))], 422, "prompt_too_long"),
        ("an endless prompt", vec![image(), text("prompt", "x".repeat(70_000))], 413, "too_large"),
        ("a box too small to show anything", vec![image(), text("box", "1,1,15,90")], 422, "choice_outside_photo"),
        ("a box beside the photo", vec![image(), text("box", "60000,0,20,20")], 422, "choice_outside_photo"),
        ("a box of nothing", vec![image(), text("box", "5,5,0,9")], 422, "box_malformed"),
        ("half a box", vec![image(), text("box", "5,5")], 422, "box_malformed"),
        ("a point beside the photo", vec![image(), text("exclude", "0,60000")], 422, "choice_outside_photo"),
        ("a point that is no number", vec![image(), text("include", "NaN,1")], 422, "point_malformed"),
        ("nine photos", (0..9).map(|_| image()).collect(), 422, "too_many_photos"),
        ("minus one picture", vec![image(), text("num_images", "-1")], 422, "num_images_out_of_range"),
        ("a path for a number", vec![image(), text("identifier", "../../../x")], 422, "identifier_unusable"),
        ("a line break in a number", vec![image(), text("identifier", "a\nb")], 422, "identifier_unusable"),
    ];
    for (what, parts, status, code) in cases {
        let answer = house.post_form(&parts, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{what}: {}", answer.text());
    }
    let jobs = house.get("/api/jobs").await.json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 0, "nothing of it became a job");
}

#[tokio::test]
async fn of_several_photos_the_one_that_can_not_be_read_is_named_and_nothing_begins() {
    let house = house().await;
    let broken = plantain_testkit::photo::not_a_picture();
    let parts =
        [file("image", "mug.jpg", photo()), file("image", "notes.jpg", broken), file("image", "b.jpg", photo())];
    let answer = house.post_form(&parts, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (415, "format_not_supported"), "{}", answer.text());
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains('2'), "{message}");
    assert_eq!(house.get("/api/jobs").await.json()["jobs"], serde_json::json!([]));
}

#[tokio::test]
async fn an_unknown_preset_is_answered_with_the_nearest() {
    let house = house().await;
    let parts = [file("image", "mug.jpg", photo()), text("preset", "amazn_main")];
    let answer = house.post_form(&parts, &[]).await;
    assert!(answer.json()["error"]["hint"].as_str().unwrap().contains("amazon_main"), "{}", answer.text());
}

#[tokio::test]
async fn what_is_no_form_is_told_so() {
    let house = house().await;
    let whole = form_body(&[file("image", "mug.jpg", photo())]);
    let cut = whole[..whole.len() - 40].to_vec();
    let post = |kind: &'static str, body: Vec<u8>| {
        request(Method::POST, "/api/generate", &[("content-type", kind)], Body::from(body))
    };
    for (what, sent, status, code) in [
        ("no type", request(Method::POST, "/api/generate", &[], Body::from("x")), 415, "unsupported_media_type"),
        ("plain text", post("text/plain", b"x".to_vec()), 415, "unsupported_media_type"),
        (
            "an urlencoded form",
            post("application/x-www-form-urlencoded", b"a=b".to_vec()),
            415,
            "unsupported_media_type",
        ),
        ("no boundary", post("multipart/form-data", whole.clone()), 400, "form_malformed"),
        ("another boundary", post("multipart/form-data; boundary=other", whole.clone()), 400, "form_malformed"),
        ("no bytes", form_request(Body::empty(), &[]), 400, "form_malformed"),
        ("a cut form", form_request(cut, &[]), 400, "form_malformed"),
        ("no JSON", post("application/json", b"{".to_vec()), 400, "not_json"),
        ("wrong JSON", post("application/json", b"{\"images\": 3}".to_vec()), 422, "wrong_field"),
        ("JSON without pictures", post("application/json", b"{}".to_vec()), 422, "photo_missing"),
        (
            "deep JSON",
            post("application/json", format!("{{\"image_urls\":{}", "[".repeat(100_000)).into_bytes()),
            422,
            "wrong_field",
        ),
    ] {
        let answer = house.send(sent).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{what}: {}", answer.text());
    }
}

#[tokio::test]
async fn pictures_may_come_by_address() {
    let house = house().await;
    let body = r#"{"image_urls": ["https://pictures.example/mug.jpg"], "prompt": "on linen", "num_images": 1}"#;
    let kind = [("content-type", "application/json; charset=utf-8")];
    let answer = house.send(request(Method::POST, "/api/generate", &kind, Body::from(body))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    assert_eq!(answer.json()["preset"], "amazon_main");
}

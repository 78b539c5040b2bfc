//! Correcting a cut-out: strokes, the matte that they lead to, undo, conflicts, and the pictures made anew.

use std::io::Cursor;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use plantain_media::compose::{Behind, Recipe, SceneRules, top_three};
use plantain_media::preset::Presets;
use plantain_studio::job::correction::KeptMatte;
use plantain_studio::job::{JobId, KeptCutout, Outcome};

use super::house::{Answer, House, TOKEN, house, house_with, report, request};

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 900;

/// The product of the fixture, without its right half.
fn half_a_jar() -> Bytes {
    let inside = |x: u32, y: u32| (375..580).contains(&x) && (150..735).contains(&y);
    let pixels: Vec<u8> =
        (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| if inside(x, y) { 255 } else { 0 })).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes.into()
}

/// Width, height and pixels of a grey PNG.
pub fn grey(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Grayscale);
    (info.width, info.height, pixels)
}

/// A job with three pictures and a cut-out that lacks half of the product.
pub async fn job_with(house: &House, change: impl FnOnce(&mut KeptCutout)) -> JobId {
    let photo = house.blobs.put(plantain_testkit::photo::jpeg_of_size(WIDTH, HEIGHT).into()).await.unwrap();
    let matte = house.blobs.put(half_a_jar()).await.unwrap();
    let first = house.succeeded(3, report("size")).await;
    let mut job = house.store.job(&first).await.unwrap().unwrap();
    job.id = JobId::new(house.clock.now());
    job.spec.sources[0].blob = photo.as_str().to_owned();
    (job.spec.sources[0].width, job.spec.sources[0].height) = (WIDTH, HEIGHT);
    let rules = SceneRules::of(Presets::builtin().get("amazon_main").unwrap(), 7);
    let mut cutout = KeptCutout {
        matte: KeptMatte { blob: matte.as_str().to_owned(), straightened: None },
        enlarged: None,
        scenes: top_three(&rules).iter().map(Recipe::of).collect(),
    };
    change(&mut cutout);
    let Some(Outcome::Succeeded(finished)) = &mut job.outcome else { panic!("it has succeeded") };
    finished.cutout = Some(Box::new(cutout));
    house.store.insert(&job).await.unwrap();
    job.id
}

pub async fn job(house: &House) -> JobId {
    job_with(house, |_| {}).await
}

pub fn keep() -> Value {
    json!({"kind": "keep", "radius": 40, "points": [[640, 250], [700, 450], [640, 640]]})
}

pub fn erase() -> Value {
    json!({"kind": "erase", "radius": 30, "points": [[420, 200]]})
}

pub async fn send(house: &House, method: Method, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    house.send(request(method, path, &headers, Body::from(body.to_string()))).await
}

pub async fn add(house: &House, id: &JobId, revision: u64, strokes: Value) -> Answer {
    let body = json!({"revision": revision, "strokes": strokes});
    send(house, Method::POST, &format!("/api/jobs/{id}/strokes"), &body).await
}

pub async fn put(house: &House, id: &JobId, revision: u64, strokes: Value) -> Answer {
    let body = json!({"revision": revision, "strokes": strokes});
    send(house, Method::PUT, &format!("/api/jobs/{id}/strokes"), &body).await
}

pub async fn apply(house: &House, id: &JobId, revision: u64) -> Answer {
    send(house, Method::POST, &format!("/api/jobs/{id}/strokes/apply"), &json!({"revision": revision})).await
}

#[track_caller]
pub fn ok(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.text());
}

#[tokio::test]
async fn a_stroke_is_kept_and_answered_with_the_matte_that_it_leads_to() {
    let house = house().await;
    let id = job(&house).await;
    let path = format!("/api/jobs/{id}/matte");
    let whole = house.get(&path).await;
    assert_eq!((whole.header("content-type"), whole.header("plantain-revision")), ("image/png", "0"));
    let (width, height, before) = grey(&whole.body);
    assert_eq!((width, height, before[450 * 1200 + 700]), (WIDTH, HEIGHT, 0));

    let said = ok(&add(&house, &id, 0, json!([keep()])).await);
    assert_eq!((&said["revision"], &said["strokes"]), (&json!(1), &json!(1)));
    assert_eq!(said["photo"], json!({"width": WIDTH, "height": HEIGHT}));
    let (width, height, small) = grey(&STANDARD.decode(said["matte"].as_str().unwrap()).unwrap());
    assert_eq!((width, height), (1024, 768));
    assert!(small[384 * 1024 + 597] == 255, "where it was drawn");
    let after = house.get(&path).await;
    assert_eq!(after.header("plantain-revision"), "1");
    let (_, _, after) = grey(&after.body);
    assert_eq!((after[450 * 1200 + 700], after[450 * 1200 + 420]), (255, 255));

    ok(&add(&house, &id, 1, json!([erase()])).await);
    let kept = ok(&house.get(&format!("/api/jobs/{id}/strokes")).await);
    let photo = json!({"width": WIDTH, "height": HEIGHT});
    assert_eq!(kept, json!({"revision": 2, "strokes": [keep(), erase()], "photo": photo}));
    // Undo: all but the last. Where it was, the matte is as before it was drawn.
    ok(&put(&house, &id, 2, json!([keep()])).await);
    assert_eq!(grey(&house.get(&path).await.body).2, after);
    let (width, _, _) = grey(&house.get(&format!("{path}?width=300")).await.body);
    assert_eq!(width, 300);
}

#[tokio::test]
async fn of_two_who_correct_at_once_the_second_is_told_the_revision() {
    let house = house().await;
    let id = job(&house).await;
    ok(&add(&house, &id, 0, json!([keep()])).await);
    for answer in [add(&house, &id, 0, json!([erase()])).await, put(&house, &id, 7, json!([])).await] {
        refused(&answer, 409, "strokes_changed");
        assert_eq!(answer.json()["revision"], 1);
    }
    refused(&apply(&house, &id, 0).await, 409, "strokes_changed");
    let (one, other) =
        tokio::join!(add(&house, &id, 1, json!([erase()])), add(&house, &id, 1, json!([erase(), keep()])));
    let mut codes = [one.status.as_u16(), other.status.as_u16()];
    codes.sort_unstable();
    assert_eq!(codes, [200, 409]);
}

#[tokio::test]
async fn done_makes_the_same_scenes_anew_and_the_first_pictures_stay_where_they_were() {
    let house = house().await;
    let id = job(&house).await;
    let first = ok(&house.get(&format!("/api/jobs/{id}")).await);
    assert_eq!((&first["matteUrl"], &first["corrected"]), (&json!(format!("/api/jobs/{id}/matte")), &Value::Null));
    let sheet = house.get(&format!("/api/jobs/{id}/sheet")).await;
    ok(&add(&house, &id, 0, json!([keep()])).await);
    let done = ok(&apply(&house, &id, 1).await);
    let redrawn = house.get(&format!("/api/jobs/{id}/sheet")).await;
    assert!(redrawn.status == 200 && redrawn.body != sheet.body, "the sheet shows the pictures that the job has now");
    assert_eq!(done, ok(&house.get(&format!("/api/jobs/{id}")).await));
    assert_eq!((&done["corrected"], done["images"].as_array().unwrap().len()), (&json!(1), 3));
    for (image, before) in done["images"].as_array().unwrap().iter().zip(first["images"].as_array().unwrap()) {
        assert_eq!((&image["variant"], &image["fileName"]), (&before["variant"], &before["fileName"]));
        assert_eq!((&image["width"], &image["contentType"]), (&json!(2000), &json!("image/jpeg")));
        assert_eq!(image["passed"], true, "{image:#}");
        assert_ne!(image["matteUrl"], before["matteUrl"], "the first picture's matte is not this one's");
        let [new, old] = [image, before].map(|image| image["url"].as_str().unwrap().to_owned());
        assert_ne!(new, old);
        let (new, old) = (house.get(&new).await, house.get(&old).await);
        assert!(new.status == 200 && old.status == 200 && new.body != old.body);
        assert_eq!(new.body.len() as u64, image["bytes"].as_u64().unwrap());
    }

    // The same strokes give the same bytes, also by way of others and after the photo has left the memory.
    let bytes = |images: &Value| images[1]["url"].as_str().unwrap().to_owned();
    let once = house.get(&bytes(&done["images"])).await.body;
    let body = json!({"revision": 1, "strokes": [keep(), erase()], "finish": true});
    let other = ok(&send(&house, Method::PUT, &format!("/api/jobs/{id}/strokes"), &body).await);
    assert_ne!(house.get(&bytes(&other["images"])).await.body, once);
    refused(&house.get(&bytes(&done["images"])).await, 404, "no_such_picture");
    ok(&put(&house, &id, 2, json!([keep()])).await);
    let again = ok(&apply(&house, &id, 3).await);
    assert!(house.get(&bytes(&again["images"])).await.body == once);
}

#[tokio::test]
async fn what_can_not_be_drawn_is_refused_and_keeps_nothing() {
    let house = house().await;
    let id = job(&house).await;
    let dab = |x: u32, y: u32, radius: u32| json!({"kind": "keep", "radius": radius, "points": [[x, y]]});
    let zigzag: Vec<[u32; 2]> = (0..20).map(|n| [(n * 599) % WIDTH, (n * 401) % HEIGHT]).collect();
    for (strokes, status, code) in [
        (json!([dab(1200, 1, 5)]), 422, "stroke_outside_photo"),
        (json!([dab(1, 900, 5)]), 422, "stroke_outside_photo"),
        (json!([dab(1, 1, 0)]), 422, "stroke_outside_photo"),
        (json!([dab(1, 1, 1201)]), 422, "stroke_outside_photo"),
        (json!([{"kind": "keep", "radius": 5, "points": []}]), 422, "stroke_outside_photo"),
        (json!([{"kind": "keep", "radius": 400, "points": zigzag}]), 422, "stroke_too_long"),
        (json!(vec![dab(1, 1, 1); 65]), 422, "too_many_strokes"),
        (json!([{"kind": "keep", "radius": 1, "points": vec![[1, 1]; 4097]}]), 422, "too_many_strokes"),
        (json!([{"kind": "smudge", "radius": 1, "points": [[1, 1]]}]), 422, "strokes_malformed"),
        (json!([{"kind": "keep", "radius": 1, "points": [[-1, 1]]}]), 422, "strokes_malformed"),
        (json!("all"), 422, "strokes_malformed"),
        (json!([{"kind": "keep", "radius": 1, "points": vec![[1000, 800]; 40_000]}]), 413, "too_large"),
    ] {
        refused(&add(&house, &id, 0, strokes).await, status, code);
    }
    assert_eq!(ok(&house.get(&format!("/api/jobs/{id}/strokes")).await)["revision"], 0);

    let all = json!([{"kind": "erase", "radius": 600, "points": [[500, 450]]}]);
    ok(&add(&house, &id, 0, all).await);
    refused(&apply(&house, &id, 1).await, 422, "nothing_left");
    assert_eq!(ok(&house.get(&format!("/api/jobs/{id}")).await)["corrected"], Value::Null);
}

#[tokio::test]
async fn a_job_that_has_no_cut_out_says_why() {
    let house = house().await;
    let generated = house.succeeded(3, report("size")).await;
    let waiting = house.generate().await;
    let gone = job_with(&house, |cutout| cutout.matte.blob = "ab".repeat(32)).await;
    let elsewhere = job_with(&house, |cutout| cutout.scenes[1].behind = Behind::Picture).await;
    let wild = job_with(&house, |cutout| cutout.scenes[2].canvas = (60_000, 60_000)).await;
    for (id, code) in [(&generated, "no_matte"), (&waiting, "not_finished")] {
        refused(&add(&house, id, 0, json!([keep()])).await, 409, code);
        refused(&house.get(&format!("/api/jobs/{id}/matte")).await, 409, code);
        refused(&apply(&house, id, 0).await, 409, code);
        assert_eq!(ok(&house.get(&format!("/api/jobs/{id}")).await)["matteUrl"], Value::Null);
    }
    refused(&add(&house, &gone, 0, json!([keep()])).await, 410, "photo_gone");
    for id in [&elsewhere, &wild] {
        ok(&add(&house, id, 0, json!([keep()])).await);
        refused(&apply(&house, id, 1).await, 409, "scene_gone");
    }
    let nobody = JobId::new(house.clock.now());
    for id in [nobody.as_str(), "nonsense"] {
        let answer = house.get(&format!("/api/jobs/{id}/strokes")).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::NOT_FOUND, json!({"status": "NOT_FOUND"})));
    }
}

#[tokio::test]
async fn where_the_studio_is_not_open_correcting_needs_the_token() {
    let house = house_with(|config| config.open = false).await;
    let id = job(&house).await;
    assert_eq!(add(&house, &id, 0, json!([keep()])).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(put(&house, &id, 0, json!([])).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(apply(&house, &id, 0).await.status, StatusCode::UNAUTHORIZED);
    let bearer = format!("Bearer {TOKEN}");
    let body = Body::from(json!({"revision": 0, "strokes": [keep()]}).to_string());
    let path = format!("/api/jobs/{id}/strokes");
    let answer = house.send(request(Method::POST, &path, &[("authorization", bearer.as_str())], body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(house.get(&format!("/api/jobs/{id}/matte")).await.status, StatusCode::OK);
}

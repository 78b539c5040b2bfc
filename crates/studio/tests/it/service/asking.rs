//! Any endpoint with its own input: out and back byte for byte, with the files that the answer names.

use bytes::Bytes;
use serde_json::value::RawValue;

use plantain_studio::asking::NewRequest;
use plantain_studio::config::{Maker, Makers, StudioConfig};
use plantain_studio::job::key::Tier;
use plantain_studio::job::medium::Kind;
use plantain_studio::job::{Ended, JobId, JobState};
use plantain_studio::messages::naming::Naming;
use plantain_studio::photo::{NewJob, Photo};
use plantain_studio::view::JobView;

use crate::service::backend::{Standing, Submission};
use crate::service::bench::{Bench, config, new_job};

fn request(input: &str) -> NewRequest {
    NewRequest {
        endpoint: "fal-ai/any/model".into(),
        input: RawValue::from_string(input.to_owned()).unwrap(),
        identifier: Some("SKU 7".into()),
        whatsapp: None,
        owner: None,
        tier: Tier::Paid,
        allowance: None,
        callback: None,
        notify: None,
    }
}

async fn asked(bench: &Bench, input: &str) -> (JobId, Submission) {
    let accepted = bench.studio.ask(request(input), None, &Naming::default()).await.unwrap();
    let view = bench.studio.submitted(accepted).await;
    (view.job_id, bench.backend.submitted(1).await.pop().unwrap())
}

async fn answered(bench: &Bench, output: &str) -> JobView {
    let (id, submission) = asked(bench, r#"{"prompt": "a chair", "num_images": 2}"#).await;
    bench.backend.stands(&submission.request_id, Standing::Completed(200, output.to_owned()));
    bench.succeeds(&id).await
}

#[tokio::test]
async fn a_film_and_a_picture_are_kept_and_the_answer_stays_byte_for_byte() {
    let bench = Bench::with(StudioConfig { makers: Makers::only(Maker::generative(5.0)), ..config() }).await;
    let film = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    let (film_at, picture_at) =
        (bench.backend.file("out.mp4", film.clone()), bench.backend.file("out.png", plantain_testkit::photo::png()));
    let page_at = bench.backend.file("page.png", b"<!doctype html><script>alert(1)</script>".to_vec());
    let output = format!(
        r#"{{ "video": {{"url": "{film_at}"}},  "images": ["{picture_at}"], "page_url": "{page_at}", "seed": 174542204382423151740001 }}"#
    );
    let view = answered(&bench, &output).await;
    let submission = &bench.backend.submitted(1).await[0];
    assert_eq!(submission.input, serde_json::json!({"prompt": "a chair", "num_images": 2}));
    assert_eq!((view.preset.as_str(), view.endpoint.as_str(), view.cost_cents), ("", "fal-ai/any/model", 10.0));
    let kinds: Vec<(Kind, Option<&str>)> =
        view.media.iter().map(|one| (one.kind, one.content_type.as_deref())).collect();
    let told = |at: &str| view.media.iter().position(|one| one.at.starts_with(at)).unwrap();
    assert_eq!(kinds[told("/video")], (Kind::Video, Some("video/mp4")));
    assert_eq!(kinds[told("/images")], (Kind::Image, Some("image/png")));
    assert_eq!(kinds[told("/page_url")], (Kind::File, Some("application/octet-stream")), "whatever it is called");
    assert_eq!(view.media[told("/video")].file_name, format!("SKU 7-{}.mp4", told("/video") + 1));
    let kept = bench.studio.result(&view.job_id).await.unwrap().unwrap();
    assert_eq!(kept.ended, Ended::Output(Bytes::from(output)));
    assert!(view.result_url.is_some() && view.sheet_url.is_none() && view.images.is_empty());
}

#[tokio::test]
async fn what_can_not_be_kept_is_linked_and_told() {
    let bench = Bench::start().await;
    let (gone, endless) = (bench.backend.base().join("files/gone.mp4").unwrap(), bench.backend.strange("endless"));
    let output = format!(r#"{{"video": {{"url": "{gone}"}}, "audio": {{"url": "{endless}"}}, "text": "words"}}"#);
    let view = answered(&bench, &output).await;
    assert_eq!((view.status, view.media.len()), (JobState::Succeeded, 2));
    for medium in &view.media {
        assert_eq!((&medium.url, medium.kind), (&None, Kind::File));
        assert!(medium.source_url.is_some() && medium.note.as_ref().is_some_and(|note| note.len() > 20), "{medium:?}");
    }
    let words = Bench::start().await;
    assert_eq!(answered(&words, r#"{"text": "only words"}"#).await.media, []);
}

#[tokio::test]
async fn a_request_that_fails_says_why_and_costs_nothing() {
    let bench = Bench::with(StudioConfig { makers: Makers::only(Maker::generative(5.0)), ..config() }).await;
    let (id, submission) = asked(&bench, "{}").await;
    let refusal = r#"{"detail":[{"loc":["body","prompt"],"msg":"field required","type":"missing"}]}"#;
    bench.backend.stands(&submission.request_id, Standing::Completed(422, refusal.into()));
    let view = bench.ended(&id).await;
    assert_eq!((view.status, view.cost_cents), (JobState::Failed, 0.0));
    let Ended::Error { body, .. } = bench.studio.result(&id).await.unwrap().unwrap().ended else { panic!("it failed") };
    assert_eq!(body, Some(Bytes::from(refusal)), "the queue's own words can be read");
}

#[tokio::test]
async fn several_pictures_reach_a_generative_endpoint_in_their_order() {
    let bench = Bench::with(StudioConfig { makers: Makers::only(Maker::generative(3.9)), ..config() }).await;
    let photo = |name: &str| Photo {
        bytes: plantain_testkit::photo::jpeg().into(),
        file_name: Some(name.to_owned()),
        content_type: None,
    };
    let new = NewJob {
        photos: vec![photo("model.jpg"), photo("shirt.jpg")],
        image_urls: vec!["https://pictures.test/hat.jpg".parse().unwrap()],
        ..new_job()
    };
    let view = bench.studio.generate(new).await.unwrap();
    let submission = bench.backend.submitted(1).await.pop().unwrap();
    let urls: Vec<&str> =
        submission.input["image_urls"].as_array().unwrap().iter().filter_map(|url| url.as_str()).collect();
    assert_eq!(urls.len(), 3);
    assert!(urls[0].contains("upload-0") && urls[1].contains("upload-1") && urls[2].ends_with("hat.jpg"), "{urls:?}");
    assert!(view.notices.iter().any(|notice| notice.contains("all 3 pictures")), "{:?}", view.notices);
}

#[tokio::test]
async fn words_alone_make_pictures_where_a_generative_model_is_there() {
    let bench = Bench::with(StudioConfig { makers: Makers::only(Maker::generative(3.9)), ..config() }).await;
    let words = NewJob { photos: Vec::new(), prompt: Some("a blue mug".into()), ..new_job() };
    let view = bench.studio.generate(words.clone()).await.unwrap();
    let submission = bench.backend.submitted(1).await.pop().unwrap();
    assert_eq!(view.endpoint, "fal-ai/nano-banana");
    assert!(submission.input.get("image_urls").is_none(), "{}", submission.input);
    assert!(submission.input["prompt"].as_str().unwrap().contains("a blue mug"));
    bench.completes(&submission.request_id);
    let view = bench.succeeds(&view.job_id).await;
    assert_eq!((view.images.len(), view.images[0].width), (1, 2000), "finished to the marketplace's rules");
    let local = Bench::start().await;
    assert_eq!(local.studio.generate(words).await.unwrap_err().code(), "photo_missing");
}

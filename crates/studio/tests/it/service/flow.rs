//! What a seller lives through when all goes well, and when the model says no.

use plantain_studio::config::{Maker, Makers, StudioConfig};
use plantain_studio::job::JobState;
use plantain_studio::view::{Stage, Which};

use crate::service::backend::{Standing, Submits};
use crate::service::bench::{Bench, config, error, new_job, ok, user};

#[tokio::test]
async fn a_photo_becomes_a_checked_picture_without_its_position() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    let input = &submission.input;
    assert!(input["prompt"].as_str().unwrap().ends_with("Within these rules: on white"), "{input}");
    assert_eq!((input["num_images"].as_u64(), input["aspect_ratio"].as_str()), (Some(1), Some("1:1")));
    assert_eq!(submission.key.as_deref(), Some(job.as_str()));
    bench.backend.stands(&submission.request_id, Standing::InProgress);
    bench.until(&job, "RUNNING", |view| view.status == JobState::Running).await;
    let body = ok(&submission.request_id, &bench.output());
    assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
    let view = bench.succeeds(&job).await;
    assert_eq!((view.stage, view.images.len(), view.description.as_deref()), (Stage::Done, 1, Some("done")));
    let image = &view.images[0];
    assert_eq!((image.width, image.height, image.variant.as_deref()), (2000, 2000, Some("Pure white")));
    assert_eq!(image.report.read::<serde_json::Value>().unwrap()["preset"], "amazon_main");
    for which in [Which::Result(1), Which::Raw(1)] {
        let file = bench.studio.picture(&job, which).await.unwrap().unwrap();
        let bytes = bench.studio.bytes(&file).await.unwrap().unwrap();
        assert!(!bytes.windows(4).any(|word| word == b"Exif"), "{which:?}");
    }
    assert!(bench.studio.picture(&job, Which::Source(1)).await.unwrap().is_some());
    assert!(bench.studio.picture(&job, Which::Result(2)).await.unwrap().is_none());
}

/// Few models and browsers read them.
#[tokio::test]
async fn heic_and_tiff_are_kept_and_sent_on_as_jpeg_or_png() {
    let bench = Bench::start().await;
    for (bytes, name, kept_as, kept_name) in [
        (&include_bytes!("../../../../media/tests/data/turned.heic")[..], "IMG_4.HEIC", "image/jpeg", "IMG_4.jpg"),
        (include_bytes!("../../../../media/tests/data/alpha.tiff"), "cup.tif", "image/png", "cup.png"),
    ] {
        let mut new = new_job();
        new.photos[0].bytes = bytes::Bytes::from_static(bytes);
        new.photos[0].file_name = Some(name.into());
        let view = bench.studio.generate(new).await.unwrap();
        let file = bench.studio.picture(&view.job_id, Which::Source(1)).await.unwrap().unwrap();
        assert_eq!((file.content_type.as_str(), file.file_name.as_str()), (kept_as, kept_name));
        let kept = bench.studio.bytes(&file).await.unwrap().unwrap();
        let found = plantain_media::decode::probe(&kept).unwrap();
        assert_eq!((found.format.content_type(), found.width, found.height), (kept_as, 96, 80), "upright");
    }
}

#[tokio::test]
async fn a_generated_picture_is_compared_with_the_photo_and_the_differences_are_drawn() {
    for (maker, compared) in [(Maker::generative(3.9), true), (Maker::LOCAL, false)] {
        let bench = Bench::with(StudioConfig { makers: Makers::only(maker), ..config() }).await;
        let (job, submission) = bench.submitted().await;
        let body = ok(&submission.request_id, &bench.output());
        assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
        let view = bench.succeeds(&job).await;
        let report: serde_json::Value = view.images[0].report.read().unwrap();
        let rules = report["results"].as_array().unwrap();
        let identity = rules.iter().find(|rule| rule["rule"] == "identity").unwrap();
        assert_eq!(identity["outcome"] != "not_measured", compared, "{identity}");
        assert_eq!(view.images[0].diff_url.is_some(), compared);
        let diff = bench.studio.picture(&job, Which::Diff(1)).await.unwrap();
        assert_eq!(diff.is_some(), compared);
        if let Some(diff) = diff {
            let bytes = bench.studio.bytes(&diff).await.unwrap().unwrap();
            assert!(bytes.starts_with(b"\xff\xd8\xff"), "it is a JPEG");
        }
        assert!(bench.studio.picture(&job, Which::Diff(2)).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn the_place_in_the_queue_is_shown_while_waiting() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    bench.backend.stands(&submission.request_id, Standing::InQueue(3));
    let view = bench.until(&job, "a place", |view| view.queue_position == Some(3)).await;
    assert_eq!((view.status, view.stage), (JobState::Queued, Stage::Queued));
}

#[tokio::test]
async fn a_model_that_finds_no_product_says_so_in_a_sellers_words() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    let detail =
        r#"{"detail":[{"loc":["body","image_urls",0],"msg":"No product stands out.","type":"no_media_generated"}]}"#;
    let body = error(&submission.request_id, detail);
    assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
    bench.fails(&job, "no_product_found").await;
}

#[tokio::test]
async fn a_webhook_that_never_comes_is_replaced_by_asking() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    assert_eq!(bench.stores.jobs.events(&submission.request_id).await.unwrap(), []);
}

#[tokio::test]
async fn a_queue_without_a_stream_is_asked_until_it_is_done() {
    let bench = Bench::start().await;
    bench.backend.has_no_stream();
    let (job, submission) = bench.submitted().await;
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
}

#[tokio::test]
async fn an_ok_without_a_payload_is_not_a_failure_of_a_paid_job() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    let why = r#"null, "payload_error": "Response payload is not JSON serializable.""#;
    let body = ok(&submission.request_id, why);
    assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    let events = bench.stores.jobs.events(&submission.request_id).await.unwrap();
    assert_eq!((events.len(), events[0].state.as_str()), (1, "ignored_no_payload"));
}

#[tokio::test]
async fn a_queue_that_is_down_at_submit_delays_the_job_and_nothing_else() {
    let bench = Bench::start().await;
    bench.backend.submits(Submits::Busy);
    let view = bench.studio.generate(new_job()).await.unwrap();
    assert_eq!((view.status, view.stage, view.request_id), (JobState::Queued, Stage::WaitingForQueue, None));
    bench.backend.submits(Submits::Accept);
    let submission = bench.backend.submitted(1).await.pop().unwrap();
    bench.completes(&submission.request_id);
    bench.succeeds(&view.job_id).await;
    assert_eq!(bench.backend.uploads(), 1, "the photo was uploaded once");
}

#[tokio::test]
async fn a_queue_that_refuses_the_key_ends_the_job_with_who_has_to_act() {
    let bench = Bench::start().await;
    bench.backend.submits(Submits::Reject(401));
    let view = bench.studio.generate(new_job()).await.unwrap();
    bench.fails(&view.job_id, "queue_refused_key").await;
}

#[tokio::test]
async fn a_request_that_the_queue_forgot_ends_the_job() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    bench.backend.forgets(&submission.request_id);
    bench.fails(&job, "result_expired").await;
}

#[tokio::test]
async fn pictures_that_can_not_be_had_end_the_job_with_words() {
    let bench = Bench::start().await;
    let deleted = bench.backend.base().join("files/deleted.png").unwrap();
    let garbage = bench.backend.file("garbage.png", b"<html>".to_vec());
    for (payload, code) in [
        (format!(r#"{{"images":[{{"url":"{deleted}"}}]}}"#), "result_unreadable"),
        (format!(r#"{{"images":[{{"url":"{garbage}"}}]}}"#), "result_unreadable"),
        (r#"{"images":[{"url":"http://169.254.169.254/latest/"}]}"#.to_owned(), "result_unreadable"),
        (r#"{"images":[{"url":"file:///etc/passwd"}]}"#.to_owned(), "result_unreadable"),
        (r#"{"images":[]}"#.to_owned(), "no_pictures"),
        (r#"{"video":{}}"#.to_owned(), "result_unreadable"),
    ] {
        let (job, submission) = bench.submitted().await;
        let body = ok(&submission.request_id, &payload);
        assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
        bench.fails(&job, code).await;
    }
}

#[tokio::test]
async fn a_picture_without_a_product_is_never_an_empty_white_square() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    let blank = bench.backend.file("blank.png", plantain_testkit::photo::png_of_size(300, 300));
    let body = ok(&submission.request_id, &format!(r#"{{"images":[{{"url":"{blank}"}}]}}"#));
    bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await;
    bench.fails(&job, "no_product_found").await;
}

#[tokio::test]
async fn who_waits_for_the_queue_keeps_nobody_from_being_admitted() {
    let bench = Bench::start().await;
    bench.backend.submits(Submits::AcceptAndHold);
    let mut waiting = Vec::new();
    // One more than may be admitted at once.
    for _ in 0..33 {
        waiting.push(bench.studio.accept(new_job()).await.unwrap());
    }
    bench.backend.submits(Submits::Accept);
    let view = bench.studio.submitted(waiting.swap_remove(0)).await;
    assert!(view.request_id.is_some(), "{view:?}");
}

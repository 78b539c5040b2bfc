//! Another marketplace's pictures of what a finished job has kept: nobody is asked, nothing is charged, nothing gets lost.

use plantain_media::cutout::{Stroke, StrokeKind};
use plantain_media::decode::{Limits, decode};
use plantain_media::encode::{self, EncodeOptions, Provenance, encode};
use plantain_media::picture::{Matte, Picture, Rect};
use plantain_media::preset::Format;
use plantain_studio::config::{Maker, Makers};
use plantain_studio::correcting::Change;
use plantain_studio::job::JobState;
use plantain_studio::photo::{NewJob, Photo};
use plantain_studio::service::Studio;
use plantain_studio::spending::Period;
use plantain_studio::store::Forgotten;
use plantain_studio::view::{JobView, Which};

use crate::service::bench::{Bench, config, new_job};
use crate::service::whole::Whole;

async fn begin(studio: &Studio, of: &JobView, preset: &str) -> JobView {
    let accepted = studio.for_preset(&of.job_id, preset, None).await.unwrap().expect("the job exists");
    studio.submitted(accepted).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_out_is_laid_out_for_other_marketplaces_without_asking_the_engine() {
    let whole = Whole::start().await;
    let first = whole.ended(NewJob { num_images: 2, ..new_job() }).await;
    let mut sizes = Vec::new();
    for preset in ["myntra_main", "shopify"] {
        let begun = begin(&whole.studio, &first, preset).await;
        let view = whole.end_of(&begun.job_id).await;
        assert_eq!((view.status, &view.error, view.images.len()), (JobState::Succeeded, &None, 2), "{preset}");
        assert_eq!((view.preset.as_str(), &view.made_from), (preset, &Some(first.job_id.clone())));
        assert_eq!((view.cost_cents, &view.request_id), (0.0, &None), "{preset}");
        for image in &view.images {
            assert!(image.passed && image.variant.is_some(), "{}: {}", image.file_name, image.report.as_str());
        }
        assert!(view.matte_url.is_some(), "it can be corrected like the first one");
        sizes.push((view.images[0].width, view.images[0].height));
    }
    assert_ne!(sizes[0], sizes[1]);
    whole.stop().await;
}

/// A photo that shows the right half of the sample mug.
fn half_a_mug() -> Photo {
    let whole = decode(include_bytes!("../../../../../examples/mug.jpg"), &Limits::default()).unwrap().picture;
    let right = Rect { x: whole.width() / 2, y: 0, width: whole.width() / 2, height: whole.height() };
    let plain = EncodeOptions::plain(Format::Jpeg, 10_000_000, Provenance::Photographed);
    let bytes = encode(&whole.crop(right), &plain).unwrap().bytes.into();
    Photo { bytes, file_name: Some("half.jpg".into()), content_type: None }
}

/// What rule `whole` comes to in every picture's report, with the words that its advice holds.
#[track_caller]
fn all_say(view: &JobView, outcome: &str, advice: &str) {
    assert_eq!((view.status, &view.error), (JobState::Succeeded, &None));
    for image in &view.images {
        let report: serde_json::Value = image.report.read().unwrap();
        let whole = report["results"].as_array().unwrap().iter().find(|rule| rule["rule"] == "whole").unwrap();
        assert_eq!(whole["outcome"].as_str(), Some(outcome), "{whole}");
        assert!(outcome != "fail" || !image.passed, "{whole}");
        assert!(whole["fix"].as_str().unwrap().contains(advice), "{whole}");
    }
}

/// A bottle cut out and trimmed to its height, with air left and right.
fn trimmed() -> Photo {
    let (side, inside) = (600, 220..380);
    let alpha = (0..side * side).map(|at| if inside.contains(&(at % side)) { 255 } else { 0 }).collect();
    let bottle = Picture::filled(side, side, [40, 90, 160]);
    let bytes = encode::with_alpha(&bottle, &Matte::new(side, side, alpha)).unwrap().into();
    Photo { bytes, file_name: Some("bottle.png".into()), content_type: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_the_photo_cuts_off_is_told_in_every_report_of_it() {
    let whole = Whole::start().await;
    for (photo, outcome, advice, said) in [
        (half_a_mug(), "fail", "photograph it whole", "edge cuts the product off"),
        (trimmed(), "warn", "look whether a part is missing", "reaches the photo's edges"),
    ] {
        let first = whole.ended(NewJob { photos: vec![photo], num_images: 2, ..new_job() }).await;
        all_say(&first, outcome, advice);
        assert!(first.description.as_ref().unwrap().contains(said), "{first:?}");
        let other = begin(&whole.studio, &first, "myntra_main").await;
        all_say(&whole.end_of(&other.job_id).await, outcome, advice);
        all_say(&whole.studio.remake(&first.job_id, 0).await.unwrap(), outcome, advice);
    }
    whole.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_that_were_declared_are_what_every_report_measures_against() {
    let whole = Whole::start().await;
    let first = whole.ended(NewJob { num_images: 1, products: Some(2), ..new_job() }).await;
    let other = begin(&whole.studio, &first, "ebay").await;
    let other = whole.end_of(&other.job_id).await;
    let remade = whole.studio.remake(&first.job_id, 0).await.unwrap();
    for view in [first, other, remade] {
        let report: serde_json::Value = view.images[0].report.read().unwrap();
        let rule = report["results"].as_array().unwrap().iter().find(|rule| rule["rule"] == "single_product").unwrap();
        assert_eq!((&rule["required"], &rule["measured"]), (&"2, as declared".into(), &"1".into()), "{}", view.preset);
        assert_eq!(rule["outcome"], "warn", "they may touch");
    }
    whole.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_goes_along_and_the_first_job_may_be_forgotten() {
    let whole = Whole::start().await;
    let first = whole.ended(NewJob { num_images: 1, ..new_job() }).await;
    let plain = begin(&whole.studio, &first, "ebay").await;
    let plain = whole.end_of(&plain.job_id).await;
    let (_, (width, height)) = whole.studio.strokes(&first.job_id).await.unwrap();
    let path = vec![(width * 2 / 5, height / 2), (width * 3 / 5, height / 2)];
    let erased = Stroke { kind: StrokeKind::Erase, path, radius: height / 20 };
    let change = Change { seen: 0, strokes: vec![erased], instead: false };
    whole.studio.correct(&first.job_id, change, 512).await.unwrap();
    let mended = begin(&whole.studio, &first, "ebay").await;
    let mended = whole.end_of(&mended.job_id).await;
    assert_eq!(whole.studio.forget(&first.job_id).await.unwrap(), Forgotten::Gone);
    let picture = async |view: &JobView, which| {
        let file = whole.studio.picture(&view.job_id, which).await.unwrap().expect("a picture");
        whole.studio.bytes(&file).await.unwrap().expect("its bytes are kept")
    };
    assert_ne!(picture(&plain, Which::Result(1)).await, picture(&mended, Which::Result(1)).await);
    for which in [Which::Raw(1), Which::Source(1), Which::Matte(1)] {
        assert!(!picture(&mended, which).await.is_empty(), "{which:?}");
    }
    let third = begin(&whole.studio, &mended, "myntra_main").await;
    assert_eq!(whole.end_of(&third.job_id).await.status, JobState::Succeeded, "of what was made of it, too");
    whole.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_pictures_are_finished_anew_without_paying_again_even_after_a_stop() {
    let config = plantain_studio::config::StudioConfig { makers: Makers::only(Maker::generative(3.9)), ..config() };
    let mut bench = Bench::with(config).await;
    let (id, submission) = bench.submitted().await;
    bench.completes(&submission.request_id);
    let first = bench.succeeds(&id).await;
    assert_eq!(first.cost_cents, 3.9);
    let begun = begin(&bench.studio, &first, "myntra_square").await;
    bench.restart().await;
    let view = bench.succeeds(&begun.job_id).await;
    assert_eq!((view.cost_cents, view.images.len(), &view.made_from), (0.0, 1, &Some(id.clone())));
    assert_ne!((view.images[0].width, view.images[0].height), (first.images[0].width, first.images[0].height));
    let report: serde_json::Value = view.images[0].report.read().unwrap();
    let provenance = report["results"].as_array().unwrap().iter().find(|rule| rule["rule"] == "provenance");
    assert_eq!(provenance.unwrap()["outcome"], "pass", "it says that it was generated");
    assert_eq!(bench.backend.submissions(), 1, "the queue heard nothing of it");
    let today = Period::month_until(bench.clock.now());
    let spent = bench.studio.spending(None, &today).await.unwrap().unwrap();
    assert_eq!(spent.iter().map(|line| line.sum.used()).sum::<u64>(), 39_000);
}

//! Authentic results whose pictures are not what they should be: the job ends with words, and nothing else happens.

use plantain_media::decode::Limits;
use plantain_studio::config::StudioConfig;

use crate::service::bench::{Bench, config, ok, user};

#[track_caller]
fn limited() -> StudioConfig {
    StudioConfig { result_limits: Limits { max_bytes: 256 * 1024, ..config().result_limits }, ..config() }
}

async fn ends_unreadable(bench: &Bench, url: &str, why: &str) {
    let (job, submission) = bench.submitted().await;
    let body = ok(&submission.request_id, &format!(r#"{{"images":[{{"url":"{url}"}}]}}"#));
    assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
    let view = bench.ended(&job).await;
    let error = view.error.expect("it fails");
    assert_eq!(error.code, "result_unreadable", "{url}: {error:?}");
    assert!(error.message.contains(why), "{url}: {}", error.message);
}

#[tokio::test]
async fn a_result_address_that_redirects_is_not_followed() {
    let bench = Bench::start().await;
    // Where it leads to would do.
    bench.output();
    ends_unreadable(&bench, bench.backend.strange("redirect").as_str(), "refused to hand them over").await;
}

#[tokio::test]
async fn a_result_that_never_ends_is_given_up_at_the_bound() {
    let bench = Bench::with(limited()).await;
    ends_unreadable(&bench, bench.backend.strange("endless").as_str(), "larger than the studio takes").await;
}

#[tokio::test]
async fn a_result_of_another_type_is_no_picture_whatever_it_claims() {
    let bench = Bench::start().await;
    ends_unreadable(&bench, bench.backend.strange("html").as_str(), "").await;
    let zip = bench.backend.file("pretends.png", b"PK\x03\x04 and more".to_vec());
    ends_unreadable(&bench, zip.as_str(), "").await;
}

#[tokio::test]
async fn a_result_on_a_private_address_is_not_asked_for_in_any_spelling() {
    let bench = Bench::start().await;
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/a.png",
        "http://192.168.1.1./a.png",
        "http://0xa9fea9fe/a.png",
        "http://[::ffff:10.0.0.1]/a.png",
        "http://[64:ff9b::a9fe:a9fe]/a.png",
        "http://[fd00::1]/a.png",
    ] {
        ends_unreadable(&bench, url, "not allowed to reach").await;
    }
}

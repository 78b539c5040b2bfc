//! Webhooks that must not be believed.

use bytes::Bytes;
use http::HeaderMap;

use plantain_studio::job::JobState;
use plantain_wire::id::{RequestId, UserId};

use crate::service::bench::{Bench, ok, signed, user};

#[tokio::test]
async fn only_our_own_fresh_untouched_webhook_for_this_very_job_is_believed() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    let (other_job, other) = bench.submitted().await;
    let (target, request) = (submission.webhook.unwrap(), submission.request_id);
    let body = ok(&request, &bench.output());
    let now = bench.clock.now().as_second();
    let them = UserId::parse("somebody_else").unwrap();
    let raw = Bytes::from(body.clone());
    let changed = Bytes::from(body.replace("done", "evil"));
    let mut forged = signed(&request, &user(), now, &raw);
    forged.insert("x-fal-webhook-signature", "00".repeat(64).parse().unwrap());

    // Another customer's webhook: the signature is right, the account is not ours.
    assert_eq!(bench.posts(&target, &request, &them, body.clone()).await, 401);
    assert_eq!(bench.posts_with(&target, forged, raw.clone()).await, 401);
    assert_eq!(bench.posts_with(&target, signed(&request, &user(), now - 301, &raw), raw.clone()).await, 401);
    assert_eq!(bench.posts_with(&target, signed(&request, &user(), now, &raw), changed).await, 401);
    assert_eq!(bench.posts_with(&target, HeaderMap::new(), raw.clone()).await, 401);
    // Ours, but at the address of another job.
    assert_eq!(bench.posts(&other.webhook.unwrap(), &request, &user(), body.clone()).await, 401);
    // A replay of the right headers with another body.
    let mut replayed = signed(&request, &user(), now, &raw);
    assert_eq!(bench.posts_with(&target, replayed.clone(), Bytes::from(ok(&request, "{}"))).await, 401);
    // The right headers, and one of them twice.
    replayed.append("x-fal-webhook-user-id", "us".parse().unwrap());
    assert_eq!(bench.posts_with(&target, replayed, raw.clone()).await, 401);
    let expected = [
        "header_repeated",
        "no_key_fits",
        "other_job",
        "header_missing",
        "no_key_fits",
        "timestamp_stale",
        "no_key_fits",
        "other_account",
    ];
    assert_eq!(bench.refused().await, expected);
    for job in [&job, &other_job] {
        assert_eq!(bench.studio.job(job).await.unwrap().unwrap().status, JobState::Queued);
    }
    // The right one is believed after all that.
    assert_eq!(bench.posts(&target, &request, &user(), body).await, 200);
    bench.succeeds(&job).await;
}

#[tokio::test]
async fn a_request_that_nobody_knows_is_not_accepted_so_that_its_sender_comes_again() {
    let bench = Bench::start().await;
    let target = bench.studio.config().public_url.join("api/fal/webhook").unwrap();
    let request = RequestId::parse("nobody-knows-it").unwrap();
    assert_eq!(bench.posts(&target, &request, &user(), ok(&request, "{}")).await, 404);
    assert_eq!(bench.refused().await, ["unknown_request"]);
}

#[tokio::test]
async fn authentic_garbage_is_malformed_and_too_much_is_too_much() {
    let bench = Bench::start().await;
    let target = bench.studio.config().public_url.join("api/fal/webhook").unwrap();
    let request = RequestId::parse("r").unwrap();
    for garbage in ["", "null", "{}", "{\"request_id\":\"r\"}"] {
        assert_eq!(bench.posts(&target, &request, &user(), garbage.into()).await, 400, "{garbage:?}");
    }
    assert_eq!(bench.posts(&target, &request, &user(), ok(&RequestId::parse("x").unwrap(), "{}")).await, 400);
    let large = Bytes::from(vec![b' '; 8 * 1024 * 1024 + 1]);
    let headers = signed(&request, &user(), bench.clock.now().as_second(), &large);
    assert_eq!(bench.studio.webhook(&headers, None, large).await.status, 413);
}

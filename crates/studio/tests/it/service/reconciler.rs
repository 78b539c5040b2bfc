//! Results that no webhook brings: the studio asks, applies them the same way, and never submits again.

use std::time::Duration;

use plantain_studio::config::StudioConfig;
use plantain_studio::job::{JobState, ResultSource};

use crate::service::backend::Standing;
use crate::service::bench::{Bench, config, ok};

fn without_webhooks() -> StudioConfig {
    StudioConfig { webhook: false, ..config() }
}

#[tokio::test]
async fn without_a_public_address_no_webhook_is_asked_for_and_the_stream_tells() {
    let bench = Bench::with(without_webhooks()).await;
    let (job, submission) = bench.submitted().await;
    assert_eq!(submission.webhook, None);
    bench.backend.stands(&submission.request_id, Standing::InProgress);
    bench.until(&job, "RUNNING", |view| view.status == JobState::Running).await;
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    let result = bench.stores.jobs.result(&job).await.unwrap().unwrap();
    assert_eq!(result.source, ResultSource::Reconciler);
    assert_eq!(bench.backend.submissions(), 1);
}

#[tokio::test]
async fn without_webhooks_and_without_a_stream_asking_is_enough() {
    let bench = Bench::with(without_webhooks()).await;
    bench.backend.has_no_stream();
    let (job, submission) = bench.submitted().await;
    bench.backend.stands(&submission.request_id, Standing::InProgress);
    bench.until(&job, "RUNNING", |view| view.status == JobState::Running).await;
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    assert_eq!(bench.backend.submissions(), 1);
}

#[tokio::test]
async fn a_restart_without_webhooks_asks_for_what_ended_meanwhile() {
    let mut bench = Bench::with(without_webhooks()).await;
    bench.backend.has_no_stream();
    let (job, submission) = bench.submitted().await;
    bench.restart().await;
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    assert_eq!(bench.backend.submissions(), 1);
}

#[tokio::test]
async fn a_webhook_after_the_studio_has_asked_changes_nothing() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    bench.completes(&submission.request_id);
    let view = bench.succeeds(&job).await;
    let (target, request) = (submission.webhook.unwrap(), submission.request_id);
    assert_eq!(bench.deliver(&target, &request, ok(&request, &bench.output())).await, 200);
    assert_eq!(bench.studio.job(&job).await.unwrap().unwrap(), view);
    let events = bench.stores.jobs.events(&request).await.unwrap();
    assert_eq!(events[0].state, "ignored_duplicate");
    assert_eq!(bench.backend.submissions(), 1);
}

#[tokio::test]
async fn a_queue_that_never_finishes_ends_the_job_though_its_stream_goes_on() {
    let bench = Bench::with(StudioConfig { patience: Duration::from_secs(2), ..config() }).await;
    let (job, submission) = bench.submitted().await;
    bench.backend.stands(&submission.request_id, Standing::InProgress);
    bench.fails(&job, "request_lost").await;
    assert_eq!(bench.backend.submissions(), 1);
}

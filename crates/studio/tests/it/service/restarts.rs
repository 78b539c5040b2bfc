//! A studio that is stopped in the middle of its work, at each phase, and started again.

use std::time::Duration;

use plantain_studio::config::StudioConfig;

use crate::service::backend::{Standing, Submits};
use crate::service::bench::{Bench, config, new_job, ok};

#[tokio::test]
async fn a_restart_while_the_submit_is_under_way_repeats_it_under_the_same_key() {
    let config = StudioConfig { submit_wait: Duration::from_millis(100), ..config() };
    let mut bench = Bench::with(config).await;
    bench.backend.submits(Submits::AcceptAndHold);
    let generating = {
        let studio = bench.studio.clone();
        async move { studio.generate(new_job()).await.unwrap().job_id }
    };
    let (job, _) = tokio::join!(generating, async {
        bench.backend.submitted(1).await;
    });
    bench.restart().await;
    bench.backend.submits(Submits::Accept);
    let submissions = bench.backend.submitted(2).await;
    assert_eq!(submissions[0].request_id, submissions[1].request_id);
    bench.completes(&submissions[0].request_id);
    bench.succeeds(&job).await;
}

#[tokio::test]
async fn a_restart_while_the_queue_works_goes_on_following() {
    let mut bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    bench.backend.stands(&submission.request_id, Standing::InProgress);
    bench.until(&job, "RUNNING", |view| view.timings.queued_ms.is_some()).await;
    bench.restart().await;
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    assert_eq!(bench.backend.submissions(), 1);
}

#[tokio::test]
async fn a_restart_between_the_webhook_and_its_pictures_loses_nothing() {
    let mut bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    let (target, request) = (submission.webhook.unwrap(), submission.request_id);
    assert_eq!(bench.deliver(&target, &request, ok(&request, &bench.output())).await, 200);
    bench.restart().await;
    bench.succeeds(&job).await;
    let events = bench.stores.jobs.events(&request).await.unwrap();
    assert_eq!(events.len(), 1);
}

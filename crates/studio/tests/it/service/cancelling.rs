//! A seller who changes their mind.

use plantain_studio::job::{JobId, JobState};
use plantain_studio::view::CancelView;

use crate::service::backend::{Standing, Submits};
use crate::service::bench::{Bench, new_job};

#[tokio::test]
async fn a_job_that_has_not_left_is_cancelled_at_once_and_never_submitted() {
    let bench = Bench::start().await;
    bench.backend.submits(Submits::Busy);
    let view = bench.studio.generate(new_job()).await.unwrap();
    // A try that is leaving right now may be in the way of the first wish.
    let mut said = bench.studio.cancel(&view.job_id).await.unwrap();
    while said == CancelView::Requested {
        said = bench.studio.cancel(&view.job_id).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.ended(&view.job_id).await.status, JobState::Canceled);
    assert_eq!(bench.backend.submissions(), 0);
}

#[tokio::test]
async fn a_running_job_is_asked_back_and_ends_as_cancelled_when_the_queue_agrees() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    bench.backend.stands(&submission.request_id, Standing::InProgress);
    assert_eq!(bench.studio.cancel(&job).await.unwrap(), CancelView::Requested);
    assert_eq!(bench.backend.cancels(), 1);
    let body = plantain_wire::error::cancelled().to_json();
    bench.backend.stands(&submission.request_id, Standing::Completed(499, body));
    let view = bench.ended(&job).await;
    assert_eq!((view.status, view.error, view.cost_cents), (JobState::Canceled, None, 0.0));
    assert_eq!(bench.studio.cancel(&job).await.unwrap(), CancelView::TooLate);
}

#[tokio::test]
async fn a_job_that_finished_all_the_same_keeps_its_pictures() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    assert_eq!(bench.studio.cancel(&job).await.unwrap(), CancelView::Requested);
    bench.completes(&submission.request_id);
    bench.succeeds(&job).await;
    let nobody = JobId::new(bench.clock.now());
    assert_eq!(bench.studio.cancel(&nobody).await.unwrap(), CancelView::NotFound);
}

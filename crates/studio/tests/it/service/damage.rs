//! A database that lost something: the job ends and says so, instead of being taken up for ever.

use plantain_studio::job::JobState;

use crate::service::bench::{Bench, ok};

#[tokio::test]
async fn a_result_that_the_database_lost_or_damaged_fails_the_job_with_its_cause() {
    for damage in ["DELETE FROM studio_results", "UPDATE studio_results SET body = NULL"] {
        let bench = Bench::start().await;
        bench.database(&format!("CREATE TRIGGER loses AFTER INSERT ON studio_results BEGIN {damage}; END")).await;
        let (job, submission) = bench.submitted().await;
        let (target, request) = (submission.webhook.unwrap(), submission.request_id);
        assert_eq!(bench.deliver(&target, &request, ok(&request, &bench.output())).await, 200);
        let ended = bench.ended(&job).await;
        assert_eq!(ended.status, JobState::Failed, "{damage}");
        assert_eq!(ended.error.unwrap().code, "result_lost", "{damage}");
    }
}

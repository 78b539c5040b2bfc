//! Results that come early, twice, late or contradict each other.

use futures_util::future::join_all;

use plantain_studio::job::JobState;

use crate::service::backend::Submits;
use crate::service::bench::{Bench, error, new_job, ok, user};

#[tokio::test]
async fn a_webhook_that_comes_before_the_submit_call_returned_is_not_overwritten() {
    let bench = Bench::start().await;
    bench.backend.submits(Submits::AcceptAndHold);
    let generating = bench.studio.generate(new_job());
    let webhook_first = async {
        let submission = bench.backend.submitted(1).await.pop().unwrap();
        let body = ok(&submission.request_id, &bench.output());
        let status = bench.posts(submission.webhook.as_ref().unwrap(), &submission.request_id, &user(), body).await;
        assert_eq!(status, 200);
        submission
    };
    let (view, submission) = tokio::join!(generating, webhook_first);
    let job = view.unwrap().job_id;
    bench.succeeds(&job).await;
    bench.backend.submits(Submits::Accept);
    let view = bench.studio.job(&job).await.unwrap().unwrap();
    assert_eq!((view.status, view.request_id.as_deref()), (JobState::Succeeded, Some(submission.request_id.as_str())));
    assert_eq!(bench.backend.submissions(), 1);
}

#[tokio::test]
async fn a_webhook_that_comes_before_the_request_id_was_stored_is_taken_when_it_comes_again() {
    let bench = Bench::start().await;
    bench.backend.submits(Submits::AcceptAndHold);
    let generating = bench.studio.generate(new_job());
    // Some proxy dropped the query, so that nothing but the request id says whose it is, and that is not known yet.
    let bare = |target: &url::Url| {
        let mut bare = target.clone();
        bare.set_query(None);
        bare
    };
    let too_early = async {
        let submission = bench.backend.submitted(1).await.pop().unwrap();
        let (target, request) = (bare(submission.webhook.as_ref().unwrap()), &submission.request_id);
        assert_eq!(bench.posts(&target, request, &user(), ok(request, &bench.output())).await, 404);
        bench.backend.submits(Submits::Accept);
        submission
    };
    let (view, submission) = tokio::join!(generating, too_early);
    assert_eq!(view.unwrap().request_id.as_deref(), Some(submission.request_id.as_str()));
    let (target, request) = (bare(&submission.webhook.unwrap()), submission.request_id);
    assert_eq!(bench.posts(&target, &request, &user(), ok(&request, &bench.output())).await, 200);
    assert_eq!(bench.refused().await, ["unknown_request"]);
}

#[tokio::test]
async fn a_webhook_in_the_words_of_hand_written_senders_means_the_same() {
    let bench = Bench::start().await;
    for (word, ends) in [("COMPLETED", JobState::Succeeded), ("FAILED", JobState::Failed)] {
        let (job, submission) = bench.submitted().await;
        let (target, request) = (submission.webhook.unwrap(), submission.request_id);
        let body = match ends {
            JobState::Succeeded => ok(&request, &bench.output()).replace("\"OK\"", &format!("\"{word}\"")),
            _ => error(&request, r#"{"detail":"no"}"#).replace("\"ERROR\"", &format!("\"{word}\"")),
        };
        assert!(body.contains(word), "{body}");
        assert_eq!(bench.posts(&target, &request, &user(), body).await, 200);
        assert_eq!(bench.ended(&job).await.status, ends, "{word}");
    }
}

#[tokio::test]
async fn a_webhook_is_answered_while_the_pictures_of_an_earlier_one_do_not_come() {
    let config = plantain_studio::config::StudioConfig { save_slots: 1, ..crate::service::bench::config() };
    let bench = Bench::with(config).await;
    let good = bench.output();
    let (first, submission) = bench.submitted().await;
    let held = format!(r#"{{"images":[{{"url":"{}"}}]}}"#, bench.backend.strange("held"));
    let body = ok(&submission.request_id, &held);
    assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
    bench.backend.holds_a_download().await;
    // The only place for saving is taken; a hundred further results are durable and answered all the same.
    let (second, submission) = bench.submitted().await;
    let (target, request, us) = (submission.webhook.unwrap(), submission.request_id, user());
    let body = ok(&request, &good);
    let answers = join_all((0..100).map(|_| bench.posts(&target, &request, &us, body.clone()))).await;
    assert_eq!(answers, [200; 100]);
    assert_eq!(bench.studio.job(&second).await.unwrap().unwrap().status, JobState::Running);
    bench.backend.lets_downloads_go();
    bench.succeeds(&second).await;
    assert!(bench.ended(&first).await.status.is_final());
}

#[tokio::test]
async fn a_webhook_that_comes_a_hundred_times_at_once_is_applied_once() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    let (target, request) = (submission.webhook.unwrap(), submission.request_id);
    let body = ok(&request, &bench.output());
    let us = user();
    let answers = join_all((0..100).map(|_| bench.posts(&target, &request, &us, body.clone()))).await;
    assert_eq!(answers, [200; 100]);
    bench.succeeds(&job).await;
    let events = bench.stores.jobs.events(&request).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].state.as_str(), events[0].times), ("applied", 100));
}

#[tokio::test]
async fn an_error_after_an_ok_and_an_ok_after_an_error_change_nothing() {
    let bench = Bench::start().await;
    for ok_first in [true, false] {
        let (job, submission) = bench.submitted().await;
        let (target, request) = (submission.webhook.unwrap(), submission.request_id);
        let good = ok(&request, &bench.output());
        let bad = error(&request, r#"{"detail":"no"}"#);
        let (first, second) = if ok_first { (good, bad) } else { (bad, good) };
        assert_eq!(bench.posts(&target, &request, &user(), first).await, 200);
        let ended = bench.ended(&job).await;
        assert_eq!(ended.status, if ok_first { JobState::Succeeded } else { JobState::Failed });
        assert_eq!(bench.posts(&target, &request, &user(), second).await, 200);
        assert_eq!(bench.studio.job(&job).await.unwrap().unwrap(), ended);
        let states: Vec<_> =
            bench.stores.jobs.events(&request).await.unwrap().into_iter().map(|event| event.state).collect();
        assert_eq!(states, ["applied", "ignored_duplicate"]);
    }
}

#[tokio::test]
async fn another_validly_signed_body_for_the_same_request_changes_nothing() {
    let bench = Bench::start().await;
    let (job, submission) = bench.submitted().await;
    let (target, request) = (submission.webhook.unwrap(), submission.request_id);
    assert_eq!(bench.posts(&target, &request, &user(), ok(&request, &bench.output())).await, 200);
    let ended = bench.succeeds(&job).await;
    assert_eq!(bench.posts(&target, &request, &user(), ok(&request, r#"{"images":[]}"#)).await, 200);
    assert_eq!(bench.studio.job(&job).await.unwrap().unwrap(), ended);
}

#[tokio::test]
async fn a_lost_submit_answer_is_asked_for_again_under_the_same_key() {
    let bench = Bench::start().await;
    bench.backend.submits(Submits::AcceptAndLoseTheAnswer);
    let view = bench.studio.generate(new_job()).await.unwrap();
    bench.backend.submits(Submits::Accept);
    let submissions = bench.backend.submitted(2).await;
    assert_eq!(submissions[0].key, submissions[1].key);
    assert_eq!(
        (&submissions[0].request_id, &submissions[0].input),
        (&submissions[1].request_id, &submissions[1].input)
    );
    bench.completes(&submissions[0].request_id);
    bench.succeeds(&view.job_id).await;
}

#[tokio::test]
async fn a_lost_submit_answer_is_never_repeated_where_it_would_be_billed_twice() {
    let config = plantain_studio::config::StudioConfig { idempotent_backend: false, ..crate::service::bench::config() };
    let bench = Bench::with(config).await;
    bench.backend.ignores_idempotency_keys();
    bench.backend.submits(Submits::AcceptAndLoseTheAnswer);
    let view = bench.studio.generate(new_job()).await.unwrap();
    bench.backend.submits(Submits::Accept);
    let submission = bench.backend.submitted(1).await.pop().unwrap();
    // Its webhook finds it by the token alone.
    let body = ok(&submission.request_id, &bench.output());
    assert_eq!(bench.posts(&submission.webhook.unwrap(), &submission.request_id, &user(), body).await, 200);
    bench.succeeds(&view.job_id).await;
    assert_eq!(bench.backend.submissions(), 1);
}

#[tokio::test]
async fn a_lost_submit_whose_webhook_never_comes_ends_as_unknown() {
    let config = plantain_studio::config::StudioConfig {
        idempotent_backend: false,
        unknown_patience: std::time::Duration::from_millis(100),
        ..crate::service::bench::config()
    };
    let bench = Bench::with(config).await;
    bench.backend.submits(Submits::AcceptAndLoseTheAnswer);
    let view = bench.studio.generate(new_job()).await.unwrap();
    bench.fails(&view.job_id, "submit_unknown").await;
    assert_eq!(bench.backend.submissions(), 1);
}

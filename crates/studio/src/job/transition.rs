//! How a job changes: `(job, event, now)` to the next job, or why not.
//!
//! Two kinds of events. Those with an epoch are the lease holder's decisions and count only while that lease is the newest.
//! Those without are facts (the queue accepted the submit, the seller wants to cancel); they count whoever reports them,
//! until the job has ended. Results are judged in [`crate::job::arrival`].

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use plantain_wire::id::RequestId;
use plantain_work::clock::after;

use crate::job::{Job, JobError, Outcome, Phase};

/// What may happen to a job.
#[derive(Clone, Debug, PartialEq)]
pub enum JobEvent {
    /// The submit leaves next, with photos that are uploaded.
    SubmitBegins { epoch: u64, uploads: Vec<Url> },
    /// The owed work couldn't be done now. The lease is given back; the next try is due after the pause.
    PutOff { epoch: u64, pause: Duration, why: PutOff },
    /// The queue accepted the submit under this id. A fact: also true when told by a holder that lost its lease. `told_again`: the
    /// queue is known to say the same to whoever repeats the submit.
    Submitted { request_id: RequestId, told_again: bool },
    /// The queue was seen to run the request.
    Running { epoch: u64 },
    /// The job ends.
    Ends { epoch: u64, outcome: Outcome },
    /// The seller wants it no more.
    CancelAsked,
}

/// Why work is put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOff {
    /// It failed and is tried again; a submit surely reached nobody.
    Failed,
    /// Nobody knows whether the submit was accepted.
    SubmitUnknown,
    /// Nothing failed: the process stops, or only waiting is left.
    Waiting,
}

/// Why an event changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("another holder has taken the job since")]
    LeaseLost,
    #[error("the job has ended")]
    Ended,
    #[error("this was so already")]
    NothingNew,
    #[error("the job belongs to another request")]
    OtherRequest,
    #[error("the result is here; it is being saved")]
    TooLate,
}

/// The job after `event`.
pub fn apply(job: &Job, event: &JobEvent, now: Timestamp) -> Result<Job, Refused> {
    if job.phase == Phase::Done {
        return Err(Refused::Ended);
    }
    match event {
        JobEvent::SubmitBegins { epoch, uploads } => {
            held(job, *epoch)?;
            Ok(Job { uploads: uploads.clone(), submit_started_at: job.submit_started_at.or(Some(now)), ..job.clone() })
        }
        JobEvent::PutOff { epoch, pause, why } => held(job, *epoch).map(|()| put_off(job, *pause, *why, now)),
        JobEvent::Submitted { request_id, .. } => submitted(job, request_id, now),
        JobEvent::Running { epoch } => {
            held(job, *epoch)?;
            if job.running_at.is_some() {
                return Err(Refused::NothingNew);
            }
            Ok(Job { running_at: Some(now), failures: 0, ..job.clone() })
        }
        JobEvent::Ends { epoch, outcome } => held(job, *epoch).map(|()| ended(job, outcome.clone(), now)),
        JobEvent::CancelAsked => cancel_asked(job, now),
    }
}

fn held(job: &Job, epoch: u64) -> Result<(), Refused> {
    if job.epoch == epoch { Ok(()) } else { Err(Refused::LeaseLost) }
}

fn put_off(job: &Job, pause: Duration, why: PutOff, now: Timestamp) -> Job {
    let failures = if why == PutOff::Waiting { job.failures } else { job.failures.saturating_add(1) };
    // Only a submit that surely reached nobody may be repeated as if it had never left.
    let forget_submit = why == PutOff::Failed && job.request_id.is_none();
    if forget_submit && job.cancel_asked_at.is_some() {
        // Nothing was accepted and nobody wants it any more: it must not be submitted again.
        return ended(job, Outcome::Canceled, now);
    }
    let submit_started_at = if forget_submit { None } else { job.submit_started_at };
    Job { due_at: after(now, pause), leased_until: None, failures, submit_started_at, ..job.clone() }
}

/// Whoever learns the request id first, stores it: the submit's reply or a webhook that overtook it.
fn submitted(job: &Job, request_id: &RequestId, now: Timestamp) -> Result<Job, Refused> {
    match &job.request_id {
        Some(known) if known == request_id => return Err(Refused::NothingNew),
        Some(_) => return Err(Refused::OtherRequest),
        None => {}
    }
    let followed = Job {
        request_id: Some(request_id.clone()),
        submit_started_at: job.submit_started_at.or(Some(now)),
        phase: Phase::Follow,
        failures: 0,
        ..job.clone()
    };
    // Where nobody holds the job (the holder gave up waiting for this reply), somebody must follow it from now on.
    Ok(if job.leased_until.is_none() { Job { due_at: now, ..followed } } else { followed })
}

fn cancel_asked(job: &Job, now: Timestamp) -> Result<Job, Refused> {
    if job.result_at.is_some() {
        return Err(Refused::TooLate);
    }
    if job.submit_started_at.is_none() {
        // Nothing has left the house. The epoch rises, so that whoever is uploading can't submit any more.
        return Ok(ended(
            &Job { epoch: job.epoch + 1, cancel_asked_at: Some(now), ..job.clone() },
            Outcome::Canceled,
            now,
        ));
    }
    if job.cancel_asked_at.is_some() {
        return Err(Refused::NothingNew);
    }
    Ok(Job { cancel_asked_at: Some(now), ..job.clone() })
}

fn ended(job: &Job, outcome: Outcome, now: Timestamp) -> Job {
    Job {
        phase: Phase::Done,
        leased_until: None,
        failures: 0,
        finished_at: Some(now),
        outcome: Some(outcome),
        ..job.clone()
    }
}

/// The job with the model's answer, which somebody must save from now on. Its holder, if it has one, is fenced off.
pub(super) fn with_result(job: &Job, request_id: &RequestId, now: Timestamp) -> Job {
    Job {
        request_id: Some(request_id.clone()),
        submit_started_at: job.submit_started_at.or(Some(now)),
        phase: Phase::Save,
        epoch: job.epoch + 1,
        due_at: now,
        leased_until: None,
        failures: 0,
        result_at: Some(now),
        ..job.clone()
    }
}

impl JobEvent {
    /// It is learnt again where a power cut undoes it, and nothing else follows from it: a lease ends with its holder, and the queue
    /// says anew that the request runs, or which one it is.
    pub fn is_learnt_again(&self) -> bool {
        match self {
            JobEvent::Running { .. } | JobEvent::PutOff { why: PutOff::Waiting, .. } => true,
            JobEvent::Submitted { told_again, .. } => *told_again,
            _ => false,
        }
    }

    /// The job ends without pictures.
    pub fn fails(epoch: u64, error: JobError) -> JobEvent {
        JobEvent::Ends { epoch, outcome: Outcome::Failed(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobState, sample};

    const NOW: i64 = 1_795_176_100;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn request(id: &str) -> RequestId {
        RequestId::parse(id).unwrap()
    }

    /// Claimed once, nothing sent yet.
    fn claimed() -> Job {
        Job { epoch: 1, leased_until: Some(after(now(), Duration::from_secs(30))), ..sample::job() }
    }

    fn leaving() -> Job {
        apply(&claimed(), &JobEvent::SubmitBegins { epoch: 1, uploads: Vec::new() }, now()).unwrap()
    }

    fn followed() -> Job {
        apply(&leaving(), &JobEvent::Submitted { request_id: request("r1"), told_again: false }, now()).unwrap()
    }

    fn answered() -> Job {
        with_result(&followed(), &request("r1"), now())
    }

    #[track_caller]
    fn refused(job: &Job, event: JobEvent, why: Refused) {
        assert_eq!(apply(job, &event, now()), Err(why), "{event:?}");
    }

    #[test]
    fn what_others_were_told_or_paid_for_is_not_left_to_be_learnt_again() {
        let pause = Duration::from_secs(1);
        let submitted = |told_again| JobEvent::Submitted { request_id: request("r1"), told_again };
        for (event, learnt_again) in [
            (JobEvent::SubmitBegins { epoch: 1, uploads: Vec::new() }, false),
            (JobEvent::PutOff { epoch: 1, pause, why: PutOff::Waiting }, true),
            (JobEvent::PutOff { epoch: 1, pause, why: PutOff::Failed }, false),
            (JobEvent::PutOff { epoch: 1, pause, why: PutOff::SubmitUnknown }, false),
            (submitted(false), false),
            (submitted(true), true),
            (JobEvent::Running { epoch: 1 }, true),
            (JobEvent::Ends { epoch: 1, outcome: Outcome::Canceled }, false),
            (JobEvent::CancelAsked, false),
        ] {
            assert_eq!(event.is_learnt_again(), learnt_again, "{event:?}");
        }
    }

    #[test]
    fn a_submit_that_leaves_is_written_down_with_its_photos() {
        let uploads = vec!["http://cdn.test/a".parse().unwrap()];
        let job = apply(&claimed(), &JobEvent::SubmitBegins { epoch: 1, uploads: uploads.clone() }, now()).unwrap();
        assert_eq!((job.submit_started_at, &job.uploads, job.phase), (Some(now()), &uploads, Phase::Submit));
        // A repetition keeps the first time: patience counts from there.
        let later = after(now(), Duration::from_secs(9));
        let again = apply(&job, &JobEvent::SubmitBegins { epoch: 1, uploads }, later).unwrap();
        assert_eq!(again.submit_started_at, Some(now()));
    }

    #[test]
    fn what_happens_to_a_submit_that_is_put_off() {
        let pause = Duration::from_secs(5);
        for (why, started, failures) in
            [(PutOff::Failed, None, 1), (PutOff::SubmitUnknown, Some(now()), 1), (PutOff::Waiting, Some(now()), 0)]
        {
            let job = apply(&leaving(), &JobEvent::PutOff { epoch: 1, pause, why }, now()).unwrap();
            assert_eq!((job.submit_started_at, job.failures), (started, failures), "{why:?}");
            assert_eq!((job.leased_until, job.due_at, job.epoch), (None, after(now(), pause), 1));
        }
        // Once there is a request, nothing about its submit is forgotten.
        let job = apply(&followed(), &JobEvent::PutOff { epoch: 1, pause, why: PutOff::Failed }, now()).unwrap();
        assert_eq!((job.submit_started_at, job.request_id), (Some(now()), Some(request("r1"))));
    }

    #[test]
    fn a_cancelled_job_whose_submit_was_refused_is_over_and_not_submitted_again() {
        let cancelled = apply(&leaving(), &JobEvent::CancelAsked, now()).unwrap();
        let refused = JobEvent::PutOff { epoch: 1, pause: Duration::from_secs(5), why: PutOff::Failed };
        let job = apply(&cancelled, &refused, now()).unwrap();
        assert_eq!((job.phase, job.state()), (Phase::Done, JobState::Canceled));
        let unknown = JobEvent::PutOff { epoch: 1, pause: Duration::from_secs(5), why: PutOff::SubmitUnknown };
        assert_eq!(apply(&cancelled, &unknown, now()).unwrap().phase, Phase::Submit);
    }

    #[test]
    fn the_holder_goes_on_and_a_stale_holders_reply_still_counts() {
        let job = followed();
        assert_eq!((job.phase, job.epoch, job.state()), (Phase::Follow, 1, JobState::Queued));
        assert!(job.leased_until.is_some());
        // The holder had given up waiting; the reply came after all.
        let given_up = JobEvent::PutOff { epoch: 1, pause: Duration::from_secs(600), why: PutOff::SubmitUnknown };
        let waiting = apply(&leaving(), &given_up, now()).unwrap();
        let job =
            apply(&waiting, &JobEvent::Submitted { request_id: request("r1"), told_again: false }, now()).unwrap();
        assert_eq!((job.phase, job.due_at, job.failures), (Phase::Follow, now(), 0));
        refused(&job, JobEvent::Submitted { request_id: request("r1"), told_again: false }, Refused::NothingNew);
        refused(&job, JobEvent::Submitted { request_id: request("r2"), told_again: false }, Refused::OtherRequest);
    }

    #[test]
    fn the_submit_reply_never_overwrites_a_result_that_came_first() {
        let overtaken = with_result(&leaving(), &request("r1"), now());
        assert_eq!((overtaken.phase, overtaken.state()), (Phase::Save, JobState::Running));
        refused(&overtaken, JobEvent::Submitted { request_id: request("r1"), told_again: false }, Refused::NothingNew);
        refused(&overtaken, JobEvent::Running { epoch: 1 }, Refused::LeaseLost);
        refused(&overtaken, JobEvent::fails(1, JobError::new("x", "x", "x")), Refused::LeaseLost);
    }

    #[test]
    fn running_is_said_once() {
        let job = apply(&followed(), &JobEvent::Running { epoch: 1 }, now()).unwrap();
        assert_eq!((job.running_at, job.state()), (Some(now()), JobState::Running));
        refused(&job, JobEvent::Running { epoch: 1 }, Refused::NothingNew);
        refused(&job, JobEvent::Running { epoch: 0 }, Refused::LeaseLost);
    }

    #[test]
    fn a_job_that_has_not_left_is_cancelled_at_once_and_its_holder_fenced_off() {
        for job in [sample::job(), claimed()] {
            let cancelled = apply(&job, &JobEvent::CancelAsked, now()).unwrap();
            assert_eq!(
                (cancelled.state(), cancelled.phase, cancelled.epoch),
                (JobState::Canceled, Phase::Done, job.epoch + 1)
            );
            refused(&cancelled, JobEvent::SubmitBegins { epoch: job.epoch, uploads: Vec::new() }, Refused::Ended);
        }
    }

    #[test]
    fn a_job_that_has_left_is_asked_back_and_may_still_end_well() {
        for job in [leaving(), followed()] {
            let asked = apply(&job, &JobEvent::CancelAsked, now()).unwrap();
            assert_eq!((asked.cancel_asked_at, asked.phase, asked.outcome.is_none()), (Some(now()), job.phase, true));
            refused(&asked, JobEvent::CancelAsked, Refused::NothingNew);
            assert_eq!(with_result(&asked, &request("r1"), now()).phase, Phase::Save);
        }
        refused(&answered(), JobEvent::CancelAsked, Refused::TooLate);
    }

    #[test]
    fn a_result_fences_off_whoever_held_the_job() {
        let job = answered();
        assert_eq!((job.phase, job.epoch, job.leased_until, job.due_at), (Phase::Save, 2, None, now()));
        assert!(job.is_owed(now()));
    }

    #[test]
    fn nothing_happens_to_a_job_that_has_ended() {
        let canceled = JobEvent::Ends { epoch: 2, outcome: Outcome::Canceled };
        let done = apply(&answered(), &canceled, now()).unwrap();
        assert_eq!((done.finished_at, done.leased_until), (Some(now()), None));
        for event in [
            JobEvent::SubmitBegins { epoch: 2, uploads: Vec::new() },
            JobEvent::PutOff { epoch: 2, pause: Duration::ZERO, why: PutOff::Waiting },
            JobEvent::Submitted { request_id: request("r1"), told_again: false },
            JobEvent::Running { epoch: 2 },
            canceled,
            JobEvent::CancelAsked,
        ] {
            refused(&done, event, Refused::Ended);
        }
        assert!(!done.is_owed(after(now(), Duration::from_secs(86_400))));
    }
}

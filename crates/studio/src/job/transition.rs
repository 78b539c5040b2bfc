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
    /// The queue accepted the submit under this id. A fact: also true when told by a holder that lost its lease.
    Submitted { request_id: RequestId },
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
        JobEvent::Submitted { request_id } => submitted(job, request_id, now),
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
    /// The job ends without pictures.
    pub fn fails(epoch: u64, error: JobError) -> JobEvent {
        JobEvent::Ends { epoch, outcome: Outcome::Failed(error) }
    }
}

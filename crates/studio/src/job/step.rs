//! Which work a claimed job owes next, and how long to wait after a failure. Pure arithmetic over the job and the policy.

use std::time::Duration;

use jiff::Timestamp;

use plantain_work::clock::until;

use crate::config::StudioConfig;
use crate::job::{Job, JobError, Outcome, Phase};

/// What the holder of a job does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Upload what isn't uploaded, and submit. Also repeats a submit whose outcome is unknown, where the queue tells
    /// repetitions from new requests.
    Submit,
    /// A submit may or may not have been accepted and must not be repeated: only the callback can tell. Wait this long.
    AwaitCallback(Duration),
    Follow,
    Save,
    End(Outcome),
}

/// The parts of the configuration that steps depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub idempotent_backend: bool,
    pub webhook: bool,
    pub patience: Duration,
    pub unknown_patience: Duration,
}

impl From<&StudioConfig> for Policy {
    fn from(config: &StudioConfig) -> Policy {
        let StudioConfig { idempotent_backend, webhook, patience, unknown_patience, .. } = *config;
        Policy { idempotent_backend, webhook, patience, unknown_patience }
    }
}

/// What is owed for `job` now.
pub fn next(job: &Job, policy: &Policy, now: Timestamp) -> Step {
    match job.phase {
        Phase::Save => Step::Save,
        Phase::Follow => match left_to_follow(job, policy.patience, now) {
            Some(_) => Step::Follow,
            None => end(job, never_answered()),
        },
        Phase::Submit => match job.submit_started_at {
            None => match left(job.created_at, policy.patience, now) {
                Some(_) => Step::Submit,
                None => end(job, unreachable()),
            },
            Some(started) => after_unknown_submit(job, started, policy, now),
        },
        // A job that is done is never claimed; saying so again changes nothing.
        Phase::Done => Step::End(job.outcome.clone().unwrap_or(Outcome::Canceled)),
    }
}

/// How much longer a job's request is followed.
pub fn left_to_follow(job: &Job, patience: Duration, now: Timestamp) -> Option<Duration> {
    left(job.submit_started_at.unwrap_or(job.created_at), patience, now)
}

fn after_unknown_submit(job: &Job, started: Timestamp, policy: &Policy, now: Timestamp) -> Step {
    if policy.idempotent_backend {
        return if left(started, policy.patience, now).is_some() { Step::Submit } else { end(job, unknown_submit()) };
    }
    match left(started, policy.unknown_patience, now) {
        Some(left) if policy.webhook => Step::AwaitCallback(left),
        _ => end(job, unknown_submit()),
    }
}

fn left(since: Timestamp, patience: Duration, now: Timestamp) -> Option<Duration> {
    patience.checked_sub(until(since, now)).filter(|left| !left.is_zero())
}

/// A job that its seller didn't want any more doesn't fail, it is over.
fn end(job: &Job, error: JobError) -> Step {
    Step::End(if job.cancel_asked_at.is_some() { Outcome::Canceled } else { Outcome::Failed(error) })
}

fn never_answered() -> JobError {
    JobError::new(
        "request_lost",
        "The model's queue accepted the job but never finished it.",
        "Start the job again. If it happens again, tell whoever runs the studio.",
    )
}

fn unreachable() -> JobError {
    JobError::new(
        "queue_unreachable",
        "The model's queue could not be reached for a whole day.",
        "Start the job again later. Nothing was charged.",
    )
}

fn unknown_submit() -> JobError {
    JobError::new(
        "submit_unknown",
        "The connection broke while the job was handed to the model's queue, and no answer came since.",
        "Look at the queue's own list whether it ran, before you start the job again: it may have been charged.",
    )
}

/// The first pause after a failure.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// No pause is longer, so that a queue that comes back is noticed soon.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// The longest pause that another side may ask for.
const ASKED_MAX: Duration = Duration::from_secs(300);

/// How long to wait before the next try: doubling, ±25 %, and never less than the other side asked for.
pub fn backoff(failures: u32, asked: Option<Duration>, jitter: u32) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1_u32 << failures.min(16)).min(BACKOFF_MAX);
    let jittered = doubled.mul_f64(0.75 + 0.5 * f64::from(jitter) / f64::from(u32::MAX));
    jittered.max(asked.unwrap_or_default().min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use plantain_work::clock::after;

    use super::*;
    use crate::job::sample;

    const MINUTE: Duration = Duration::from_secs(60);
    const FAL: Policy = Policy {
        idempotent_backend: false,
        webhook: true,
        patience: Duration::from_secs(3600),
        unknown_patience: MINUTE,
    };
    const OURS: Policy = Policy { idempotent_backend: true, ..FAL };
    const DEAF: Policy = Policy { webhook: false, ..FAL };

    #[track_caller]
    fn step(job: &Job, policy: &Policy, age: Duration) -> String {
        match next(job, policy, after(job.created_at, age)) {
            Step::End(Outcome::Failed(error)) => error.code,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_is_owed_in_each_phase() {
        let (hour, second) = (FAL.patience, Duration::from_secs(1));
        let job = sample::job();
        assert_eq!(step(&job, &FAL, second), "Submit");
        assert_eq!(step(&job, &FAL, hour), "queue_unreachable");
        let followed = Job { phase: Phase::Follow, ..job.clone() };
        assert_eq!(step(&followed, &FAL, second), "Follow");
        assert_eq!(step(&followed, &FAL, hour), "request_lost");
        let saved = Job { phase: Phase::Save, ..job.clone() };
        assert_eq!(step(&saved, &FAL, hour * 100), "Save");
        // Nobody knows whether the submit arrived.
        let unknown = Job { submit_started_at: Some(job.created_at), ..job };
        assert_eq!(step(&unknown, &OURS, second), "Submit");
        assert_eq!(step(&unknown, &OURS, hour), "submit_unknown");
        assert_eq!(step(&unknown, &FAL, Duration::ZERO), "AwaitCallback(60s)");
        assert_eq!(step(&unknown, &FAL, second), "AwaitCallback(59s)");
        assert_eq!(step(&unknown, &FAL, MINUTE), "submit_unknown");
        assert_eq!(step(&unknown, &DEAF, second), "submit_unknown");
        // Its seller had cancelled it.
        let unwanted = Job { cancel_asked_at: unknown.submit_started_at, ..unknown };
        assert_eq!(step(&unwanted, &FAL, MINUTE), "End(Canceled)");
    }

    #[test]
    fn pauses_double_and_end() {
        let pause = |failures, asked| backoff(failures, asked, u32::MAX / 2).as_secs_f64().round();
        assert_eq!([1, 2, 3, 6, 7, 40].map(|failures| pause(failures, None)), [1.0, 2.0, 4.0, 30.0, 30.0, 30.0]);
        assert_eq!(pause(1, Some(Duration::from_secs(7))), 7.0);
        assert_eq!(pause(1, Some(Duration::from_secs(7_000))), 300.0);
        assert!(backoff(1, None, 0) < backoff(1, None, u32::MAX));
    }
}

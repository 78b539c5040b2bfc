//! Whatever order things happen in, a job ends once and stays as it ended.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use plantain_wire::id::RequestId;

use crate::job::arrival::{Arrival, Arrived, Callback, Known, WebhookFacts, judge};
use crate::job::step::{self, Policy, Step};
use crate::job::transition::{JobEvent, PutOff, apply};
use crate::job::{Ended, Finished, Job, JobResult, Outcome, Phase, ResultSource, sample};

/// Something that can happen at any time, by a holder with the newest lease or with an older one.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Claim,
    SubmitLeaves { stale: bool },
    SubmitReply,
    SubmitLost { stale: bool },
    SubmitRefused { stale: bool },
    Running { stale: bool },
    Webhook { failed: bool },
    WebhookWithoutPayload,
    Reconciled { failed: bool },
    Cancel,
    Saved { stale: bool },
    GivenUp { stale: bool },
    HandedBack { stale: bool },
}

fn happening() -> impl Strategy<Value = Happening> {
    let flag = any::<bool>();
    prop_oneof![
        3 => Just(Happening::Claim),
        2 => flag.prop_map(|stale| Happening::SubmitLeaves { stale }),
        2 => Just(Happening::SubmitReply),
        1 => flag.prop_map(|stale| Happening::SubmitLost { stale }),
        1 => flag.prop_map(|stale| Happening::SubmitRefused { stale }),
        1 => flag.prop_map(|stale| Happening::Running { stale }),
        2 => flag.prop_map(|failed| Happening::Webhook { failed }),
        1 => Just(Happening::WebhookWithoutPayload),
        1 => flag.prop_map(|failed| Happening::Reconciled { failed }),
        1 => Just(Happening::Cancel),
        1 => flag.prop_map(|stale| Happening::Saved { stale }),
        1 => flag.prop_map(|stale| Happening::GivenUp { stale }),
        1 => flag.prop_map(|stale| Happening::HandedBack { stale }),
    ]
}

/// The one stored job, and how many results were applied to it.
struct World {
    job: Job,
    now: Timestamp,
    applied: usize,
}

impl World {
    fn new() -> World {
        let job = sample::job();
        World { now: job.created_at, job, applied: 0 }
    }

    fn happens(&mut self, happening: Happening) {
        let epoch = |stale: bool| if stale { self.job.epoch.saturating_sub(1) } else { self.job.epoch };
        let put_off = |stale, why| JobEvent::PutOff { epoch: epoch(stale), pause: Duration::from_secs(1), why };
        let ends = |stale, outcome| JobEvent::Ends { epoch: epoch(stale), outcome };
        let event = match happening {
            Happening::Claim => return self.claim(),
            Happening::Webhook { failed } => return self.arrives(result(ResultSource::Webhook, failed), true),
            Happening::WebhookWithoutPayload => return self.arrives(None, true),
            Happening::Reconciled { failed } => return self.arrives(result(ResultSource::Reconciler, failed), false),
            Happening::SubmitLeaves { stale } if self.job.phase == Phase::Submit => {
                JobEvent::SubmitBegins { epoch: epoch(stale), uploads: Vec::new() }
            }
            Happening::SubmitReply if self.job.submit_started_at.is_some() => {
                JobEvent::Submitted { request_id: request(), told_again: false }
            }
            Happening::SubmitLost { stale } => put_off(stale, PutOff::SubmitUnknown),
            Happening::SubmitRefused { stale } => put_off(stale, PutOff::Failed),
            Happening::Running { stale } => JobEvent::Running { epoch: epoch(stale) },
            Happening::Cancel => JobEvent::CancelAsked,
            Happening::Saved { stale } if self.job.phase == Phase::Save => ends(stale, saved()),
            Happening::GivenUp { stale } => ends(stale, Outcome::Canceled),
            Happening::HandedBack { stale } => put_off(stale, PutOff::Waiting),
            Happening::SubmitLeaves { .. } | Happening::SubmitReply | Happening::Saved { .. } => return,
        };
        if let Ok(next) = apply(&self.job, &event, self.now) {
            self.job = next;
        }
    }

    fn claim(&mut self) {
        if self.job.is_owed(self.now) {
            self.job.epoch += 1;
            self.job.leased_until = Some(plantain_work::clock::after(self.now, Duration::from_secs(30)));
        }
    }

    fn arrives(&mut self, result: Option<JobResult>, by_webhook: bool) {
        let callback = Callback { job: Some(self.job.id.clone()), token: Some(self.job.token.reveal().to_owned()) };
        let webhook = by_webhook.then(|| WebhookFacts {
            user_id: None,
            callback,
            headers: Vec::new(),
            body: Bytes::new(),
            body_sha256: String::new(),
        });
        let arrival = Arrival { request_id: request(), result, webhook };
        let by_request = (self.job.request_id == Some(request())).then_some(&self.job);
        let known = Known { by_request, by_callback: Some(&self.job), account: None };
        let judgement = judge(&arrival, known, self.now);
        self.applied += usize::from(matches!(judgement.arrived, Arrived::Applied(_)));
        if let Some(next) = judgement.job {
            self.job = next;
        }
    }

    /// Lets the lane work with a queue that answers, until nothing is owed.
    fn settles(&mut self) {
        let policy = Policy {
            idempotent_backend: false,
            webhook: true,
            patience: Duration::from_secs(3600),
            unknown_patience: Duration::from_secs(60),
        };
        for _ in 0..50 {
            self.now = plantain_work::clock::after(self.now, Duration::from_secs(31));
            self.happens(Happening::Claim);
            match step::next(&self.job, &policy, self.now) {
                Step::Submit => {
                    self.happens(Happening::SubmitLeaves { stale: false });
                    self.happens(Happening::SubmitReply);
                }
                Step::AwaitCallback(_) => self.happens(Happening::HandedBack { stale: false }),
                Step::Follow => self.happens(Happening::Reconciled { failed: false }),
                Step::Save => self.happens(Happening::Saved { stale: false }),
                Step::End(outcome) => {
                    let event = JobEvent::Ends { epoch: self.job.epoch, outcome };
                    self.job = apply(&self.job, &event, self.now).unwrap_or_else(|_| self.job.clone());
                }
            }
            if self.job.phase == Phase::Done {
                return;
            }
        }
    }
}

fn request() -> RequestId {
    RequestId::parse("r1").unwrap()
}

fn result(source: ResultSource, failed: bool) -> Option<JobResult> {
    let ended = if failed { Ended::Error { body: None, said: None } } else { Ended::Output(Bytes::from_static(b"{}")) };
    Some(JobResult { source, ended })
}

fn saved() -> Outcome {
    let (description, notices, cutout, tilt_degrees) = (None, Vec::new(), None, None);
    Outcome::Succeeded(Finished { pictures: Vec::new(), media: Vec::new(), description, notices, cutout, tilt_degrees })
}

fn rank(job: &Job) -> (Phase, usize) {
    let state = crate::job::JobState::ALL.iter().position(|state| *state == job.state()).unwrap();
    // All three ends are equally final.
    (job.phase, state.min(2))
}

proptest! {
    #[test]
    fn a_job_ends_exactly_once_and_never_changes_afterwards(order in proptest::collection::vec(happening(), 0..40)) {
        let mut world = World::new();
        for happening in order {
            let before = world.job.clone();
            world.happens(happening);
            let after = &world.job;
            prop_assert!(before.phase != Phase::Done || before == *after, "{happening:?} changed an ended job");
            prop_assert!(rank(&before) <= rank(after), "{happening:?} moved the job back");
            prop_assert!(before.epoch <= after.epoch);
            prop_assert!(before.request_id.is_none() || before.request_id == after.request_id);
            prop_assert!((after.phase == Phase::Done) == after.outcome.is_some());
            prop_assert!((after.phase == Phase::Done) == after.finished_at.is_some());
        }
        world.settles();
        prop_assert_eq!(world.job.phase, Phase::Done);
        prop_assert!(world.applied <= 1, "{} results were applied", world.applied);
    }
}

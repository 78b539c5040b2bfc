//! The lane that drives jobs: claim, do what is owed next, until the job is done or nothing is left but waiting.
//!
//! Whoever holds a job's lease is its only driver. Its writes carry the lease's epoch, so that a driver which was overtaken
//! by a webhook, or by another process after a stall, changes nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use plantain_work::clock::after;
use plantain_work::lane::{self, Beat, Claim, ClaimFailed, Lane, Left};
use plantain_work::{Shutdown, Tasks};

use crate::collecting;
use crate::job::step::{self, Policy, Step};
use crate::job::transition::{JobEvent, PutOff};
use crate::job::{Fence, Job};
use crate::keys;
use crate::service::{Inner, Studio};
use crate::store::Applied;

use plantain_inbox::store::StoreError;

/// A lease is prolonged this many times within its span, so that one lost beat doesn't cost it.
const BEATS_A_LEASE: u32 = 3;

impl Studio {
    /// Begins to drive jobs. Call it once; the work ends with `shutdown`, and what was in hand is taken up again by the next
    /// process.
    pub fn start(&self, tasks: &Tasks, shutdown: &Shutdown) {
        let lane = Arc::new(JobLane(self.0.clone()));
        let (slots, wake, clock) = (self.0.config.slots, self.0.wake.clone(), self.0.clock.clone());
        self.start_batches(tasks, shutdown);
        self.start_messages(tasks, shutdown);
        self.start_post(tasks, shutdown);
        tasks.spawn("studio.jobs", lane::run(lane, slots, wake, clock, tasks.clone(), shutdown.clone()));
        tasks.spawn("studio.keys", keys::run(self.0.clone(), shutdown.clone()));
        tasks.spawn("studio.collect", collecting::run(self.0.clone(), shutdown.clone()));
    }

    /// False while the lane stands still after a panic: jobs are accepted, and driven later.
    pub fn is_working(&self) -> bool {
        self.0.wake.lane_is_up() && self.0.bulk.lane_is_up() && self.0.outbox.lane_is_up()
    }
}

struct JobLane(Arc<Inner>);

#[async_trait]
impl Lane for JobLane {
    type Task = Job;

    fn name(&self) -> &'static str {
        "studio.job"
    }

    async fn claim(&self, free: usize) -> Result<Claim<Job>, ClaimFailed> {
        let claimed = self.0.store.claim(free, self.0.config.lease, self.0.clock.now()).await;
        let claimed = claimed.map_err(|error| {
            tracing::error!(%error, "studio.jobs: no work could be claimed");
            ClaimFailed
        })?;
        Ok(Claim { tasks: claimed.jobs, next_due: claimed.next_due, held_back: false })
    }

    async fn run(&self, job: Job, stop: Shutdown) -> Left {
        let (inner, fence) = (&self.0, job.fence());
        let work = async {
            inner.drive(job, &stop).await.unwrap_or_else(|error| {
                // Nothing is lost: the lease runs out and the job is claimed again.
                tracing::error!(job = %fence.id, %error, "job.stalled {}", fence.id);
                Left::More
            })
        };
        let kept = lane::with_heartbeat(&inner.clock, inner.config.lease / BEATS_A_LEASE, || inner.beat(&fence), work);
        tokio::select! {
            biased;
            left = kept => left.unwrap_or(Left::More),
            () = stop.aborted() => {
                inner.hand_back(&fence).await;
                Left::More
            }
        }
    }
}

/// What a piece of work leaves behind.
pub(crate) enum Then {
    /// The job is still ours; go on with what it owes now.
    GoOn(Box<Job>),
    /// It ended, was put off, or somebody else has it; and whether that leaves the lane something to do.
    LetGo(Left),
}

impl Inner {
    async fn drive(&self, mut job: Job, stop: &Shutdown) -> Result<Left, StoreError> {
        let policy = Policy::from(&self.config);
        let mut watch = self.hub.hold(&job.id, &self.clock);
        loop {
            let epoch = job.epoch;
            let then = match step::next(&job, &policy, self.clock.now()) {
                Step::Submit => self.submit(job, &mut watch).await?,
                Step::AwaitCallback(left) => self.put_off(&job, left, PutOff::Waiting).await?,
                Step::Follow => self.follow(job, &mut watch, stop).await?,
                Step::Save => self.save(job).await?,
                Step::End(outcome) => self.settle(&job, JobEvent::Ends { epoch, outcome }).await?,
            };
            match then {
                Then::GoOn(next) => job = *next,
                Then::LetGo(left) => return Ok(left),
            }
        }
    }

    /// Writes an event of this job's holder and tells whoever watches.
    pub(crate) async fn settle(&self, job: &Job, event: JobEvent) -> Result<Then, StoreError> {
        match self.store.apply(&job.id, &event, self.clock.now()).await? {
            Applied::Changed(next) => {
                self.hub.changed(&job.id);
                if let Some(outcome) = &next.outcome {
                    tracing::info!(job = %job.id, state = %next.state(), "job.ended {} {}", job.id, next.state());
                    self.learn_pace(&next, outcome);
                    self.bulk.wake();
                    self.outbox.wake();
                    return Ok(Then::LetGo(Left::Nothing));
                }
                Ok(if next.leased_until.is_some() { Then::GoOn(next) } else { Then::LetGo(Left::More) })
            }
            Applied::Refused(why) => {
                tracing::debug!(job = %job.id, %why, "job.overtaken {}", job.id);
                // Whoever overtook it has woken the lane where there is something to do.
                Ok(Then::LetGo(Left::Nothing))
            }
            Applied::NotFound => Ok(Then::LetGo(Left::Nothing)),
        }
    }

    pub(crate) async fn put_off(&self, job: &Job, pause: Duration, why: PutOff) -> Result<Then, StoreError> {
        self.settle(job, JobEvent::PutOff { epoch: job.epoch, pause, why }).await
    }

    async fn beat(&self, fence: &Fence) -> Beat {
        let until = after(self.clock.now(), self.config.lease);
        // A store that can't be asked says nothing about the lease; our writes are fenced anyway.
        self.store.heartbeat(fence, until).await.unwrap_or(Beat::Held)
    }

    async fn hand_back(&self, fence: &Fence) {
        let event = JobEvent::PutOff { epoch: fence.epoch, pause: Duration::ZERO, why: PutOff::Waiting };
        if let Err(error) = self.store.apply(&fence.id, &event, self.clock.now()).await {
            tracing::warn!(job = %fence.id, %error, "job.not_handed_back: its lease has to run out first");
        }
    }
}

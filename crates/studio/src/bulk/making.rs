//! The lane that makes jobs of waiting items, a few at a time, so that a batch neither fills memory nor keeps others from
//! their turn.
//!
//! An item and its job are one commit: whoever dies before has made nothing, whoever comes second makes nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use plantain_work::clock::after;
use plantain_work::lane::{self, Claim, ClaimFailed, Lane, Left};
use plantain_work::{Shutdown, Tasks};

use crate::bulk::batch::{Batch, Item};
use crate::bulk::leaving;
use crate::error::StudioError;
use crate::job::key::{Allowance, Allowed, StudioKey, Tier};
use crate::job::{CallbackToken, Job, JobError, JobId, JobSpec};
use crate::photo::{self, NewJob, Photo};
use crate::service::{Inner, Studio};

/// Items that are made jobs of at once: photos in memory.
const SLOTS: usize = 2;

/// Jobs that a batch has at once.
pub(super) const OPEN_MAX: usize = 8;

/// How long an item waits for money before the budget is looked at again.
const UNTIL_MONEY: Duration = Duration::from_secs(60 * 60);

/// How long an item stays with a process that may have died: far longer than looking at a photo takes.
const LEASE: Duration = Duration::from_secs(60);

impl Studio {
    pub(crate) fn start_batches(&self, tasks: &Tasks, shutdown: &Shutdown) {
        let lane = Arc::new(BatchLane(self.0.clone()));
        let (wake, clock) = (self.0.bulk.clone(), self.0.clock.clone());
        tasks.spawn("studio.batches", lane::run(lane, SLOTS, wake, clock, tasks.clone(), shutdown.clone()));
        tasks.spawn("studio.discarded", leaving::run(self.0.clone(), shutdown.clone()));
    }
}

struct BatchLane(Arc<Inner>);

#[async_trait]
impl Lane for BatchLane {
    type Task = (Batch, Item);

    fn name(&self) -> &'static str {
        "studio.batch"
    }

    async fn claim(&self, free: usize) -> Result<Claim<(Batch, Item)>, ClaimFailed> {
        let claimed = self.0.store.claim_items(free, OPEN_MAX, LEASE, self.0.clock.now()).await;
        let tasks = claimed.map_err(|error| {
            tracing::error!(%error, "studio.batches: no work could be claimed");
            ClaimFailed
        })?;
        Ok(Claim { tasks, next_due: None, held_back: false })
    }

    async fn run(&self, (batch, item): (Batch, Item), stop: Shutdown) -> Left {
        tokio::select! {
            biased;
            made = self.0.make(&batch, &item) => return made.unwrap_or_else(|error| {
                // Nothing is lost: the lease runs out and the item is claimed again.
                tracing::error!(batch = %batch.id, item = item.number, %error, "batch.stalled {}", batch.id);
                Left::More
            }),
            () = stop.aborted() => if let Err(error) = self.0.store.hand_back_item(&batch.id, item.number).await {
                tracing::warn!(batch = %batch.id, item = item.number, %error, "batch.not_handed_back: its lease has to run out first");
            },
        }
        Left::More
    }
}

impl Inner {
    async fn make(&self, batch: &Batch, item: &Item) -> Result<Left, StudioError> {
        match self.job_of(batch, item).await {
            Ok(job) => self.begin(batch, item, &job).await,
            Err(error) if is_of_the_item(&error) => {
                let told = JobError::new(error.code(), error.message(), error.hint());
                self.store.fail_item(&batch.id, item.number, &told, self.clock.now()).await?;
                Ok(Left::More)
            }
            Err(error) => Err(error),
        }
    }

    /// Money is kept aside for the job in its own commit; where there is none, the item waits for some. A job that begins takes its
    /// item's place among those that a batch has at once, so that the next one can't begin before a job has ended.
    async fn begin(&self, batch: &Batch, item: &Item, job: &Job) -> Result<Left, StudioError> {
        let (id, number, now) = (&batch.id, item.number, self.clock.now());
        let allowance = self.allowance(batch).await?;
        let begun = match &allowance {
            None => self.store.begin_item(id, number, job).await?.then_some(Allowed::Yes),
            Some(allowance) => self.store.begin_item_allowed(id, number, job, allowance).await?,
        };
        match (begun, allowance) {
            (Some(Allowed::Yes), _) => {
                tracing::info!(job = %job.id, batch = %id, "job.accepted {}", job.id);
                self.wake.wake();
                return Ok(Left::Nothing);
            }
            (Some(Allowed::Spent(spent)), Some(allowance)) => {
                let (reason, waits) = unpayable(spent, job.cost_micro_usd(), allowance.budget_micro_usd);
                if waits {
                    self.store.hold_item(id, number, &reason, after(now, UNTIL_MONEY)).await?;
                } else {
                    self.store.fail_item(id, number, &reason, now).await?;
                }
            }
            (Some(Allowed::Spent(_)) | None, _) => {}
        }
        Ok(Left::More)
    }

    /// What the key may spend that handed the batch in, as it is now, revoked or not.
    async fn allowance(&self, batch: &Batch) -> Result<Option<Allowance>, StudioError> {
        let Some(owner) = batch.owner.as_ref().filter(|owner| owner.is_key()) else { return Ok(None) };
        let keys = self.store.keys().await?;
        let key: Option<&StudioKey> = keys.iter().find(|key| key.owner() == *owner);
        Ok(key.and_then(|key| key.allowance(self.clock.now())))
    }

    async fn job_of(&self, batch: &Batch, item: &Item) -> Result<Job, StudioError> {
        let key = item.blob.as_deref().and_then(plantain_blobs::BlobKey::parse);
        let bytes = match &key {
            Some(key) => self.blobs.get(key).await?,
            None => None,
        };
        let bytes = bytes.ok_or(StudioError::NoPhoto)?;
        let new = NewJob {
            photos: vec![Photo { bytes, file_name: Some(item.name.clone()), content_type: None }],
            image_urls: Vec::new(),
            prompt: item.prompt.clone().or_else(|| batch.prompt.clone()),
            preset: item.preset.clone().unwrap_or_else(|| batch.preset.clone()),
            num_images: batch.num_images,
            identifier: item.sku.clone(),
            products: item.products.or(batch.products),
            // The batch tells of its end, not each of its photos.
            whatsapp: None,
            staging: Default::default(),
            endpoint: None,
            choice: Default::default(),
            owner: batch.owner.clone(),
            // How many pictures each photo gets was decided when the batch was accepted.
            tier: Tier::Paid,
            allowance: None,
            callback: None,
            notify: None,
        };
        let wish = photo::check(&new, &self.presets)?;
        let spec = JobSpec { in_batch: true, ..self.spec(&new, wish, key.as_ref()).await? };
        let now = self.clock.now();
        let price = self.config.makers.of(&spec.endpoint).micro_usd_per_image();
        let job = Job::new(JobId::new(now), CallbackToken::random(), spec, now);
        Ok(job.owned_by(batch.owner.clone()).priced(price))
    }
}

/// What an item is told whose job doesn't fit into the budget, and whether waiting helps.
fn unpayable(spent: u64, cost: u64, budget: u64) -> (JobError, bool) {
    let error = StudioError::Budget { spent, cost, budget };
    if cost > budget {
        return (JobError::new(error.code(), error.message(), error.hint()), false);
    }
    let hint =
        "It waits, and goes on in the next month (UTC), or when jobs end that cost less than was kept aside for them.";
    (JobError::new(error.code(), error.message(), hint), true)
}

/// It would fail again however often it is tried: refused, or a photo that makes a decoder panic.
fn is_of_the_item(error: &StudioError) -> bool {
    matches!(error, StudioError::Internal) || (400..500).contains(&error.http_status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_waits_for_money_that_may_come_and_for_no_other() {
        for (spent, cost, budget, waits) in [(90, 20, 100, true), (0, 100, 100, true), (0, 101, 100, false)] {
            let (reason, told) = unpayable(spent, cost, budget);
            assert_eq!((told, reason.code.as_str()), (waits, "budget_spent"), "{spent} {cost} {budget}");
            assert_eq!(reason.hint.contains("It waits"), waits, "{}", reason.hint);
        }
    }
}

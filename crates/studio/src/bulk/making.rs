//! The lane that makes jobs of waiting items, a few at a time, so that a batch neither fills memory nor keeps others from
//! their turn.
//!
//! An item and its job are one commit: whoever dies before has made nothing, whoever comes second makes nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use plantain_work::lane::{self, Claim, ClaimFailed, Lane, Left};
use plantain_work::{Shutdown, Tasks};

use crate::bulk::batch::{Batch, Item};
use crate::error::StudioError;
use crate::job::key::Tier;
use crate::job::{CallbackToken, Job, JobError, JobId};
use crate::photo::{self, NewJob, Photo};
use crate::service::{Inner, Studio};

/// Items that are made jobs of at once: photos in memory.
const SLOTS: usize = 2;

/// Jobs that a batch has at once.
pub(super) const OPEN_MAX: usize = 8;

/// How long an item stays with a process that may have died: far longer than looking at a photo takes.
const LEASE: Duration = Duration::from_secs(60);

impl Studio {
    pub(crate) fn start_batches(&self, tasks: &Tasks, shutdown: &Shutdown) {
        let lane = Arc::new(BatchLane(self.0.clone()));
        let (wake, clock) = (self.0.bulk.clone(), self.0.clock.clone());
        tasks.spawn("studio.batches", lane::run(lane, SLOTS, wake, clock, tasks.clone(), shutdown.clone()));
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
            made = self.0.make(&batch, &item) => if let Err(error) = made {
                // Nothing is lost: the lease runs out and the item is claimed again.
                tracing::error!(batch = %batch.id, item = item.number, %error, "batch.stalled {}", batch.id);
            },
            () = stop.aborted() => if let Err(error) = self.0.store.hand_back_item(&batch.id, item.number).await {
                tracing::warn!(batch = %batch.id, item = item.number, %error, "batch.not_handed_back: its lease has to run out first");
            },
        }
        Left::More
    }
}

impl Inner {
    async fn make(&self, batch: &Batch, item: &Item) -> Result<(), StudioError> {
        match self.job_of(batch, item).await {
            Ok(job) => {
                if self.store.begin_item(&batch.id, item.number, &job).await? {
                    tracing::info!(job = %job.id, batch = %batch.id, "job.accepted {}", job.id);
                    self.wake.wake();
                }
                Ok(())
            }
            Err(error) if is_of_the_item(&error) => {
                let told = JobError::new(error.code(), error.message(), error.hint());
                self.store.fail_item(&batch.id, item.number, &told, self.clock.now()).await?;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn job_of(&self, batch: &Batch, item: &Item) -> Result<Job, StudioError> {
        let key = item.blob.as_deref().and_then(plantain_blobs::BlobKey::parse);
        let bytes = match key {
            Some(key) => self.blobs.get(&key).await?,
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
            staging: Default::default(),
            endpoint: None,
            choice: Default::default(),
            owner: batch.owner.clone(),
            // How many pictures each photo gets was decided when the batch was accepted.
            tier: Tier::Paid,
            allowance: None,
        };
        let wish = photo::check(&new, &self.presets)?;
        let spec = self.spec(&new, wish).await?;
        let now = self.clock.now();
        let price = self.config.makers.of(&spec.endpoint).micro_usd_per_image();
        let job = Job::new(JobId::new(now), CallbackToken::random(), spec, now);
        Ok(job.owned_by(batch.owner.clone()).priced(price))
    }
}

/// It would fail again however often it is tried: refused, or a photo that makes a decoder panic.
fn is_of_the_item(error: &StudioError) -> bool {
    matches!(error, StudioError::Internal) || (400..500).contains(&error.http_status())
}

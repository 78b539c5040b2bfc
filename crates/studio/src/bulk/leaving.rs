//! Clears up after batches that were thrown away: their jobs end and are forgotten, then their items.
//!
//! A batch is gone for everybody in the commit that throws it away; what it left behind goes piece by piece, each a commit of its
//! own, so that a stop in between costs nothing and the next process goes on.

use std::sync::Arc;
use std::time::Duration;

use plantain_work::Shutdown;
use plantain_work::clock::after;

use crate::accounts::leaving::pause;
use crate::bulk::batch::{BatchId, LeftBatch};
use crate::error::StudioError;
use crate::service::{Inner, Studio};
use crate::store::Forgotten;

/// How often something that was thrown away is looked for.
const EVERY: Duration = Duration::from_secs(2);

/// Batches that are looked at in one go, and of each what goes in it.
const BATCHES: usize = 10;
const JOBS: usize = 100;
const ITEMS: usize = 500;

impl Studio {
    /// Throws a batch away with its jobs, pictures and addresses; what still runs is told to stop. False where there is none.
    pub async fn discard_batch(&self, id: &BatchId) -> Result<bool, StudioError> {
        let gone = self.0.store.discard_batch(id, self.0.clock.now()).await?;
        if gone {
            tracing::info!(batch = %id, "batch.discarded {id}");
        }
        Ok(gone)
    }

    /// Removes what may be removed now of every batch that was thrown away. Tells how many are gone for good. One that can't be
    /// cleared keeps none of the others.
    pub async fn clear_batches(&self) -> Result<usize, StudioError> {
        let mut gone = 0;
        for LeftBatch { id, failures } in self.0.store.left_batches(BATCHES, self.0.clock.now()).await? {
            let failures = match self.clear_batch(&id).await {
                Ok(true) => {
                    gone += 1;
                    continue;
                }
                Ok(false) => 0,
                Err(error) => {
                    tracing::error!(
                        batch = %id,
                        error = &error as &dyn std::error::Error,
                        "batch.not_cleared {id}: it is tried again"
                    );
                    failures.saturating_add(1)
                }
            };
            self.0.store.put_off_batch(&id, failures, after(self.0.clock.now(), pause(failures))).await?;
        }
        Ok(gone)
    }

    async fn clear_batch(&self, id: &BatchId) -> Result<bool, StudioError> {
        for job in self.0.store.jobs_left(id, JOBS).await? {
            if self.forget(&job).await? == Forgotten::Open {
                self.cancel(&job).await?;
            }
        }
        let gone = self.0.store.clear_batch(id, ITEMS).await?;
        if gone {
            tracing::info!(batch = %id, "batch.gone {id}");
        }
        Ok(gone)
    }
}

/// Clears up until `shutdown` begins. Several processes may do so at once.
pub(crate) async fn run(inner: Arc<Inner>, shutdown: Shutdown) {
    let studio = Studio(inner);
    loop {
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            () = studio.0.clock.sleep(EVERY) => {}
        }
        if let Err(error) = studio.clear_batches().await {
            tracing::error!(error = &error as &dyn std::error::Error, "batches.not_cleared: it is tried again");
        }
    }
}

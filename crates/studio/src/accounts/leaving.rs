//! Clears up after sellers who left: their jobs end and are forgotten, then the account itself.

use std::sync::Arc;
use std::time::Duration;

use plantain_work::Shutdown;
use plantain_work::clock::after;

use crate::accounts::account::{AccountId, Closed};
use crate::bulk::batch::Steer;
use crate::bulk::store::BatchFilter;
use crate::error::StudioError;
use crate::job::Owner;
use crate::service::{Inner, Studio};
use crate::store::{Forgotten, JOBS_A_PAGE_MAX, JobFilter};

/// How often somebody who left is looked for.
const EVERY: Duration = Duration::from_secs(10);

/// The longest time between tries to clear an account.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// Accounts and batches that are looked at in one go.
const ACCOUNTS: usize = 10;
const BATCHES: usize = 200;

impl Studio {
    /// Removes what may be removed now of everybody who left; what still runs is told to stop. Tells how many are gone for good.
    /// One that can't be cleared keeps none of the others.
    pub async fn clear_accounts(&self) -> Result<usize, StudioError> {
        let mut gone = 0;
        for Closed { id, failures } in self.0.store.closed(ACCOUNTS, self.0.clock.now()).await? {
            let failures = match self.clear_account(&id).await {
                Ok(true) => {
                    gone += 1;
                    continue;
                }
                Ok(false) => 0,
                Err(error) => {
                    tracing::error!(
                        account = id.as_str(),
                        error = &error as &dyn std::error::Error,
                        "account.not_cleared {}: it is tried again",
                        id.as_str()
                    );
                    failures.saturating_add(1)
                }
            };
            self.0.store.put_off(&id, failures, after(self.0.clock.now(), pause(failures))).await?;
        }
        Ok(gone)
    }

    async fn clear_account(&self, id: &AccountId) -> Result<bool, StudioError> {
        let owner = Owner::account(id);
        let theirs = BatchFilter { owner: Some(owner.clone()), limit: BATCHES, ..BatchFilter::default() };
        for batch in self.0.store.batches(&theirs).await? {
            if !batch.state.is_over() {
                self.steer(&batch.id, Steer::Cancel).await?;
            }
        }
        let filter = JobFilter { owner: Some(owner), limit: JOBS_A_PAGE_MAX, ..JobFilter::default() };
        for job in self.0.store.jobs(&filter).await? {
            if self.forget(&job.id).await? == Forgotten::Open {
                self.cancel(&job.id).await?;
            }
        }
        let gone = self.0.store.clear(id).await?;
        if gone {
            tracing::info!(account = id.as_str(), "account.gone {}", id.as_str());
        }
        Ok(gone)
    }
}

/// How long whatever could not be cleared so often in a row waits. One whose jobs still run only lets the others pass.
pub(crate) fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    if failures == 0 { Duration::ZERO } else { (EVERY * 2_u32.pow(doublings)).min(PAUSE_MAX) }
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
        if let Err(error) = studio.clear_accounts().await {
            tracing::error!(error = &error as &dyn std::error::Error, "accounts.not_cleared: it is tried again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_can_not_be_cleared_waits_longer_each_time_and_an_hour_at_most() {
        for (failures, seconds) in [(0, 0), (1, 10), (2, 20), (3, 40), (9, 2_560), (10, 3_600), (u32::MAX, 3_600)] {
            assert_eq!(pause(failures).as_secs(), seconds, "{failures}");
        }
    }
}

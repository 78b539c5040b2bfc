//! Clears up after sellers who left: their jobs end and are forgotten, then the account itself.

use std::sync::Arc;
use std::time::Duration;

use plantain_work::Shutdown;

use crate::accounts::account::AccountId;
use crate::bulk::batch::Steer;
use crate::error::StudioError;
use crate::job::Owner;
use crate::service::{Inner, Studio};
use crate::store::{Forgotten, JOBS_A_PAGE_MAX, JobFilter};

/// How often somebody who left is looked for.
const EVERY: Duration = Duration::from_secs(10);

/// Accounts and batches that are looked at in one go.
const ACCOUNTS: usize = 10;
const BATCHES: usize = 200;

impl Studio {
    /// Removes what may be removed now of everybody who left; what still runs is told to stop. Tells how many are gone for good.
    /// One that can't be cleared keeps none of the others.
    pub async fn clear_accounts(&self) -> Result<usize, StudioError> {
        let mut gone = 0;
        for id in self.0.store.closed(ACCOUNTS).await? {
            match self.clear_account(&id).await {
                Ok(cleared) => gone += usize::from(cleared),
                Err(error) => tracing::error!(
                    account = id.as_str(),
                    error = &error as &dyn std::error::Error,
                    "account.not_cleared {}: it is tried again",
                    id.as_str()
                ),
            }
        }
        Ok(gone)
    }

    async fn clear_account(&self, id: &AccountId) -> Result<bool, StudioError> {
        let owner = Owner::account(id);
        for batch in self.0.store.batches(Some(&owner), BATCHES).await? {
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

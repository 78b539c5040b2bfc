//! Which accounts are there and what they get, remembered for a moment, so that not each request of a seller asks the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use plantain_work::clock::after;

use crate::accounts::account::AccountId;
use crate::error::StudioError;
use crate::job::key::Tier;
use crate::service::Studio;

/// How soon a process hears of accounts that another one closed or changed.
const REMEMBERED_FOR: Duration = Duration::from_secs(5);

/// Accounts that are remembered; more begin anew.
const REMEMBERED_MAX: usize = 10_000;

/// When each was last seen, and what it got then.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<AccountId, (Timestamp, Tier)>>);

impl Known {
    fn seen(&self) -> MutexGuard<'_, HashMap<AccountId, (Timestamp, Tier)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, id: &AccountId, now: Timestamp) -> Option<Tier> {
        let (seen, tier) = *self.seen().get(id)?;
        (now < after(seen, REMEMBERED_FOR)).then_some(tier)
    }

    fn keep(&self, id: &AccountId, tier: Tier, now: Timestamp) {
        let mut seen = self.seen();
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        seen.insert(id.clone(), (now, tier));
    }

    pub fn forget(&self, id: &AccountId) {
        self.seen().remove(id);
    }
}

impl Studio {
    /// What such an account gets; `None` where there is none, or its owner has left. What changes is known at once in the process
    /// where it does, within seconds in others.
    pub async fn tier_of(&self, id: &AccountId) -> Result<Option<Tier>, StudioError> {
        let (inner, now) = (&self.0, self.0.clock.now());
        if let Some(tier) = inner.known.fresh(id, now) {
            return Ok(Some(tier));
        }
        let tier = inner.store.account_of(id).await?.map(|account| account.tier);
        match tier {
            Some(tier) => inner.known.keep(id, tier, now),
            None => inner.known.forget(id),
        }
        Ok(tier)
    }
}

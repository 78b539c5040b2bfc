//! Which accounts are there, remembered for a moment, so that not each request of a seller asks the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use plantain_work::clock::after;

use crate::accounts::account::AccountId;
use crate::error::StudioError;
use crate::service::Studio;

/// How soon a process hears of accounts that another one closed.
const REMEMBERED_FOR: Duration = Duration::from_secs(5);

/// Accounts that are remembered; more begin anew.
const REMEMBERED_MAX: usize = 10_000;

/// When each was last seen.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<AccountId, Timestamp>>);

impl Known {
    fn seen(&self) -> MutexGuard<'_, HashMap<AccountId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(&self, id: &AccountId, now: Timestamp) -> bool {
        self.seen().get(id).is_some_and(|seen| now < after(*seen, REMEMBERED_FOR))
    }

    fn keep(&self, id: &AccountId, now: Timestamp) {
        let mut seen = self.seen();
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        seen.insert(id.clone(), now);
    }

    pub fn forget(&self, id: &AccountId) {
        self.seen().remove(id);
    }
}

impl Studio {
    /// There is such an account, and its owner has not left. At once in the process where they leave, within seconds in others.
    pub async fn is_account(&self, id: &AccountId) -> Result<bool, StudioError> {
        let (inner, now) = (&self.0, self.0.clock.now());
        if inner.known.is_fresh(id, now) {
            return Ok(true);
        }
        let is = inner.store.account_of(id).await?.is_some();
        match is {
            true => inner.known.keep(id, now),
            false => inner.known.forget(id),
        }
        Ok(is)
    }
}

//! The retention lane: takes away, a few at a time, what has been kept for as long as it should be.
//!
//! One batch is one short write, so that submits never wait long behind it. Payloads that aren't for the history go first,
//! then whole requests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use plantain_work::lane::{Claim, ClaimFailed, Lane, Left};
use plantain_work::{Shutdown, clock};

use crate::engine::Parts;
use crate::model::RequestView;
use crate::store::StoreError;

/// Requests in one batch. Each may have 10 MB of input, and others want to write meanwhile.
const BATCH: usize = 50;

/// How often is looked for what is too old.
const EVERY: Duration = Duration::from_secs(30);

/// Pause between two batches while there is more.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct RetentionLane {
    parts: Arc<Parts>,
    next: Mutex<Timestamp>,
}

impl RetentionLane {
    pub(super) fn new(parts: Arc<Parts>) -> RetentionLane {
        RetentionLane { parts, next: Mutex::new(Timestamp::MIN) }
    }

    fn next(&self) -> std::sync::MutexGuard<'_, Timestamp> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there may be more.
    async fn batch(&self) -> Result<bool, StoreError> {
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let dropped = store.drop_payloads(BATCH, now).await?;
        let forgotten = store.forget(BATCH, ended_by(now, self.parts.config.retention)).await?;
        if dropped + forgotten > 0 {
            tracing::debug!(dropped, forgotten, "queue.retention");
        }
        Ok(dropped == BATCH || forgotten == BATCH)
    }
}

#[async_trait]
impl Lane for RetentionLane {
    type Task = ();

    fn name(&self) -> &'static str {
        "queue.retention"
    }

    async fn claim(&self, _free: usize) -> Result<Claim<()>, ClaimFailed> {
        let due = *self.next();
        match due <= self.parts.clock.now() {
            true => Ok(Claim { tasks: vec![()], next_due: None, held_back: false }),
            false => Ok(Claim { tasks: Vec::new(), next_due: Some(due), held_back: false }),
        }
    }

    async fn run(&self, (): (), _stop: Shutdown) -> Left {
        let pause = match self.batch().await {
            Ok(true) => PAUSE,
            Ok(false) => EVERY,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "queue.retention_failed");
                EVERY
            }
        };
        *self.next() = clock::after(self.parts.clock.now(), pause);
        Left::More
    }
}

/// What ended then or earlier has been kept for long enough.
fn ended_by(now: Timestamp, retention: Duration) -> Timestamp {
    let retention = SignedDuration::try_from(retention).unwrap_or(SignedDuration::MAX);
    now.checked_sub(retention).unwrap_or(Timestamp::MIN)
}

/// Whether the request can still be asked for. What is too old is gone for callers at once, whenever the lane comes by.
pub(super) fn is_kept(view: &RequestView, now: Timestamp, retention: Duration) -> bool {
    view.finished_at.is_none_or(|finished_at| finished_at > ended_by(now, retention))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_too_old_where_everything_is_kept() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(ended_by(now, Duration::MAX), Timestamp::MIN);
        assert_eq!(ended_by(now, Duration::from_secs(5)), Timestamp::from_second(-5).unwrap());
    }
}

//! What an operator wants delivered once more.

use crate::dead_letters::{DeadFilter, Redelivered};
use crate::engine::Engine;
use crate::store::StoreError;

impl Engine {
    /// See [`crate::dead_letters::DeadLetterStore::redeliver`].
    pub async fn redeliver(&self, id: &str) -> Result<Redelivered, StoreError> {
        let parts = &self.0;
        let redelivered = parts.store.redeliver(id, parts.clock.now()).await?;
        parts.deliveries_due.wake();
        Ok(redelivered)
    }

    /// Sends all of these dead deliveries again, spread over time, and says how many they are. Each batch is a commit of its
    /// own: after an error, what was taken up before it stays so, and asking again goes on with the rest.
    pub async fn redeliver_dead(&self, which: &DeadFilter) -> Result<usize, StoreError> {
        let parts = &self.0;
        let (mut count, mut from) = (0, None);
        loop {
            let batch = parts.store.redeliver_dead(which, from, parts.clock.now()).await?;
            count += batch.count;
            parts.deliveries_due.wake();
            match batch.next {
                Some(next) => from = Some(next),
                None => return Ok(count),
            }
        }
    }
}

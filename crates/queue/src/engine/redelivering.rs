//! What an operator wants delivered once more.

use crate::dead_letters::{DeadFilter, Redelivered};
use crate::engine::Engine;
use crate::hosts::Health;
use crate::store::StoreError;

impl Engine {
    /// See [`crate::dead_letters::DeadLetterStore::redeliver`].
    pub async fn redeliver(&self, id: &str) -> Result<Redelivered, StoreError> {
        let parts = &self.0;
        let redelivered = parts.store.redeliver(id, parts.clock.now()).await?;
        if redelivered == Redelivered::Owed
            && let Some(view) = parts.store.delivery(id).await?
        {
            // Who asks wants to know now whether the host is back.
            parts.hosts().end_rest(&view.delivery.host());
        }
        parts.deliveries_due.wake();
        Ok(redelivered)
    }

    /// Sends all of these dead deliveries again, spread over time, and says how many they are. Each batch is a commit of its
    /// own: after an error, what was taken up before it stays so, and asking again goes on with the rest.
    pub async fn redeliver_dead(&self, which: &DeadFilter) -> Result<usize, StoreError> {
        let parts = &self.0;
        let (mut count, mut from) = (0, None);
        if let Some(host) = &which.host {
            parts.hosts().end_rest(host);
        }
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

    /// Receivers' hosts to which nothing was delivered since an attempt failed, those that fail for longest first; and of each,
    /// whether the operator was told. As this process knows it, and since it started.
    pub fn failing_hosts(&self) -> Vec<(String, Health, bool)> {
        self.0.hosts().troubled(self.0.clock.now())
    }

    /// How many of these the operator was told of.
    pub fn reported_hosts(&self) -> usize {
        self.0.hosts().reported(self.0.clock.now())
    }
}

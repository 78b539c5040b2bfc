//! What each key has under way in this process: runs on callers' connections and requests of the queue. Together they are no
//! more than the key may have at once.
//!
//! Requests of other processes are counted by the store's claims and not here; runs are known to their own process alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Cheap to clone; clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Busy(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    keys: Mutex<HashMap<String, Count>>,
    freed: Notify,
}

/// Of one key. Keys with nothing under way are forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    runs: usize,
    requests: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Run,
    Request,
}

impl Count {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Run => &mut self.runs,
            Kind::Request => &mut self.requests,
        }
    }
}

impl Busy {
    /// How many runs of a key are under way.
    pub fn runs(&self, key: &str) -> usize {
        self.lock().get(key).map_or(0, |count| count.runs)
    }

    /// Counts a request that was claimed; whether it may run was decided by the claim.
    pub fn request(&self, key: &str) -> Held {
        *self.lock().entry(key.to_owned()).or_default().of(Kind::Request) += 1;
        Held { busy: self.clone(), key: key.to_owned(), kind: Kind::Request }
    }

    /// Waits until a run may begin beside whatever else the key has under way.
    pub async fn run(&self, key: &str, limit: usize) -> Held {
        loop {
            let mut freed = std::pin::pin!(self.0.freed.notified());
            // Listened for before it is looked, so that nothing is missed in between.
            freed.as_mut().enable();
            if let Some(held) = self.try_run(key, limit) {
                return held;
            }
            freed.await;
        }
    }

    fn try_run(&self, key: &str, limit: usize) -> Option<Held> {
        let mut keys = self.lock();
        let count = keys.get(key).copied().unwrap_or_default();
        if count.runs + count.requests >= limit.max(1) {
            return None;
        }
        keys.entry(key.to_owned()).or_default().runs += 1;
        Some(Held { busy: self.clone(), key: key.to_owned(), kind: Kind::Run })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        // Nothing is computed under the lock, so a poisoned map is still whole.
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something under way, until it is dropped.
#[derive(Debug)]
pub struct Held {
    busy: Busy,
    key: String,
    kind: Kind,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut keys = self.busy.lock();
        if let Some(count) = keys.get_mut(&self.key) {
            let number = count.of(self.kind);
            *number = number.saturating_sub(1);
            if *count == Count::default() {
                keys.remove(&self.key);
            }
        }
        drop(keys);
        self.busy.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn runs_and_requests_of_a_key_share_its_limit() {
        let busy = Busy::default();
        let (request, first) = (busy.request("a"), busy.run("a", 2).await);
        let mut second = std::pin::pin!(busy.run("a", 2));
        assert!(poll!(&mut second).is_pending(), "one request and one run are all");
        let _other = busy.run("b", 1).await;
        drop(request);
        let second = second.await;
        assert_eq!((busy.runs("a"), busy.runs("b"), busy.runs("c")), (2, 1, 0));
        drop((first, second));
        assert_eq!((busy.runs("a"), busy.lock().len()), (0, 1), "what has ended is forgotten");
    }
}

//! News about requests inside this process: who waits for a change of which, and which running one is to be cancelled.
//!
//! Nothing here is needed for correctness: watchers ask the store at least once a second anyway.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use plantain_wire::id::RequestId;
use plantain_work::{Channels, Clock};

use crate::engine::board::{Before, Board};
use crate::model::{Lease, RequestView};

/// Longest wait for news before the store is asked anyway.
const POLL: Duration = Duration::from_secs(1);

type Channel = watch::Sender<()>;

pub(super) struct News {
    clock: Clock,
    watched: Channels<RequestId, ()>,
    pub(super) board: Board,
    /// The latest attempt of each request that runs here.
    running: Mutex<HashMap<RequestId, (u32, CancellationToken)>>,
}

impl News {
    /// `shared`: other processes may change requests as well.
    pub(super) fn new(clock: Clock, shared: bool) -> News {
        News {
            board: Board::new(clock.clone(), shared),
            clock,
            watched: Channels::default(),
            running: Mutex::default(),
        }
    }

    /// The request may have changed in the store.
    pub(super) fn changed(&self, id: &RequestId) {
        // Before anybody is told, who would look there.
        self.board.take_down(id);
        self.tell(id);
    }

    /// This process has changed the request in the store, as `change` does to its view.
    pub(super) fn changed_to(&self, id: &RequestId, before: Before, change: impl FnOnce(&mut RequestView)) {
        self.board.change(id, before, change);
        self.tell(id);
    }

    fn tell(&self, id: &RequestId) {
        if let Some(channel) = self.watched.get(id) {
            channel.send_replace(());
        }
    }

    pub(super) fn all_changed(&self) {
        self.board.clear();
        for channel in self.watched.all() {
            channel.send_replace(());
        }
    }

    pub(super) fn watch(&self, id: &RequestId) -> Watch {
        let channel = self.watched.join(id);
        Watch { news: channel.subscribe(), _channel: channel, clock: self.clock.clone() }
    }

    /// The attempt runs here until the guard is dropped. An earlier attempt of the same request may still be on its way
    /// out then, its lease lost; whatever it does or did concerns nobody.
    pub(super) fn runs_here(&self, lease: &Lease, cancel: CancellationToken) -> Running<'_> {
        let mut running = lock(&self.running);
        if running.get(&lease.request_id).is_none_or(|(attempt, _)| *attempt <= lease.attempt) {
            running.insert(lease.request_id.clone(), (lease.attempt, cancel));
        }
        Running { news: self, lease: lease.clone() }
    }

    /// Asks the request's attempt to stop, if it runs here.
    pub(super) fn cancel(&self, id: &RequestId) {
        if let Some((_, cancel)) = lock(&self.running).get(id) {
            cancel.cancel();
        }
    }
}

/// Says that an attempt runs in this process, for as long as it is kept.
pub(super) struct Running<'a> {
    news: &'a News,
    lease: Lease,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut running = lock(&self.news.running);
        if running.get(&self.lease.request_id).is_some_and(|(attempt, _)| *attempt == self.lease.attempt) {
            running.remove(&self.lease.request_id);
        }
    }
}

/// Waits for news about one request.
#[derive(Debug)]
pub struct Watch {
    news: watch::Receiver<()>,
    _channel: Arc<Channel>,
    clock: Clock,
}

impl Watch {
    /// Returns when the request may have changed since the last call: at once on news, after a second without any. The
    /// caller reads it again.
    pub async fn changed(&mut self) {
        tokio::select! {
            biased;
            _ = self.news.changed() => {}
            () = self.clock.sleep(POLL) => {}
        }
    }
}

fn lock<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is computed under the lock, so a poisoned map is still whole.
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn news() -> (News, RequestId, Clock) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        (News::new(clock.clone(), false), RequestId::parse("r").unwrap(), clock)
    }

    #[tokio::test]
    async fn a_change_between_two_waits_is_not_lost() {
        let (news, id, clock) = news();
        let mut watch = news.watch(&id);
        news.changed(&id);
        watch.changed().await;
        let waiting = watch.changed();
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        clock.advance(POLL);
        waiting.await;
    }

    #[test]
    fn an_attempt_is_cancelled_only_while_it_runs_here() {
        let (news, id, _) = news();
        let cancel = CancellationToken::new();
        let lease = Lease { request_id: id.clone(), attempt: 1 };
        drop(news.runs_here(&lease, cancel.clone()));
        news.cancel(&id);
        assert!(!cancel.is_cancelled());
        let _running = news.runs_here(&lease, cancel.clone());
        news.cancel(&id);
        assert!(cancel.is_cancelled());
    }

    #[test]
    fn an_attempt_that_lost_its_lease_does_not_take_the_next_one_along() {
        let (news, id, _) = news();
        let lease = |attempt| Lease { request_id: id.clone(), attempt };
        let (stale, current) = (CancellationToken::new(), CancellationToken::new());
        let first = news.runs_here(&lease(1), stale.clone());
        let second = news.runs_here(&lease(2), current.clone());
        drop(first);
        let _late = news.runs_here(&lease(1), stale.clone());
        news.cancel(&id);
        assert!(current.is_cancelled() && !stale.is_cancelled());
        drop(second);
        assert!(lock(&news.running).is_empty());
    }
}

//! Writing how a task ended. What can't be written after a few tries is left to the lease: the task comes again.

use std::time::Duration;

use plantain_work::{Clock, Shutdown};

use crate::model::Settled;
use crate::store::StoreError;

/// Pauses before the second, third and last try, together well under a lease.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];

/// Calls `write` until the store takes it. `None`: it never did, and the lease will run out.
pub(super) async fn settle<F>(
    clock: &Clock,
    stop: &Shutdown,
    what: &str,
    mut write: impl FnMut() -> F,
) -> Option<Settled>
where
    F: Future<Output = Result<Settled, StoreError>>,
{
    let mut pauses = PAUSES.into_iter();
    loop {
        let error = match write().await {
            Ok(settled) => return Some(settled),
            Err(error) => error,
        };
        tracing::error!(error = &error as &dyn std::error::Error, task = what, "queue.settle_failed");
        let pause = pauses.next()?;
        tokio::select! {
            () = stop.aborted() => return None,
            () = clock.sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// Settles against a store that fails `failures` times, with a clock that runs by itself.
    async fn settled_after(failures: usize, stop: &Shutdown) -> (Option<Settled>, usize) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let tries = std::cell::Cell::new(0);
        let write = || {
            tries.set(tries.get() + 1);
            let failed = tries.get() <= failures;
            async move { if failed { Err(StoreError::Unavailable("away".into())) } else { Ok(Settled::Done) } }
        };
        let settling = settle(&clock, stop, "test", write);
        tokio::pin!(settling);
        let settled = loop {
            if let std::task::Poll::Ready(settled) = futures_util::poll!(&mut settling) {
                break settled;
            }
            clock.advance(PAUSES[2]);
        };
        (settled, tries.get())
    }

    #[tokio::test]
    async fn a_store_that_comes_back_gets_the_end_and_one_that_does_not_is_left_to_the_lease() {
        let stop = Shutdown::new();
        assert_eq!(settled_after(0, &stop).await, (Some(Settled::Done), 1));
        assert_eq!(settled_after(3, &stop).await, (Some(Settled::Done), 4));
        assert_eq!(settled_after(4, &stop).await, (None, 4));
    }

    #[tokio::test]
    async fn a_process_that_must_go_tries_once() {
        let stop = Shutdown::new();
        stop.abort();
        assert_eq!(settled_after(0, &stop).await, (Some(Settled::Done), 1));
        assert_eq!(settled_after(1, &stop).await, (None, 1));
    }
}

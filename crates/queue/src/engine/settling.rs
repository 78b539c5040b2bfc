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

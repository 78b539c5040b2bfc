//! Puts runs on record behind their callers' backs: the answer does not wait for it.
//!
//! Bounded: where the store can't keep up, runs go unrecorded, which is said in the log. Nothing is owed for them.

use std::sync::Arc;

use tokio::sync::mpsc;

use plantain_work::Shutdown;

use crate::engine::Parts;
use crate::history::FinishedRun;

/// Runs that may wait to be recorded; each has its input and its output.
const WAITING_MAX: usize = 256;

/// Where finished runs go, and come out.
pub(super) fn channel() -> (mpsc::Sender<FinishedRun>, mpsc::Receiver<FinishedRun>) {
    mpsc::channel(WAITING_MAX)
}

/// Writes until `shutdown` begins, and then what waits still.
pub(super) async fn write(parts: Arc<Parts>, mut runs: mpsc::Receiver<FinishedRun>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            biased;
            run = runs.recv() => match run {
                Some(run) => record(&parts, run).await,
                None => return,
            },
            () = shutdown.begun() => {
                // From now on whoever ends a run writes it down.
                runs.close();
                while let Some(run) = runs.recv().await {
                    record(&parts, run).await;
                }
                return;
            }
        }
    }
}

pub(super) async fn record(parts: &Parts, run: FinishedRun) {
    let id = run.id.clone();
    if let Err(error) = parts.store.record(run).await {
        tracing::warn!(request_id = %id, error = &error as &dyn std::error::Error, "run.not_recorded");
    }
}

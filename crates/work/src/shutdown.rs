//! Stopping in two phases: first nothing new is begun, later what still runs is aborted.

use tokio_util::sync::CancellationToken;

/// Cheap to clone; every clone sees the same two signals. There is no global one: two systems can live in one test.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// Phase one: loops stop claiming, servers stop accepting, running work may finish.
    pub fn begin(&self) {
        self.soft.cancel();
    }

    /// Phase two: running work is cancelled; what it held is handed back.
    pub fn abort(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.soft.is_cancelled()
    }

    pub async fn begun(&self) {
        self.soft.cancelled().await;
    }

    pub async fn aborted(&self) {
        self.hard.cancelled().await;
    }
}

//! Tells other processes what this one has committed, beside the commits: a `NOTIFY` inside a transaction takes a lock of the
//! whole database until that transaction is synced, one after the other.
//!
//! What is told here may be lost, with the process or where too much is told; others find out by themselves a second later.

use tokio::sync::mpsc;

use plantain_queue::store::Hint;

use crate::error::DatabaseError;
use crate::postgres::queue::hint;
use crate::postgres::{Database, WeakDatabase};

/// Hints that may wait to be sent.
const WAITING_MAX: usize = 4096;

/// Hints that are sent at once.
const BATCH_MAX: usize = 512;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Teller(mpsc::Sender<Hint>);

impl Teller {
    /// Sends until the last clone is dropped, or the database.
    pub(super) fn start(database: &Database) -> Teller {
        let (teller, waiting) = mpsc::channel(WAITING_MAX);
        database.0.tasks.spawn("postgres.tell", serve(database.downgrade(), waiting));
        Teller(teller)
    }

    /// To be called after the commit.
    pub(super) fn tell(&self, hints: impl IntoIterator<Item = Hint>) {
        for hint in hints {
            // One that finds no place is one of thousands, which others find out about by themselves.
            let _ = self.0.try_send(hint);
        }
    }
}

async fn serve(database: WeakDatabase, mut waiting: mpsc::Receiver<Hint>) {
    loop {
        let mut hints = Vec::new();
        if waiting.recv_many(&mut hints, BATCH_MAX).await == 0 {
            return;
        }
        let Some(database) = database.upgrade() else { return };
        if let Err(error) = send(&database, &hints).await {
            tracing::debug!(%error, hints = hints.len(), "postgres.not_told");
        }
    }
}

async fn send(database: &Database, hints: &[Hint]) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let notify = client.prepare_cached(hint::NOTIFY_UNSYNCED).await?;
    client.query(&notify, &[&hint::CHANNEL, &hint::write_all(hints)]).await?;
    Ok(())
}

//! The queue's store: what the SQLite and the Postgres adapter do alike.
//!
//! The statements are written out in each adapter; the columns they return, the words that states have and how rows become
//! the queue's values are here, once.

pub(crate) mod attempt;
pub(crate) mod dead_letters;
pub(crate) mod delivery;
pub(crate) mod file;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod place;
pub(crate) mod request;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use plantain_queue::store::QueueStore;

use crate::error::OpenError;
use crate::migrations::Migrations;

pub use crate::postgres::queue::PostgresQueue;
pub use crate::sqlite::queue::SqliteQueue;

pub(crate) const SQLITE: Migrations = Migrations {
    role: "queue",
    files: &[
        include_str!("../../migrations/sqlite/queue_0001.sql"),
        include_str!("../../migrations/sqlite/queue_0002.sql"),
        include_str!("../../migrations/sqlite/queue_0003.sql"),
        include_str!("../../migrations/sqlite/queue_0004.sql"),
        include_str!("../../migrations/sqlite/queue_0005.sql"),
        include_str!("../../migrations/sqlite/queue_0006.sql"),
        include_str!("../../migrations/sqlite/queue_0007.sql"),
        include_str!("../../migrations/sqlite/queue_0008.sql"),
        include_str!("../../migrations/sqlite/queue_0009.sql"),
    ],
};

pub(crate) const POSTGRES: Migrations = Migrations {
    role: "queue",
    files: &[
        include_str!("../../migrations/postgres/queue_0001.sql"),
        include_str!("../../migrations/postgres/queue_0002.sql"),
        include_str!("../../migrations/postgres/queue_0003.sql"),
        include_str!("../../migrations/postgres/queue_0004.sql"),
        include_str!("../../migrations/postgres/queue_0005.sql"),
        include_str!("../../migrations/postgres/queue_0006.sql"),
        include_str!("../../migrations/postgres/queue_0007.sql"),
        include_str!("../../migrations/postgres/queue_0008.sql"),
        include_str!("../../migrations/postgres/queue_0009.sql"),
    ],
};

/// Opens the queue's database: a server for a `postgres://` or `postgresql://` address, and a SQLite file for anything else,
/// with or without `sqlite:` before its path.
pub async fn open_queue(address: &str) -> Result<Arc<dyn QueueStore>, OpenError> {
    if address.starts_with("postgres://") || address.starts_with("postgresql://") {
        return Ok(Arc::new(PostgresQueue::connect(address).await?));
    }
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    Ok(Arc::new(SqliteQueue::open(Path::new(path)).await?))
}

/// Opens the queue's file for its only user: what a process that died held under leases is due again at once. The caller
/// makes sure that no other process has the file open.
pub async fn open_queue_alone(path: &Path, now: Timestamp) -> Result<Arc<dyn QueueStore>, OpenError> {
    let queue = SqliteQueue::open(path).await?;
    let released = queue.release_leases(now).await?;
    if released > 0 {
        tracing::info!(released, "queue.leases_released: {released} pieces of work of a process that died go on");
    }
    Ok(Arc::new(queue))
}

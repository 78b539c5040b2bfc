//! One SQLite file: a writer on its own thread that commits in groups, and a few readers that never wait for it.
//!
//! # Use
//!
//! ```
//! # use plantain_store::{migrations::Migrations, sqlite::Database};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! const SHOP: Migrations = Migrations { role: "shop", files: &["CREATE TABLE shop_items (name TEXT NOT NULL)"] };
//! let shop = Database::open(&folder.path().join("shop.db"), &SHOP).await?;
//! shop.write(|tx| Ok(tx.execute("INSERT INTO shop_items VALUES ('chair')", [])?)).await?;
//! let count: i64 = shop.read(|tx| Ok(tx.query_row("SELECT count(*) FROM shop_items", [], |row| row.get(0))?)).await?;
//! assert_eq!(count, 1);
//! # Ok(()) }
//! ```
//!
//! Invariant: a write that was answered with `Ok` has been synced to the disk (`WAL`, `synchronous=FULL`), unless its caller
//! chose [`Database::write_unsynced`].

mod connection;
mod error;
mod migrate;
pub(crate) mod queue;
mod readers;
pub(crate) mod studio;
mod work;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::Transaction;

use crate::error::{DatabaseError, OpenError};
use crate::migrations::Migrations;
use crate::sqlite::readers::Readers;
use crate::sqlite::work::Survives;
use crate::sqlite::writer::Writer;

/// Cheap to clone. When the last clone is dropped, what has been handed over is finished and the threads end.
#[derive(Clone)]
pub struct Database(Arc<Threads>);

struct Threads {
    // In this order: a reader can't open the file's shared memory once the writer is gone, but needs nothing to end.
    readers: Readers,
    writer: Writer,
}

/// Messages of the studio that were given up though somebody wants them, read beside whoever has the file open; none where the studio
/// has no tables yet, or older ones.
pub(crate) fn given_up(path: &Path) -> Result<u64, DatabaseError> {
    let connection = connection::open_beside(path)?;
    let known = "SELECT count(*) FROM pragma_table_info('studio_messages') WHERE name = 'unwanted'";
    if connection.query_row(known, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(0);
    }
    let count = "SELECT count(*) FROM studio_messages WHERE state = 'dead' AND unwanted = 0";
    Ok(connection.query_row(count, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

impl Database {
    /// Opens the file, making it and its tables where they are missing.
    pub async fn open(path: &Path, migrations: &Migrations) -> Result<Database, OpenError> {
        let writer = Writer::start(path, *migrations).await?;
        let readers = Readers::start(path).await?;
        Ok(Database(Arc::new(Threads { readers, writer })))
    }

    /// Runs `change` in a transaction that it may share with others: the commit covers everything that was waiting. Where
    /// `change` returns an error, all of its writes are undone, and nobody else's.
    ///
    /// `change` runs on the writer's thread, so it should do nothing but SQL. It is run twice where another one failed and
    /// took the writes of the first time along. Once this has been polled the change takes
    /// place even if nobody waits for the answer any more. A disk that hangs is answered with
    /// [`DatabaseError::Unavailable`] after half a minute, and the change may still take place.
    pub async fn write<T, F>(&self, change: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnMut(&Transaction<'_>) -> Result<T, DatabaseError> + Send + 'static,
    {
        self.0.writer.write(Survives::PowerCut, change).await
    }

    /// Like [`Database::write`], but not synced by itself: the change survives the process, however it ends, and is lost in a
    /// power cut unless a synced write followed. For leases and what belongs to them, since a power cut ends their holders too and
    /// a lease that is forgotten is one that has run out; and for what is learnt again (ARCHITECTURE.md, "What a power cut may undo").
    pub async fn write_unsynced<T, F>(&self, change: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnMut(&Transaction<'_>) -> Result<T, DatabaseError> + Send + 'static,
    {
        self.0.writer.write(Survives::Process, change).await
    }

    /// Runs `question` on one consistent state: all that was committed before, nothing that is being written.
    pub async fn read<T, F>(&self, question: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnMut(&Transaction<'_>) -> Result<T, DatabaseError> + Send + 'static,
    {
        self.0.readers.read(question).await
    }
}

//! The one writer: takes everything that waits, runs it piece by piece, commits once, answers all.
//!
//! Invariants: nobody is told `Ok` before the commit has returned; a piece that fails undoes only itself; a commit that fails
//! fails every piece in it. Pieces hardly ever fail, so a batch is run without a savepoint for each of them (SQLite copies
//! every page that a savepoint is the first to touch); where one fails, all is undone and run again, each in its own.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Cause, DatabaseError, OpenError};
use crate::migrations::Migrations;
use crate::sqlite::work::{self, Survives, Work};
use crate::sqlite::{connection, migrate};

/// Pieces in one commit. More would make the first one wait for too long.
const BATCH_MAX: usize = 128;

/// Pieces that may wait. Full queues are pressed back on the callers.
pub(super) const WAITING_MAX: usize = 1024;

/// How long a caller waits for a place in the queue before it is told that the database is busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
    /// [`work::ANSWER_PATIENCE`], shorter in tests.
    patience: Duration,
}

impl Writer {
    /// Returns when the file is open and its schema is the program's.
    pub(super) async fn start(path: &Path, migrations: Migrations) -> Result<Writer, OpenError> {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let (ready, opened) = oneshot::channel();
        let path = path.to_owned();
        let thread = std::thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || {
            match open(&path, &migrations) {
                Ok(connection) => {
                    let _ = ready.send(Ok(()));
                    serve(connection, waiting);
                }
                Err(error) => drop(ready.send(Err(error))),
            };
        });
        let thread = thread.map_err(|error| DatabaseError::unavailable(Cause::new(error)))?;
        opened.await.map_err(|_| OpenError::Database(work::gone()))??;
        Ok(Writer { queue: Some(queue), thread: Some(thread), patience: work::ANSWER_PATIENCE })
    }

    pub(super) async fn write<T, F>(&self, survives: Survives, change: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnMut(&Transaction<'_>) -> Result<T, DatabaseError> + Send + 'static,
    {
        let queue = self.queue.as_ref().ok_or_else(work::gone)?;
        let (piece, answer) = work::piece(survives, change);
        queue.send_timeout(piece, PATIENCE).await.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => work::overloaded(),
            SendTimeoutError::Closed(_) => work::gone(),
        })?;
        work::answered(answer, self.patience).await
    }
}

/// Waits until what was handed over has been committed, so that a file can be opened again at once.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(thread) = self.thread.take() {
            work::join(thread);
        }
    }
}

fn open(path: &Path, migrations: &Migrations) -> Result<Connection, OpenError> {
    let mut connection = connection::open_writer(path)?;
    migrate::run(&mut connection, migrations)?;
    Ok(connection)
}

fn serve(mut connection: Connection, mut waiting: mpsc::Receiver<Box<dyn Work>>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    // How the connection was opened.
    let mut commits = Survives::PowerCut;
    while waiting.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        let failed = commit(&mut connection, &mut commits, &mut batch).err();
        if let Some(error) = &failed {
            tracing::error!(pieces = batch.len(), error = %detail(error), "sqlite.commit_failed");
        }
        for piece in batch.drain(..) {
            piece.answer(failed.clone());
        }
    }
}

fn commit(
    connection: &mut Connection,
    commits: &mut Survives,
    batch: &mut [Box<dyn Work>],
) -> Result<(), DatabaseError> {
    let sync = batch.iter().any(|piece| piece.survives() == Survives::PowerCut);
    let needed = if sync { Survives::PowerCut } else { Survives::Process };
    if needed != *commits {
        connection::set_commits(connection, needed)?;
        *commits = needed;
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Err(error) = batch.iter_mut().try_for_each(|piece| piece.run(&tx)) else { return Ok(tx.commit()?) };
    // On a full disk SQLite undoes the whole transaction by itself; what follows would be committed piece by piece.
    if tx.is_autocommit() {
        return Err(error);
    }
    tx.rollback()?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    batch.iter_mut().try_for_each(|piece| in_savepoint(&tx, piece.as_mut()))?;
    Ok(tx.commit()?)
}

fn in_savepoint(tx: &Transaction<'_>, piece: &mut dyn Work) -> Result<(), DatabaseError> {
    tx.prepare_cached("SAVEPOINT piece")?.execute([])?;
    if let Err(error) = piece.run(tx) {
        if tx.is_autocommit() {
            return Err(error);
        }
        tx.prepare_cached("ROLLBACK TO piece")?.execute([])?;
    }
    tx.prepare_cached("RELEASE piece")?.execute([])?;
    Ok(())
}

fn detail(error: &DatabaseError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Migrations = Migrations { role: "test", files: &["CREATE TABLE seen (n INTEGER) STRICT"] };

    #[tokio::test]
    async fn a_disk_that_hangs_is_said_and_the_write_may_still_take_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::start(&folder.path().join("test.db"), NOTHING).await.unwrap();
        writer.patience = Duration::from_millis(20);
        let (goes_on, hangs) = std::sync::mpsc::channel::<()>();
        let hung = writer.write(Survives::PowerCut, move |tx| {
            let _ = hangs.recv();
            Ok(tx.execute("INSERT INTO seen VALUES (1)", [])?)
        });
        let error = hung.await.unwrap_err();
        assert!(matches!(error, DatabaseError::Unavailable(_)), "{error:?}");
        assert!(detail(&error).contains("does not answer"), "{}", detail(&error));
        // Whoever waits behind it is told as well.
        let behind = writer.write(Survives::PowerCut, |_| Ok(())).await;
        assert!(matches!(behind, Err(DatabaseError::Unavailable(_))));
        drop(goes_on);
        writer.patience = work::ANSWER_PATIENCE;
        let seen: i64 = writer
            .write(Survives::PowerCut, |tx| Ok(tx.query_row("SELECT count(*) FROM seen", [], |row| row.get(0))?))
            .await
            .unwrap();
        assert_eq!(seen, 1);
    }
}

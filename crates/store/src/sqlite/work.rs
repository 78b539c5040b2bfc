//! A closure on its way to a database thread, and its answer on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Transaction;
use tokio::sync::oneshot;

use crate::error::{Cause, DatabaseError};

/// What has to be survived by what a piece writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Survives {
    /// A power cut: it is synced before anybody is told.
    PowerCut,
    /// The end of the process, by whatever means: it is with the system, which syncs it some time later.
    Process,
}

/// What the threads see of a piece of work, whatever it returns.
pub(super) trait Work: Send {
    fn survives(&self) -> Survives;

    /// Runs it and keeps what came out. The error is told so that the caller can undo its writes. Where they were undone
    /// together with those of others, it is run again.
    fn run(&mut self, tx: &Transaction<'_>) -> Result<(), DatabaseError>;

    /// Sends what came out to whoever waits, or `failed` if the surroundings failed.
    fn answer(self: Box<Self>, failed: Option<DatabaseError>);
}

pub(super) struct Piece<T, F> {
    survives: Survives,
    todo: F,
    done: Option<Result<T, DatabaseError>>,
    reply: oneshot::Sender<Result<T, DatabaseError>>,
}

pub(super) fn piece<T, F>(survives: Survives, todo: F) -> (Box<dyn Work>, oneshot::Receiver<Result<T, DatabaseError>>)
where
    T: Send + 'static,
    F: FnMut(&Transaction<'_>) -> Result<T, DatabaseError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Piece { survives, todo, done: None, reply }), answer)
}

impl<T, F> Work for Piece<T, F>
where
    T: Send,
    F: FnMut(&Transaction<'_>) -> Result<T, DatabaseError> + Send,
{
    fn survives(&self) -> Survives {
        self.survives
    }

    fn run(&mut self, tx: &Transaction<'_>) -> Result<(), DatabaseError> {
        let todo = &mut self.todo;
        // A panic is a bug in one store method. It must not take the only writer with it.
        let done = catch_unwind(AssertUnwindSafe(|| todo(tx)))
            .unwrap_or_else(|_| Err(DatabaseError::corrupt("sqlite", "operation", "a store method that panicked")));
        let told = done.as_ref().map(|_| ()).map_err(DatabaseError::clone);
        self.done = Some(done);
        told
    }

    fn answer(self: Box<Self>, failed: Option<DatabaseError>) {
        let answer = match (self.done, failed) {
            // Its own error says more than that of the commit which it was not part of.
            (Some(Err(own)), _) => Err(own),
            (_, Some(failed)) => Err(failed),
            (Some(done), None) => done,
            (None, None) => Err(gone()),
        };
        // Nobody waits any more: the answer is of no use, the change stands.
        let _ = self.reply.send(answer);
    }
}

/// The thread has ended, which it does only when the database is dropped.
pub(super) fn gone() -> DatabaseError {
    DatabaseError::unavailable(Cause::from("the database has been closed"))
}

/// How long an answer is waited for once the thread has the piece: longer than any commit on a disk that still works, the
/// wait for another process's lock included.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// The answer to a piece that was handed over. Where none comes in time, nobody knows whether the piece takes place: it may
/// still, when the disk answers again.
pub(super) async fn answered<T>(
    answer: oneshot::Receiver<Result<T, DatabaseError>>,
    patience: Duration,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => answer.map_err(|_| gone())?,
        Err(_) => {
            tracing::error!(?patience, "sqlite.no_answer: the database's disk does not answer");
            Err(DatabaseError::unavailable(Cause::from("the database's disk does not answer")))
        }
    }
}

/// More is waiting than the thread can take on in [`super::writer::PATIENCE`].
pub(super) fn overloaded() -> DatabaseError {
    DatabaseError::unavailable(Cause::from("too much is waiting for the database"))
}

/// Waits for a database thread to end, unless it is this very thread, on which a closure held the last handle.
pub(super) fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() {
        // It only fails where the thread panicked, which has been printed.
        let _ = thread.join();
    }
}

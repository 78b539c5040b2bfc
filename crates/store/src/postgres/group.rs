//! Group commit: whatever waits at one moment is one transaction, and so one sync of the server's disk.
//!
//! Invariant: nobody is told `Ok` before the commit has returned. What a batch does with a piece that spoils the others is
//! the batch's own business; it answers each piece by itself.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::error::{Cause, DatabaseError};
use crate::postgres::Database;

/// Pieces in one commit. More would make the first one wait for too long.
const BATCH_MAX: usize = 128;

/// Pieces that may wait; more press back on the callers.
const WAITING_MAX: usize = 1024;

/// Batches under way at once: while one waits for the disk, the next is sent.
const COMMITTERS: usize = 2;

type Piece<I, O> = (I, oneshot::Sender<Result<O, DatabaseError>>);

pub(super) struct Group<I, O>(mpsc::Sender<Piece<I, O>>);

impl<I, O> Clone for Group<I, O> {
    fn clone(&self) -> Group<I, O> {
        Group(self.0.clone())
    }
}

impl<I: Send + 'static, O: Send + 'static> Group<I, O> {
    /// `commit` answers as many pieces as it is given, in order. It runs until the last clone of the group is dropped.
    pub(super) fn start<F, R>(database: &Database, commit: F) -> Group<I, O>
    where
        F: Fn(Vec<I>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Vec<Result<O, DatabaseError>>> + Send + 'static,
    {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..COMMITTERS {
            database.0.tasks.spawn("postgres.group", serve(waiting.clone(), commit.clone()));
        }
        Group(sender)
    }

    /// Once this has been polled to the hand-over the piece takes place, whether or not somebody waits for the answer.
    pub(super) async fn run(&self, piece: I) -> Result<O, DatabaseError> {
        let (reply, answer) = oneshot::channel();
        self.0.send((piece, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn serve<I, O, F, R>(waiting: Arc<Mutex<mpsc::Receiver<Piece<I, O>>>>, commit: F)
where
    F: Fn(Vec<I>) -> R,
    R: Future<Output = Vec<Result<O, DatabaseError>>>,
{
    loop {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        if waiting.lock().await.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        let (pieces, replies): (Vec<I>, Vec<_>) = batch.into_iter().unzip();
        // A panic is a bug in one store method. It must not take the others' way to the database with it: whoever gets no
        // answer is told so.
        let Ok(answers) = AssertUnwindSafe(commit(pieces)).catch_unwind().await else {
            tracing::error!("postgres.group_panicked: a bug; its pieces fail, and the next ones go on");
            continue;
        };
        for (answer, reply) in answers.into_iter().zip(replies) {
            // Nobody waits any more: the answer is of no use, the change stands.
            let _ = reply.send(answer);
        }
    }
}

/// The database is being closed, or a batch panicked.
pub(super) fn gone() -> DatabaseError {
    DatabaseError::unavailable(Cause::from("the database has been closed"))
}

/// A server that is away or full is so for each piece of a batch.
pub(super) fn concerns_all(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Unavailable(_) | DatabaseError::Full(_))
}

/// One value of each row, for a statement that takes columns.
pub(super) fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

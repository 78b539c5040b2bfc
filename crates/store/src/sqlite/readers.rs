//! A few read-only connections, each on its own thread, that take questions from one queue.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction};
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Cause, DatabaseError, OpenError};
use crate::sqlite::connection;
use crate::sqlite::work::{self, Survives, Work};
use crate::sqlite::writer::{PATIENCE, WAITING_MAX};

/// Enough that one long listing does not hold up the status calls.
const READERS: usize = 3;

type Waiting = Arc<Mutex<mpsc::Receiver<Box<dyn Work>>>>;

pub(super) struct Readers {
    queue: Option<mpsc::Sender<Box<dyn Work>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) async fn start(path: &Path) -> Result<Readers, OpenError> {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut readers = Readers { queue: Some(queue), threads: Vec::with_capacity(READERS) };
        for _ in 0..READERS {
            readers.threads.push(start_one(path, waiting.clone()).await?);
        }
        Ok(readers)
    }

    pub(super) async fn read<T, F>(&self, question: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnMut(&Transaction<'_>) -> Result<T, DatabaseError> + Send + 'static,
    {
        let queue = self.queue.as_ref().ok_or_else(work::gone)?;
        let (piece, answer) = work::piece(Survives::Process, question);
        queue.send_timeout(piece, PATIENCE).await.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => work::overloaded(),
            SendTimeoutError::Closed(_) => work::gone(),
        })?;
        work::answered(answer, work::ANSWER_PATIENCE).await
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.take();
        self.threads.drain(..).for_each(work::join);
    }
}

async fn start_one(path: &Path, waiting: Waiting) -> Result<JoinHandle<()>, OpenError> {
    let (ready, opened) = oneshot::channel();
    let path = path.to_owned();
    let thread = std::thread::Builder::new().name("sqlite-reader".to_owned()).spawn(move || {
        match connection::open_reader(&path) {
            Ok(connection) => {
                let _ = ready.send(Ok(()));
                serve(&connection, &waiting);
            }
            Err(error) => drop(ready.send(Err(error))),
        };
    });
    let thread = thread.map_err(|error| DatabaseError::unavailable(Cause::new(error)))?;
    opened.await.map_err(|_| OpenError::Database(work::gone()))??;
    Ok(thread)
}

fn serve(connection: &Connection, waiting: &Waiting) {
    loop {
        // The one that holds the lock waits for a question; the others wait for the lock.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(mut piece) = next else { return };
        let failed = ask(connection, piece.as_mut()).err();
        piece.answer(failed);
    }
}

fn ask(connection: &Connection, piece: &mut dyn Work) -> Result<(), DatabaseError> {
    // A transaction, so that a method of several statements sees one state. It is dropped, since there is nothing to keep.
    let tx = connection.unchecked_transaction()?;
    piece.run(&tx)
}

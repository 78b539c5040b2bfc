//! One Postgres database: a bounded pool, transactions that are tried again where another one was in the way, and wake-ups.
//!
//! Several roles may share a database; each has its own tables and its own channel. Every wait has an end: for a place in the
//! pool, for a connection, for a statement.
//! Invariant: a transaction that returned `Ok` is committed.

mod connect;
mod error;
mod group;
mod listen;
mod migrate;
pub(crate) mod queue;
pub(crate) mod studio;
mod text;
mod tls;

use std::sync::{Arc, Weak};

use deadpool_postgres::{Object, Pool};
use tokio_util::sync::{CancellationToken, DropGuard};

use plantain_work::Tasks;

use crate::error::{DatabaseError, OpenError};
use crate::migrations::Migrations;
use crate::postgres::tls::Tls;

/// Attempts at a transaction that others keep getting in the way of. Each conflict means that somebody else got on, so a few
/// are enough.
const ATTEMPTS_MAX: u32 = 5;

/// Cheap to clone. When the last clone is dropped, the connections are closed and listening ends.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    pool: Pool,
    config: tokio_postgres::Config,
    tls: Tls,
    tasks: Tasks,
    closed: CancellationToken,
    _close: DropGuard,
}

/// A database that is closed when its other holders let go.
#[derive(Clone)]
pub(crate) struct WeakDatabase(Weak<Inner>);

impl WeakDatabase {
    pub(crate) fn upgrade(&self) -> Option<Database> {
        self.0.upgrade().map(Database)
    }
}

/// Whether a server answers at a `postgres://` URL, and its version. Changes nothing there.
pub async fn reachable(url: &str) -> Result<String, OpenError> {
    let (config, tls) = connect::read(url)?;
    let pool = connect::pool(config, tls)?;
    let client = pool.get().await.map_err(DatabaseError::from)?;
    let row = client.query_one("SHOW server_version", &[]).await.map_err(DatabaseError::from)?;
    Ok(row.get(0))
}

/// Messages of the studio that were given up though somebody wants them; none where the studio has no tables yet, or older ones.
pub(crate) async fn given_up(url: &str) -> Result<u64, OpenError> {
    let (config, tls) = connect::read(url)?;
    let client = connect::pool(config, tls)?.get().await.map_err(DatabaseError::from)?;
    let known = "SELECT count(*) FROM pg_attribute
                 WHERE attrelid = to_regclass('studio_messages') AND attname = 'unwanted'";
    if client.query_one(known, &[]).await.map_err(DatabaseError::from)?.get::<_, i64>(0) == 0 {
        return Ok(0);
    }
    let count = "SELECT count(*) FROM studio_messages WHERE state = 'dead' AND unwanted = 0";
    let count: i64 = client.query_one(count, &[]).await.map_err(DatabaseError::from)?.get(0);
    Ok(count.unsigned_abs())
}

impl Database {
    /// Connects to a `postgres://` URL and makes the role's tables where they are missing.
    pub async fn connect(url: &str, migrations: &Migrations) -> Result<Database, OpenError> {
        let (config, tls) = connect::read(url)?;
        let pool = connect::pool(config.clone(), tls.clone())?;
        let closed = CancellationToken::new();
        let inner = Inner { pool, config, tls, tasks: Tasks::new(), _close: closed.clone().drop_guard(), closed };
        let database = Database(Arc::new(inner));
        migrate::run(&mut database.client().await?, migrations).await?;
        Ok(database)
    }

    /// For tasks of the database's own, which must not keep it open.
    pub(crate) fn downgrade(&self) -> WeakDatabase {
        WeakDatabase(Arc::downgrade(&self.0))
    }

    /// A connection from the pool. Use its `prepare_cached`; begin a transaction with its `transaction`.
    pub async fn client(&self) -> Result<Object, DatabaseError> {
        Ok(self.0.pool.get().await?)
    }

    /// Calls `attempt`, which runs one whole transaction, again for as long as it fails with a conflict.
    pub async fn retrying<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, DatabaseError>
    where
        F: Future<Output = Result<T, DatabaseError>>,
    {
        let mut attempts = 1;
        loop {
            match attempt().await {
                Err(DatabaseError::Conflict(_)) if attempts < ATTEMPTS_MAX => attempts += 1,
                done => return done,
            }
        }
    }

    /// What the server calls this process's connections (`application_name`), which is different for each database that was
    /// connected.
    pub fn name(&self) -> &str {
        self.0.config.get_application_name().unwrap_or_default()
    }

    /// Calls `heard` with what anybody sends to `channel` with `NOTIFY`, from now on until the database is dropped. What is
    /// sent while the connection is down is lost, so a poll has to stand behind it; when it is up again, `heard` is called
    /// with an empty text.
    pub fn listen(&self, channel: &'static str, heard: impl Fn(&str) + Send + Sync + 'static) {
        let (config, tls, closed) = (self.0.config.clone(), self.0.tls.clone(), self.0.closed.clone());
        self.0.tasks.spawn("postgres.listen", async move {
            tokio::select! {
                () = closed.cancelled() => {}
                () = listen::forever(config, tls, channel, heard) => {}
            }
        });
    }
}

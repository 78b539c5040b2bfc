//! The studio's store: what the SQLite and the Postgres adapter do alike.
//!
//! The statements are written out in each adapter; the columns they return and how rows become the studio's values are here,
//! once. What an event or a result changes is decided by the studio's own functions, inside the transaction.

pub(crate) mod account;
pub(crate) mod bulk;
pub(crate) mod correction;
pub(crate) mod event;
pub(crate) mod job;
pub(crate) mod key;
pub(crate) mod message;
pub(crate) mod spending;
pub(crate) mod wish;

use std::path::Path;
use std::sync::Arc;

use plantain_inbox::store::{InboxStore, StoreError};
use plantain_studio::store::StudioStore;

use crate::error::{DatabaseError, OpenError};
use crate::migrations::Migrations;

pub use crate::postgres::studio::PostgresStudio;
pub use crate::sqlite::studio::SqliteStudio;

pub(crate) const SQLITE: Migrations = Migrations {
    role: "studio",
    files: &[
        include_str!("../../migrations/sqlite/studio_0001.sql"),
        include_str!("../../migrations/sqlite/studio_0002.sql"),
        include_str!("../../migrations/sqlite/studio_0003.sql"),
        include_str!("../../migrations/sqlite/studio_0004.sql"),
        include_str!("../../migrations/sqlite/studio_0005.sql"),
        include_str!("../../migrations/sqlite/studio_0006.sql"),
        include_str!("../../migrations/sqlite/studio_0007.sql"),
        include_str!("../../migrations/sqlite/studio_0008.sql"),
        include_str!("../../migrations/sqlite/studio_0009.sql"),
        include_str!("../../migrations/sqlite/studio_0010.sql"),
        include_str!("../../migrations/sqlite/studio_0011.sql"),
        include_str!("../../migrations/sqlite/studio_0012.sql"),
        include_str!("../../migrations/sqlite/studio_0013.sql"),
        include_str!("../../migrations/sqlite/studio_0014.sql"),
        include_str!("../../migrations/sqlite/studio_0015.sql"),
        include_str!("../../migrations/sqlite/studio_0016.sql"),
        include_str!("../../migrations/sqlite/studio_0017.sql"),
        include_str!("../../migrations/sqlite/studio_0018.sql"),
        include_str!("../../migrations/sqlite/studio_0019.sql"),
        include_str!("../../migrations/sqlite/studio_0020.sql"),
        include_str!("../../migrations/sqlite/studio_0021.sql"),
        include_str!("../../migrations/sqlite/studio_0022.sql"),
    ],
};

pub(crate) const POSTGRES: Migrations = Migrations {
    role: "studio",
    files: &[
        include_str!("../../migrations/postgres/studio_0001.sql"),
        include_str!("../../migrations/postgres/studio_0002.sql"),
        include_str!("../../migrations/postgres/studio_0003.sql"),
        include_str!("../../migrations/postgres/studio_0004.sql"),
        include_str!("../../migrations/postgres/studio_0005.sql"),
        include_str!("../../migrations/postgres/studio_0006.sql"),
        include_str!("../../migrations/postgres/studio_0007.sql"),
        include_str!("../../migrations/postgres/studio_0008.sql"),
        include_str!("../../migrations/postgres/studio_0009.sql"),
        include_str!("../../migrations/postgres/studio_0010.sql"),
        include_str!("../../migrations/postgres/studio_0011.sql"),
        include_str!("../../migrations/postgres/studio_0012.sql"),
        include_str!("../../migrations/postgres/studio_0013.sql"),
        include_str!("../../migrations/postgres/studio_0014.sql"),
        include_str!("../../migrations/postgres/studio_0015.sql"),
        include_str!("../../migrations/postgres/studio_0016.sql"),
        include_str!("../../migrations/postgres/studio_0017.sql"),
        include_str!("../../migrations/postgres/studio_0018.sql"),
        include_str!("../../migrations/postgres/studio_0019.sql"),
        include_str!("../../migrations/postgres/studio_0020.sql"),
    ],
};

/// The stores of the studio and of its inbox, in one database so that they commit together.
#[derive(Clone)]
pub struct StudioStores {
    pub jobs: Arc<dyn StudioStore>,
    pub inbox: Arc<dyn InboxStore>,
}

/// Opens the studio's database: a server for a `postgres://` or `postgresql://` address, and a SQLite file for anything else,
/// with or without `sqlite:` before its path.
pub async fn open_studio(address: &str) -> Result<StudioStores, OpenError> {
    if address.starts_with("postgres://") || address.starts_with("postgresql://") {
        let database = Arc::new(PostgresStudio::connect(address).await?);
        return Ok(StudioStores { jobs: database.clone(), inbox: database });
    }
    let path = address.strip_prefix("sqlite:").unwrap_or(address);
    let database = Arc::new(SqliteStudio::open(Path::new(path)).await?);
    Ok(StudioStores { jobs: database.clone(), inbox: database })
}

/// How many messages were given up, for whoever looks at a studio from beside: the database is only read, and nothing is made where
/// there is none. Letters to mailboxes that want none are not meant.
pub async fn given_up(address: &str) -> Result<u64, OpenError> {
    if address.starts_with("postgres://") || address.starts_with("postgresql://") {
        return crate::postgres::given_up(address).await;
    }
    let path = Path::new(address.strip_prefix("sqlite:").unwrap_or(address));
    if !path.is_file() {
        return Ok(0);
    }
    Ok(crate::sqlite::given_up(path)?)
}

/// Opens the studio's file for its only user: what a process that died held under leases is owed again at once. The caller
/// makes sure that no other process has the file open.
pub async fn open_studio_alone(path: &Path) -> Result<StudioStores, OpenError> {
    let database = Arc::new(SqliteStudio::open(path).await?);
    let released = database.release_leases().await?;
    if released > 0 {
        tracing::info!(
            released,
            "studio.leases_released: {released} jobs, items and messages of a process that died go on"
        );
    }
    Ok(StudioStores { jobs: database.clone(), inbox: database })
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> StoreError {
        match error {
            DatabaseError::Unavailable(cause) | DatabaseError::Conflict(cause) => {
                StoreError::Unavailable(Box::new(cause))
            }
            DatabaseError::Full(cause) => StoreError::Full(Box::new(cause)),
            DatabaseError::Corrupt { table, column, row } => StoreError::Corrupt { table, column, row },
        }
    }
}

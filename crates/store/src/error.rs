//! What can go wrong in a database, sorted by what a caller can do about it.

use std::fmt;
use std::sync::Arc;

use plantain_queue::store::StoreError;

/// Why a database did not do what was asked. Each store's own error is made from it with `?`.
///
/// Cloneable, since one failed commit fails everybody who shared it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// May be tried again. Whether a write took place is not known.
    #[error("the database can't be reached or is busy")]
    Unavailable(#[source] Cause),
    /// Another transaction was in the way and nothing was written; the same transaction may succeed at once.
    #[error("another transaction was in the way")]
    Conflict(#[source] Cause),
    /// Needs an operator. Nothing was written.
    #[error("the database's disk is full")]
    Full(#[source] Cause),
    /// A bug or a damaged file.
    #[error("{table}.{column} of {row} does not hold what it should")]
    Corrupt { table: &'static str, column: &'static str, row: String },
}

impl DatabaseError {
    pub fn corrupt(table: &'static str, column: &'static str, row: impl fmt::Display) -> DatabaseError {
        DatabaseError::Corrupt { table, column, row: row.to_string() }
    }

    /// One row makes no sense; the database itself and our statements do.
    pub(crate) fn is_of_one_row(&self) -> bool {
        matches!(self, DatabaseError::Corrupt { column, .. } if !matches!(*column, "statement" | "operation"))
    }

    pub(crate) fn unavailable(cause: impl Into<Cause>) -> DatabaseError {
        DatabaseError::Unavailable(cause.into())
    }
}

/// The library's error behind one of ours.
#[derive(Clone)]
pub struct Cause(Arc<dyn std::error::Error + Send + Sync>);

impl Cause {
    pub fn new(error: impl std::error::Error + Send + Sync + 'static) -> Cause {
        Cause(Arc::new(error))
    }
}

impl From<&'static str> for Cause {
    fn from(text: &'static str) -> Cause {
        Cause(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(text)))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
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

/// Why a database can't be used from the start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is no `postgres://` URL that can be read.
    #[error("the database's address can't be read")]
    Address(#[source] Cause),
    /// The file, the folder or the server can't be opened.
    #[error("the database can't be opened: {0}")]
    Database(#[from] DatabaseError),
    /// An older program must not write what it doesn't understand.
    #[error("{role} has schema version {found}, this program knows {known}: use a newer program")]
    Newer { role: &'static str, found: i64, known: i64 },
}

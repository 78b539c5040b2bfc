//! Where refused webhooks are kept, so that a person can see why their sender isn't believed.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// Invariant of the writing method: when it returns `Ok`, the change is durable.
#[async_trait]
pub trait InboxStore: Send + Sync + 'static {
    /// Adds an event and forgets all but the newest `keep`.
    async fn record_rejected(&self, event: &RejectedEvent, keep: usize) -> Result<(), StoreError>;

    /// Newest first, each under its number, which rises; only those before this one.
    async fn rejected_before(&self, before: Option<u64>, limit: usize)
    -> Result<Vec<(u64, RejectedEvent)>, StoreError>;

    /// The newest ones, newest first.
    async fn recent_rejected(&self, limit: usize) -> Result<Vec<RejectedEvent>, StoreError> {
        Ok(self.rejected_before(None, limit).await?.into_iter().map(|(_, event)| event).collect())
    }
}

/// A webhook that was refused. Everything in it came from anybody: never show it as HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedEvent {
    pub received_at: Timestamp,
    pub code: String,
    pub explanation: String,
    pub headers: Vec<(String, String)>,
    /// The first bytes of the body.
    pub body: Bytes,
    /// How long the whole body was.
    pub body_bytes: u64,
}

/// Why the store could not do what was asked. `Unavailable` may be tried again; `Full` needs an operator; `Corrupt` is a bug
/// or a damaged file and names where.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database can't be reached or is busy")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the database's disk is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("{table}.{column} of {row} does not hold what it should")]
    Corrupt { table: &'static str, column: &'static str, row: String },
}

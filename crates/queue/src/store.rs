//! Where requests, deliveries and files are kept. Each method is one whole transaction of the domain; two adapters ship.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_wire::id::RequestId;
use plantain_wire::status::LogEntry;

use crate::dead_letters::DeadLetterStore;
use crate::files::FileStore;
use crate::history::HistoryStore;
use crate::keys::KeyStore;
use crate::model::{
    Cancelled, ClaimedDelivery, ClaimedRequest, DeliveryAttempt, DeliveryLease, DeliveryNext, DeliveryView, HostLoad,
    Lease, NewDelivery, NewRequest, Next, Outcome, Pulse, RequestView, Settled,
};
use crate::places::Waiting;
use crate::turns::Turns;

/// Invariant of every writing method: when it returns `Ok`, the change is durable. Claims, heartbeats and log lines need only
/// survive the process: a power cut ends whoever holds a lease, and a lease that is forgotten is one that has run out. So need the
/// outcome of a delivery, which is made once more where it is forgotten.
#[async_trait]
pub trait QueueStore: KeyStore + FileStore + HistoryStore + DeadLetterStore {
    /// Stores a request, unless its idempotency key is known already for the same account. An id that is known already is
    /// answered like a known key, so that a submit whose outcome is unknown may be repeated.
    async fn enqueue(&self, request: NewRequest) -> Result<Enqueued, StoreError>;

    /// Takes at most `count` runnable requests under leases that last `lease`: running ones whose lease has run out, then
    /// waiting ones that are due, as [`Turns`] decides, of each key no more than may run. Each gets a new attempt number and gateway id. A request
    /// that can't be read is not handed out: the same commit ends it with [`crate::decide::unreadable`].
    async fn claim_requests(
        &self,
        count: usize,
        turns: &Turns,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedRequest>, StoreError>;

    /// Like [`QueueStore::claim_requests`], of the waiting requests whose start deadline has passed; the earliest first.
    /// `next_due` is the earliest deadline of those that still wait.
    async fn claim_overdue(
        &self,
        count: usize,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedRequest>, StoreError>;

    /// Prolongs the leases that are still held, and says of each what became of it, in order.
    async fn heartbeat(&self, leases: &[Lease], until: Timestamp) -> Result<Vec<Pulse>, StoreError>;

    /// Adds log lines of a running attempt. Lines of a lost lease are dropped.
    async fn append_logs(&self, lease: &Lease, lines: &[LogEntry]) -> Result<Settled, StoreError>;

    /// Ends an attempt: its last log lines, state, outcome and owed deliveries in one commit, or nothing where the lease is
    /// lost.
    async fn settle(
        &self,
        lease: &Lease,
        next: Next,
        last_lines: &[LogEntry],
        now: Timestamp,
    ) -> Result<Settled, StoreError>;

    /// Ends a waiting request with `outcome` and `deliveries`, or flags a running one.
    async fn cancel(
        &self,
        id: &RequestId,
        outcome: Outcome,
        deliveries: Vec<NewDelivery>,
        now: Timestamp,
    ) -> Result<Cancelled, StoreError>;

    /// `None`: unknown or expired. Not found is not an error.
    async fn request(&self, id: &RequestId) -> Result<Option<RequestView>, StoreError>;

    /// What waits on an app, of each priority in the order in which it came, the normal ones first; at most `limit` of them.
    async fn waiting(&self, app: &str, limit: usize) -> Result<Vec<Waiting>, StoreError>;

    /// Takes at most `count` deliveries that are due or whose lease has run out, oldest first, as far as `hosts` admits them.
    /// A delivery that can't be read, or was held back for too long because its host rests, is not handed out but given up.
    /// `next_due` is when the next one becomes due that is not yet.
    async fn claim_deliveries(
        &self,
        count: usize,
        hosts: HostLoad,
        lease: DeliveryLease,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedDelivery>, StoreError>;

    /// Records an attempt and what it led to; nothing where another attempt has been claimed since.
    async fn settle_delivery(
        &self,
        id: &str,
        attempt: DeliveryAttempt,
        next: DeliveryNext,
    ) -> Result<Settled, StoreError>;

    async fn deliveries(&self, request: &RequestId) -> Result<Vec<DeliveryView>, StoreError>;

    /// Whether other processes may change what is stored.
    fn is_shared(&self) -> bool {
        false
    }

    /// Calls `heard` when another process that uses the same database has changed something, for as long as the store
    /// lives. It is a hint that may be lost or come twice. A store that nobody else uses never calls it.
    fn listen(&self, heard: Heard) {
        drop(heard);
    }
}

/// Takes hints, on any thread, and returns at once.
pub type Heard = Box<dyn Fn(Hint) + Send + Sync>;

/// What another process may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    RequestsDue,
    DeliveriesDue,
    Changed(RequestId),
    /// Hints have been missed.
    Anything,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    New,
    /// The same key and fingerprint came before; this is what was accepted then.
    Known {
        id: RequestId,
    },
    /// The same key came before with another fingerprint.
    KeyReused,
    /// More requests wait on the app than the caller wants to stand behind.
    QueueFull,
}

/// Tasks under lease, and when the next one will be due.
#[derive(Debug)]
pub struct Claimed<T> {
    pub tasks: Vec<T>,
    pub next_due: Option<Timestamp>,
    /// Whether something is due that may not begin before another task has ended.
    pub held_back: bool,
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

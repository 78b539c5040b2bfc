//! The queue in a SQLite file.
//!
//! Every method is one closure on the writer or on a reader; the closures are in the files beside this one. There is one
//! writer, so that a claim needs no locks: whoever is first has it. Leases, log lines and the ends of deliveries are not
//! synced by themselves, which leaves two synced commits for a request: taking it in and settling it.

mod attempt;
mod claim;
mod dead_letters;
mod delivery;
mod file;
mod files;
mod history;
mod key;
mod list;
mod log;
mod place;
#[cfg(test)]
pub(super) mod plan;
mod recording;
mod request;
mod retention;
mod settle;
mod unused;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_queue::history::Payload;
use plantain_queue::model::{
    Cancelled, ClaimedDelivery, ClaimedRequest, DeliveryAttempt, DeliveryLease, DeliveryNext, DeliveryView, HostLoad,
    Lease, NewDelivery, NewRequest, Next, Outcome, Pulse, RequestView, Settled,
};
use plantain_queue::places::Waiting;
use plantain_queue::store::{Claimed, Enqueued, QueueStore, StoreError};
use plantain_queue::turns::Turns;
use plantain_wire::id::RequestId;
use plantain_wire::status::LogEntry;
use plantain_work::clock;

use crate::error::{DatabaseError, OpenError};
use crate::queue;
use crate::sqlite::Database;

/// Cheap to clone.
#[derive(Clone)]
pub struct SqliteQueue(Database);

impl SqliteQueue {
    /// Opens the file, making it where it is missing.
    pub async fn open(path: &Path) -> Result<SqliteQueue, OpenError> {
        Ok(SqliteQueue(Database::open(path, &queue::SQLITE).await?))
    }

    /// Lets every lease run out at `now`: for a process that knows that nobody else uses the file. Whoever held them is gone.
    pub async fn release_leases(&self, now: Timestamp) -> Result<usize, DatabaseError> {
        let release = move |tx: &rusqlite::Transaction<'_>| Ok(claim::release(tx, now)? + delivery::release(tx, now)?);
        self.0.write_unsynced(release).await
    }

    /// The file itself, for backups and tests.
    pub fn database(&self) -> &Database {
        &self.0
    }
}

#[async_trait]
impl QueueStore for SqliteQueue {
    async fn enqueue(&self, request: NewRequest) -> Result<Enqueued, StoreError> {
        // Read from the input here, not on the one thread that writes.
        let payload = Payload::of(&request.options, &request.input);
        Ok(self.0.write(move |tx| request::enqueue(tx, &request, payload)).await?)
    }

    async fn claim_requests(
        &self,
        count: usize,
        turns: &Turns,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedRequest>, StoreError> {
        let (until, turns) = (clock::after(now, lease), turns.clone());
        Ok(self.0.write_unsynced(move |tx| claim::requests(tx, count, &turns, until, now)).await?)
    }

    async fn claim_overdue(
        &self,
        count: usize,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedRequest>, StoreError> {
        let until = clock::after(now, lease);
        Ok(self.0.write_unsynced(move |tx| claim::overdue(tx, count, until, now)).await?)
    }

    async fn heartbeat(&self, leases: &[Lease], until: Timestamp) -> Result<Vec<Pulse>, StoreError> {
        let leases = leases.to_vec();
        Ok(self.0.write_unsynced(move |tx| claim::heartbeat(tx, &leases, until)).await?)
    }

    async fn append_logs(&self, lease: &Lease, lines: &[LogEntry]) -> Result<Settled, StoreError> {
        let (lease, lines) = (lease.clone(), lines.to_vec());
        Ok(self.0.write_unsynced(move |tx| log::append_fenced(tx, &lease, &lines)).await?)
    }

    async fn settle(
        &self,
        lease: &Lease,
        next: Next,
        last_lines: &[LogEntry],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let (lease, lines) = (lease.clone(), last_lines.to_vec());
        Ok(self.0.write(move |tx| settle::settle(tx, &lease, &next, &lines, now)).await?)
    }

    async fn cancel(
        &self,
        id: &RequestId,
        outcome: Outcome,
        deliveries: Vec<NewDelivery>,
        now: Timestamp,
    ) -> Result<Cancelled, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| settle::cancel(tx, &id, &outcome, &deliveries, now)).await?)
    }

    async fn request(&self, id: &RequestId) -> Result<Option<RequestView>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| request::view(tx, &id)).await?)
    }

    async fn waiting(&self, app: &str, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let app = app.to_owned();
        Ok(self.0.read(move |tx| place::waiting(tx, &app, limit)).await?)
    }

    async fn claim_deliveries(
        &self,
        count: usize,
        hosts: HostLoad,
        lease: DeliveryLease,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedDelivery>, StoreError> {
        Ok(self.0.write_unsynced(move |tx| delivery::claim(tx, count, hosts.clone(), lease, now)).await?)
    }

    /// Where a power cut undoes it the webhook is sent once more, as where it comes between the receiver's answer and this.
    async fn settle_delivery(
        &self,
        id: &str,
        attempt: DeliveryAttempt,
        next: DeliveryNext,
    ) -> Result<Settled, StoreError> {
        let id = id.to_owned();
        Ok(self.0.write_unsynced(move |tx| delivery::settle(tx, &id, &attempt, &next)).await?)
    }

    async fn deliveries(&self, request: &RequestId) -> Result<Vec<DeliveryView>, StoreError> {
        let request = request.clone();
        Ok(self.0.read(move |tx| delivery::list(tx, &request)).await?)
    }
}

//! The queue in a Postgres database, for several processes at once.
//!
//! Every method is one transaction, tried again where another one was in the way. Claims lock what they pick and skip what
//! others have locked. What others may want to know is sent with `NOTIFY`, after the commit where there are many (`teller`),
//! else inside the transaction, so that nobody hears of what is not committed.
//!
//! Leases are compared with the time that the caller hands in. Where the clocks of two processes differ by more than a lease,
//! an attempt may be repeated; the fence still lets only one of them settle.

mod attempt;
mod attempted;
mod batch;
mod claim;
mod dead_letters;
mod delivery;
mod file;
mod files;
mod hint;
mod history;
mod key;
mod list;
mod log;
mod place;
mod recording;
mod request;
mod retention;
mod settle;
mod teller;
mod unused;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_queue::model::{
    Cancelled, ClaimedDelivery, ClaimedRequest, DeliveryAttempt, DeliveryLease, DeliveryNext, DeliveryView, HostLoad,
    Lease, NewDelivery, NewRequest, Next, Outcome, Pulse, RequestView, Settled,
};
use plantain_queue::places::Waiting;
use plantain_queue::store::{Claimed, Enqueued, Heard, Hint, QueueStore, StoreError};
use plantain_queue::turns::Turns;
use plantain_wire::id::RequestId;
use plantain_wire::status::LogEntry;
use plantain_work::clock;

use crate::error::OpenError;
use crate::postgres::Database;
use crate::postgres::group::Group;
use crate::postgres::queue::attempted::Attempted;
use crate::postgres::queue::batch::Ending;
use crate::postgres::queue::teller::Teller;
use crate::queue;

/// Cheap to clone.
#[derive(Clone)]
pub struct PostgresQueue(Database, Groups, Teller);

/// What is committed together with others.
#[derive(Clone)]
struct Groups {
    submits: Group<NewRequest, Enqueued>,
    ends: Group<Ending, Settled>,
    attempts: Group<Attempted, Settled>,
}

impl PostgresQueue {
    /// Connects to a `postgres://` URL and makes the queue's tables where they are missing.
    pub async fn connect(url: &str) -> Result<PostgresQueue, OpenError> {
        let database = Database::connect(url, &queue::POSTGRES).await?;
        let teller = Teller::start(&database);
        let (submitting, ending) = ((database.downgrade(), teller.clone()), (database.downgrade(), teller.clone()));
        let submits =
            Group::start(&database, move |pieces| batch::enqueue(submitting.0.clone(), submitting.1.clone(), pieces));
        let ends = Group::start(&database, move |pieces| batch::settle(ending.0.clone(), ending.1.clone(), pieces));
        let attempted = database.downgrade();
        let attempts = Group::start(&database, move |pieces| attempted::settle(attempted.clone(), pieces));
        Ok(PostgresQueue(database, Groups { submits, ends, attempts }, teller))
    }

    /// Others show these requests as running from now on.
    fn told(&self, claimed: Claimed<ClaimedRequest>) -> Claimed<ClaimedRequest> {
        self.2.tell(claimed.tasks.iter().map(|task| Hint::Changed(task.lease.request_id.clone())));
        claimed
    }

    /// The pool itself, for tests.
    pub fn database(&self) -> &Database {
        &self.0
    }
}

#[async_trait]
impl QueueStore for PostgresQueue {
    async fn enqueue(&self, request: NewRequest) -> Result<Enqueued, StoreError> {
        if batch::is_plain(&request) {
            return Ok(self.1.submits.run(request).await?);
        }
        Ok(self.0.retrying(|| request::enqueue(&self.0, &request)).await?)
    }

    async fn claim_requests(
        &self,
        count: usize,
        turns: &Turns,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedRequest>, StoreError> {
        let until = clock::after(now, lease);
        let claimed = self.0.retrying(|| claim::requests(&self.0, count, turns, until, now)).await?;
        Ok(self.told(claimed))
    }

    async fn claim_overdue(
        &self,
        count: usize,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedRequest>, StoreError> {
        let until = clock::after(now, lease);
        let claimed = self.0.retrying(|| claim::overdue(&self.0, count, until, now)).await?;
        Ok(self.told(claimed))
    }

    async fn heartbeat(&self, leases: &[Lease], until: Timestamp) -> Result<Vec<Pulse>, StoreError> {
        Ok(self.0.retrying(|| claim::heartbeat(&self.0, leases, until)).await?)
    }

    async fn append_logs(&self, lease: &Lease, lines: &[LogEntry]) -> Result<Settled, StoreError> {
        Ok(self.0.retrying(|| log::append_fenced(&self.0, lease, lines)).await?)
    }

    async fn settle(
        &self,
        lease: &Lease,
        next: Next,
        last_lines: &[LogEntry],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        match Ending::plain(lease, next, last_lines, now) {
            Ok(ending) => Ok(self.1.ends.run(ending).await?),
            Err(next) => Ok(self.0.retrying(|| settle::settle(&self.0, lease, &next, last_lines, now)).await?),
        }
    }

    async fn cancel(
        &self,
        id: &RequestId,
        outcome: Outcome,
        deliveries: Vec<NewDelivery>,
        now: Timestamp,
    ) -> Result<Cancelled, StoreError> {
        Ok(self.0.retrying(|| settle::cancel(&self.0, id, &outcome, &deliveries, now)).await?)
    }

    async fn request(&self, id: &RequestId) -> Result<Option<RequestView>, StoreError> {
        Ok(request::view(&self.0, id).await?)
    }

    async fn waiting(&self, app: &str, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        Ok(place::waiting(&self.0, app, limit).await?)
    }

    async fn claim_deliveries(
        &self,
        count: usize,
        hosts: HostLoad,
        lease: DeliveryLease,
        now: Timestamp,
    ) -> Result<Claimed<ClaimedDelivery>, StoreError> {
        Ok(self.0.retrying(|| delivery::claim(&self.0, count, hosts.clone(), lease, now)).await?)
    }

    async fn settle_delivery(
        &self,
        id: &str,
        attempt: DeliveryAttempt,
        next: DeliveryNext,
    ) -> Result<Settled, StoreError> {
        Ok(self.1.attempts.run(Attempted { id: id.to_owned(), attempt, next }).await?)
    }

    async fn deliveries(&self, request: &RequestId) -> Result<Vec<DeliveryView>, StoreError> {
        Ok(delivery::list(&self.0, request).await?)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn listen(&self, heard: Heard) {
        let own = self.0.name().to_owned();
        self.0.listen(hint::CHANNEL, move |text| hint::from_others(text, &own).into_iter().for_each(&heard));
    }
}

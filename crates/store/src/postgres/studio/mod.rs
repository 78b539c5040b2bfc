//! The studio in a Postgres database, for several processes at once.
//!
//! Every method is one transaction, tried again where another one was in the way. What a transaction is about to change it
//! locks first, so that what it read is still so when it writes.

mod account;
mod batch;
mod blob;
mod bulk;
mod claiming;
mod correction;
mod discarded;
mod ending;
mod event;
mod hook;
mod job;
mod key;
mod message;
mod spending;
mod whatsapp;
mod wish;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_inbox::store::{InboxStore, RejectedEvent, StoreError};
use plantain_studio::job::arrival::{Arrival, Arrived};
use plantain_studio::job::correction::{Corrected, Kept, Stroke, Strokes};
use plantain_studio::job::key::{Allowance, Allowed, StudioKey};
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::wish::{Became, Once, WishKey, Wished};
use plantain_studio::job::{Fence, Job, JobId, JobResult, Owner};
use plantain_studio::spending::{Period, Spending};
use plantain_studio::store::{Applied, Claimed, Forgotten, Holdings, JobFilter, StudioStore, WebhookEvent};
use plantain_wire::id::{RequestId, UserId};
use plantain_work::clock;
use plantain_work::lane::Beat;

use crate::error::OpenError;
use crate::postgres::Database;
use crate::postgres::group::Group;
use crate::studio;

/// Cheap to clone. Results that arrive at one moment are committed together.
#[derive(Clone)]
pub struct PostgresStudio(Database, Group<batch::Piece, Arrived>);

impl PostgresStudio {
    /// Connects to a `postgres://` URL and makes the studio's tables where they are missing.
    pub async fn connect(url: &str) -> Result<PostgresStudio, OpenError> {
        let database = Database::connect(url, &studio::POSTGRES).await?;
        let committed = database.downgrade();
        let arrivals = Group::start(&database, move |pieces| batch::arrive(committed.clone(), pieces));
        Ok(PostgresStudio(database, arrivals))
    }

    /// The pool itself, for tests.
    pub fn database(&self) -> &Database {
        &self.0
    }
}

#[async_trait]
impl StudioStore for PostgresStudio {
    async fn insert(&self, job: &Job) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| job::insert(&self.0, job)).await?)
    }

    async fn insert_allowed(&self, job: &Job, allowance: &Allowance) -> Result<Allowed, StoreError> {
        Ok(self.0.retrying(|| key::insert_allowed(&self.0, job, allowance)).await?)
    }

    async fn keys(&self) -> Result<Vec<StudioKey>, StoreError> {
        Ok(key::list(&self.0).await?)
    }

    async fn add_key(&self, key: &StudioKey) -> Result<(), StoreError> {
        Ok(key::add(&self.0, key).await?)
    }

    async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| key::revoke(&self.0, id, now)).await?)
    }

    async fn insert_once(
        &self,
        job: &Job,
        wished: &Wished,
        since: Timestamp,
        allowance: Option<&Allowance>,
    ) -> Result<Once, StoreError> {
        Ok(self.0.retrying(|| wish::insert_once(&self.0, job, wished, since, allowance)).await?)
    }

    async fn became(&self, key: &WishKey, since: Timestamp) -> Result<Option<Became>, StoreError> {
        Ok(wish::became_since(&self.0, key, since).await?)
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        Ok(job::by_id(&self.0, id).await?)
    }

    async fn owner(&self, id: &JobId) -> Result<Option<Owner>, StoreError> {
        Ok(job::owner(&self.0, id).await?)
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, StoreError> {
        Ok(job::list(&self.0, filter).await?)
    }

    async fn claim(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Claimed, StoreError> {
        let until = clock::after(now, lease);
        Ok(self.0.retrying(|| job::claim(&self.0, count, until, now)).await?)
    }

    async fn heartbeat(&self, fence: &Fence, until: Timestamp) -> Result<Beat, StoreError> {
        Ok(self.0.retrying(|| job::heartbeat(&self.0, fence, until)).await?)
    }

    async fn apply(&self, id: &JobId, event: &JobEvent, now: Timestamp) -> Result<Applied, StoreError> {
        Ok(self.0.retrying(|| job::apply(&self.0, id, event, now)).await?)
    }

    async fn result_arrived(&self, arrival: &Arrival, now: Timestamp) -> Result<Arrived, StoreError> {
        Ok(self.1.run((arrival.clone(), now)).await?)
    }

    async fn result(&self, id: &JobId) -> Result<Option<JobResult>, StoreError> {
        Ok(job::result(&self.0, id).await?)
    }

    async fn strokes(&self, id: &JobId) -> Result<Strokes, StoreError> {
        Ok(correction::strokes(&self.0, id).await?)
    }

    async fn keep_strokes(&self, id: &JobId, seen: u64, strokes: &[Stroke]) -> Result<Kept, StoreError> {
        Ok(self.0.retrying(|| correction::keep_strokes(&self.0, id, seen, strokes)).await?)
    }

    async fn keep_corrected(&self, id: &JobId, corrected: &Corrected, now: Timestamp) -> Result<Kept, StoreError> {
        Ok(self.0.retrying(|| correction::keep_corrected(&self.0, id, corrected, now)).await?)
    }

    async fn choose(&self, id: &JobId, chosen: Option<usize>, now: Timestamp) -> Result<Option<Job>, StoreError> {
        Ok(self.0.retrying(|| job::choose(&self.0, id, chosen, now)).await?)
    }

    async fn forget(&self, id: &JobId, now: Timestamp) -> Result<Forgotten, StoreError> {
        Ok(self.0.retrying(|| job::forget(&self.0, id, now)).await?)
    }

    async fn kept(&self, owner: Option<&Owner>) -> Result<Holdings, StoreError> {
        Ok(job::kept(&self.0, owner).await?)
    }

    async fn spending(
        &self,
        owner: Option<&Owner>,
        period: &Period,
        count: usize,
    ) -> Result<Vec<Spending>, StoreError> {
        Ok(spending::of(&self.0, owner, period, count).await?)
    }

    async fn note_key_uses(&self, uses: &[(String, Timestamp)]) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| key::note_uses(&self.0, uses)).await?)
    }

    async fn touch(&self, blobs: &[String], now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| blob::touch(&self.0, blobs, now)).await?)
    }

    async fn suspect(&self, blobs: &[String], now: Timestamp) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| blob::suspect(&self.0, blobs, now)).await?)
    }

    async fn doom(&self, count: usize, before: Timestamp, now: Timestamp) -> Result<Vec<String>, StoreError> {
        Ok(self.0.retrying(|| blob::doom(&self.0, count, before, now)).await?)
    }

    async fn removed(&self, blob: &str) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| blob::removed(&self.0, blob)).await?)
    }

    async fn account(&self) -> Result<Option<UserId>, StoreError> {
        Ok(event::account(&self.0).await?)
    }

    async fn events(&self, request: &RequestId) -> Result<Vec<WebhookEvent>, StoreError> {
        Ok(event::list(&self.0, request).await?)
    }
}

#[async_trait]
impl InboxStore for PostgresStudio {
    async fn record_rejected(&self, event: &RejectedEvent, keep: usize) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| event::reject(&self.0, event, keep)).await?)
    }

    async fn rejected_before(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RejectedEvent)>, StoreError> {
        Ok(event::rejected(&self.0, before, limit).await?)
    }
}

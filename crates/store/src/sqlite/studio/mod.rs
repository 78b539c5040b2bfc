//! The studio in a SQLite file.
//!
//! Every method is one closure on the writer or on a reader; the closures are in the files beside this one. There is one
//! writer, so that what a transaction reads is still so when it writes.

mod account;
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

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Transaction;

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

use crate::error::{DatabaseError, OpenError};
use crate::sqlite::Database;
use crate::studio;

/// Cheap to clone.
#[derive(Clone)]
pub struct SqliteStudio(Database);

impl SqliteStudio {
    /// Opens the file, making it where it is missing.
    pub async fn open(path: &Path) -> Result<SqliteStudio, OpenError> {
        Ok(SqliteStudio(Database::open(path, &studio::SQLITE).await?))
    }

    /// Lets every lease end: for a process that knows that nobody else uses the file. Whoever held them is gone.
    pub async fn release_leases(&self) -> Result<usize, DatabaseError> {
        let release =
            |tx: &Transaction<'_>| Ok(job::release(tx)? + bulk::release_leases(tx)? + message::release_leases(tx)?);
        self.0.write_unsynced(release).await
    }

    /// The file itself, for backups and tests.
    pub fn database(&self) -> &Database {
        &self.0
    }
}

#[async_trait]
impl StudioStore for SqliteStudio {
    async fn insert(&self, job: &Job) -> Result<(), StoreError> {
        let job = job.clone();
        Ok(self.0.write(move |tx| job::insert(tx, &job)).await?)
    }

    async fn insert_allowed(&self, job: &Job, allowance: &Allowance) -> Result<Allowed, StoreError> {
        let (job, allowance) = (job.clone(), allowance.clone());
        Ok(self.0.write(move |tx| key::insert_allowed(tx, &job, &allowance)).await?)
    }

    async fn keys(&self) -> Result<Vec<StudioKey>, StoreError> {
        Ok(self.0.read(key::list).await?)
    }

    async fn add_key(&self, key: &StudioKey) -> Result<(), StoreError> {
        let key = key.clone();
        Ok(self.0.write(move |tx| key::add(tx, &key)).await?)
    }

    async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.to_owned();
        Ok(self.0.write(move |tx| key::revoke(tx, &id, now)).await?)
    }

    async fn insert_once(
        &self,
        job: &Job,
        wished: &Wished,
        since: Timestamp,
        allowance: Option<&Allowance>,
    ) -> Result<Once, StoreError> {
        let (job, wished, allowance) = (job.clone(), wished.clone(), allowance.cloned());
        Ok(self.0.write(move |tx| wish::insert_once(tx, &job, &wished, since, allowance.as_ref())).await?)
    }

    async fn became(&self, key: &WishKey, since: Timestamp) -> Result<Option<Became>, StoreError> {
        let key = key.clone();
        Ok(self.0.read(move |tx| wish::became_since(tx, &key, since)).await?)
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| job::by_id(tx, &id)).await?)
    }

    async fn owner(&self, id: &JobId) -> Result<Option<Owner>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| job::owner(tx, &id)).await?)
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, StoreError> {
        let filter = filter.clone();
        Ok(self.0.read(move |tx| job::list(tx, &filter)).await?)
    }

    async fn claim(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Claimed, StoreError> {
        let until = clock::after(now, lease);
        Ok(self.0.write_unsynced(move |tx| job::claim(tx, count, until, now)).await?)
    }

    async fn heartbeat(&self, fence: &Fence, until: Timestamp) -> Result<Beat, StoreError> {
        let fence = fence.clone();
        Ok(self.0.write_unsynced(move |tx| job::heartbeat(tx, &fence, until)).await?)
    }

    async fn apply(&self, id: &JobId, event: &JobEvent, now: Timestamp) -> Result<Applied, StoreError> {
        let (id, event, learnt_again) = (id.clone(), event.clone(), event.is_learnt_again());
        let apply = move |tx: &Transaction<'_>| job::apply(tx, &id, &event, now);
        Ok(if learnt_again { self.0.write_unsynced(apply).await? } else { self.0.write(apply).await? })
    }

    async fn result_arrived(&self, arrival: &Arrival, now: Timestamp) -> Result<Arrived, StoreError> {
        let arrival = arrival.clone();
        Ok(self.0.write(move |tx| event::result_arrived(tx, &arrival, now)).await?)
    }

    async fn result(&self, id: &JobId) -> Result<Option<JobResult>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| job::result(tx, &id)).await?)
    }

    async fn strokes(&self, id: &JobId) -> Result<Strokes, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| correction::strokes(tx, &id)).await?)
    }

    async fn keep_strokes(&self, id: &JobId, seen: u64, strokes: &[Stroke]) -> Result<Kept, StoreError> {
        let (id, strokes) = (id.clone(), strokes.to_vec());
        Ok(self.0.write(move |tx| correction::keep_strokes(tx, &id, seen, &strokes)).await?)
    }

    async fn keep_corrected(&self, id: &JobId, corrected: &Corrected, now: Timestamp) -> Result<Kept, StoreError> {
        let (id, corrected) = (id.clone(), corrected.clone());
        Ok(self.0.write(move |tx| correction::keep_corrected(tx, &id, &corrected, now)).await?)
    }

    async fn choose(&self, id: &JobId, chosen: Option<usize>, now: Timestamp) -> Result<Option<Job>, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| job::choose(tx, &id, chosen, now)).await?)
    }

    async fn forget(&self, id: &JobId, now: Timestamp) -> Result<Forgotten, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| job::forget(tx, &id, now)).await?)
    }

    async fn kept(&self, owner: Option<&Owner>) -> Result<Holdings, StoreError> {
        let owner = owner.cloned();
        Ok(self.0.read(move |tx| job::kept(tx, owner.as_ref())).await?)
    }

    async fn spending(
        &self,
        owner: Option<&Owner>,
        period: &Period,
        count: usize,
    ) -> Result<Vec<Spending>, StoreError> {
        let (owner, period) = (owner.cloned(), *period);
        Ok(self.0.read(move |tx| spending::of(tx, owner.as_ref(), &period, count)).await?)
    }

    async fn note_key_uses(&self, uses: &[(String, Timestamp)]) -> Result<(), StoreError> {
        let uses = uses.to_vec();
        Ok(self.0.write(move |tx| key::note_uses(tx, &uses)).await?)
    }

    /// A power cut that undoes it also ends whoever was about to refer to the bytes; the walk finds them.
    async fn touch(&self, blobs: &[String], now: Timestamp) -> Result<bool, StoreError> {
        let blobs = blobs.to_vec();
        Ok(self.0.write_unsynced(move |tx| blob::touch(tx, &blobs, now)).await?)
    }

    async fn suspect(&self, blobs: &[String], now: Timestamp) -> Result<(), StoreError> {
        let blobs = blobs.to_vec();
        Ok(self.0.write(move |tx| blob::suspect(tx, &blobs, now)).await?)
    }

    async fn doom(&self, count: usize, before: Timestamp, now: Timestamp) -> Result<Vec<String>, StoreError> {
        Ok(self.0.write(move |tx| blob::doom(tx, count, before, now)).await?)
    }

    async fn removed(&self, blob: &str) -> Result<(), StoreError> {
        let blob = blob.to_owned();
        Ok(self.0.write(move |tx| blob::removed(tx, &blob)).await?)
    }

    async fn account(&self) -> Result<Option<UserId>, StoreError> {
        Ok(self.0.read(event::account).await?)
    }

    async fn events(&self, request: &RequestId) -> Result<Vec<WebhookEvent>, StoreError> {
        let request = request.clone();
        Ok(self.0.read(move |tx| event::list(tx, &request)).await?)
    }
}

#[async_trait]
impl InboxStore for SqliteStudio {
    async fn record_rejected(&self, event: &RejectedEvent, keep: usize) -> Result<(), StoreError> {
        let event = event.clone();
        Ok(self.0.write(move |tx| event::reject(tx, &event, keep)).await?)
    }

    async fn rejected_before(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RejectedEvent)>, StoreError> {
        Ok(self.0.read(move |tx| event::rejected(tx, before, limit)).await?)
    }
}

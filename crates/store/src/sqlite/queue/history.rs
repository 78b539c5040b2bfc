//! The store's door to what is on record.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use plantain_queue::history::{Attempt, Counts, Filter, FinishedRun, HistoryStore, Page};
use plantain_queue::model::{Lease, Settled};
use plantain_queue::store::StoreError;
use plantain_wire::id::RequestId;

use crate::sqlite::queue::{SqliteQueue, attempt, list, recording, retention};

#[async_trait]
impl HistoryStore for SqliteQueue {
    async fn attempts(&self, id: &RequestId) -> Result<Vec<Attempt>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| attempt::list(tx, &id)).await?)
    }

    async fn input(&self, id: &RequestId) -> Result<Option<Bytes>, StoreError> {
        let id = id.clone();
        let read = move |tx: &rusqlite::Transaction<'_>| {
            let input = tx
                .prepare_cached("SELECT input FROM queue_requests JOIN queue_inputs ON request = seq WHERE id = ?1")?
                .query_row([id.as_str()], |row| row.get::<_, Vec<u8>>(0))
                .optional()?;
            Ok(input.map(Bytes::from))
        };
        Ok(self.0.read(read).await?)
    }

    async fn list(&self, filter: &Filter) -> Result<Page, StoreError> {
        let filter = filter.clone();
        Ok(self.0.read(move |tx| list::page(tx, &filter)).await?)
    }

    async fn counts(&self, since: Timestamp) -> Result<Counts, StoreError> {
        Ok(self.0.read(move |tx| list::counts(tx, since)).await?)
    }

    async fn record(&self, run: FinishedRun) -> Result<(), StoreError> {
        Ok(self.0.write_unsynced(move |tx| recording::record(tx, &run)).await?)
    }

    async fn remember(&self, lease: &Lease, note: &str) -> Result<Settled, StoreError> {
        let (lease, note) = (lease.clone(), note.to_owned());
        let write = move |tx: &rusqlite::Transaction<'_>| {
            let held = tx
                .prepare_cached(
                    "UPDATE queue_requests SET note = ?3 WHERE id = ?1 AND attempt = ?2 AND state = 'running'",
                )?
                .execute(params![lease.request_id.as_str(), lease.attempt, note])?;
            Ok(if held > 0 { Settled::Done } else { Settled::LeaseLost })
        };
        Ok(self.0.write(write).await?)
    }

    async fn drop_payloads(&self, count: usize, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.0.write_unsynced(move |tx| retention::drop_payloads(tx, count, now)).await?)
    }

    async fn forget(&self, count: usize, ended_by: Timestamp) -> Result<usize, StoreError> {
        Ok(self.0.write_unsynced(move |tx| retention::forget(tx, count, ended_by)).await?)
    }
}

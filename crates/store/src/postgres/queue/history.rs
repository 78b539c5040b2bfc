//! The store's door to what is on record.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use plantain_queue::history::{Attempt, Counts, Filter, FinishedRun, HistoryStore, Page};
use plantain_queue::model::{Lease, Settled};
use plantain_queue::store::StoreError;
use plantain_wire::id::RequestId;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::{PostgresQueue, attempt, list, recording, retention};
use crate::postgres::text::storable;

#[async_trait]
impl HistoryStore for PostgresQueue {
    async fn attempts(&self, id: &RequestId) -> Result<Vec<Attempt>, StoreError> {
        Ok(attempt::list(&self.0, id).await?)
    }

    async fn input(&self, id: &RequestId) -> Result<Option<Bytes>, StoreError> {
        Ok(input(&self.0, id).await?)
    }

    async fn list(&self, filter: &Filter) -> Result<Page, StoreError> {
        Ok(list::page(&self.0, filter).await?)
    }

    async fn counts(&self, since: Timestamp) -> Result<Counts, StoreError> {
        Ok(list::counts(&self.0, since).await?)
    }

    async fn record(&self, run: FinishedRun) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| recording::record(&self.0, &run)).await?)
    }

    async fn remember(&self, lease: &Lease, note: &str) -> Result<Settled, StoreError> {
        Ok(self.0.retrying(|| remember(&self.0, lease, note)).await?)
    }

    async fn drop_payloads(&self, count: usize, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.0.retrying(|| retention::drop_payloads(&self.0, count, now)).await?)
    }

    async fn forget(&self, count: usize, ended_by: Timestamp) -> Result<usize, StoreError> {
        Ok(self.0.retrying(|| retention::forget(&self.0, count, ended_by)).await?)
    }
}

async fn input(database: &Database, id: &RequestId) -> Result<Option<Bytes>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached("SELECT input FROM queue_requests JOIN queue_inputs ON request = seq WHERE id = $1")
        .await?;
    let row = client.query_opt(&select, &[&id.as_str()]).await?;
    Ok(row.map(|row| row.try_get::<_, Vec<u8>>(0)).transpose()?.map(Bytes::from))
}

async fn remember(database: &Database, lease: &Lease, note: &str) -> Result<Settled, DatabaseError> {
    let client = database.client().await?;
    let update = client
        .prepare_cached("UPDATE queue_requests SET note = $3 WHERE id = $1 AND attempt = $2 AND state = 'running'")
        .await?;
    let (id, attempt) = (lease.request_id.as_str(), i64::from(lease.attempt));
    let held = client.execute(&update, &[&id, &attempt, &storable(note)]).await?;
    Ok(if held > 0 { Settled::Done } else { Settled::LeaseLost })
}

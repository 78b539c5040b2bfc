//! [`FileStore`] in a Postgres database.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_queue::files::{FileStore, PartKept, PartRecord};
use plantain_queue::model::FileRecord;
use plantain_queue::store::{Claimed, StoreError};
use plantain_work::clock;

use crate::postgres::queue::{PostgresQueue, file, unused};

#[async_trait]
impl FileStore for PostgresQueue {
    async fn put_file(&self, file: FileRecord) -> Result<FileRecord, StoreError> {
        Ok(self.database().retrying(|| file::put(self.database(), &file)).await?)
    }

    async fn file(&self, id: &str) -> Result<Option<FileRecord>, StoreError> {
        Ok(file::get(self.database(), id).await?)
    }

    async fn forget_file(&self, id: &str) -> Result<(), StoreError> {
        Ok(file::forget(self.database(), id).await?)
    }

    async fn put_part(&self, part: PartRecord, bytes_max: u64, now: Timestamp) -> Result<PartKept, StoreError> {
        Ok(self.database().retrying(|| file::put_part(self.database(), &part, bytes_max, now)).await?)
    }

    async fn parts(&self, file_id: &str) -> Result<Vec<PartRecord>, StoreError> {
        Ok(file::parts(self.database(), file_id).await?)
    }

    async fn forget_expired(&self, count: usize, made_before: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.database().retrying(|| file::forget_expired(self.database(), count, made_before, now)).await?)
    }

    async fn suspect(&self, blobs: Vec<String>, now: Timestamp) -> Result<(), StoreError> {
        Ok(self.database().retrying(|| unused::suspect(self.database(), &blobs, now)).await?)
    }

    async fn claim_unused(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Claimed<String>, StoreError> {
        let until = clock::after(now, lease);
        Ok(self.database().retrying(|| unused::claim(self.database(), count, until, now)).await?)
    }

    async fn removed(&self, blob: &str) -> Result<(), StoreError> {
        Ok(unused::removed(self.database(), blob).await?)
    }
}

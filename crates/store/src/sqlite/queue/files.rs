//! [`FileStore`] in a SQLite file.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_queue::files::{FileStore, PartKept, PartRecord};
use plantain_queue::model::FileRecord;
use plantain_queue::store::{Claimed, StoreError};
use plantain_work::clock;

use crate::sqlite::queue::{SqliteQueue, file, unused};

#[async_trait]
impl FileStore for SqliteQueue {
    async fn put_file(&self, file: FileRecord) -> Result<FileRecord, StoreError> {
        Ok(self.database().write(move |tx| file::put(tx, &file)).await?)
    }

    async fn file(&self, id: &str) -> Result<Option<FileRecord>, StoreError> {
        let id = id.to_owned();
        Ok(self.database().read(move |tx| file::get(tx, &id)).await?)
    }

    async fn forget_file(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        Ok(self.database().write(move |tx| file::forget(tx, &id)).await?)
    }

    async fn put_part(&self, part: PartRecord, bytes_max: u64, now: Timestamp) -> Result<PartKept, StoreError> {
        Ok(self.database().write(move |tx| file::put_part(tx, &part, bytes_max, now)).await?)
    }

    async fn parts(&self, file_id: &str) -> Result<Vec<PartRecord>, StoreError> {
        let id = file_id.to_owned();
        Ok(self.database().read(move |tx| file::parts(tx, &id)).await?)
    }

    async fn forget_expired(&self, count: usize, made_before: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.database().write(move |tx| file::forget_expired(tx, count, made_before, now)).await?)
    }

    async fn suspect(&self, blobs: Vec<String>, now: Timestamp) -> Result<(), StoreError> {
        Ok(self.database().write(move |tx| unused::suspect(tx, &blobs, now)).await?)
    }

    async fn claim_unused(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Claimed<String>, StoreError> {
        let until = clock::after(now, lease);
        // Synced: a mark that a power cut takes back would let a reference in to bytes that are gone.
        Ok(self.database().write(move |tx| unused::claim(tx, count, until, now)).await?)
    }

    async fn removed(&self, blob: &str) -> Result<(), StoreError> {
        let blob = blob.to_owned();
        Ok(self.database().write(move |tx| unused::removed(tx, &blob)).await?)
    }
}

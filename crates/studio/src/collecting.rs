//! Removes bytes that no job refers to any more: of jobs that were forgotten, of pictures that were corrected again, of uploads
//! that never became a job.
//!
//! The store notes what loses its last reference in the same commit. What never had one is found by a daily walk through all
//! bytes. Invariant: bytes are removed only after the store has doomed them, which it does only where it sees no reference.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use plantain_blobs::{BlobKey, Keyed, Listed};
use plantain_work::Shutdown;
use plantain_work::clock::{self, before};

use crate::error::StudioError;
use crate::service::{Inner, Studio};

/// How often garbage is looked for, and how much of it is removed at a time.
const EVERY: Duration = Duration::from_secs(60);
const BATCH: usize = 200;

/// Younger garbage may be about to be referred to: longer than an archive takes to be unpacked, and than a removal takes.
const GARBAGE_AGE: Duration = Duration::from_secs(60 * 60);

/// The walk through all bytes: how soon after a start, how often, and how many at a step.
const WALK_AFTER: Duration = Duration::from_secs(10 * 60);
const WALK_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
const WALK_BATCH: usize = 500;

/// Younger bytes may be about to be referred to: far longer than a job takes from its first picture to its commit.
const ORPHAN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

impl Studio {
    /// Removes what may be removed now, and tells how much that was.
    pub async fn collect(&self) -> Result<usize, StudioError> {
        self.0.collect().await
    }

    /// Looks through all bytes for those that nobody refers to.
    pub async fn walk(&self) -> Result<(), StudioError> {
        self.0.walk().await
    }
}

/// Collects until `shutdown` begins. Several processes may do so over the same bytes.
pub(crate) async fn run(inner: Arc<Inner>, shutdown: Shutdown) {
    let mut walk_at = clock::after(inner.clock.now(), WALK_AFTER);
    loop {
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            () = inner.clock.sleep(EVERY) => {}
        }
        let mut done = inner.collect().await.map(drop);
        if done.is_ok() && walk_at <= inner.clock.now() {
            walk_at = clock::after(inner.clock.now(), WALK_EVERY);
            done = inner.walk().await;
        }
        if let Err(error) = done {
            tracing::error!(error = &error as &dyn std::error::Error, "pictures.collect_failed");
        }
    }
}

impl Inner {
    /// Keeps bytes that are about to be referred to. Until then they are young garbage, so that what never comes to that is
    /// removed, and what was garbage before is not.
    pub(crate) async fn put(&self, bytes: Bytes) -> Result<BlobKey, StudioError> {
        self.put_all(vec![bytes]).await?.pop().ok_or(StudioError::Internal)
    }

    /// The same of several in one go. Their keys come in the same order.
    pub(crate) async fn put_all(&self, all: Vec<Bytes>) -> Result<Vec<BlobKey>, StudioError> {
        let all: Vec<Keyed> = all.into_iter().map(Keyed::of).collect();
        let keys = all.iter().map(|blob| blob.key().clone()).collect();
        self.put_keyed(all).await?;
        Ok(keys)
    }

    /// The same of bytes whose keys are known.
    pub(crate) async fn put_keyed(&self, all: Vec<Keyed>) -> Result<(), StudioError> {
        let names: Vec<String> = all.iter().map(|blob| blob.key().to_string()).collect();
        if !self.store.touch(&names, self.clock.now()).await? {
            return Err(StudioError::Busy);
        }
        Ok(self.blobs.put_all(all).await?)
    }

    async fn collect(&self) -> Result<usize, StudioError> {
        let now = self.clock.now();
        let before = before(now, GARBAGE_AGE);
        let mut removed = 0;
        loop {
            let doomed = self.store.doom(BATCH, before, now).await?;
            let last = doomed.len() < BATCH;
            for blob in doomed {
                if let Some(key) = BlobKey::parse(&blob) {
                    self.blobs.delete(&key).await?;
                }
                self.store.removed(&blob).await?;
                removed += 1;
            }
            if last {
                return Ok(removed);
            }
        }
    }

    async fn walk(&self) -> Result<(), StudioError> {
        let mut walked: Option<BlobKey> = None;
        loop {
            let now = self.clock.now();
            let found = self.blobs.list(walked.as_ref(), WALK_BATCH).await?;
            let last = found.len() < WALK_BATCH;
            walked = found.last().map(|last| last.key.clone());
            let old = found.into_iter().filter(|one| is_old(one, now)).map(|one| one.key.as_str().to_owned());
            self.store.suspect(&old.collect::<Vec<_>>(), now).await?;
            if last {
                let tidied = self.blobs.tidy().await?;
                tracing::info!(tidied, "pictures.walked: {tidied} broken-off writes were tidied away");
                return Ok(());
            }
        }
    }
}

fn is_old(one: &Listed, now: Timestamp) -> bool {
    Timestamp::try_from(one.written_at).is_ok_and(|written| written < before(now, ORPHAN_AGE))
}

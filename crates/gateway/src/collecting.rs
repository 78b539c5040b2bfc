//! Collects what is left over: files whose time is over, parts of uploads that were never completed, bytes that nobody
//! refers to, spools of writers that died.
//!
//! What loses its last reference is noted by the store in the same commit. What never had one, since a process died between
//! writing bytes and referring to them, is found by a daily walk through all bytes. Invariant: bytes are removed only after
//! the store has marked them, which it does only where it sees no reference.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use plantain_blobs::{BlobKey, Listed};
use plantain_queue::store::StoreError;
use plantain_work::clock::{self, after, before};
use plantain_work::lane::{self, Claim, ClaimFailed, Lane, Left, Wake};
use plantain_work::{Shutdown, Tasks};

use crate::Gateway;

/// Bytes that are removed at the same time.
const SLOTS: usize = 4;

/// How long a removal is left to who began it. Each takes a moment; after this another process may try.
const LEASE: Duration = Duration::from_secs(5 * 60);

/// How often expired files and parts are looked for, and how many are forgotten at once.
const EXPIRY_EVERY: Duration = Duration::from_secs(60);
const EXPIRED_BATCH: usize = 200;

/// The walk through all bytes: how soon after a start, how often, and how many at a step. Steps are a second apart, so a
/// million blobs take half an hour.
const WALK_AFTER: Duration = Duration::from_secs(10 * 60);
const WALK_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
const WALK_BATCH: usize = 500;

/// Younger bytes may be about to be referred to. Far longer than any upload takes from its last byte to its commit.
const ORPHAN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Collects until `shutdown` begins. Several processes may do so over the same files.
pub async fn run(gateway: Gateway, tasks: Tasks, shutdown: Shutdown) {
    let clock = gateway.clock.clone();
    let lane = Arc::new(Collector::new(gateway));
    lane::run(lane, SLOTS, Wake::new(), clock, tasks, shutdown).await;
}

struct Collector {
    gateway: Gateway,
    plan: Mutex<Plan>,
}

/// When what is due.
#[derive(Clone, Debug)]
struct Plan {
    expiry_at: Timestamp,
    walk_at: Timestamp,
    /// How far the walk has come.
    walked: Option<BlobKey>,
}

impl Collector {
    fn new(gateway: Gateway) -> Collector {
        let now = gateway.clock.now();
        let plan = Plan { expiry_at: now, walk_at: after(now, WALK_AFTER), walked: None };
        Collector { gateway, plan: Mutex::new(plan) }
    }

    /// Looked at and changed by the lane's loop alone; the lock is never held while anything is awaited.
    fn plan(&self) -> Plan {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        let limits = &self.gateway.limits;
        // Until then somebody could put other bytes under the address, which caches may still know.
        let made_before = before(now, limits.upload_valid.max(limits.multipart_valid));
        let forgotten = self.gateway.engine.store().forget_expired(EXPIRED_BATCH, made_before, now).await?;
        if forgotten > 0 {
            tracing::info!(forgotten, "files.expired: {forgotten} files and parts are over");
        }
        if forgotten < EXPIRED_BATCH {
            self.change(|plan| plan.expiry_at = after(now, EXPIRY_EVERY));
        }
        Ok(())
    }

    async fn walk(&self, walked: Option<BlobKey>, now: Timestamp) -> Result<(), StoreError> {
        let found = self.gateway.blobs.list(walked.as_ref(), WALK_BATCH).await.map_err(of_blobs)?;
        let is_last = found.len() < WALK_BATCH;
        let last = found.last().map(|last| last.key.clone());
        let old = found.into_iter().filter(|one| is_old(one, now)).map(|one| one.key.as_str().to_owned());
        self.gateway.engine.store().suspect(old.collect(), now).await?;
        if is_last {
            let removed = self.gateway.blobs.tidy().await.map_err(of_blobs)?;
            tracing::info!(removed, "files.walked: {removed} broken-off writes were tidied away");
            self.change(|plan| (plan.walked, plan.walk_at) = (None, after(now, WALK_EVERY)));
        } else {
            self.change(|plan| plan.walked = last);
        }
        Ok(())
    }

    async fn look(&self, free: usize) -> Result<Claim<String>, StoreError> {
        let (plan, now) = (self.plan(), self.gateway.clock.now());
        if plan.expiry_at <= now {
            self.forget_expired(now).await?;
        }
        if plan.walk_at <= now {
            self.walk(plan.walked, now).await?;
        }
        let claimed = self.gateway.engine.store().claim_unused(free, LEASE, now).await?;
        Ok(Claim { tasks: claimed.tasks, next_due: claimed.next_due, held_back: false })
    }

    async fn remove(&self, blob: &str) -> Result<(), StoreError> {
        if let Some(key) = BlobKey::parse(blob) {
            self.gateway.blobs.delete(&key).await.map_err(of_blobs)?;
        }
        self.gateway.engine.store().removed(blob).await
    }
}

#[async_trait]
impl Lane for Collector {
    type Task = String;

    fn name(&self) -> &'static str {
        "files.collect"
    }

    async fn claim(&self, free: usize) -> Result<Claim<String>, ClaimFailed> {
        self.look(free).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "files.collect_failed");
            ClaimFailed
        })
    }

    /// What fails is tried again when the lease has run out.
    async fn run(&self, blob: String, _stop: Shutdown) -> Left {
        match self.remove(&blob).await {
            Ok(()) => tracing::debug!(blob, "files.removed"),
            Err(error) => tracing::error!(blob, error = &error as &dyn std::error::Error, "files.remove_failed"),
        }
        Left::Nothing
    }
}

fn is_old(listed: &Listed, now: Timestamp) -> bool {
    Timestamp::try_from(listed.written_at).is_ok_and(|written_at| clock::until(written_at, now) >= ORPHAN_AGE)
}

/// To this lane it is the same which of the two stores is away.
fn of_blobs(error: plantain_blobs::BlobError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

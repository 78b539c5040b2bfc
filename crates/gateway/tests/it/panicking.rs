//! A bug on the way of a request is answered, and a part of the queue that stands still is shown.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use plantain_queue::files::{FileStore, PartKept, PartRecord};
use plantain_queue::keys::{ApiKey, KeyStore};
use plantain_queue::model::{
    Cancelled, ClaimedDelivery, ClaimedRequest, DeliveryAttempt, DeliveryLease, DeliveryNext, DeliveryView, FileRecord,
    HostLoad, Lease, NewDelivery, NewRequest, Next, Outcome, Pulse, RequestView, Settled,
};
use plantain_queue::store::{Claimed, Enqueued, QueueStore, StoreError};
use plantain_wire::id::RequestId;
use plantain_wire::status::LogEntry;

use crate::system::{APP, EDIT, Reply, Setup, start, start_over};

/// A store that is nothing but bugs.
struct Broken;

fn bug<T>() -> T {
    panic!("a bug, as the test wants it: password=hunter2")
}

#[async_trait]
impl KeyStore for Broken {
    async fn add_key(&self, _: ApiKey) -> Result<bool, StoreError> {
        bug()
    }

    async fn key(&self, _: &str) -> Result<Option<ApiKey>, StoreError> {
        bug()
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        bug()
    }

    async fn revoke_key(&self, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }
}

#[async_trait]
impl QueueStore for Broken {
    async fn enqueue(&self, _: NewRequest) -> Result<Enqueued, StoreError> {
        bug()
    }

    async fn claim_requests(&self, _: usize, _: Duration, _: Timestamp) -> Result<Claimed<ClaimedRequest>, StoreError> {
        bug()
    }

    async fn claim_overdue(&self, _: usize, _: Duration, _: Timestamp) -> Result<Claimed<ClaimedRequest>, StoreError> {
        bug()
    }

    async fn heartbeat(&self, _: &[Lease], _: Timestamp) -> Result<Vec<Pulse>, StoreError> {
        bug()
    }

    async fn append_logs(&self, _: &Lease, _: &[LogEntry]) -> Result<Settled, StoreError> {
        bug()
    }

    async fn settle(&self, _: &Lease, _: Next, _: &[LogEntry], _: Timestamp) -> Result<Settled, StoreError> {
        bug()
    }

    async fn cancel(
        &self,
        _: &RequestId,
        _: Outcome,
        _: Vec<NewDelivery>,
        _: Timestamp,
    ) -> Result<Cancelled, StoreError> {
        bug()
    }

    async fn request(&self, _: &RequestId) -> Result<Option<RequestView>, StoreError> {
        bug()
    }

    async fn claim_deliveries(
        &self,
        _: usize,
        _: HostLoad,
        _: DeliveryLease,
        _: Timestamp,
    ) -> Result<Claimed<ClaimedDelivery>, StoreError> {
        bug()
    }

    async fn settle_delivery(&self, _: &str, _: DeliveryAttempt, _: DeliveryNext) -> Result<Settled, StoreError> {
        bug()
    }

    async fn deliveries(&self, _: &RequestId) -> Result<Vec<DeliveryView>, StoreError> {
        bug()
    }
}

#[async_trait]
impl FileStore for Broken {
    async fn put_file(&self, _: FileRecord) -> Result<FileRecord, StoreError> {
        bug()
    }

    async fn file(&self, _: &str) -> Result<Option<FileRecord>, StoreError> {
        bug()
    }

    async fn forget_file(&self, _: &str) -> Result<(), StoreError> {
        bug()
    }

    async fn put_part(&self, _: PartRecord, _: u64, _: Timestamp) -> Result<PartKept, StoreError> {
        bug()
    }

    async fn parts(&self, _: &str) -> Result<Vec<PartRecord>, StoreError> {
        bug()
    }

    async fn forget_expired(&self, _: usize, _: Timestamp, _: Timestamp) -> Result<usize, StoreError> {
        bug()
    }

    async fn suspect(&self, _: Vec<String>, _: Timestamp) -> Result<(), StoreError> {
        bug()
    }

    async fn claim_unused(&self, _: usize, _: Duration, _: Timestamp) -> Result<Claimed<String>, StoreError> {
        bug()
    }

    async fn removed(&self, _: &str) -> Result<(), StoreError> {
        bug()
    }
}

#[tokio::test]
async fn a_panic_is_answered_and_says_nothing_of_itself() {
    let system = start_over(Setup::default(), Arc::new(Broken), tempfile::tempdir().unwrap()).await;
    let status = format!("{APP}/requests/0196a1b2-0000-7000-8000-000000000000/status");
    for reply in [
        system.get(&status).await,
        system.post(EDIT, "{}").await,
        system.put(&status.replace("status", "cancel")).await,
    ] {
        reply.refuses(500, "");
        assert_eq!(reply.json()["error_type"], "internal_error", "{}", reply.text);
        assert!(!reply.text.contains("hunter2"), "{}", reply.text);
    }
    // The process lives on.
    assert_eq!(system.get("healthz").await.status, 200);
}

#[tokio::test]
async fn a_lane_that_stands_still_is_shown() {
    let system = start_over(Setup::default(), Arc::new(Broken), tempfile::tempdir().unwrap()).await;
    let reply: Reply = system.get("readyz").await;
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert!(reply.text.contains("stands still"), "{}", reply.text);
    assert_eq!(start().await.get("readyz").await.status, 200);
}

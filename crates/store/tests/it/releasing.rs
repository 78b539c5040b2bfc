//! A process that knows to be alone takes up at once what a dead one held.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plantain_queue::model::{DeliveryAttempt, DeliveryNext, Next, Settled};
use plantain_queue::store::QueueStore;
use plantain_store::queue::{open_queue, open_queue_alone};
use plantain_store::studio::{open_studio, open_studio_alone};
use plantain_wire::error::ErrorType;

use crate::queue_conformance::{
    answered, claim, claim_deliveries, claim_names, delivery, finish, later, only, settle, start, submit,
};
use crate::studio_conformance::{LEASE, inserted, later as studio_later, now};

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    (folder, path)
}

/// Requests `running` and `waiting`, a delivery under way and one that waits for its second attempt.
async fn left_behind(path: &std::path::Path) -> Arc<dyn QueueStore> {
    let store = open_queue(path.to_str().unwrap()).await.unwrap();
    submit(&store, "owing").await;
    let claimed = only(claim(&store, 1, start()).await);
    let deliveries = ["sending", "failed"].map(|name| delivery(name, "owing", "https://shop.example/hook")).to_vec();
    settle(&store, &claimed.lease, Next::Finish { outcome: answered("{}"), deliveries }).await;
    claim_deliveries(&store, 9, start()).await;
    let attempt = DeliveryAttempt {
        attempt: 1,
        at: start(),
        latency: Duration::ZERO,
        http_status: Some(500),
        reason: "no".into(),
        fault: None,
        answer: Default::default(),
    };
    store.settle_delivery("failed", attempt, DeliveryNext::Retry { at: later(25) }).await.unwrap();
    submit(&store, "running").await;
    claim(&store, 1, start()).await;
    submit(&store, "waiting").await;
    store
}

#[tokio::test]
async fn the_only_process_takes_up_requests_and_deliveries_at_once() {
    let (_folder, path) = file();
    let dead = left_behind(&path).await;
    let store = open_queue_alone(&path, later(1)).await.unwrap();
    let taken = claim(&store, 9, later(1)).await;
    let names: Vec<_> = taken.iter().map(|task| (task.lease.request_id.as_str(), task.lease.attempt)).collect();
    assert_eq!(names, [("running", 2), ("waiting", 1)]);
    assert_eq!((taken[0].failures, taken[0].last_error), (1, Some(ErrorType::RunnerDisconnected)), "a crash counts");
    assert_eq!(claim_deliveries(&store, 9, later(1)).await, [("sending".into(), 2)]);
    assert_eq!(claim_deliveries(&store, 9, later(25)).await, [("failed".into(), 2)], "a pause is a pause");
    // Whoever was thought to be dead and is not, is fenced off.
    let stale = plantain_queue::model::Lease { attempt: 1, ..taken[0].lease.clone() };
    assert_eq!(settle(&dead, &stale, finish(answered("{}"))).await, Settled::LeaseLost);
}

#[tokio::test]
async fn a_process_that_may_not_be_alone_waits_for_the_leases() {
    let (_folder, path) = file();
    left_behind(&path).await;
    let store = open_queue(path.to_str().unwrap()).await.unwrap();
    assert_eq!(claim_names(&store, 9, later(1)).await, ["waiting"]);
    assert!(claim_deliveries(&store, 9, later(1)).await.is_empty());
}

#[tokio::test]
async fn the_only_studio_takes_up_jobs_at_once() {
    let (_folder, path) = file();
    let dead = open_studio(path.to_str().unwrap()).await.unwrap();
    let job = inserted(&dead, 0).await;
    dead.jobs.claim(9, LEASE, now()).await.unwrap();
    assert!(dead.jobs.claim(9, LEASE, studio_later(1)).await.unwrap().jobs.is_empty());
    let alone = open_studio_alone(&path).await.unwrap();
    let taken = alone.jobs.claim(9, LEASE, studio_later(1)).await.unwrap().jobs;
    assert_eq!(taken.iter().map(|job| (job.id.clone(), job.epoch)).collect::<Vec<_>>(), [(job.id, 2)]);
}

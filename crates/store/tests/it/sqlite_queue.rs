//! What only a file has: it is there after a power cut, and it can be full.

use std::path::Path;
use std::sync::Arc;

use plantain_queue::model::{Next, Settled};
use plantain_queue::store::{QueueStore, StoreError};
use plantain_store::queue::{SqliteQueue, open_queue};
use plantain_wire::status::QueueStatus;

use crate::queue_conformance::{
    answered, claim, claim_deliveries, delivery, later, line, new_request, only, settle, start, submit, view,
};

/// What a process that was killed leaves behind: the bytes of the file and of its log, but nothing that was in memory.
fn copy_as_killed(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
    std::fs::copy(from.with_extension("db-wal"), to.with_extension("db-wal")).unwrap();
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let before: Arc<dyn QueueStore> = open_queue(path.to_str().unwrap()).await.unwrap();
    for request in ["done", "running", "waiting"] {
        submit(&before, request).await;
    }
    let claimed = claim(&before, 2, start()).await;
    let deliveries = vec![delivery("d1", "done", "https://shop.example/hook")];
    let next = Next::Finish { outcome: answered("{}"), deliveries };
    assert_eq!(settle(&before, &claimed[0].lease, next).await, Settled::Done);
    before.append_logs(&claimed[1].lease, &[line("half way")]).await.unwrap();

    let copy = folder.path().join("copy.db");
    copy_as_killed(&path, &copy);
    let after: Arc<dyn QueueStore> = open_queue(copy.to_str().unwrap()).await.unwrap();
    assert_eq!(view(&after, "done").await.outcome, Some(answered("{}")));
    assert_eq!(claim_deliveries(&after, 5, start()).await, [("d1".into(), 1)]);
    assert_eq!(view(&after, "running").await.logs, [line("half way")]);
    assert_eq!(view(&after, "waiting").await.status, QueueStatus::InQueue);
    let waiting = only(claim(&after, 5, later(1)).await);
    assert_eq!((waiting.lease.request_id.as_str(), waiting.lease.attempt), ("waiting", 1));
    let taken_over = only(claim(&after, 5, later(30)).await);
    assert_eq!((taken_over.lease.request_id.as_str(), taken_over.lease.attempt), ("running", 2));
}

#[tokio::test]
async fn a_full_disk_refuses_the_submit_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(&folder.path().join("queue.db")).await.unwrap();
    let store: Arc<dyn QueueStore> = Arc::new(queue.clone());
    submit(&store, "r1").await;
    let limit = |pages: &'static str| {
        queue.database().write(move |tx| Ok(tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?))
    };
    limit("40").await.unwrap();
    let large = plantain_queue::model::NewRequest { input: vec![b' '; 1 << 20].into(), ..new_request("r2") };
    let refused = store.enqueue(large.clone()).await;
    assert!(matches!(refused, Err(StoreError::Full(_))), "{refused:?}");
    assert!(store.request(&large.id).await.unwrap().is_none());
    limit("100000").await.unwrap();
    store.enqueue(large).await.unwrap();
    assert_eq!(claim(&store, 5, start()).await.len(), 2);
}

#[tokio::test]
async fn an_address_says_which_database_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let store = open_queue(&format!("sqlite:{}", path.display())).await.unwrap();
    submit(&store, "r1").await;
    assert!(path.exists());
    assert!(open_queue("postgres://plantain@127.0.0.1:1/none").await.is_err());
    assert!(open_queue("postgresql://plantain@127.0.0.1:1/none").await.is_err());
}

#[tokio::test]
async fn what_no_request_can_be_is_refused_by_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(&folder.path().join("queue.db")).await.unwrap();
    let insert = |state: &'static str, payloads: &'static str, ending: Option<&'static str>| {
        let finished_at = (state == "completed").then_some(1);
        queue.database().write(move |tx| {
            Ok(tx.execute(
                "INSERT OR REPLACE INTO queue_requests (id, endpoint, app, user_id, key_id, gateway_request_id, priority,
                     state, payloads, ending, created_at, finished_at)
                 VALUES ('r', 'a/b', 'a/b', 'u', 'k', 'r', 0, ?1, ?2, ?3, 1, ?4)",
                rusqlite::params![state, payloads, ending, finished_at],
            )?)
        })
    };
    for state in ["ready", "completed"] {
        insert(state, "keep", None).await.unwrap();
        insert(state, "dropped", Some("cancelled")).await.unwrap();
    }
    for (state, payloads, ending) in
        [("READY", "keep", None), ("ready", "kept", None), ("completed", "keep", Some("over"))]
    {
        insert(state, payloads, ending).await.unwrap_err();
    }
}

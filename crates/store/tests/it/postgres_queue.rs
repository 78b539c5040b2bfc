//! What only a server has: other processes, which want to be told.

use std::sync::Arc;

use plantain_queue::model::Next;
use plantain_queue::store::{Hint, QueueStore};
use plantain_store::queue::open_queue;
use tokio::sync::mpsc;

use crate::postgres::Fresh;
use crate::queue_conformance::{answered, claim, delivery, id, line, settle, start, submit};

/// Two processes on one database, and what the second one hears.
async fn two() -> Option<(Fresh, Arc<dyn QueueStore>, mpsc::UnboundedReceiver<Hint>)> {
    let schema = Fresh::schema().await?;
    let (one, other) = (open_queue(&schema.url()).await.unwrap(), open_queue(&schema.url()).await.unwrap());
    let (heard, mut hears) = mpsc::unbounded_channel();
    let keep = other.clone();
    other.listen(Box::new(move |hint| {
        // The listening store lives as long as the test listens.
        let _keep = &keep;
        heard.send(hint).ok();
    }));
    assert_eq!(hears.recv().await.unwrap(), Hint::Anything);
    Some((schema, one, hears))
}

/// Waits for a hint about this test's own request; tests that run beside this one are heard as well.
async fn hears(hears: &mut mpsc::UnboundedReceiver<Hint>, expected: Hint) {
    while hears.recv().await.unwrap() != expected {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_commits_another_one_hears() {
    let Some((_schema, store, mut heard)) = two().await else { return };
    let changed = || Hint::Changed(id("heard-here"));
    submit(&store, "heard-here").await;
    hears(&mut heard, Hint::RequestsDue).await;
    let claimed = claim(&store, 1, start()).await.remove(0);
    hears(&mut heard, changed()).await;
    store.append_logs(&claimed.lease, &[line("half way")]).await.unwrap();
    hears(&mut heard, changed()).await;
    let deliveries = vec![delivery("d1", "heard-here", "https://shop.example/hook")];
    settle(&store, &claimed.lease, Next::Finish { outcome: answered("{}"), deliveries }).await;
    hears(&mut heard, Hint::DeliveriesDue).await;
    hears(&mut heard, changed()).await;
}

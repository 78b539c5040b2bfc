//! Any sequence of events ends a request at most once, and nothing moves it afterwards.

use std::sync::Arc;

use proptest::prelude::*;

use plantain_queue::model::{AttemptEnd, Cancelled, Lease, Next, Outcome, Settled};
use plantain_queue::store::QueueStore;
use plantain_store::queue::open_queue;
use plantain_wire::error::ErrorType;
use plantain_wire::status::QueueStatus;

use crate::queue_conformance::{LEASE, answered, claim, delivery, id, later, line, submit, view};

/// What may happen, in any order, by workers that may long have lost their leases.
#[derive(Clone, Debug)]
enum Event {
    Claim,
    Finish(Worker),
    Retry(Worker),
    HandBack(Worker),
    Heartbeat(Worker),
    Log(Worker),
    Cancel,
    Wait(u64),
}

/// One of those who ever held the lease, counted from the latest.
type Worker = usize;

fn event() -> impl Strategy<Value = Event> {
    let worker = 0..3_usize;
    prop_oneof![
        4 => Just(Event::Claim),
        1 => worker.clone().prop_map(Event::Finish),
        3 => worker.clone().prop_map(Event::Retry),
        1 => worker.clone().prop_map(Event::HandBack),
        1 => worker.clone().prop_map(Event::Heartbeat),
        1 => worker.prop_map(Event::Log),
        1 => Just(Event::Cancel),
        3 => (1..40_u64).prop_map(Event::Wait),
    ]
}

struct World {
    store: Arc<dyn QueueStore>,
    leases: Vec<Lease>,
    seconds: u64,
    /// How many calls said that they ended the request.
    ends: usize,
}

impl World {
    fn lease(&self, worker: Worker) -> Option<Lease> {
        self.leases.iter().rev().nth(worker).cloned()
    }

    async fn settle(&mut self, worker: Worker, next: Next) {
        let Some(lease) = self.lease(worker) else { return };
        let finishes = matches!(next, Next::Finish { .. });
        let settled = self.store.settle(&lease, next, &[], later(self.seconds)).await.unwrap();
        assert!(settled == Settled::LeaseLost || worker == 0, "only the latest holder can settle");
        self.ends += usize::from(finishes && settled == Settled::Done);
    }

    async fn happen(&mut self, event: Event) {
        let now = later(self.seconds);
        match event {
            Event::Claim => {
                let claimed = claim(&self.store, 5, now).await;
                assert!(claimed.len() <= 1 && (claimed.is_empty() || self.ends == 0));
                self.leases.extend(claimed.into_iter().map(|claimed| claimed.lease));
            }
            Event::Finish(worker) => {
                let deliveries = vec![delivery(&format!("d{}", self.seconds), "r1", "https://shop.example/")];
                self.settle(worker, Next::Finish { outcome: answered("{}"), deliveries }).await;
            }
            Event::Retry(worker) => {
                let attempt = AttemptEnd::Failed(ErrorType::RunnerDisconnected);
                self.settle(worker, Next::Requeue { at: later(self.seconds + 5), attempt }).await;
            }
            Event::HandBack(worker) => {
                self.settle(worker, Next::Requeue { at: now, attempt: AttemptEnd::HandedBack }).await;
            }
            Event::Heartbeat(worker) => {
                let Some(lease) = self.lease(worker) else { return };
                self.store.heartbeat(&[lease], plantain_work::clock::after(now, LEASE)).await.unwrap();
            }
            Event::Log(worker) => {
                let Some(lease) = self.lease(worker) else { return };
                self.store.append_logs(&lease, &[line("x")]).await.unwrap();
            }
            Event::Cancel => {
                let outcome = Outcome::Failed { error_type: ErrorType::ClientCancelled, detail: String::new() };
                let owed = vec![delivery("cancelled", "r1", "https://shop.example/")];
                let cancelled = self.store.cancel(&id("r1"), outcome, owed, now).await.unwrap();
                self.ends += usize::from(cancelled == Cancelled::Removed);
            }
            Event::Wait(seconds) => self.seconds += seconds,
        }
    }
}

async fn check(events: Vec<Event>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open_queue(folder.path().join("queue.db").to_str().unwrap()).await.unwrap();
    submit(&store, "r1").await;
    let mut world = World { store, leases: Vec::new(), seconds: 0, ends: 0 };
    let mut ended = None;
    for event in events {
        world.happen(event).await;
        let seen = view(&world.store, "r1").await;
        let completed = seen.status == QueueStatus::Completed;
        assert_eq!((completed, seen.outcome.is_some()), (world.ends == 1, world.ends == 1));
        assert!(ended.is_none() || ended == Some((seen.outcome.clone(), seen.finished_at, seen.attempts)));
        ended = completed.then_some((seen.outcome, seen.finished_at, seen.attempts));
        let owed = world.store.deliveries(&id("r1")).await.unwrap();
        assert_eq!(owed.len(), world.ends);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_request_ends_at_most_once_whatever_happens(events in proptest::collection::vec(event(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(check(events));
    }
}

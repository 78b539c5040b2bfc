//! Stopping gently, stopping at once, losing a lease, coming back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plantain_queue::engine::EngineConfig;
use plantain_queue::model::{DeliveryState, Settled};
use plantain_queue::turns::Turns;
use plantain_testkit::receiver::Answer;
use plantain_wire::status::QueueStatus;
use plantain_work::clock;

use crate::bench::{Bench, Gate, answer, config, end, gated, in_time, name, serving};

#[tokio::test]
async fn a_gentle_stop_lets_the_running_finish_and_begins_nothing() {
    let gate = Gate::default();
    let bench = Bench::start_with(gated(&gate), EngineConfig { slots: 1, ..config() }).await;
    bench.submit("r1").await;
    bench.running("r1").await;
    bench.submit("r2").await;
    bench.shutdown.begin();
    gate.open();
    bench.drain().await;
    assert_eq!(end(&bench.completed("r1").await), "answered");
    let waiting = bench.until("r2", |_| true).await;
    assert_eq!((waiting.status, waiting.attempts), (QueueStatus::InQueue, 0));
}

#[tokio::test]
async fn a_stop_at_once_hands_the_work_back_and_it_costs_no_attempt() {
    let gate = Gate::default();
    let bench = Bench::start(gated(&gate)).await;
    bench.submit("r1").await;
    bench.running("r1").await;
    let bench = bench.stop().await;
    let view = bench.until("r1", |_| true).await;
    assert_eq!((view.status, view.queue_position), (QueueStatus::InQueue, Some(0)));
    let claimed =
        bench.engine.store().claim_requests(1, &Turns::new(10), Duration::ZERO, bench.clock.now()).await.unwrap();
    // A claim that was under way may have taken it once more, and handed it back as well.
    assert!(claimed.tasks[0].failures == 0 && claimed.tasks[0].lease.attempt >= 2, "{claimed:?}");
    let bench = bench.restart(serving(|_| async { answer("{}") })).await;
    assert_eq!(end(&bench.completed("r1").await), "answered");
    bench.delivered("r1").await;
    bench.stop().await;
}

#[tokio::test]
async fn a_delivery_that_was_under_way_at_the_stop_is_made_by_the_next_process() {
    let bench = Bench::start(serving(|_| async { answer("{}") })).await;
    bench.receiver.answer(Answer::Silence);
    bench.submit("r1").await;
    bench.receiver.wait_for(1).await;
    let bench = bench.restart(serving(|_| async { answer("{}") })).await;
    let delivery = bench.delivery("r1", 2).await;
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert!(delivery.attempts[0].reason.contains("stopped"));
    assert_eq!(bench.receiver.received().len(), 2);
    bench.stop().await;
}

/// Says when the future that holds it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_stops_writes_nothing_and_sends_nothing() {
    let (begun, dropped) = (Gate::default(), Arc::new(AtomicBool::new(false)));
    let (beginning, told) = (begun.clone(), dropped.clone());
    let bench = Bench::start(serving(move |task| {
        let guard = Dropped(told.clone());
        task.logs.info("half way");
        beginning.open();
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    }))
    .await;
    bench.submit("r1").await;
    in_time(begun.pass()).await;
    // Another process takes the request over, as if this one had stood still for longer than its lease.
    let store = bench.engine.store().clone();
    let much_later = clock::after(bench.clock.now(), config().lease);
    let taken =
        store.claim_requests(1, &Turns::new(10), Duration::from_secs(3600), much_later).await.unwrap().tasks.remove(0);
    assert_eq!(taken.lease.attempt, 2);
    bench.clock.advance(config().lease / 3);
    let left = async {
        while !dropped.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    };
    in_time(left).await;
    bench.drain().await;
    let view = bench.until("r1", |_| true).await;
    assert_eq!((view.status, view.attempts, end(&view)), (QueueStatus::InProgress, 2, "nothing yet"));
    assert!(store.deliveries(&name("r1")).await.unwrap().is_empty());
    let next = plantain_queue::model::Next::Finish { outcome: plantain_queue::decide::cancelled(), deliveries: vec![] };
    assert_eq!(store.settle(&taken.lease, next, &[], bench.clock.now()).await.unwrap(), Settled::Done);
}

#[tokio::test]
async fn a_killed_worker_is_noticed_when_its_lease_runs_out() {
    let bench = Bench::start(serving(|_| async { answer("{}") })).await;
    // A process that claims and is never heard of again.
    let store = bench.engine.store().clone();
    let bench = bench.stop().await;
    store.enqueue(bench.request("r1")).await.unwrap();
    store.claim_requests(1, &Turns::new(10), config().lease, bench.clock.now()).await.unwrap();
    let bench = bench.restart(serving(|_| async { answer("{}") })).await;
    assert_eq!(bench.running("r1").await.attempts, 1);
    bench.clock.advance(config().lease);
    let view = bench.completed("r1").await;
    assert_eq!((end(&view), view.attempts), ("answered", 2));
    bench.delivered("r1").await;
    bench.stop().await;
}

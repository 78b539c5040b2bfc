//! The lease loop: claim what is due, run it, settle it, wait for a wake-up or the next due time.
//!
//! A claimed task is the caller's under a lease; whoever runs it settles it, fenced by that lease. If the process dies the
//! lease runs out and the next claim finds the task again, so the loop itself never has to repair anything. A loop that
//! panics is begun again, and its [`Wake`] shows it as down until it has claimed once more: no lane dies in silence.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::clock::{self, Clock};
use crate::shutdown::Shutdown;
use crate::tasks::Tasks;

/// One kind of owed work: requests, deliveries, jobs.
#[async_trait]
pub trait Lane: Send + Sync + 'static {
    type Task: Send + 'static;

    /// How the lane is called in logs.
    fn name(&self) -> &'static str;

    /// Takes at most `free` due tasks under leases.
    async fn claim(&self, free: usize) -> Result<Claim<Self::Task>, ClaimFailed>;

    /// Runs one task and settles it. Returns early, handing the task back, when `stop` is aborted.
    async fn run(&self, task: Self::Task, stop: Shutdown) -> Left;
}

/// What a task leaves to do when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It was the last of this task; others may begin now that were held back.
    Nothing,
    /// It is due again, at once or later, or that is not known: the lane looks for itself.
    More,
}

/// What a claim found.
#[derive(Debug)]
pub struct Claim<T> {
    pub tasks: Vec<T>,
    /// When the earliest task that is not due yet (or whose lease may run out) becomes due, if there is one.
    pub next_due: Option<Timestamp>,
    /// Whether something is due that may not begin before another task has ended.
    pub held_back: bool,
}

/// The store could not be asked. It has been logged by the store; the loop tries again after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store could not be asked for work")]
pub struct ClaimFailed;

/// The handle of a lane: tells it that there may be work, and others whether it is up. Cheap to clone; a wake-up that comes
/// while the lane is busy is not lost.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Handle>);

#[derive(Debug, Default)]
struct Handle {
    notify: Notify,
    down: AtomicBool,
    /// As the last claim found it, and while one is made.
    held_back: AtomicBool,
}

impl Wake {
    pub fn new() -> Wake {
        Wake::default()
    }

    pub fn wake(&self) {
        self.0.notify.notify_one();
    }

    pub async fn woken(&self) {
        self.0.notify.notified().await;
    }

    /// False from a panic of the loop until it has claimed again. A lane that was never run counts as up.
    pub fn lane_is_up(&self) -> bool {
        !self.0.down.load(Ordering::Relaxed)
    }

    fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::Relaxed);
    }

    fn set_held_back(&self, held_back: bool) {
        self.0.held_back.store(held_back, Ordering::SeqCst);
    }

    /// Wakes the lane where the end of a task gives it something to do.
    fn ended(&self, left: Left) {
        if left == Left::More || self.0.held_back.load(Ordering::SeqCst) {
            self.wake();
        }
    }
}

/// Longest wait between two claims, whatever else happens: the net under lost wake-ups and other processes' commits.
const POLL: Duration = Duration::from_secs(1);

/// Pause after a claim that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(250);

/// Pauses before a loop that panicked is begun again: doubling from the first to the last.
const PAUSE_AFTER_PANIC: Duration = Duration::from_millis(100);
const PAUSE_AFTER_PANIC_MAX: Duration = Duration::from_secs(10);

/// Drives `lane` until `shutdown` begins; tasks run in `tasks`, at most `slots` at once. A panic in the loop ends neither the
/// lane nor its running tasks: the loop is begun again after a pause.
pub async fn run<L: Lane>(lane: Arc<L>, slots: usize, wake: Wake, clock: Clock, tasks: Tasks, shutdown: Shutdown) {
    let free = Arc::new(Semaphore::new(slots.max(1)));
    let mut pause = PAUSE_AFTER_PANIC;
    loop {
        let turning = turn(&lane, &free, &wake, &clock, &tasks, &shutdown);
        if AssertUnwindSafe(turning).catch_unwind().await.is_ok() {
            return;
        }
        // Once it has claimed again, the next panic is a new one.
        if wake.lane_is_up() {
            pause = PAUSE_AFTER_PANIC;
        }
        wake.set_down(true);
        tracing::error!(lane = lane.name(), ?pause, "lane.panicked: a bug; the lane stands still and is begun again");
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            () = clock.sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSE_AFTER_PANIC_MAX);
    }
}

async fn turn<L: Lane>(
    lane: &Arc<L>,
    free: &Arc<Semaphore>,
    wake: &Wake,
    clock: &Clock,
    tasks: &Tasks,
    shutdown: &Shutdown,
) {
    loop {
        // A place first: a claim never exceeds free slots.
        let place = tokio::select! {
            // Looked at first: a wake-up at the same moment must not lead to one more claim.
            biased;
            () = shutdown.begun() => return,
            place = free.clone().acquire_owned() => place,
        };
        let Ok(place) = place else { return };
        let wanted = free.available_permits() + 1;
        // What ends while the store is asked may be what the claim holds others back for.
        wake.set_held_back(true);
        let claimed = lane.claim(wanted).await;
        // A store that fails is said by the store; the loop itself turns.
        wake.set_down(false);
        let pause = match claimed {
            Ok(claim) => {
                wake.set_held_back(claim.held_back);
                let is_all = claim.tasks.len() < wanted;
                begin(lane, claim.tasks, place, free, wake, tasks, shutdown);
                if !is_all {
                    continue;
                }
                pause(clock.now(), claim.next_due)
            }
            Err(ClaimFailed) => {
                drop(place);
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            () = wake.woken() => {}
            () = clock.sleep(pause) => {}
        }
    }
}

fn begin<L: Lane>(
    lane: &Arc<L>,
    claimed: Vec<L::Task>,
    first: OwnedSemaphorePermit,
    free: &Arc<Semaphore>,
    wake: &Wake,
    tasks: &Tasks,
    shutdown: &Shutdown,
) {
    let mut first = Some(first);
    for task in claimed {
        // The claim was bounded by the free places, which only this loop takes.
        let place = first.take().or_else(|| free.clone().try_acquire_owned().ok());
        let (lane, wake, stop) = (lane.clone(), wake.clone(), shutdown.clone());
        tasks.spawn(lane.name(), async move {
            let left = lane.run(task, stop).await;
            drop(place);
            wake.ended(left);
        });
    }
}

fn pause(now: Timestamp, next_due: Option<Timestamp>) -> Duration {
    next_due.map_or(POLL, |due| clock::until(now, due).min(POLL))
}

/// Runs `work` and calls `beat` every `every` until it ends. Where a beat says [`Beat::Lost`], the work is dropped and
/// `None` returned: whoever lost a lease writes nothing more.
pub async fn with_heartbeat<T, B, F>(
    clock: &Clock,
    every: Duration,
    mut beat: B,
    work: impl Future<Output = T>,
) -> Option<T>
where
    B: FnMut() -> F,
    F: Future<Output = Beat>,
{
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            () = clock.sleep(every) => {
                // The work goes on while the store is asked.
                let asked = beat();
                tokio::pin!(asked);
                let answer = tokio::select! {
                    biased;
                    done = &mut work => return Some(done),
                    answer = &mut asked => answer,
                };
                if answer == Beat::Lost {
                    return None;
                }
            }
        }
    }
}

/// What a heartbeat learnt of the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    Held,
    Lost,
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;

    struct Pile {
        waiting: Mutex<VecDeque<u32>>,
        largest_claim: Mutex<usize>,
        done: tokio::sync::mpsc::UnboundedSender<u32>,
    }

    #[async_trait]
    impl Lane for Pile {
        type Task = u32;

        fn name(&self) -> &'static str {
            "pile"
        }

        async fn claim(&self, free: usize) -> Result<Claim<u32>, ClaimFailed> {
            let mut waiting = self.waiting.lock().unwrap();
            let count = free.min(waiting.len());
            let mut largest = self.largest_claim.lock().unwrap();
            *largest = (*largest).max(count);
            Ok(Claim { tasks: waiting.drain(..count).collect(), next_due: None, held_back: false })
        }

        async fn run(&self, task: u32, _stop: Shutdown) -> Left {
            tokio::task::yield_now().await;
            self.done.send(task).unwrap();
            Left::Nothing
        }
    }

    #[tokio::test]
    async fn everything_is_run_once_and_claims_stay_within_the_slots() {
        let (done, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let pile = Arc::new(Pile { waiting: Mutex::new((0..50).collect()), largest_claim: Mutex::new(0), done });
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        tasks.spawn("loop", run(pile.clone(), 3, Wake::new(), clock, tasks.clone(), shutdown.clone()));
        let mut all = Vec::new();
        while all.len() < 50 {
            all.push(seen.recv().await.unwrap());
        }
        shutdown.begin();
        tasks.wait().await;
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
        assert!(*pile.largest_claim.lock().unwrap() <= 3);
    }

    /// Runs one task at a time, whatever its places, as a limit that is not the lane's own may make it.
    struct OneByOne {
        state: Mutex<OneByOneState>,
        left: Left,
    }

    #[derive(Default)]
    struct OneByOneState {
        waiting: u32,
        running: u32,
        claims: u32,
    }

    #[async_trait]
    impl Lane for OneByOne {
        type Task = ();

        fn name(&self) -> &'static str {
            "one by one"
        }

        async fn claim(&self, _free: usize) -> Result<Claim<()>, ClaimFailed> {
            let mut state = self.state.lock().unwrap();
            state.claims += 1;
            let takes = state.waiting > 0 && state.running == 0;
            state.waiting -= u32::from(takes);
            state.running += u32::from(takes);
            let held_back = state.waiting > 0;
            Ok(Claim { tasks: vec![(); usize::from(takes)], next_due: None, held_back })
        }

        async fn run(&self, (): (), _stop: Shutdown) -> Left {
            tokio::task::yield_now().await;
            self.state.lock().unwrap().running -= 1;
            self.left
        }
    }

    /// The clock stands still, so nothing but the ends of tasks makes the lane claim.
    #[tokio::test]
    async fn a_lane_looks_again_only_where_something_is_left_or_held_back() {
        for (waiting, left, claims) in
            [(1, Left::Nothing, 1), (1, Left::More, 2), (3, Left::Nothing, 3), (3, Left::More, 4)]
        {
            let lane = Arc::new(OneByOne { state: Mutex::new(OneByOneState { waiting, ..Default::default() }), left });
            let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
            let clock = Clock::manual(Timestamp::UNIX_EPOCH);
            tasks.spawn("loop", run(lane.clone(), 8, Wake::new(), clock, tasks.clone(), shutdown.clone()));
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let (rest, made) = {
                let state = lane.state.lock().unwrap();
                (state.waiting + state.running, state.claims)
            };
            assert_eq!((rest, made), (0, claims), "{waiting} waiting, {left:?}");
            shutdown.begin();
            tasks.wait().await;
        }
    }

    /// Panics in its first claims, then finds one task.
    struct Faulty {
        faults: Mutex<u32>,
        done: tokio::sync::mpsc::UnboundedSender<u32>,
    }

    #[async_trait]
    impl Lane for Faulty {
        type Task = u32;

        fn name(&self) -> &'static str {
            "faulty"
        }

        async fn claim(&self, _free: usize) -> Result<Claim<u32>, ClaimFailed> {
            let mut faults = self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if *faults > 0 {
                *faults -= 1;
                panic!("a bug, as the test wants it");
            }
            Ok(Claim { tasks: vec![7], next_due: None, held_back: false })
        }

        async fn run(&self, task: u32, _stop: Shutdown) -> Left {
            self.done.send(task).ok();
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_lane_that_panics_is_seen_to_be_down_and_is_up_again_after_a_pause() {
        let (done, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let (wake, shutdown) = (Wake::new(), Shutdown::new());
        let lane = Arc::new(Faulty { faults: Mutex::new(3), done });
        let running = run(lane, 1, wake.clone(), clock.clone(), Tasks::new(), shutdown.clone());
        tokio::pin!(running);
        for pause in [1, 2, 4] {
            assert!(futures_util::poll!(&mut running).is_pending(), "the loop goes on");
            assert!(!wake.lane_is_up());
            clock.advance(PAUSE_AFTER_PANIC * pause - Duration::from_millis(1));
            assert!(futures_util::poll!(&mut running).is_pending() && !wake.lane_is_up());
            clock.advance(Duration::from_millis(1));
        }
        assert!(futures_util::poll!(&mut running).is_pending() && wake.lane_is_up());
        assert_eq!(seen.recv().await, Some(7));
        shutdown.begin();
        running.await;
    }

    #[tokio::test]
    async fn a_lane_that_is_down_still_ends_with_the_process() {
        let (done, _seen) = tokio::sync::mpsc::unbounded_channel();
        let (shutdown, clock) = (Shutdown::new(), Clock::manual(Timestamp::UNIX_EPOCH));
        let lane = Arc::new(Faulty { faults: Mutex::new(u32::MAX), done });
        let running = run(lane, 1, Wake::new(), clock, Tasks::new(), shutdown.clone());
        tokio::pin!(running);
        assert!(futures_util::poll!(&mut running).is_pending());
        shutdown.begin();
        running.await;
    }

    #[tokio::test]
    async fn work_whose_lease_is_lost_is_dropped() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let outcome =
            with_heartbeat(&clock, Duration::from_secs(5), || async { Beat::Lost }, std::future::pending::<()>());
        tokio::pin!(outcome);
        assert!(futures_util::poll!(&mut outcome).is_pending());
        clock.advance(Duration::from_secs(5));
        assert_eq!(outcome.await, None);
    }
}

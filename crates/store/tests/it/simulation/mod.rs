//! Deterministic simulation of queue, sender and receiver: thousands of short schedules, each decided by its seed alone.
//!
//! The decisions are the product's own: [`plantain_queue::decide`], [`plantain_queue::notice`], the studio's transitions and
//! its judgement of arrivals, signatures made and verified, and both stores on SQLite files. Simulated are the processes that
//! call them, one transaction at a time, with crashes between any two; the network between them; and their clocks, which are
//! apart and are set. After every step [`laws::Laws`] are held against what the stores say. A seed that fails is named, and
//! `PLANTAIN_SIM_SEED` runs it alone; `PLANTAIN_SIM_SCHEDULES` runs more of them.

mod laws;
mod network;
mod queues;
mod studios;
mod world;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use world::{Stores, World};

/// What the suite has time for.
const SCHEDULES: u64 = 1_000;

/// Schedules on one pair of files; each leaves only what has ended behind.
const ON_ONE_FILE: u64 = 100;

#[expect(clippy::disallowed_methods, reason = "a seed to run again is named in the environment")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// In memory where the system has such a place: what a power cut leaves is not simulated here.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

async fn run(seeds: impl Iterator<Item = u64>) -> u64 {
    let mut steps = 0;
    let mut place: Option<(Stores, tempfile::TempDir)> = None;
    for (number, seed) in seeds.enumerate() {
        if (number as u64).is_multiple_of(ON_ONE_FILE) {
            let folder = folder();
            place = Some((Stores::open(folder.path()).await, folder));
        }
        let (stores, _) = place.as_ref().expect("opened above");
        let mut world = World::new(seed, stores.clone());
        let ended = AssertUnwindSafe(world.run()).catch_unwind().await;
        if let Err(cause) = ended {
            for line in world.story() {
                eprintln!("{line}");
            }
            eprintln!("The schedule of seed {seed} failed; PLANTAIN_SIM_SEED={seed} runs it alone.");
            std::panic::resume_unwind(cause);
        }
        steps += world.steps();
    }
    steps
}

#[tokio::test]
async fn every_schedule_of_losses_delays_repetitions_and_crashes_keeps_what_was_promised() {
    if let Some(seed) = asked("PLANTAIN_SIM_SEED") {
        run(std::iter::once(seed)).await;
        return;
    }
    let schedules = asked("PLANTAIN_SIM_SCHEDULES").unwrap_or(SCHEDULES);
    let steps = run(0..schedules).await;
    eprintln!("{schedules} schedules, {steps} steps");
    assert!(steps > schedules * 20, "the schedules are too short to prove anything: {steps}");
}

#[tokio::test]
async fn a_seed_is_the_same_schedule_every_time() {
    let mut stories = Vec::new();
    for _ in 0..2 {
        let folder = folder();
        let mut world = World::new(7, Stores::open(folder.path()).await);
        world.run().await;
        stories.push(world.story().map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(stories[0], stories[1]);
}

//! Crash drills: real processes under load, killed at moments that a seed chooses; then everything that was promised is held
//! against what callers see and what the databases have.
//!
//! The suite runs few and short ones; `cargo xtask drill --jobs 200 --seeds 5` runs as many as are asked for.

mod balancer;
mod fleet;
mod load;
mod outages;
mod postgres;
mod process;
mod sink;
mod verdict;

use std::time::Duration;

use plantain_testkit::Chance;
use plantain_work::Clock;

use fleet::Fleet;
use load::Accepted;
use postgres::Postgres;
use sink::Mood;
use verdict::Tally;

/// How long an order is given again before the drill has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// The longest that a process is left dead.
const DOWNTIME_MILLIS_MAX: u64 = 300;

/// Between two blows.
const CALM_MILLIS_MAX: u64 = 450;

/// How much, and what befalls it.
#[derive(Clone, Copy, Debug)]
struct Plan {
    jobs: usize,
    /// Processes that are killed, one after the other.
    kills: usize,
    /// Whether the receiver is unwell at times.
    moods: bool,
    seed: u64,
}

/// As the command asks, or what the suite has time for.
#[expect(clippy::disallowed_methods, reason = "`cargo xtask drill` says through the environment how much is wanted")]
fn asked(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|said| said.parse().ok()).unwrap_or(usual)
}

fn plans(jobs: usize, seeds: usize, moods: bool) -> Vec<Plan> {
    let jobs = asked("PLANTAIN_DRILL_JOBS", jobs);
    let seeds = asked("PLANTAIN_DRILL_SEEDS", seeds) as u64;
    (1..=seeds).map(|seed| Plan { jobs, kills: jobs / 8 + 2, moods, seed }).collect()
}

/// Kills, stops and restarts processes until the plan has had its fill, with the database where one is given.
async fn storm(fleet: &mut Fleet, plan: Plan) {
    let (clock, mut chance) = (Clock::system(), Chance::of(plan.seed.wrapping_mul(7919)));
    for blow in 0..plan.kills {
        clock.sleep(Duration::from_millis(chance.below(CALM_MILLIS_MAX))).await;
        if plan.moods && chance.one_in(2) {
            fleet.sink.set_mood(*chance.pick(&Mood::ALL));
        }
        if blow == plan.kills / 2
            && let Some(server) = &fleet.postgres
        {
            tokio::task::block_in_place(|| {
                server.crash();
                server.boot();
            });
        }
        let victim = chance.index(fleet.processes.len());
        let process = &mut fleet.processes[victim];
        if chance.one_in(5) {
            let ended = process.stop();
            assert!(ended.success(), "a process that was asked to stop failed: {ended}: {}", process.log());
        } else {
            process.kill();
        }
        clock.sleep(Duration::from_millis(chance.below(DOWNTIME_MILLIS_MAX))).await;
        process.start().await;
    }
}

async fn drill(mut fleet: Fleet, plan: Plan) -> Tally {
    eprintln!("{plan:?}");
    let accepted = {
        // The load needs the fleet's addresses, the storm its processes.
        let addresses = fleet.addresses();
        let (accepted, ()) = tokio::join!(load::place(&addresses, plan.jobs, plan.seed), storm(&mut fleet, plan));
        accepted
    };
    end(fleet, &accepted).await
}

/// The storm is over: everything is up, and everything that was accepted ends.
async fn end(mut fleet: Fleet, accepted: &Accepted) -> Tally {
    fleet.sink.set_mood(Mood::Well);
    fleet.start_all().await;
    verdict::all_end(&fleet, accepted).await;
    verdict::as_seen(&fleet, accepted).await;
    for process in &mut fleet.processes {
        let ended = process.stop();
        assert!(ended.success(), "{ended}: {}", process.log());
    }
    let tally = verdict::as_kept(&fleet, accepted).await;
    eprintln!("{tally:?}");
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_accepted_ends_once_and_is_delivered_whenever_queue_or_studio_is_killed() {
    for plan in plans(60, 1, true) {
        let tally = drill(Fleet::on_sqlite().await, plan).await;
        assert!(tally.requests > 0 && tally.jobs > 0, "{tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_queues_and_two_studios_on_one_postgres_outlive_each_other_and_their_database() {
    for plan in plans(32, 1, false) {
        let Some(postgres) = Postgres::start() else { return };
        drill(Fleet::on_postgres(2, postgres).await, plan).await;
    }
}

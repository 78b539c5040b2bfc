//! The queue on SQLite and on Postgres beside a bare `FOR UPDATE SKIP LOCKED` under pgbench on the same server: insert, claim
//! and complete, a commit each. Then status calls over HTTP.

use std::fs;

use anyhow::{Context, Result};

use super::bench;
use crate::postgres::Postgres;
use crate::run::{command, output, scratch, show};

const TABLE: &str =
    "CREATE TABLE jobs (id BIGSERIAL PRIMARY KEY, state TEXT NOT NULL DEFAULT 'ready', payload TEXT NOT NULL);
    CREATE INDEX jobs_ready ON jobs (id) WHERE state = 'ready'";

/// A claim finds nothing where all that waits is locked by others; the job is then left to a later one, and completing takes none.
const JOB: &str = "\
\\set id 0
INSERT INTO jobs (payload) VALUES ('{\"prompt\":\"a chair\"}');
UPDATE jobs SET state = 'running' WHERE id = (
    SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id \\aset
UPDATE jobs SET state = 'completed' WHERE id = :id;
";

const CLIENTS: [u32; 4] = [4, 8, 16, 32];
const SECONDS: u32 = 6;

pub fn run() -> Result<()> {
    let program = bench("queue", &[])?;
    let folder = scratch("bench-queue");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let postgres = Postgres::start_durable()?;
    let raw = raw(&postgres)?;
    println!("queue, submit to completed, every step durable");
    println!("  bare SKIP LOCKED under pgbench   {raw:.0} jobs/s, three commits each");
    let ours = |name: &str, address: &str| -> Result<()> {
        for line in output(command(&program).args(["jobs", address]))?.lines() {
            let rate: f64 = line.split(' ').next().unwrap_or_default().parse().context("a rate")?;
            println!("  plantain on {name:<9} {:.2} times that   {line}", rate / raw);
        }
        Ok(())
    };
    ours("SQLite", &folder.join("queue.db").display().to_string())?;
    ours("Postgres", &postgres.url())?;
    println!("  {}", output(command(&program).arg("polls"))?);
    Ok(())
}

/// The best of several numbers of clients, in jobs a second.
fn raw(postgres: &Postgres) -> Result<f64> {
    let script = postgres.home().join("job.sql");
    fs::write(&script, JOB)?;
    show(postgres.client("psql").args(["--quiet", "--dbname=postgres", "--command", TABLE]))?;
    let mut best = 0.0_f64;
    for clients in CLIENTS {
        let mut pgbench = postgres.client("pgbench");
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
        pgbench.args([
            format!("--client={clients}"),
            format!("--time={SECONDS}"),
            format!("--file={}", script.display()),
        ]);
        let said = output(pgbench.arg("postgres"))?;
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        best = best.max(rate.with_context(|| format!("pgbench says no rate:\n{said}"))?);
    }
    Ok(best)
}

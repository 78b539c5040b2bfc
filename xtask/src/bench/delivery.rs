//! Webhooks from the accepted result to their arrival, on SQLite and on Postgres, beside the limits that we set ourselves.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::bench;
use crate::postgres::Postgres;
use crate::run::{command, output, scratch};

/// At 100 results a second: CPU time a message, in microseconds, and the middle of the times to arrival, in milliseconds.
const CPU_MAX: f64 = 290.0;
const P50_MAX: f64 = 1.5;

/// What Svix with Redis took a message where we measured it, in microseconds of CPU, for orientation.
const SVIX_CPU: f64 = 2_300.0;

const ROUNDS: usize = 5;

pub fn run() -> Result<()> {
    let program = bench("delivery", &[])?;
    let folder = scratch("bench-delivery");
    let postgres = Postgres::start_durable()?;
    println!(
        "delivery, from the accepted result to the webhook's arrival, signed and durable, medians of {ROUNDS} rounds"
    );
    let (mut sqlite, mut on_postgres) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each round begins with nothing on record.
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        sqlite.push(measured(&program, &folder.join("queue.db").display().to_string())?);
        let schema = format!("round_{round}");
        let made = postgres
            .client("psql")
            .args(["--quiet", "--dbname=postgres", "--command"])
            .arg(format!("CREATE SCHEMA {schema}"))
            .status()?;
        ensure!(made.success(), "no schema for the round");
        let url = postgres.url();
        let join = if url.contains('?') { '&' } else { '?' };
        on_postgres.push(measured(&program, &format!("{url}{join}options=-c%20search_path%3D{schema}"))?);
    }
    report("SQLite", &sqlite);
    report("Postgres, its own CPU time aside", &on_postgres);
    Ok(())
}

/// One round: at 100 a second, then as many as it takes.
type Round = [Figures; 2];

#[derive(Clone, Copy, Debug)]
struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
}

fn measured(program: &std::path::Path, address: &str) -> Result<Round> {
    let said = output(command(program).arg(address))?;
    let read = |line: &str| -> Option<Figures> {
        let mut numbers = line.split_whitespace().map(|number| number.parse().ok());
        Some(Figures { rate: numbers.next()??, p50: numbers.next()??, p99: numbers.next()??, cpu: numbers.next()?? })
    };
    let rounds: Option<Vec<Figures>> = said.lines().map(read).collect();
    rounds.and_then(|rounds| rounds.try_into().ok()).with_context(|| format!("the benchmark said:\n{said}"))
}

fn report(name: &str, rounds: &[Round]) {
    let middle = |at: usize, of: fn(&Figures) -> f64| {
        let mut all: Vec<f64> = rounds.iter().map(|round| of(&round[at])).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let (p50, p99, cpu) = (middle(0, |f| f.p50), middle(0, |f| f.p99), middle(0, |f| f.cpu));
    println!("  on {name}");
    println!("    at 100 a second   p50 {p50:.2} ms ({:.2} of the limit), p99 {p99:.2} ms", p50 / P50_MAX);
    println!(
        "                      {cpu:.0} µs of CPU a message ({:.2} of the limit, {:.2} of Svix with Redis)",
        cpu / CPU_MAX,
        cpu / SVIX_CPU
    );
    println!(
        "    at most           {:.0} a second, {:.0} µs of CPU a message",
        middle(1, |f| f.rate),
        middle(1, |f| f.cpu)
    );
}

//! The studio's receiver of webhooks on SQLite and on Postgres, beside Express 5 with node:crypto and pg (npm) on the same
//! server: rate, CPU and memory, good webhooks and refused ones; and the writer's commits beside a bare loop.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::bench;
use crate::postgres::Postgres;
use crate::run::{command, output, scratch, show};

/// The contestants take turns within each, so that a busy minute of the machine hits all.
const ROUNDS: usize = 5;

const CONNECTIONS: [usize; 2] = [32, 256];

/// Webhooks of a round: a second or more each.
const OURS: usize = 12_000;
const THEIRS: usize = 2_000;
/// Of those that are refused before or at the signature.
const REFUSED: usize = 6_000;

const PEER: &str = include_str!("express_receiver.mjs");

pub fn run() -> Result<()> {
    let program = bench("receiver", &[])?;
    let folder = scratch("bench-receiver");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    commits(&program, &folder)?;
    let postgres = Postgres::start_durable()?;
    let jobs = ROUNDS * CONNECTIONS.len() * OURS;
    let sqlite = folder.join("studio.db").display().to_string();
    let mut contestants = vec![
        Contestant::ours("plantain, SQLite", &program, &sqlite, jobs, &folder.join("sqlite.txt"))?,
        Contestant::ours("plantain, Postgres", &program, &postgres.url(), jobs, &folder.join("postgres.txt"))?,
    ];
    let targets = folder.join("sqlite.txt");
    match Contestant::express(&program, &postgres.url(), ROUNDS * CONNECTIONS.len() * THEIRS, &folder, &targets) {
        Ok(peer) => contestants.push(peer),
        Err(error) => eprintln!("xtask: SKIPPED: the comparison with Express: {error:#}"),
    }
    println!("receiver, distinct 600-byte webhooks of jobs that exist, verified, durable, applied, answered");
    for connections in CONNECTIONS {
        compare(&program, &mut contestants, connections, "good")?;
    }
    println!("receiver, refused: by a key that is not published, without a signature, ten minutes old");
    for kind in ["forged", "unsigned", "stale"] {
        compare(&program, &mut contestants, CONNECTIONS[0], kind)?;
    }
    Ok(())
}

fn compare(program: &Path, contestants: &mut [Contestant], connections: usize, kind: &str) -> Result<()> {
    let mut runs: Vec<Vec<Load>> = contestants.iter().map(|_| Vec::new()).collect();
    for round in 1..=ROUNDS {
        eprintln!("xtask: {kind}, {connections} connections, round {round} of {ROUNDS}");
        for (contestant, loads) in contestants.iter_mut().zip(&mut runs) {
            loads.push(contestant.load(program, connections, kind)?);
        }
    }
    let medians: Vec<Load> = runs.iter().map(|loads| Load::median(loads)).collect();
    let peer = contestants.iter().position(|contestant| contestant.is_peer).map(|at| medians[at].rate);
    for (contestant, load) in contestants.iter().zip(&medians) {
        let times = peer.map(|peer| format!("{:.1} times Express", load.rate / peer)).unwrap_or_default();
        println!(
            "  {kind:<8} {connections:>3} connections  {:<18} {:>6.0}/s  p50 {:.1} ms  p99 {:.1} ms  {:.0} us CPU  {:.0} MB  {times}",
            contestant.name,
            load.rate,
            load.p50,
            load.p99,
            load.cpu,
            load.kb / 1000.0
        );
    }
    Ok(())
}

struct Contestant {
    name: &'static str,
    is_peer: bool,
    server: Child,
    address: String,
    targets: PathBuf,
    /// Webhooks of its jobs that were sent.
    used: usize,
}

impl Contestant {
    fn ours(name: &'static str, program: &Path, database: &str, jobs: usize, targets: &Path) -> Result<Contestant> {
        let mut serve = Command::new(program);
        serve.args(["serve", database]).arg(jobs.to_string()).arg(targets).stdin(Stdio::piped());
        let (server, address) = start(&mut serve)?;
        Ok(Contestant { name, is_peer: false, server, address, targets: targets.to_owned(), used: 0 })
    }

    fn express(program: &Path, database: &str, jobs: usize, folder: &Path, targets: &Path) -> Result<Contestant> {
        let home = folder.join("express");
        fs::create_dir_all(&home)?;
        fs::write(home.join("package.json"), r#"{"private":true,"type":"module"}"#)?;
        fs::write(home.join("receiver.mjs"), PEER)?;
        let packages = ["install", "--no-audit", "--no-fund", "--silent", "express@5", "pg"];
        show(command("npm").current_dir(&home).args(packages))?;
        let keys = output(command(program).arg("keys"))?;
        let mut serve = command("node");
        serve.current_dir(&home).env("NODE_ENV", "production");
        serve.args(["receiver.mjs", database, &keys, "user_bench", &jobs.to_string()]);
        let (server, address) = start(&mut serve)?;
        let name = "Express 5, Postgres";
        Ok(Contestant { name, is_peer: true, server, address, targets: targets.to_owned(), used: 0 })
    }

    fn load(&mut self, program: &Path, connections: usize, kind: &str) -> Result<Load> {
        let (first, count) = match (kind, self.is_peer) {
            ("good", true) => (self.used, THEIRS),
            ("good", false) => (self.used, OURS),
            (_, true) => (0, THEIRS),
            (_, false) => (0, REFUSED),
        };
        if kind == "good" {
            self.used += count;
        }
        let mut load = command(program);
        load.args(["load", &self.address]).arg(&self.targets);
        load.args([first, count, connections].map(|number| number.to_string()));
        Load::of(&output(load.arg(kind).arg(self.server.id().to_string()))?)
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // Best effort: what was measured has been printed.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Its first line is its address.
fn start(server: &mut Command) -> Result<(Child, String)> {
    let mut server = server.stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
    anyhow::ensure!(line.starts_with("http://"), "the server did not start");
    Ok((server, line.trim().to_owned()))
}

/// What one load says.
#[derive(Clone, Copy)]
struct Load {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
    kb: f64,
}

impl Load {
    fn of(said: &str) -> Result<Load> {
        let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [rate, p50, p99, cpu, kb] = numbers[..] else { anyhow::bail!("`{said}` is no load") };
        Ok(Load { rate, p50, p99, cpu, kb })
    }

    /// Of each figure by itself.
    fn median(loads: &[Load]) -> Load {
        let of = |figure: fn(&Load) -> f64| {
            let mut figures: Vec<f64> = loads.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures[figures.len() / 2]
        };
        Load {
            rate: of(|load| load.rate),
            p50: of(|load| load.p50),
            p99: of(|load| load.p99),
            cpu: of(|load| load.cpu),
            kb: of(|load| load.kb),
        }
    }
}

fn commits(program: &Path, folder: &Path) -> Result<()> {
    let mut rates = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let place = folder.join(format!("commits-{round}"));
        fs::create_dir_all(&place)?;
        let said = output(command(program).arg("commits").arg(&place))?;
        let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [bare, ours] = numbers[..] else { anyhow::bail!("`{said}` is no pair of rates") };
        rates.push((ours / bare, bare, ours));
    }
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (share, bare, ours) = rates[rates.len() / 2];
    println!("writer, 600-byte rows a second, WAL, synced, median of {ROUNDS}");
    println!("  a bare loop, 128 rows a commit  {bare:.0}");
    println!("  the writer, 256 callers         {ours:.0}  ({share:.2} of that)");
    Ok(())
}

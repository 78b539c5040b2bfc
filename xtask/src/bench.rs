//! `cargo xtask bench`: the figures of docs/benchmarks.md. Build, measure, print; nothing is judged here.

mod bulk;
mod delivery;
mod finishing;
mod pages;
mod pictures;
mod quality;
mod queue;
mod receiver;
mod serve;
mod streams;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::run::{cargo, command, output, show, target};

#[derive(Clone, Copy, Debug)]
pub enum Subject {
    Pictures,
    Quality,
    Finishing,
    Overhead,
    Serve,
    Queue,
    Streams,
    Pages,
    Receiver,
    Delivery,
    Bulk,
}

const ALL: [(&str, Subject); 11] = [
    ("pictures", Subject::Pictures),
    ("quality", Subject::Quality),
    ("finishing", Subject::Finishing),
    ("overhead", Subject::Overhead),
    ("serve", Subject::Serve),
    ("queue", Subject::Queue),
    ("streams", Subject::Streams),
    ("pages", Subject::Pages),
    ("receiver", Subject::Receiver),
    ("delivery", Subject::Delivery),
    ("bulk", Subject::Bulk),
];

/// What a word on the command line stands for; none: everything. `None` for a word that nobody knows.
pub fn named(word: Option<&str>) -> Option<Vec<Subject>> {
    let wanted = |name: &str| word.is_none_or(|word| word == "all" || word == name);
    let subjects: Vec<Subject> = ALL.into_iter().filter(|(name, _)| wanted(name)).map(|(_, subject)| subject).collect();
    (!subjects.is_empty()).then_some(subjects)
}

pub fn run(subjects: &[Subject]) -> Result<()> {
    if subjects.iter().any(|subject| !matches!(subject, Subject::Finishing | Subject::Quality)) {
        build()?;
    }
    for subject in subjects {
        match subject {
            Subject::Pictures => pictures::run()?,
            Subject::Quality => quality::run()?,
            Subject::Finishing => finishing::run()?,
            Subject::Overhead => println!("{}", output(&mut command(bench("overhead", &[])?))?),
            Subject::Serve => serve::run()?,
            Subject::Queue => queue::run()?,
            Subject::Streams => streams::run()?,
            Subject::Pages => pages::run()?,
            Subject::Receiver => receiver::run()?,
            Subject::Delivery => delivery::run()?,
            Subject::Bulk => bulk::run()?,
        }
    }
    Ok(())
}

/// The program as everybody builds it.
fn build() -> Result<()> {
    show(cargo().args(["build", "--release", "--package", "plantain"]))
}

fn binary() -> PathBuf {
    target().join("release/plantain")
}

/// Builds a benchmark of the `plantain` package and gives the program. Built once: a round must not pay for a compiler.
fn bench(name: &str, options: &[&str]) -> Result<PathBuf> {
    let mut build = cargo();
    build
        .args(["bench", "--package", "plantain", "--bench", name, "--no-run", "--message-format", "json"])
        .args(options);
    let said = output(&mut build)?;
    let program = said.lines().rev().find_map(|line| {
        let rest = line.contains(&format!("\"name\":\"{name}\"")).then(|| line.split("\"executable\":\"").nth(1))??;
        rest.split('"').next()
    });
    program.map(PathBuf::from).with_context(|| format!("cargo did not say where the benchmark {name} is"))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

//! `cargo xtask bench`: the figures of docs/benchmarks.md. Build, measure, print; nothing is judged here.

mod pictures;
mod serve;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::run::{cargo, output, show, target};

#[derive(Clone, Copy, Debug)]
pub enum Subject {
    Pictures,
    Overhead,
    Serve,
}

pub const ALL: [Subject; 3] = [Subject::Pictures, Subject::Overhead, Subject::Serve];

pub fn run(subjects: &[Subject]) -> Result<()> {
    show(cargo().args(["build", "--release", "--package", "plantain"]))?;
    for subject in subjects {
        match subject {
            Subject::Pictures => pictures::run()?,
            Subject::Overhead => println!("{}", output(&mut bench("overhead"))?),
            Subject::Serve => serve::run()?,
        }
    }
    Ok(())
}

fn binary() -> PathBuf {
    target().join("release/plantain")
}

/// A benchmark of the `plantain` package; it prints its figures.
fn bench(name: &str) -> std::process::Command {
    let mut command = cargo();
    command.args(["bench", "--quiet", "--package", "plantain", "--bench", name, "--"]);
    command
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

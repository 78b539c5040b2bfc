//! One 12-megapixel photo to three finished 2000-pixel JPEGs, on both runtimes, beside `rembg` (PyPI, the same weights) with
//! Pillow. ONNX Runtime's library is the one that rembg brings.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{bench, binary, build, median, seconds};
use crate::run::{command, output, root, scratch, show};

/// Rounds; the contestants take turns within each, so that a busy minute of the machine hits all.
const ROUNDS: usize = 5;

/// Does with rembg and Pillow what `generate` does: cut out, three scenes, three JPEGs.
const SCRIPT: &str = include_str!("rembg_pillow.py");

pub fn run() -> Result<()> {
    let folder = scratch("bench");
    fs::create_dir_all(&folder)?;
    let photo = folder.join("photo-12mp.jpg");
    let engine_alone = bench("pictures", &["--features", "onnxruntime"])?;
    // That also built the program with the feature; the whole command is measured as everybody builds it.
    build()?;
    output(command(&engine_alone).arg("photo").arg(&photo))?;
    let python = python(&folder);
    if let Err(error) = &python {
        eprintln!("xtask: SKIPPED: the comparison with rembg: {error:#}");
    }
    let (mut engine, mut onnx, mut whole, mut rembg, mut warm) = (vec![], vec![], vec![], vec![], vec![]);
    for round in 1..=ROUNDS {
        eprintln!("xtask: round {round} of {ROUNDS}");
        engine.push(Run::of(&output(command(&engine_alone).arg("make").arg(&photo))?)?);
        whole.push(timed(command(binary()).arg("generate").arg(&photo).arg("--out").arg(folder.join("ours")))?);
        if let Ok(python) = &python {
            let said = output(command(&engine_alone).arg("make").arg(&photo).arg(&python.onnxruntime))?;
            onnx.push(Run::of(&said)?);
            let mut script = command(&python.program);
            script.arg(&python.script).arg(&photo).arg(folder.join("theirs")).env("U2NET_HOME", &python.weights);
            let started = now();
            warm.push(millis(&output(&mut script)?)?);
            rembg.push(started.elapsed());
        }
    }
    let (engine, onnx) = (Figures::of(engine), Figures::of(onnx));
    let (whole, rembg, warm) = (median(whole), median(rembg), median(warm));
    println!("pictures, medians of {ROUNDS}: one 12-megapixel photo, three 2000-pixel JPEGs");
    println!("  cut-out, scenes, finishing, encoding, in process  {engine}");
    println!("  plantain generate, the whole command              {}", seconds(whole));
    if python.is_ok() {
        println!("  the same on ONNX Runtime                          {onnx}");
        println!("  rembg and Pillow, the whole command               {}", seconds(rembg));
        println!("  rembg and Pillow, after imports and loading       {}", seconds(warm));
        println!("  generate to rembg's whole command                 {:.2}", ratio(whole, rembg));
        println!("  in process to rembg after loading                 {:.2}", ratio(engine.median, warm));
        println!("  the same on ONNX Runtime                          {:.2}", ratio(onnx.median, warm));
    }
    Ok(())
}

/// What the engine alone said of one run.
struct Run {
    time: Duration,
    peak_kb: u64,
}

impl Run {
    fn of(said: &str) -> Result<Run> {
        let peak = said.lines().next().unwrap_or_default();
        let peak_kb = peak.trim().parse().with_context(|| format!("`{peak}` is no number of kilobytes"))?;
        Ok(Run { time: millis(said)?, peak_kb })
    }
}

struct Figures {
    median: Duration,
    best: Duration,
    peak_kb: u64,
}

impl Figures {
    fn of(runs: Vec<Run>) -> Figures {
        Figures {
            peak_kb: runs.iter().map(|run| run.peak_kb).max().unwrap_or_default(),
            best: runs.iter().map(|run| run.time).min().unwrap_or_default(),
            median: median(runs.into_iter().map(|run| run.time).collect()),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (best {}), peak {} MB", seconds(self.median), seconds(self.best), self.peak_kb / 1000)
    }
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
fn now() -> Instant {
    Instant::now()
}

fn timed(command: &mut Command) -> Result<Duration> {
    let started = now();
    output(command)?;
    Ok(started.elapsed())
}

/// The last line is a number of milliseconds.
fn millis(said: &str) -> Result<Duration> {
    let line = said.lines().last().unwrap_or_default();
    let millis: f64 = line.trim().parse().with_context(|| format!("`{line}` is no number of milliseconds"))?;
    Ok(Duration::from_secs_f64(millis / 1000.0))
}

pub(super) struct Python {
    pub program: PathBuf,
    script: PathBuf,
    pub weights: PathBuf,
    /// The shared library, which has its version in its name.
    onnxruntime: PathBuf,
}

/// Says where rembg's ONNX Runtime is.
const FIND_LIBRARY: &str =
    "import glob, onnxruntime; print(*glob.glob(onnxruntime.__path__[0] + '/capi/libonnxruntime.so*'))";

/// A virtual environment with rembg, made once, and the repository's weights where rembg looks for its own.
pub(super) fn python(folder: &Path) -> Result<Python> {
    let environment = folder.join("python");
    let program = environment.join("bin/python");
    if !environment.join("ready").is_file() {
        show(command("python3").args(["-m", "venv"]).arg(&environment))?;
        show(command(&program).args(["-m", "pip", "install", "--quiet", "rembg[cpu,cli]", "pillow"]))?;
        fs::write(environment.join("ready"), "")?;
    }
    let weights = folder.join("u2net");
    fs::create_dir_all(&weights)?;
    fs::copy(root().join("crates/media/weights/u2netp.onnx"), weights.join("u2netp.onnx"))?;
    let script = folder.join("rembg_pillow.py");
    fs::write(&script, SCRIPT)?;
    let onnxruntime = PathBuf::from(output(command(&program).args(["-c", FIND_LIBRARY]))?);
    Ok(Python { program, script, weights, onnxruntime })
}

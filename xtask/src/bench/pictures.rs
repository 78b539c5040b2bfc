//! One 12-megapixel photo to three finished 2000-pixel JPEGs, beside `rembg` (PyPI, the same weights) with Pillow.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{bench, binary, median, seconds};
use crate::run::{command, output, root, scratch, show};

/// Rounds; the contestants take turns within each, so that a busy minute of the machine hits all.
const ROUNDS: usize = 5;

/// Does with rembg and Pillow what `generate` does: cut out, three scenes, three JPEGs.
const SCRIPT: &str = include_str!("rembg_pillow.py");

pub fn run() -> Result<()> {
    let folder = scratch("bench");
    fs::create_dir_all(&folder)?;
    let photo = folder.join("photo-12mp.jpg");
    let engine_alone = bench("pictures")?;
    output(command(&engine_alone).arg("photo").arg(&photo))?;
    let python = python(&folder);
    if let Err(error) = &python {
        eprintln!("xtask: SKIPPED: the comparison with rembg: {error:#}");
    }
    let (mut engine, mut whole, mut rembg, mut warm) = (vec![], vec![], vec![], vec![]);
    for round in 1..=ROUNDS {
        eprintln!("xtask: round {round} of {ROUNDS}");
        engine.push(millis(&output(command(&engine_alone).arg("make").arg(&photo))?)?);
        whole.push(timed(command(binary()).arg("generate").arg(&photo).arg("--out").arg(folder.join("ours")))?);
        if let Ok(python) = &python {
            let mut script = command(&python.program);
            script.arg(&python.script).arg(&photo).arg(folder.join("theirs")).env("U2NET_HOME", &python.weights);
            let started = now();
            warm.push(millis(&output(&mut script)?)?);
            rembg.push(started.elapsed());
        }
    }
    let (engine, whole, rembg, warm) = (median(engine), median(whole), median(rembg), median(warm));
    println!("pictures, medians of {ROUNDS}: one 12-megapixel photo, three 2000-pixel JPEGs");
    println!("  cut-out, scenes, finishing, encoding, in process  {}", seconds(engine));
    println!("  plantain generate, the whole command              {}", seconds(whole));
    if python.is_ok() {
        println!("  rembg and Pillow, the whole command               {}", seconds(rembg));
        println!("  rembg and Pillow, after imports and loading       {}", seconds(warm));
        println!("  generate to rembg's whole command                 {:.2}", ratio(whole, rembg));
        println!("  in process to rembg after loading                 {:.2}", ratio(engine, warm));
    }
    Ok(())
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

struct Python {
    program: PathBuf,
    script: PathBuf,
    weights: PathBuf,
}

/// A virtual environment with rembg, made once, and the repository's weights where rembg looks for its own.
fn python(folder: &Path) -> Result<Python> {
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
    Ok(Python { program, script, weights })
}

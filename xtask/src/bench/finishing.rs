//! Finishing and checking one cut-out picture, and the plain way from a photo to a 2000-pixel JPEG, beside `sharp` (npm) on the
//! same 12-megapixel photo. CPU time of all threads, so that a busy machine does not matter much.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::{cargo, command, output, scratch, show, target};

/// Turns; the contestants take them one after the other, so that a busy minute hits all.
const TURNS: usize = 5;
/// Pictures in each.
const ROUNDS: &str = "8";

const SCRIPT: &str = include_str!("sharp_jpeg.mjs");

pub fn run() -> Result<()> {
    let folder = scratch("bench").join("sharp");
    fs::create_dir_all(&folder)?;
    show(cargo().args(["build", "--release", "--package", "plantain-media", "--example", "against_sharp"]))?;
    let ours = target().join("release/examples/against_sharp");
    let (photo, mask) = (folder.join("photo.jpg"), folder.join("mask.png"));
    output(command(&ours).arg("photo").arg(&photo).arg(&mask))?;
    let script = sharp(&folder)?;
    let [plain_out, finish_out, sharp_out] = ["plain.jpg", "finished.jpg", "sharp.jpg"].map(|name| folder.join(name));
    let (mut plain, mut finish, mut sharp) = (vec![], vec![], vec![]);
    for turn in 1..=TURNS {
        eprintln!("xtask: turn {turn} of {TURNS}");
        plain.push(millis(command(&ours).arg("plain").arg(&photo).arg(&plain_out).arg(ROUNDS))?);
        finish.push(millis(command(&ours).arg("finish").arg(&photo).arg(&mask).arg(&finish_out).arg(ROUNDS))?);
        sharp.push(millis(command("node").arg(&script).arg(&photo).arg(&sharp_out).arg(ROUNDS))?);
    }
    let (plain, finish, sharp) = (least(plain), least(finish), least(sharp));
    let alike = output(command(&ours).arg("compare").arg(&plain_out).arg(&sharp_out))?;
    let [own_bytes, their_bytes, decibels] = alike.split(' ').collect::<Vec<_>>()[..] else {
        anyhow::bail!("`{alike}` is no comparison");
    };
    println!("finishing, CPU milliseconds of all threads, least of {TURNS} turns of {ROUNDS} pictures");
    println!("  finish and check of a cut-out picture, 2000 px    {finish:6.1}");
    println!("  decode 12 megapixels, 2000 px on white, JPEG      {plain:6.1}");
    println!("  the same with sharp                               {sharp:6.1}");
    println!("  finish and check to sharp                         {:6.2}", finish / sharp);
    println!("  the same work to sharp                            {:6.2}", plain / sharp);
    println!("  both at quality 95, 4:4:4: {own_bytes} and {their_bytes} bytes, {decibels} dB apart");
    Ok(())
}

/// sharp, installed once, and the script beside it.
fn sharp(folder: &Path) -> Result<PathBuf> {
    let script = folder.join("sharp_jpeg.mjs");
    fs::write(&script, SCRIPT)?;
    if !folder.join("node_modules/sharp").is_dir() {
        show(command("npm").args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(folder).arg("sharp"))?;
    }
    Ok(script)
}

fn millis(command: &mut std::process::Command) -> Result<f64> {
    let said = output(command)?;
    said.trim().parse().with_context(|| format!("`{said}` is no number of milliseconds"))
}

fn least(times: Vec<f64>) -> f64 {
    times.into_iter().fold(f64::INFINITY, f64::min)
}

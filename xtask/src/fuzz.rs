//! Runs the fuzz targets with libFuzzer on a stable compiler: without sanitizers, which our code without `unsafe` needs least.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::run::{cargo, command, output, root, scratch, show};

/// What each target gets where nothing is said.
const SECONDS: u32 = 60;

/// Coverage counters and compared values, as libFuzzer reads them.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1";

pub const TARGETS: [&str; 5] = ["signature_headers", "jwks", "webhook_body", "decode", "icc"];
/// Those that need the decoders.
const OF_PICTURES: [&str; 2] = ["decode", "icc"];

/// `[TARGET] [SECONDS]`, in this order.
pub fn named(words: &[&str]) -> Option<(Vec<&'static str>, u32)> {
    let find = |word: &str| TARGETS.into_iter().find(|target| *target == word);
    match words {
        [] => Some((TARGETS.to_vec(), SECONDS)),
        [target] => Some((vec![find(target)?], SECONDS)),
        [target, seconds] => Some((vec![find(target)?], seconds.parse().ok()?)),
        _ => None,
    }
}

pub fn run(targets: &[&str], seconds: u32) -> Result<()> {
    let host = host()?;
    let folder = scratch("fuzz");
    for target in targets {
        let mut build = cargo();
        build.env("RUSTFLAGS", FLAGS).args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
        // With a target of its own, so that programs which run while it is built are not instrumented.
        build.args(["--target", &host, "--bin", target, "--target-dir"]).arg(&folder);
        if OF_PICTURES.contains(target) {
            build.args(["--features", "pictures"]);
        }
        show(&mut build).context("libFuzzer needs a C++ compiler")?;
        fuzz(target, &folder, &host, seconds)?;
    }
    Ok(())
}

/// New inputs go to a scratch folder; those that are kept in the repository are where it begins.
fn fuzz(target: &str, folder: &Path, host: &str, seconds: u32) -> Result<()> {
    let found = folder.join("found").join(target);
    fs::create_dir_all(&found)?;
    let mut run = command(folder.join(host).join("release").join(target));
    run.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}/", folder.display()));
    run.args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]).arg(&found);
    run.arg(root().join("fuzz/corpus").join(target));
    show(&mut run).with_context(|| format!("{target} found an input that breaks a promise; its file is named above"))
}

fn host() -> Result<String> {
    let said = output(command("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}

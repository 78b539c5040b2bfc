//! How soon a server is ready, and how much memory it rests in.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{binary, median};
use crate::run::{command, output, root, scratch};
use crate::studio;

const ROUNDS: usize = 5;

/// After this long without work, a server rests.
const REST: Duration = Duration::from_secs(10);

pub fn run() -> Result<()> {
    let mut ready = Vec::new();
    let (mut fresh, mut used) = (0, 0);
    for round in 1..=ROUNDS {
        let folder = scratch("bench").join("serve");
        // The first start of a folder makes databases and keys; that is the slow one, and the one that is measured.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let (mut server, address, time) = start(&folder)?;
        ready.push(time);
        if round == ROUNDS {
            rest();
            fresh = resident_kb(&server)?;
            let photo = root().join("examples/mug.jpg");
            output(command(binary()).current_dir(&folder).arg("generate").arg(photo).args(["--server", &address]))?;
            rest();
            used = resident_kb(&server)?;
        }
        server.kill()?;
        server.wait()?;
    }
    println!("serve: first start on an empty folder, median of {ROUNDS}");
    println!("  ready after                          {} ms", median(ready).as_millis());
    println!("  memory at rest, before any job       {} MB", fresh / 1000);
    println!("  memory at rest, after a job          {} MB", used / 1000);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark lets the machine rest in real time")]
fn rest() {
    thread::sleep(REST);
}

/// The server, the studio's address, and how long it took until it said that it is ready.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures the machine's own time")]
fn start(folder: &Path) -> Result<(Child, String, Duration)> {
    let started = Instant::now();
    let (server, address) = studio::start(&binary(), folder, &[])?;
    Ok((server, address, started.elapsed()))
}

fn resident_kb(server: &Child) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}

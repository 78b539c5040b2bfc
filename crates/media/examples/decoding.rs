//! What decoding a photo costs: `cargo run --release -p plantain-media --example decoding PHOTO`.
//!
//! CPU time of all threads, since wall time means little on a busy machine, and the most memory that the process held.

use std::process::ExitCode;

use plantain_media::decode::{Limits, decode};

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: decoding PHOTO");
        return ExitCode::FAILURE;
    };
    let bytes = std::fs::read(&path).expect("the photo can be read");
    let before = cpu_ticks();
    let limits = Limits { max_bytes: usize::MAX, ..Limits::default() };
    match decode(&bytes, &limits) {
        Ok(found) => println!("{} x {}", found.picture.width(), found.picture.height()),
        Err(error) => println!("{}: {error}", error.code()),
    }
    println!("{} ms of CPU", (cpu_ticks() - before) * 10);
    let status = proc("self/status");
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    ExitCode::SUCCESS
}

/// Hundredths of a second that all threads took, in the program and in the system for it.
fn cpu_ticks() -> u64 {
    let stat = proc("self/stat");
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

fn proc(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{name}")).unwrap_or_default()
}

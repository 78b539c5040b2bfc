//! `cargo xtask bench`: figures for docs/benchmarks.md.

use anyhow::Result;

#[derive(Clone, Copy, Debug)]
pub enum Subject {
    Pictures,
    Overhead,
    Serve,
}

pub const ALL: [Subject; 3] = [Subject::Pictures, Subject::Overhead, Subject::Serve];

pub fn run(subjects: &[Subject]) -> Result<()> {
    let _ = subjects;
    Ok(())
}

//! The studio's pages and API while many jobs are stored, and its event streams.

use std::fs;

use anyhow::Result;

use super::bench;
use crate::run::{command, output, scratch};

pub fn run() -> Result<()> {
    let program = bench("pages", &[])?;
    let folder = scratch("bench-pages");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    print!("{}", output(command(&program).arg(&folder))?);
    Ok(fs::remove_dir_all(&folder)?)
}

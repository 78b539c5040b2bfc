//! What a batch of photos costs beside the engine's own work.

use std::fs;

use anyhow::Result;

use super::bench;
use crate::run::{command, output, scratch};

pub fn run() -> Result<()> {
    let program = bench("bulk", &[])?;
    let folder = scratch("bench-bulk");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    print!("{}", output(command(&program).arg(&folder))?);
    Ok(fs::remove_dir_all(&folder)?)
}

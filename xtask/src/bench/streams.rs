//! How much memory a server needs for thousands of open status streams.

use std::fs;

use anyhow::Result;

use super::{bench, binary};
use crate::run::{command, output, scratch};

pub fn run() -> Result<()> {
    let program = bench("streams", &[])?;
    let folder = scratch("bench-streams");
    println!("status streams, the whole server");
    for listeners in ["1", "10"] {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        for line in output(command(&program).args([binary().as_path(), &folder]).arg(listeners))?.lines() {
            println!("  {line}");
        }
    }
    Ok(())
}

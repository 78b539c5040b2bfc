//! How near cut-outs come to exact masks: ours, then those of `rembg` (PyPI) from the same weights.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::pictures::python;
use crate::run::{cargo, command, scratch, show};

const SCRIPT: &str = include_str!("rembg_mattes.py");

pub fn run() -> Result<()> {
    println!("quality of cut-outs, ours");
    show(&mut example(&[]))?;
    let folder = scratch("bench");
    let set = folder.join("mattes");
    fs::create_dir_all(&set)?;
    match python(&folder) {
        Ok(python) => {
            show(&mut example(&["--set".as_ref(), &set]))?;
            let script = folder.join("rembg_mattes.py");
            fs::write(&script, SCRIPT)?;
            show(command(&python.program).arg(&script).arg(&set).env("U2NET_HOME", &python.weights))?;
            println!("\nquality of cut-outs, rembg with the same weights");
            show(&mut example(&["--mattes".as_ref(), &set]))
        }
        Err(error) => {
            eprintln!("xtask: SKIPPED: the comparison with rembg: {error:#}");
            Ok(())
        }
    }
}

fn example(words: &[&Path]) -> std::process::Command {
    let mut example = cargo();
    example.args(["run", "--release", "--quiet", "--package", "plantain-media", "--example", "quality", "--"]);
    example.args(words);
    example
}

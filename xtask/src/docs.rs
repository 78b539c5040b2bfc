//! `cargo xtask docs`: pages that are written from code.

use std::fs;

use anyhow::Result;

use crate::run::{cargo, output, root};

pub fn run() -> Result<()> {
    let page = output(cargo().args(["run", "--quiet", "--package", "plantain", "--", "reference"]))?;
    let path = root().join("docs/configuration.md");
    fs::write(&path, format!("{page}\n"))?;
    eprintln!("xtask: wrote {}", path.display());
    Ok(())
}

//! Programs of others that the tests run unpatched: fal's own clients, and axe, which judges pages. Always the newest, kept in the
//! target folder between runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::run::{command, scratch, show, succeeds};

/// Where the tests look for them; see `crates/plantain/tests/it/official`.
const FOLDER: &str = "official";

/// By name alone: the tests are for whatever an application's author gets today.
const JAVASCRIPT: &str = "@fal-ai/client";
const PYTHON: &str = "fal-client";
const AXE: &str = "axe-core";

/// How long installed clients pass for the newest. Releases come weeks apart, and a run should not wait for the network.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// Touched after each installation.
const STAMP: &str = "installed";

/// Installs both, or takes what is there: at once while it is fresh, and with a word where no registry answers.
pub fn clients() -> Result<()> {
    let folder = scratch(FOLDER);
    if is_whole(&folder) && is_fresh(&folder.join(STAMP)) {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    match javascript(&folder).and_then(|()| python(&folder)) {
        Ok(()) => Ok(fs::write(folder.join(STAMP), "")?),
        Err(error) if is_whole(&folder) => {
            eprintln!("xtask: fal's clients and axe stay as they are, perhaps not the newest: {error:#}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn is_whole(folder: &Path) -> bool {
    let python = succeeds(command(interpreter(folder)).args(["-c", "import fal_client"]));
    python && [JAVASCRIPT, AXE].iter().all(|package| folder.join("node_modules").join(package).is_dir())
}

fn is_fresh(stamp: &Path) -> bool {
    let written = fs::metadata(stamp).and_then(|stamp| stamp.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age < FRESH))
}

fn javascript(folder: &Path) -> Result<()> {
    let mut install = command("npm");
    install.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(folder);
    show(install.args([JAVASCRIPT, AXE].map(|package| format!("{package}@latest"))))
        .with_context(|| format!("{JAVASCRIPT} and {AXE} could not be installed; is npm's registry reachable?"))
}

fn python(folder: &Path) -> Result<()> {
    if !interpreter(folder).is_file() {
        show(command("python3").args(["-m", "venv"]).arg(folder.join("venv")))?;
    }
    let mut install = command(interpreter(folder));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", PYTHON]);
    show(&mut install).with_context(|| format!("{PYTHON} could not be installed; is Python's package index reachable?"))
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join("venv/bin/python")
}

//! Everything that must hold beside the tests.

use anyhow::{Result, bail};

use crate::run::{cargo, show, succeeds};

type Check = fn() -> Result<()>;

/// Goes on after a failure, so that one run shows all of them.
pub fn run() -> Result<()> {
    let checks: [(&str, Check); 4] =
        [("formatting", formatting), ("clippy", clippy), ("documentation", documentation), ("licences", licences)];
    let mut failed = Vec::new();
    for (name, check) in checks {
        if let Err(error) = check() {
            eprintln!("xtask: {name}: {error:#}");
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn formatting() -> Result<()> {
    show(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    show(cargo().args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn documentation() -> Result<()> {
    show(cargo().args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Licences, duplicates and sources need no network; advisories need a copy of the database.
fn licences() -> Result<()> {
    if !succeeds(cargo().args(["deny", "--version"])) {
        eprintln!(
            "xtask: SKIPPED: licences and advisories; `cargo install --locked cargo-deny` makes this check possible"
        );
        return Ok(());
    }
    show(cargo().args(["deny", "--offline", "check", "licenses", "bans", "sources"]))
}

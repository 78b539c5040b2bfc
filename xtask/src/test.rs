//! `cargo xtask test`: README's second command.

use anyhow::Result;

use crate::install;
use crate::postgres::Postgres;
use crate::run::{cargo, show};

/// Runs every test, documentation's examples included. With filters, only the tests that nextest then finds.
pub fn run(filters: &[&str]) -> Result<()> {
    install::packages()?;
    install::nextest()?;
    // Built before Postgres is started, so that a mistake is said at once.
    show(cargo().args(["nextest", "run", "--workspace", "--no-run"]))?;
    let postgres = Postgres::start()?;
    show(
        cargo().args(["nextest", "run", "--workspace"]).args(filters).env("PLANTAIN_TEST_POSTGRES", postgres.url()),
    )?;
    drop(postgres);
    if filters.is_empty() {
        show(cargo().args(["test", "--quiet", "--doc", "--workspace"]))?;
    }
    Ok(())
}

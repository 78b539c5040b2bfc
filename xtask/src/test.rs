//! `cargo xtask test`: README's second command.

use anyhow::Result;

use crate::install;
use crate::memory::Folder;
use crate::official;
use crate::postgres::Postgres;
use crate::run::{cargo, command, show};

/// Where tests find a server on which they may create databases.
const POSTGRES: &str = "PLANTAIN_TEST_POSTGRES";

/// Runs every test, documentation's examples included. With filters, only the tests that nextest then finds.
pub fn run(filters: &[&str]) -> Result<()> {
    install::packages()?;
    install::nextest()?;
    official::clients()?;
    // Built before Postgres is started, so that a mistake is said at once.
    show(cargo().args(["nextest", "run", "--workspace", "--no-run"]))?;
    let postgres = Postgres::start()?;
    let folder = Folder::new("plantain-tests")?;
    let mut tests = cargo();
    tests.args(["nextest", "run", "--workspace"]).args(filters).env("NEXTEST_TEST_THREADS", threads().to_string());
    // A browser was installed above, so a test that finds none has failed.
    show(tests.env(POSTGRES, postgres.url()).env("PLANTAIN_TEST_BROWSER", "1").env("TMPDIR", folder.path()))?;
    drop((postgres, folder));
    if filters.is_empty() {
        show(cargo().args(["test", "--quiet", "--doc", "--workspace"]))?;
    }
    Ok(())
}

/// Two more than the machine can run at once: at any moment some wait, for a process, a browser or a clock.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get()) + 2
}

/// For those who run one test by hand.
pub fn with_postgres(program: &str, arguments: &[&str]) -> Result<()> {
    install::packages()?;
    let postgres = Postgres::start()?;
    show(command(program).args(arguments).env(POSTGRES, postgres.url()))
}

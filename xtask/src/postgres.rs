//! A Postgres of our own for one run of the tests: a fresh cluster, a free port, stopped whatever happens.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::install;
use crate::memory::Folder;
use crate::run::{command, output, show};

/// Stopped when dropped.
pub struct Postgres {
    programs: PathBuf,
    /// Its path is short, because a socket's may have at most 107 bytes.
    home: Folder,
    owner: Option<Owner>,
    port: u16,
}

/// Postgres refuses to run as root, so root lends it to this user.
#[derive(Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

/// What its folders are called, before the number.
const HOME: &str = "plantain-pg";

/// Nothing outlives the tests, so it need not survive a power cut.
const FOR_TESTS: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off";

impl Postgres {
    /// Fast, and gone after a power cut.
    pub fn start() -> Result<Postgres> {
        Postgres::start_with(Folder::new(HOME)?, FOR_TESTS)
    }

    /// As a server is run in earnest: every commit is synced.
    pub fn start_durable() -> Result<Postgres> {
        Postgres::start_with(Folder::on_disk(HOME)?, "-c max_wal_size=4GB")
    }

    /// A program that comes with the server, told where the server is.
    pub fn client(&self, name: &str) -> Command {
        let mut client = self.program(name);
        client.args(["--host=127.0.0.1", "--username=plantain"]).arg(format!("--port={}", self.port));
        client
    }

    fn start_with(home: Folder, settings: &str) -> Result<Postgres> {
        let programs = install::postgres_programs().context("no Postgres below /usr/lib/postgresql")?;
        let owner = if install::is_root() { Some(unprivileged()?) } else { None };
        if let Some(owner) = owner {
            chown(home.path(), Some(owner.user), Some(owner.group))?;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let postgres = Postgres { programs, home, owner, port };
        postgres.initialise()?;
        postgres.boot(settings)?;
        Ok(postgres)
    }

    /// A folder that goes with the server.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// An account that may create databases.
    pub fn url(&self) -> String {
        format!("postgres://plantain@127.0.0.1:{}/postgres", self.port)
    }

    fn initialise(&self) -> Result<()> {
        let mut initdb = self.program("initdb");
        initdb.args(["--username=plantain", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
        output(initdb.arg(self.cluster())).map(drop)
    }

    fn boot(&self, settings: &str) -> Result<()> {
        let settings = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} -c max_connections=400 \
             -c shared_buffers=64MB {settings}",
            self.port,
            self.home().display()
        );
        let mut start = self.program("pg_ctl");
        start.args(["start", "--wait", "--silent", "-o", &settings, "-l"]).arg(self.home().join("log")).arg("-D");
        if let Err(error) = show(start.arg(self.cluster())) {
            let log = fs::read_to_string(self.home().join("log")).unwrap_or_default();
            bail!("{error:#}\n{log}");
        }
        Ok(())
    }

    fn cluster(&self) -> PathBuf {
        self.home().join("cluster")
    }

    fn program(&self, name: &str) -> Command {
        let mut program = command(self.programs.join(name));
        program.current_dir(self.home());
        if let Some(owner) = self.owner {
            program.gid(owner.group).uid(owner.user);
        }
        program
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--wait", "--silent", "-D"]).arg(self.cluster());
        // Best effort: the tests' verdict stands already.
        let _ = stop.status();
    }
}

/// The `postgres` user that Debian's package makes, else `nobody`.
fn unprivileged() -> Result<Owner> {
    let users = fs::read_to_string(Path::new("/etc/passwd")).context("/etc/passwd")?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let (user, group) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
            (fields.first() == Some(&name)).then_some(Owner { user, group })
        })
    };
    find("postgres").or_else(|| find("nobody")).context("there is neither a `postgres` nor a `nobody` user")
}

//! A Postgres of a drill's own, which may be killed.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Stopped when dropped.
pub struct Postgres {
    programs: PathBuf,
    /// Short, because a socket's path may have at most 107 bytes.
    home: tempfile::TempDir,
    /// Postgres refuses to run as root, so root lends it to this user.
    owner: Option<(u32, u32)>,
    port: u16,
}

impl Postgres {
    /// `None`, and a line that can't be overlooked, where Debian's Postgres is not installed.
    pub fn start() -> Option<Postgres> {
        let Some(programs) = programs() else {
            eprintln!("SKIPPED: no Postgres. `cargo xtask test` installs one");
            return None;
        };
        let home = tempfile::Builder::new().prefix("drill-pg-").tempdir().unwrap();
        let root = fs::metadata("/proc/self").unwrap().uid() == 0;
        let owner = root.then(unprivileged);
        if let Some((user, group)) = owner {
            chown(home.path(), Some(user), Some(group)).unwrap();
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let postgres = Postgres { programs, home, owner, port };
        let mut initdb = postgres.program("initdb");
        initdb.args(["--username=plantain", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
        run(initdb.arg(postgres.cluster()));
        postgres.boot();
        for database in ["queue", "studio"] {
            let port = format!("--port={}", postgres.port);
            run(postgres.program("createdb").args(["--host=127.0.0.1", "--username=plantain", &port, database]));
        }
        Some(postgres)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://plantain@127.0.0.1:{}/{database}", self.port)
    }

    /// Every commit is synced: what was acknowledged has to be there after the kill.
    pub fn boot(&self) {
        let settings = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories={} -c shared_buffers=32MB",
            self.port,
            self.home.path().display()
        );
        let mut start = self.program("pg_ctl");
        start.args(["start", "--wait", "--silent", "-o", &settings, "-l"]).arg(self.home.path().join("log"));
        run(start.arg("-D").arg(self.cluster()));
    }

    /// Without a word to its clients and without writing anything down.
    pub fn crash(&self) {
        run(self.program("pg_ctl").args(["stop", "--mode=immediate", "--wait", "--silent", "-D"]).arg(self.cluster()));
    }

    fn cluster(&self) -> PathBuf {
        self.home.path().join("cluster")
    }

    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(self.programs.join(name));
        program.current_dir(self.home.path()).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some((user, group)) = self.owner {
            program.gid(group).uid(user);
        }
        program
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "--mode=immediate", "--wait", "--silent", "-D"]).arg(self.cluster());
        // Best effort: the drill's verdict stands already.
        let _ = stop.stderr(Stdio::null()).status();
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let status = command.status().expect("Postgres's programs run");
    assert!(status.success(), "{command:?}: {status}");
}

/// Debian's newest.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter_map(|entry| Some(entry.ok()?.path())).max_by_key(|path| number(path))?.join("bin");
    newest.join("initdb").is_file().then_some(newest)
}

/// The `postgres` user that Debian's package makes.
fn unprivileged() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let user = users.lines().map(fields).find(|fields| fields[0] == "postgres").expect("Debian's package made it");
    (user[2].parse().unwrap(), user[3].parse().unwrap())
}

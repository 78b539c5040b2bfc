//! One half of Plantain in a process of its own, killed and started again as a supervisor would.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use plantain_work::Clock;

use crate::bed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    Queue,
    Studio,
}

impl Half {
    fn role(self) -> &'static str {
        match self {
            Half::Queue => "queue",
            Half::Studio => "studio",
        }
    }
}

/// Killed when dropped.
pub struct Process {
    pub half: Half,
    pub address: SocketAddr,
    folder: PathBuf,
    settings: Vec<String>,
    child: Option<Child>,
}

/// A process that can't start, because its database is away, is started again until then.
const STARTS_MAX: usize = 40;

impl Process {
    /// Not started yet.
    pub fn new(half: Half, folder: &Path) -> Process {
        std::fs::create_dir_all(folder).unwrap();
        let [port, _] = bed::ports();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Process { half, address, folder: folder.to_owned(), settings: Vec::new(), child: None }
    }

    /// Written `NAME=VALUE`; heeded by the next start.
    pub fn set(&mut self, settings: Vec<String>) {
        self.settings = settings;
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("plantain-data")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    /// Ready when it returns.
    pub async fn start(&mut self) {
        for _ in 0..STARTS_MAX {
            let (mut child, ready) = tokio::task::block_in_place(|| self.spawn());
            if ready {
                self.child = Some(child);
                return;
            }
            child.wait().expect("the process is ours");
            Clock::system().sleep(Duration::from_millis(250)).await;
        }
        panic!("the {} does not start: {}", self.half.role(), self.log());
    }

    fn spawn(&self) -> (Child, bool) {
        let log = File::options().create(true).append(true).open(self.folder.join("server.log")).unwrap();
        let mut command = bed::plantain(&self.folder);
        command.args(["serve", "--json", "--role", self.half.role()]).stdout(Stdio::piped()).stderr(log);
        let listen = match self.half {
            Half::Queue => format!("GATEWAY_LISTEN={}", self.address),
            Half::Studio => format!("STUDIO_LISTEN={}", self.address),
        };
        for setting in self.settings.iter().chain([&listen]) {
            command.args(["--set", setting]);
        }
        let mut child = command.spawn().expect("the binary runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line or the end");
        (child, !line.is_empty())
    }

    /// As a power cut does it.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it still ran");
        let ended = child.wait().expect("the process is ours");
        assert_eq!(ended.signal(), Some(9), "it had ended by itself: {}", self.log());
    }

    /// As a deployment does it: it may finish what it can.
    pub fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        let kill = format!("kill -TERM {}", child.id());
        assert!(Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
        tokio::task::block_in_place(|| child.wait()).expect("the process is ours")
    }

    pub fn is_up(&self) -> bool {
        self.child.is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

//! A place of its own where fal's names lead to this machine: namespaces with another hosts file and an empty network.
//!
//! No right is needed but that of making namespaces, and nothing outside of them changes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::program::Surroundings;
use crate::bed::Server;

const HOSTS: &str = "127.0.0.1 localhost queue.fal.run fal.run rest.fal.ai v3.fal.media v3b.fal.media\n";

/// Run inside, once; `$1` is the hosts file. It stays, and the namespaces with it, until nobody writes to it any more.
const ENTER: &str =
    "mount --bind \"$1\" /etc/hosts && PATH=$PATH:/sbin:/usr/sbin ip link set lo up && echo ready && exec cat";

/// Gone when dropped, or when this process ends.
pub struct OwnNames {
    keeper: Child,
}

impl OwnNames {
    #[track_caller]
    pub fn of(folder: &Path) -> OwnNames {
        let hosts = folder.join("hosts");
        fs::write(&hosts, HOSTS).unwrap();
        let mut keeper = Command::new("unshare")
            .args(["--map-root-user", "--mount", "--net", "sh", "-c", ENTER, "sh"])
            .arg(&hosts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare is part of every Debian");
        let mut line = String::new();
        let stdout = keeper.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "this machine does not let namespaces be made");
        OwnNames { keeper }
    }

    /// What a program is run by, so that it is inside. Entering a namespace changes the folder, so it is said again.
    pub fn under(&self, folder: &Path) -> Vec<String> {
        let target = self.keeper.id().to_string();
        let enter = ["nsenter", "--target", &target, "--user", "--preserve-credentials", "--mount", "--net"];
        let folder = folder.to_str().expect("a temporary folder has a plain name");
        enter.into_iter().chain(["env", "--chdir", folder]).map(str::to_owned).collect()
    }

    /// The two variables that the server prints for its operators, and nothing else.
    pub fn surroundings(&self, server: &Server) -> Surroundings {
        let trust = |file: &str| server.data().join("tls").join(file).display().to_string();
        let folder = server.data();
        Surroundings { under: self.under(&folder), environment: Vec::new() }
            .with("WAY", "plain")
            .with("QUEUE", "https://queue.fal.run")
            .with("NODE_EXTRA_CA_CERTS", trust("ca.pem"))
            .with("SSL_CERT_FILE", trust("bundle.pem"))
    }
}

impl Drop for OwnNames {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

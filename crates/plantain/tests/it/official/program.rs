//! Runs a program that uses one of fal's clients, and judges what it reports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::bed::{self, PLANTAIN, Server};

/// How a program reaches the server, beside the groups of cases that it runs.
pub struct Surroundings {
    /// What the program is run by, where it isn't run by itself.
    pub under: Vec<String>,
    /// `NAME`, value.
    pub environment: Vec<(&'static str, String)>,
}

impl Surroundings {
    /// By an address of this machine. `way` is the program's word for how its client is configured.
    pub fn direct(way: &str, server: &Server) -> Surroundings {
        let environment = vec![("WAY", way.to_owned()), ("QUEUE", base(&server.queue))];
        Surroundings { under: Vec::new(), environment }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Surroundings {
        self.environment.push((name, value.into()));
        self
    }

    /// With the key of the server's own account.
    pub fn with_key(self, server: &Server) -> Surroundings {
        self.with("FAL_KEY", server.secret("api-key"))
    }
}

/// Without the slash at its end.
pub fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// What a program says of itself when it is over.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// The client's version.
    client: String,
    passed: Vec<String>,
    failed: BTreeMap<String, String>,
    millis: BTreeMap<String, u64>,
    /// By request id, what must have come to the receiver.
    pub webhooks: BTreeMap<String, Owed>,
}

/// A webhook that a program has asked for.
#[derive(Debug, Deserialize)]
pub struct Owed {
    /// The webhook's word.
    pub status: String,
    /// Path and query, below the receiver's address.
    pub at: String,
    /// `None`: not the subject of the case.
    pub payload: Option<Value>,
}

/// Cases of `@fal-ai/client`.
#[track_caller]
pub fn javascript(around: &Surroundings, groups: &[&str]) -> Report {
    run(around, groups, Path::new("node"), "javascript/run.mjs")
}

/// Cases of `fal-client`.
#[track_caller]
pub fn python(around: &Surroundings, groups: &[&str]) -> Report {
    run(around, groups, &clients().join("venv/bin/python"), "python/run.py")
}

#[track_caller]
fn run(around: &Surroundings, groups: &[&str], interpreter: &Path, program: &str) -> Report {
    let mut command = match around.under.as_slice() {
        [] => Command::new(interpreter),
        [first, more @ ..] => {
            let mut command = Command::new(first);
            command.args(more).arg(interpreter);
            command
        }
    };
    command.arg(here().join(program)).args(groups).stdin(Stdio::null());
    // What this machine's owner has set for their own programs is none of these programs' business.
    for name in ["FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_QUEUE_RUN_HOST", "FAL_RUN_HOST", "NODE_OPTIONS"] {
        command.env_remove(name);
    }
    command.env("CLIENTS", clients()).env("PHOTO", bed::example("mug.jpg")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(around.environment.iter().map(|(name, value)| (*name, value)));
    let output = command.output().unwrap_or_else(|e| panic!("{} can't be run: {e}", interpreter.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} ended with {}: {complaints}", output.status);
    let report: Report = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{program}: {e}: {said}{complaints}"));
    report.judge(program, groups);
    report
}

impl Report {
    #[track_caller]
    fn judge(&self, program: &str, groups: &[&str]) {
        let slowest = self.millis.iter().max_by_key(|(_, millis)| **millis);
        eprintln!("{program} with {}: {} passed, slowest {slowest:?}", self.client, self.passed.len());
        for (case, why) in &self.failed {
            eprintln!("\nFAILED {case}\n{why}");
        }
        assert!(self.failed.is_empty(), "{program} with {}: failed {:#?}", self.client, self.failed.keys());
        for group in groups.iter().flat_map(|groups| groups.split('+')) {
            let ran = self.passed.iter().any(|case| case.starts_with(&format!("{group}: ")));
            assert!(ran, "{program}: nothing of the group {group} was run");
        }
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/official")
}

/// Where `cargo xtask test` puts the clients: beside the binaries, in the target folder.
#[track_caller]
pub fn clients() -> PathBuf {
    let folders = Path::new(PLANTAIN).ancestors().map(|folder| folder.join("official"));
    let is_whole = |folder: &PathBuf| {
        folder.join("node_modules/@fal-ai/client").is_dir() && folder.join("venv/bin/python").is_file()
    };
    let found = folders.into_iter().find(is_whole);
    found.expect("fal's clients are not installed: run `cargo xtask test`, which installs them")
}

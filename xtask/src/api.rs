//! `cargo xtask api`: holds a running studio to its own description with schemathesis, which makes up thousands of odd requests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context, Result};

use crate::install;
use crate::run::{cargo, command, output, root, scratch, show, target};
use crate::studio;

/// By name alone: whatever its users get today.
const TESTER: &str = "schemathesis";

/// Never a 5xx, and no answer that the description leaves out.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance";

/// Of this run alone.
const TOKEN: &str = "a-token-for-this-test";

/// Requests for each operation where nothing else is asked.
const EXAMPLES: u32 = 20;

/// `None`: no number.
pub fn examples(options: &[&str]) -> Option<u32> {
    match options {
        [] => Some(EXAMPLES),
        [number] => number.parse().ok().filter(|number| *number > 0),
        _ => None,
    }
}

pub fn run(examples: u32) -> Result<()> {
    install::packages()?;
    show(cargo().args(["build", "--package", "plantain"]))?;
    let folder = scratch("api");
    let tester = tester(&folder)?;
    let studio = Studio::start(&folder.join("studio"))?;
    // What nobody made yet first, then everything about a job that has its pictures.
    show(studio.tested(&tester, examples).args(["--exclude-path-regex", "/events$"]))?;
    let job = studio.job()?;
    let settings = folder.join("job.toml");
    fs::write(&settings, format!("[parameters]\n\"path.id\" = \"{job}\"\n\"path.n\" = 1\n"))?;
    let tester = [tester.as_os_str(), "--config-file".as_ref(), settings.as_os_str()];
    let mut about_it = studio.tested_by(&tester, examples);
    // What forgets the job would leave nothing to look at.
    show(about_it.args(["--include-path-regex", "^/api/jobs", "--exclude-path-regex", "/events$"]))
}

/// Its program, the newest one.
fn tester(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("venv");
    let python = environment.join("bin/python");
    if !python.is_file() {
        fs::create_dir_all(folder)?;
        show(command("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let mut install = command(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", TESTER]);
    show(&mut install)
        .with_context(|| format!("{TESTER} could not be installed; is Python's package index reachable?"))?;
    Ok(environment.join("bin").join(TESTER))
}

/// A studio with a queue of its own, ended with this value.
struct Studio {
    server: Child,
    address: String,
}

impl Studio {
    fn start(folder: &Path) -> Result<Studio> {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder)?;
        let token = format!("PLANTAIN_ADMIN_TOKEN={TOKEN}");
        let (server, address) = studio::start(&target().join("debug/plantain"), folder, &[&token])?;
        Ok(Studio { server, address })
    }

    fn tested(&self, tester: &Path, examples: u32) -> Command {
        self.tested_by(&[tester.as_os_str()], examples)
    }

    fn tested_by(&self, tester: &[&std::ffi::OsStr], examples: u32) -> Command {
        let mut run = command(tester[0]);
        run.args(&tester[1..]).arg("run").arg(format!("{}/api/openapi.json", self.address.trim_end_matches('/')));
        run.args(["-H", &authorization(), "--checks", CHECKS, "--request-timeout", "60"]);
        run.args(["--max-examples", &examples.to_string()]);
        run
    }

    /// The id of a job whose pictures are there.
    fn job(&self) -> Result<String> {
        let photo = format!("image=@{}", root().join("examples/mug.jpg").display());
        let mut make = command("curl");
        make.args(["-sS", "--fail-with-body", "-H", &authorization(), "-F", &photo]);
        let answer = output(make.arg(format!("{}/api/generate?wait=60", self.address.trim_end_matches('/'))))?;
        let id = studio::said(&answer, "jobId");
        id.map(str::to_owned).with_context(|| format!("no job was made: {answer}"))
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn authorization() -> String {
    format!("Authorization: Bearer {TOKEN}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_how_thorough_it_is() {
        assert_eq!(examples(&[]), Some(EXAMPLES));
        assert_eq!(examples(&["100"]), Some(100));
        for wrong in [&["0"][..], &["many"], &["1", "2"]] {
            assert_eq!(examples(wrong), None, "{wrong:?}");
        }
    }
}

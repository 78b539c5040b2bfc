//! What the tests need beyond Rust: Debian packages and cargo-nextest. Installed where we may, named where we may not.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::run::{cargo, command, show, succeeds};

type IsThere = fn() -> bool;

/// Debian's packages, each with what shows that it is there.
const PACKAGES: [(&str, IsThere); 9] = [
    ("postgresql", || postgres_programs().is_some()),
    ("chromium", || on_path("chromium")),
    ("chromium-driver", || on_path("chromedriver")),
    // Screenshots in Hindi show letters, not boxes.
    ("fonts-lohit-deva", || Path::new("/usr/share/fonts/truetype/lohit-devanagari").is_dir()),
    // fal's clients, and what shows them names of their own. Whoever manages node otherwise is left alone.
    ("nodejs", || answers("node")),
    ("npm", || answers("npm")),
    ("python3-venv", || succeeds(command("python3").args(["-c", "import ensurepip, venv"]))),
    ("curl", || on_path("curl")),
    ("iproute2", || on_path("ip")),
];

/// Installs what is missing, or says the exact command.
pub fn packages() -> Result<()> {
    let missing: Vec<&str> = PACKAGES.iter().filter(|(_, there)| !there()).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    let Some(become_root) = become_root() else {
        bail!("missing: {}. As root: {by_hand}", missing.join(", "));
    };
    let apt = |arguments: &[&str]| {
        let mut words: Vec<&str> = become_root.to_vec();
        // Another installation may be going on; it is waited for.
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300", "-y", "-q"]);
        show(command(words[0]).args(&words[1..]).args(arguments))
    };
    let mut install = vec!["install", "--no-install-recommends"];
    install.extend(&missing);
    // The lists may be fresh enough; refreshing them first would cost every run some seconds.
    let installed = apt(&install).or_else(|_| apt(&["update"]).and_then(|()| apt(&install)));
    match installed {
        Ok(()) => Ok(()),
        Err(error) => bail!("{error:#}; install by hand, as root: {by_hand}"),
    }
}

/// The words before a command that needs root; `None` where there is no way.
fn become_root() -> Option<&'static [&'static str]> {
    match () {
        () if is_root() => Some(&["/usr/bin/env"]),
        () if succeeds(command("sudo").args(["-n", "true"])) => Some(&["sudo", "-n"]),
        () => None,
    }
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of the process's own entry is who it runs as.
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

/// Installs cargo-nextest where it is missing; it takes some minutes, once.
pub fn nextest() -> Result<()> {
    if succeeds(cargo().args(["nextest", "--version"])) {
        return Ok(());
    }
    eprintln!("xtask: cargo-nextest is missing; it is built once, which takes some minutes");
    show(cargo().args(["install", "--locked", "cargo-nextest"]))
}

/// The folder with Debian's newest `initdb` and `postgres`.
pub fn postgres_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            let programs = entry.path().join("bin");
            programs.join("initdb").is_file().then_some((version, programs))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, programs)| programs)
}

fn answers(program: &str) -> bool {
    succeeds(command(program).arg("--version"))
}

fn on_path(program: &str) -> bool {
    ["/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin", "/sbin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).is_file())
}

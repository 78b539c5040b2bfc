//! Folders in memory for what the tests write: thousands of small files, of which none outlives the run. On a disk each of them
//! costs more than what it is for, and each commit waits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::{command, output};

/// Linux's own place for such files.
const MEMORY: &str = "/dev/shm";

/// Room for several browsers' profiles, a Postgres and everybody's pictures, many times over.
const ROOM_KIB_MIN: u64 = 3 * 1024 * 1024;

/// Removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// Named after this process; in the usual place for temporary files where memory has no room.
    pub fn new(name: &str) -> Result<Folder> {
        if is_roomy() { Folder::below(Path::new(MEMORY), name) } else { Folder::on_disk(name) }
    }

    /// For what has to be as slow as it is in earnest.
    pub fn on_disk(name: &str) -> Result<Folder> {
        Folder::below(&std::env::temp_dir(), name)
    }

    fn below(place: &Path, name: &str) -> Result<Folder> {
        forget_the_dead(place, name);
        let path = place.join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        // A Postgres that root lends to another user has to come through.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Folder(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: the tests' verdict stands already.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether files can lie in memory, and programs among them be run.
fn is_roomy() -> bool {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let free = output(command("df").args(["--output=avail", "-k", MEMORY])).unwrap_or_default();
    runs_programs(&mounts) && free_kib(&free).is_some_and(|free| free >= ROOM_KIB_MIN)
}

/// Whether the last mount on [`MEMORY`], which hides those before it, is without `noexec`.
fn runs_programs(mounts: &str) -> bool {
    let options = |line: &str| {
        let mut words = line.split(' ').skip(1);
        (words.next() == Some(MEMORY)).then(|| words.nth(1).unwrap_or_default().to_owned())
    };
    let last = mounts.lines().filter_map(options).next_back();
    last.is_some_and(|options| options.split(',').all(|option| option != "noexec"))
}

/// What `df` says, below its heading.
fn free_kib(said: &str) -> Option<u64> {
    said.lines().nth(1)?.trim().parse().ok()
}

/// Removes what a run has left that was stopped by force.
fn forget_the_dead(place: &Path, name: &str) {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let dead = |file: &str| {
        let process: Option<u32> = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
    };
    for entry in entries.filter(|entry| entry.file_name().to_str().is_some_and(dead)) {
        // Somebody else's, or not empty any more: it stays.
        let _ = fs::remove_dir_all(entry.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_serves_where_programs_may_run_in_it() {
        let disk = "/dev/vda / ext4 rw,noexec 0 0\n";
        for (mounts, serves) in [
            ("", false),
            ("tmpfs /dev/shm tmpfs rw,relatime 0 0\n", true),
            ("tmpfs /dev/shm tmpfs rw,nosuid,noexec,relatime 0 0\n", false),
            ("tmpfs /dev/shm tmpfs rw,noexec 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n", true),
            ("tmpfs /dev/shm tmpfs rw 0 0\ntmpfs /dev/shm tmpfs rw,noexec 0 0\n", false),
            ("tmpfs /dev/shm/other tmpfs rw 0 0\n", false),
        ] {
            assert_eq!(runs_programs(&format!("{disk}{mounts}")), serves, "{mounts}");
        }
    }

    #[test]
    fn free_room_is_read_below_the_heading() {
        for (said, free) in [("    Avail\n 24683652", Some(24_683_652)), ("Avail\n-", None), ("", None)] {
            assert_eq!(free_kib(said), free, "{said}");
        }
    }

    #[test]
    fn a_folder_goes_with_its_value_and_what_the_dead_left_goes_before() {
        let place = Folder::new("plantain-memory-test").unwrap();
        // No process has such a number.
        let (dead, alive) = (place.path().join("run-4294967295"), place.path().join("run-1"));
        for folder in [&dead, &alive] {
            fs::create_dir(folder).unwrap();
        }
        forget_the_dead(place.path(), "run");
        assert_eq!((dead.exists(), alive.exists()), (false, true));
        let path = place.path().to_owned();
        drop(place);
        assert!(!path.exists());
    }
}

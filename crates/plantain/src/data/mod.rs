//! The data folder: made on first start, locked while it is used, readable by its owner alone.
//!
//! Two processes that share one SQLite folder would each think that the other had crashed, so the second is turned away.
//! Invariant: a key file is either complete and durable or not there.

mod keys;
pub mod signing;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

pub use keys::Keys;

use crate::config::secret::Secret;

/// An open data folder. The lock is held until it is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct DataFolder {
    root: PathBuf,
    _lock: File,
}

/// Why the folder can't be used. All need the operator; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error(
        "the data folder {folder} is in use by another plantain{}; stop that one, or choose another folder with --data",
        .pid.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse { folder: PathBuf, pid: Option<String> },
    #[error("the data folder {folder} can't be used: {source}; make it writable, or choose another one with --data")]
    Unusable { folder: PathBuf, source: io::Error },
    #[error(
        "nothing has run in {folder} yet; start `plantain serve`, or name the data folder of a server that runs here with --data"
    )]
    Unused { folder: PathBuf },
    #[error("{file} does not hold what it should; restore it from a backup, or remove it to have a new one made")]
    Damaged { file: PathBuf },
}

const LOCK_FILE: &str = "plantain.lock";

impl DataFolder {
    /// Makes the folder (mode 0700) where it is missing, and locks it.
    pub fn open(root: &Path) -> Result<DataFolder, DataError> {
        let unusable = |source| DataError::Unusable { folder: root.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(unusable)?;
        let path = root.join(LOCK_FILE);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
        let mut lock = options.open(&path).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // The number only helps a person; without it the message is still true.
                let _ = lock.take(20).read_to_string(&mut pid);
                let pid = Some(pid.trim().to_owned()).filter(|pid| !pid.is_empty());
                return Err(DataError::InUse { folder: root.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(unusable)?;
        Ok(DataFolder { root: root.to_owned(), _lock: lock })
    }

    /// The admin token of a folder that another process uses.
    pub fn admin_token(root: &Path) -> Result<Secret, DataError> {
        let read = fs::read_to_string(root.join(keys::ADMIN_TOKEN));
        let text = read.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DataError::Unused { folder: root.to_owned() },
            _ => DataError::Unusable { folder: root.to_owned(), source },
        })?;
        Ok(Secret::new(text.trim()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The text of a key file; where it is missing, `make` gives the text that is kept from now on.
    fn keep(&self, name: &str, make: impl FnOnce() -> String) -> Result<Kept, DataError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => Err(DataError::Damaged { file: path }),
            Ok(text) => {
                keep_private(&path);
                Ok(Kept { text: text.trim().to_owned(), new: false })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = make();
                write_durably(&path, &text)
                    .map_err(|source| DataError::Unusable { folder: self.root.clone(), source })?;
                Ok(Kept { text, new: true })
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(DataError::Damaged { file: path }),
            Err(source) => Err(DataError::Unusable { folder: self.root.clone(), source }),
        }
    }

    /// What stands in a file of one of its folders; `None` where there is no such file.
    pub fn read_in(&self, folder: &str, name: &str) -> Result<Option<String>, DataError> {
        match fs::read_to_string(self.path(folder).join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataError::Unusable { folder: self.root.clone(), source }),
        }
    }

    /// Writes a file into one of its folders, which is made where it is missing. Durable when it returns.
    pub fn write_in(&self, folder: &str, name: &str, text: &str) -> Result<PathBuf, DataError> {
        let unusable = |source| DataError::Unusable { folder: self.root.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(self.path(folder)).map_err(unusable)?;
        let path = self.path(folder).join(name);
        write_durably(&path, text).map_err(unusable)?;
        Ok(path)
    }
}

/// Written beside, synced, renamed: a power cut leaves the old state or the new one. Whoever owned the old file owns the new one,
/// so that root can help without locking the server out.
fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{text}")?;
    if let Ok(old) = fs::metadata(path)
        && old.uid() != file.metadata()?.uid()
    {
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// A copy from elsewhere may have come with looser permissions.
fn keep_private(path: &Path) {
    let open_to_others = fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
    if open_to_others && fs::set_permissions(path, fs::Permissions::from_mode(0o600)).is_err() {
        let file = path.display();
        tracing::warn!(%file, "data.readable: {file} can be read by others; take that right from them");
    }
}

/// A key file's text, and whether it was made just now.
struct Kept {
    text: String,
    new: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("deep/data");
        (parent, root)
    }

    #[test]
    fn a_second_process_is_turned_away_until_the_first_is_gone() {
        let (_parent, root) = folder();
        let first = DataFolder::open(&root).unwrap();
        let said = DataFolder::open(&root).unwrap_err().to_string();
        assert!(said.contains(&format!("(process {})", std::process::id())) && said.contains("--data"), "{said}");
        drop(first);
        DataFolder::open(&root).unwrap();
    }

    #[test]
    fn only_the_owner_can_read_what_is_in_it() {
        let (_parent, root) = folder();
        let data = DataFolder::open(&root).unwrap();
        Keys::of(&data).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&root), 0o700);
        for entry in fs::read_dir(&root).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn a_key_that_others_could_read_is_taken_from_them() {
        let (_parent, root) = folder();
        let data = DataFolder::open(&root).unwrap();
        Keys::of(&data).unwrap();
        fs::set_permissions(data.path(signing::FILE), fs::Permissions::from_mode(0o644)).unwrap();
        Keys::of(&data).unwrap();
        assert_eq!(fs::metadata(data.path(signing::FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let (parent, _) = folder();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let said = DataFolder::open(&file.join("data")).unwrap_err().to_string();
        assert!(said.contains("file/data") && said.contains("--data"), "{said}");
    }
}

//! A blob that is being written, under a name of its own until it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::error::BlobError;
use crate::folder::Folder;
use crate::key::BlobKey;

/// Names within this process; other processes differ by their id, and a collision is skipped.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Removed when dropped, unless it was kept.
#[derive(Debug)]
pub(crate) struct Incoming {
    file: File,
    path: PathBuf,
    hash: Sha256,
    size: u64,
}

impl Incoming {
    pub(crate) fn create(folder: &Path) -> io::Result<Incoming> {
        loop {
            let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = folder.join(name);
            let file = match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Whoever cleans up holds the lock for a moment; then this name is about to vanish and another is needed.
            match file.try_lock() {
                Ok(()) => return Ok(Incoming { file, path, hash: Sha256::new(), size: 0 }),
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(self.file.write_all(bytes)?)
    }

    /// Gives the bytes their name. Durable when it returns.
    pub(crate) fn keep(mut self, folder: &Folder) -> Result<(BlobKey, u64), BlobError> {
        let key = BlobKey::finish(std::mem::take(&mut self.hash));
        if !folder.holds(&key)? {
            self.file.sync_data()?;
            // Somebody else may have written the same bytes meanwhile; the rename then replaces equal with equal.
            fs::rename(&self.path, folder.path(&key))?;
            self.path = PathBuf::new();
        }
        folder.confirm(&key)?;
        Ok((key, self.size))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // What can't be removed now is removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

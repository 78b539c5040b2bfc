//! A blob that is being written, under a name of its own until it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::error::BlobError;
use crate::key::{BlobKey, Keyed};

/// Names within this process; other processes differ by their id, and a collision is skipped.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Removed when dropped, unless it was given its name.
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
            let file = match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
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

    /// As [`Incoming::write`], for bytes whose key is known.
    pub(crate) fn write_keyed(&mut self, blob: &Keyed) -> Result<(), BlobError> {
        Ok(self.file.write_all(blob.bytes())?)
    }

    /// The same file, from its beginning.
    pub(crate) fn reopened(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// Key and size of what was written so far.
    pub(crate) fn measured(&self) -> (BlobKey, u64) {
        (BlobKey::finish(self.hash.clone()), self.size)
    }

    /// The bytes are synced before they have the name.
    pub(crate) fn rename_to(mut self, path: &Path) -> Result<(), BlobError> {
        self.file.sync_data()?;
        fs::rename(&self.path, path)?;
        self.path = PathBuf::new();
        Ok(())
    }

    /// At most `length` bytes from `start` on; fewer at the end.
    pub(crate) fn read_back(&mut self, start: u64, length: usize) -> Result<Bytes, BlobError> {
        self.file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::with_capacity(length);
        (&self.file).take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // What can't be removed now is removed when the folder is tidied.
            let _ = fs::remove_file(&self.path);
        }
    }
}

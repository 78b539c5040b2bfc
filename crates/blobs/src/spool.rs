//! The folder of blobs that are being written, each under a name of its own until it is whole.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::error::{BlobError, missing_is_none};
use crate::incoming::Incoming;

#[derive(Debug)]
pub(crate) struct Spool(PathBuf);

impl Spool {
    /// Makes the folder with its parents where missing, and clears it of what dead writers left.
    pub(crate) fn open(path: PathBuf) -> Result<Spool, BlobError> {
        fs::create_dir_all(&path)?;
        let spool = Spool(path);
        spool.remove_leftovers()?;
        Ok(spool)
    }

    pub(crate) fn incoming(&self) -> Result<Incoming, BlobError> {
        Ok(Incoming::create(&self.0)?)
    }

    /// Removes what writers left that died, and says how much that was. A file that is being written is locked by its
    /// writer, so what can be locked has no writer any more.
    pub(crate) fn remove_leftovers(&self) -> Result<usize, BlobError> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let Some(file) = missing_is_none(File::open(&path))? else { continue };
            if file.try_lock().is_ok() && missing_is_none(fs::remove_file(&path))?.is_some() {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

//! The folder that blobs are kept in: `ab/abcdef…` for finished ones, `incoming/` for those that are being written.
//!
//! Invariant: a file under its final name is complete and on the disk, since it gets there by a rename after its sync.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use crate::Listed;
use crate::error::{BlobError, missing_is_none};
use crate::incoming::Incoming;
use crate::key::{BlobKey, Keyed};
use crate::spool::Spool;

/// Folders that the blobs are spread over, named by the first two hex digits: listing one stays quick with millions.
const FANS: u16 = 256;

#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    spool: Spool,
}

impl Folder {
    /// All fan-out folders are made and synced now, so that no write has to make one durable on its way.
    pub(crate) fn open(root: PathBuf) -> Result<Folder, BlobError> {
        let spool = Spool::open(root.join("incoming"))?;
        let folder = Folder { root, spool };
        for fan in 0..FANS {
            match fs::create_dir(folder.fan(fan)) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
                _ => {}
            }
        }
        sync_folder(&folder.root)?;
        if let Some(parent) = folder.root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        Ok(folder)
    }

    fn fan(&self, number: u16) -> PathBuf {
        self.root.join(format!("{number:02x}"))
    }

    pub(crate) fn path(&self, key: &BlobKey) -> PathBuf {
        self.fan_of(key).join(key.as_str())
    }

    fn fan_of(&self, key: &BlobKey) -> PathBuf {
        self.root.join(&key.as_str()[..2])
    }

    pub(crate) fn spool(&self) -> &Spool {
        &self.spool
    }

    /// All are durable when it returns. Each folder is synced once, after all names are there: the first sync makes most of them
    /// durable.
    pub(crate) fn put_all(&self, all: &[Keyed]) -> Result<(), BlobError> {
        for blob in all {
            if !self.holds(blob.key())? {
                let mut incoming = self.spool.incoming()?;
                incoming.write_keyed(blob)?;
                incoming.rename_to(&self.path(blob.key()))?;
            }
        }
        let folders: BTreeSet<PathBuf> = all.iter().map(|blob| self.fan_of(blob.key())).collect();
        Ok(folders.iter().try_for_each(|folder| sync_folder(folder))?)
    }

    /// Gives finished bytes their name. Durable when it returns.
    pub(crate) fn keep(&self, incoming: Incoming) -> Result<(BlobKey, u64), BlobError> {
        let (key, size) = incoming.measured();
        if !self.holds(&key)? {
            // Somebody else may have written the same bytes meanwhile; the rename then replaces equal with equal.
            incoming.rename_to(&self.path(&key))?;
        }
        self.confirm(&key)?;
        Ok((key, size))
    }

    fn holds(&self, key: &BlobKey) -> Result<bool, BlobError> {
        Ok(self.size(key)?.is_some())
    }

    /// Makes sure that a name which is there will stay there: the process that wrote it may have died, or may still be,
    /// between its rename and its sync.
    fn confirm(&self, key: &BlobKey) -> Result<(), BlobError> {
        Ok(sync_folder(&self.fan_of(key))?)
    }

    pub(crate) fn read(&self, key: &BlobKey) -> Result<Option<Bytes>, BlobError> {
        Ok(missing_is_none(fs::read(self.path(key)))?.map(Bytes::from))
    }

    pub(crate) fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        Ok(missing_is_none(fs::metadata(self.path(key)))?.map(|metadata| metadata.len()))
    }

    pub(crate) fn remove(&self, key: &BlobKey) -> Result<(), BlobError> {
        missing_is_none(fs::remove_file(self.path(key)))?;
        Ok(())
    }

    /// In the order of keys, from one fan-out folder to the next; whole folders are read, and no more than needed.
    pub(crate) fn list(&self, after: Option<&BlobKey>, count: usize) -> Result<Vec<Listed>, BlobError> {
        let mut found = Vec::new();
        let first = after.and_then(|key| u16::from_str_radix(&key.as_str()[..2], 16).ok()).unwrap_or(0);
        for fan in first..FANS {
            let mut keys = Vec::new();
            for entry in fs::read_dir(self.fan(fan))? {
                keys.extend(entry?.file_name().to_str().and_then(BlobKey::parse));
            }
            keys.retain(|key| after.is_none_or(|after| key > after));
            keys.sort_unstable();
            for key in keys.into_iter().take(count - found.len()) {
                let Some(written_at) = written_at(&self.path(&key))? else { continue };
                found.push(Listed { key, written_at });
            }
            if found.len() == count {
                break;
            }
        }
        Ok(found)
    }
}

/// `None`: it was removed meanwhile.
fn written_at(path: &Path) -> Result<Option<SystemTime>, BlobError> {
    let Some(metadata) = missing_is_none(fs::metadata(path))? else { return Ok(None) };
    Ok(Some(metadata.modified()?))
}

/// Makes the names in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

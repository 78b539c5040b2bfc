//! The folder that blobs are kept in: `ab/abcdef…` for finished ones, `incoming/` for those that are being written.
//!
//! Invariant: a file under its final name is complete and on the disk, since it gets there by a rename after its sync.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::BlobError;
use crate::incoming::Incoming;
use crate::key::BlobKey;

/// Folders that the blobs are spread over, named by the first two hex digits: listing one stays quick with millions.
const FANS: u16 = 256;

#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// All fan-out folders are made and synced now, so that no write has to make one durable on its way.
    pub(crate) fn open(root: PathBuf) -> Result<Folder, BlobError> {
        let folder = Folder { root };
        fs::create_dir_all(folder.incoming_path())?;
        for fan in 0..FANS {
            match fs::create_dir(folder.root.join(format!("{fan:02x}"))) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
                _ => {}
            }
        }
        sync_folder(&folder.root)?;
        if let Some(parent) = folder.root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        folder.remove_leftovers()?;
        Ok(folder)
    }

    fn incoming_path(&self) -> PathBuf {
        self.root.join("incoming")
    }

    pub(crate) fn path(&self, key: &BlobKey) -> PathBuf {
        self.fan(key).join(key.as_str())
    }

    fn fan(&self, key: &BlobKey) -> PathBuf {
        self.root.join(&key.as_str()[..2])
    }

    pub(crate) fn incoming(&self) -> Result<Incoming, BlobError> {
        Ok(Incoming::create(&self.incoming_path())?)
    }

    pub(crate) fn holds(&self, key: &BlobKey) -> Result<bool, BlobError> {
        Ok(self.size(key)?.is_some())
    }

    /// Makes sure that a name which is there will stay there: the process that wrote it may have died, or may still be,
    /// between its rename and its sync.
    pub(crate) fn confirm(&self, key: &BlobKey) -> Result<(), BlobError> {
        Ok(sync_folder(&self.fan(key))?)
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

    /// A file that is being written is locked by its writer, so what can be locked has no writer any more.
    fn remove_leftovers(&self) -> Result<(), BlobError> {
        for entry in fs::read_dir(self.incoming_path())? {
            let path = entry?.path();
            let Some(file) = missing_is_none(File::open(&path))? else { continue };
            if file.try_lock().is_ok() {
                missing_is_none(fs::remove_file(&path))?;
            }
        }
        Ok(())
    }
}

/// Makes the names in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn missing_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

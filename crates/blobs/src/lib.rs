//! Where bytes live: uploads, outputs, finished pictures. Content-addressed, so writing the same bytes twice keeps one copy.
//!
//! Knows nothing of jobs, databases or HTTP. Invariant: when a write returns, the bytes survive a power cut; a write that
//! was interrupted leaves nothing behind that a reader could see.

mod error;
mod folder;
mod incoming;
mod key;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

pub use crate::error::{BlobError, PutError};
pub use crate::key::{BlobKey, KeyOf};

use crate::folder::Folder;

/// What is gathered of a stream before it is hashed and written: large enough that handing it to another thread costs
/// nothing, small enough that hundreds of uploads fit into memory.
const CHUNK_BYTES: usize = 256 * 1024;

/// Cheap to clone. A folder here; buckets are a further variant of the same struct.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: Arc<Folder>,
}

impl Blobs {
    /// A folder, made with its parents where missing. Leftovers of interrupted writes are removed, those of another
    /// process that still runs excepted: several processes may share a folder.
    pub async fn folder(root: PathBuf) -> Result<Blobs, BlobError> {
        let folder = off_thread(move || Folder::open(root)).await?;
        Ok(Blobs { folder: Arc::new(folder) })
    }

    /// Durable when it returns. Bytes that are kept already are not written again.
    pub async fn put(&self, bytes: Bytes) -> Result<BlobKey, BlobError> {
        let folder = self.folder.clone();
        off_thread(move || {
            let key = BlobKey::of(&bytes);
            if !folder.holds(&key)? {
                let mut incoming = folder.incoming()?;
                incoming.write(&bytes)?;
                return incoming.keep(&folder).map(|(key, _)| key);
            }
            folder.confirm(&key)?;
            Ok(key)
        })
        .await
    }

    /// Writes a stream of at most `max_bytes` without holding it in memory. Durable when it returns; where it fails,
    /// or where the future is dropped in the middle, nothing is kept. Returns the key and the number of bytes.
    pub async fn put_stream<S, E>(&self, stream: S, max_bytes: u64) -> Result<(BlobKey, u64), PutError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let folder = self.folder.clone();
        let mut incoming = off_thread(move || folder.incoming()).await?;
        let mut gathered = BytesMut::new();
        let mut received = 0;
        let mut stream = std::pin::pin!(stream);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(PutError::Source)?;
            received += chunk.len() as u64;
            if received > max_bytes {
                return Err(PutError::TooLarge { max_bytes });
            }
            gathered.extend_from_slice(&chunk);
            if gathered.len() >= CHUNK_BYTES {
                let ready = gathered.split().freeze();
                incoming = off_thread(move || incoming.write(&ready).map(|()| incoming)).await?;
            }
        }
        let folder = self.folder.clone();
        Ok(off_thread(move || {
            incoming.write(&gathered)?;
            incoming.keep(&folder)
        })
        .await?)
    }

    /// `None` where no such bytes are kept. The whole of them is read into memory; see [`Blobs::open`] for large ones.
    pub async fn get(&self, key: &BlobKey) -> Result<Option<Bytes>, BlobError> {
        let (folder, key) = (self.folder.clone(), key.clone());
        off_thread(move || folder.read(&key)).await
    }

    /// The bytes in `range`, cut off where the blob ends.
    pub async fn get_range(&self, key: &BlobKey, range: Range<u64>) -> Result<Option<Bytes>, BlobError> {
        let Some(opened) = self.open_range(key, range).await? else { return Ok(None) };
        let mut bytes = BytesMut::new();
        let mut stream = std::pin::pin!(opened.stream);
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(BlobError::from)?);
        }
        Ok(Some(bytes.freeze()))
    }

    /// The bytes as a stream, and how many there are in all.
    pub async fn open(
        &self,
        key: &BlobKey,
    ) -> Result<Option<Opened<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>>>, BlobError> {
        self.open_range(key, 0..u64::MAX).await
    }

    /// As [`Blobs::open`], but only the bytes in `range`.
    pub async fn open_range(
        &self,
        key: &BlobKey,
        range: Range<u64>,
    ) -> Result<Option<Opened<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>>>, BlobError> {
        let mut file = match tokio::fs::File::open(self.folder.path(key)).await {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let size = file.metadata().await?.len();
        if range.start > 0 {
            file.seek(std::io::SeekFrom::Start(range.start)).await?;
        }
        let length = range.end.saturating_sub(range.start);
        let stream = ReaderStream::with_capacity(file.take(length), CHUNK_BYTES);
        Ok(Some(Opened { size, stream }))
    }

    /// How many bytes are kept under `key`; `None` where none are.
    pub async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        let (folder, key) = (self.folder.clone(), key.clone());
        off_thread(move || folder.size(&key)).await
    }

    /// Removes the bytes; a second call does nothing. Whoever read them at that moment can finish. Since equal bytes are
    /// kept once, the caller must know that nobody else refers to them.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        let (folder, key) = (self.folder.clone(), key.clone());
        off_thread(move || folder.remove(&key)).await
    }
}

/// A blob that is being read.
#[derive(Debug)]
pub struct Opened<S> {
    /// Bytes of the whole blob, whatever part of it is streamed.
    pub size: u64,
    pub stream: S,
}

/// Files are read and written where waiting for a disk holds nobody else up.
#[expect(
    clippy::disallowed_methods,
    reason = "this waits for a disk, not for a processor, so work::Cpu is no place for it"
)]
async fn off_thread<T, F>(work: F) -> Result<T, BlobError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, BlobError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => Err(BlobError::Unavailable(std::io::Error::other(stopped))),
    }
}

//! Where bytes live: uploads, outputs, finished pictures. Content-addressed, so writing the same bytes twice keeps one copy.
//!
//! Knows nothing of jobs, databases or HTTP servers. Invariant: when a write returns, the bytes survive a power cut; a write
//! that was interrupted leaves nothing behind that a reader could see.

mod bucket;
mod error;
mod folder;
mod incoming;
mod key;
mod s3;
mod spool;

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use object_store::ObjectStore;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

pub use crate::error::{BlobError, PutError};
pub use crate::key::{BlobKey, KeyOf, Keyed};
pub use crate::s3::{BucketCredentials, BucketPlace};

use crate::bucket::Bucket;
use crate::error::missing_is_none;
use crate::folder::Folder;
use crate::incoming::Incoming;
use crate::spool::Spool;

/// What is gathered of a stream before it is hashed and written: large enough that handing it to another thread costs
/// nothing, small enough that hundreds of uploads fit into memory.
const CHUNK_BYTES: usize = 256 * 1024;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs(Place);

#[derive(Clone, Debug)]
enum Place {
    Folder(Arc<Folder>),
    Bucket(Arc<Bucket>),
}

/// A blob that is kept, as [`Blobs::list`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub key: BlobKey,
    /// By the clock of the disk or the bucket.
    pub written_at: SystemTime,
}

/// Bytes that are worked through and then needed no more. They are in a file of their own, which nobody else sees and which
/// goes when this is dropped, or with the next start of a process that died.
#[derive(Debug)]
pub struct Scratch(Incoming);

impl Scratch {
    /// The file, from its beginning.
    pub fn open(&self) -> io::Result<std::fs::File> {
        self.0.reopened()
    }

    /// What its bytes hash to, as was found while they came.
    pub fn key(&self) -> BlobKey {
        self.0.measured().0
    }
}

/// All of a stream: a small one needs no file before its key is known.
enum Received {
    Whole(Bytes),
    Written(Incoming),
}

/// A blob that is being read.
#[derive(Debug)]
pub struct Opened<S> {
    /// Bytes of the whole blob, whatever part of it is streamed.
    pub size: u64,
    pub stream: S,
}

impl Blobs {
    /// A folder, made with its parents where missing. Leftovers of interrupted writes are removed, those of another
    /// process that still runs excepted: several processes may share a folder.
    pub async fn folder(root: PathBuf) -> Result<Blobs, BlobError> {
        let folder = off_thread(move || Folder::open(root)).await?;
        Ok(Blobs(Place::Folder(Arc::new(folder))))
    }

    /// A bucket of any server that speaks S3, reached by the HTTP client `http`. Bodies are spooled to the folder `spool` on
    /// their way. Fails where the bucket can't be asked.
    pub async fn bucket(place: &BucketPlace, http: reqwest::Client, spool: PathBuf) -> Result<Blobs, BlobError> {
        let store = Arc::new(place.open(http)?);
        Blobs::over(store, &place.prefix, spool).await
    }

    /// As [`Blobs::bucket`], for whatever `object_store` knows.
    pub async fn over(store: Arc<dyn ObjectStore>, prefix: &str, spool: PathBuf) -> Result<Blobs, BlobError> {
        let spool = off_thread(move || Spool::open(spool)).await?;
        let bucket = Bucket::new(store, prefix, spool);
        bucket.probe().await?;
        Ok(Blobs(Place::Bucket(Arc::new(bucket))))
    }

    /// Durable when it returns. Bytes that are kept already are not written again.
    pub async fn put(&self, bytes: Bytes) -> Result<BlobKey, BlobError> {
        match &self.0 {
            Place::Folder(folder) => {
                let folder = folder.clone();
                off_thread(move || {
                    let blob = Keyed::of(bytes);
                    folder.put_all(std::slice::from_ref(&blob))?;
                    Ok(blob.key().clone())
                })
                .await
            }
            Place::Bucket(bucket) => {
                let blob = Keyed::of(bytes);
                bucket.put(&blob).await?;
                Ok(blob.key().clone())
            }
        }
    }

    /// As [`Blobs::put`], of several in one go, which costs less than one by one. Where it fails, some may be kept.
    pub async fn put_all(&self, all: Vec<Keyed>) -> Result<(), BlobError> {
        match &self.0 {
            Place::Folder(folder) => {
                let folder = folder.clone();
                off_thread(move || folder.put_all(&all)).await
            }
            Place::Bucket(bucket) => bucket.put_all(&all).await,
        }
    }

    /// Writes a stream of at most `max_bytes` without holding more of it in memory than a piece. Durable when it returns; where it fails,
    /// or where the future is dropped in the middle, nothing is kept. Returns the key and the number of bytes.
    pub async fn put_stream<S, E>(&self, stream: S, max_bytes: u64) -> Result<(BlobKey, u64), PutError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        match self.received(stream, max_bytes).await? {
            Received::Whole(bytes) => {
                let size = bytes.len() as u64;
                Ok((self.put(bytes).await?, size))
            }
            Received::Written(incoming) => Ok(self.keep(incoming).await?),
        }
    }

    /// Writes a stream of at most `max_bytes` to a file that is not kept.
    pub async fn scratch<S, E>(&self, stream: S, max_bytes: u64) -> Result<Scratch, PutError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        Ok(Scratch(match self.received(stream, max_bytes).await? {
            Received::Whole(bytes) => self.written(None, bytes).await?,
            Received::Written(incoming) => incoming,
        }))
    }

    async fn received<S, E>(&self, stream: S, max_bytes: u64) -> Result<Received, PutError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut incoming = None;
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
                incoming = Some(self.written(incoming, gathered.split().freeze()).await?);
            }
        }
        Ok(match incoming {
            None => Received::Whole(gathered.freeze()),
            begun => Received::Written(self.written(begun, gathered.freeze()).await?),
        })
    }

    /// Goes on with the file, or begins one.
    async fn written(&self, incoming: Option<Incoming>, bytes: Bytes) -> Result<Incoming, BlobError> {
        let place = self.0.clone();
        off_thread(move || {
            let mut incoming = incoming.map_or_else(|| place.spool().incoming(), Ok)?;
            incoming.write(&bytes)?;
            Ok(incoming)
        })
        .await
    }

    async fn keep(&self, incoming: Incoming) -> Result<(BlobKey, u64), BlobError> {
        match &self.0 {
            Place::Folder(folder) => {
                let folder = folder.clone();
                off_thread(move || folder.keep(incoming)).await
            }
            Place::Bucket(bucket) => bucket.keep(incoming).await,
        }
    }

    /// `None` where no such bytes are kept. The whole of them is read into memory; see [`Blobs::open`] for large ones.
    pub async fn get(&self, key: &BlobKey) -> Result<Option<Bytes>, BlobError> {
        match &self.0 {
            Place::Folder(folder) => {
                let (folder, key) = (folder.clone(), key.clone());
                off_thread(move || folder.read(&key)).await
            }
            Place::Bucket(bucket) => bucket.get(key).await,
        }
    }

    /// The bytes in `range`, cut off where the blob ends.
    pub async fn get_range(&self, key: &BlobKey, range: Range<u64>) -> Result<Option<Bytes>, BlobError> {
        let Some(mut opened) = self.opened(key, range).await? else { return Ok(None) };
        let mut bytes = BytesMut::new();
        while let Some(chunk) = opened.stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(BlobError::from)?);
        }
        Ok(Some(bytes.freeze()))
    }

    /// The bytes as a stream, and how many there are in all.
    pub async fn open(
        &self,
        key: &BlobKey,
    ) -> Result<Option<Opened<impl Stream<Item = io::Result<Bytes>> + Send + use<>>>, BlobError> {
        self.opened(key, 0..u64::MAX).await
    }

    /// As [`Blobs::open`], but only the bytes in `range`.
    pub async fn open_range(
        &self,
        key: &BlobKey,
        range: Range<u64>,
    ) -> Result<Option<Opened<impl Stream<Item = io::Result<Bytes>> + Send + use<>>>, BlobError> {
        self.opened(key, range).await
    }

    async fn opened(
        &self,
        key: &BlobKey,
        range: Range<u64>,
    ) -> Result<Option<Opened<BoxStream<'static, io::Result<Bytes>>>>, BlobError> {
        match &self.0 {
            Place::Folder(folder) => open_file(folder.path(key), range).await,
            Place::Bucket(bucket) => bucket.open_range(key, range).await,
        }
    }

    /// How many bytes are kept under `key`; `None` where none are.
    pub async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        match &self.0 {
            Place::Folder(folder) => {
                let (folder, key) = (folder.clone(), key.clone());
                off_thread(move || folder.size(&key)).await
            }
            Place::Bucket(bucket) => bucket.size(key).await,
        }
    }

    /// Removes the bytes; a second call does nothing. Whoever read them from a folder at that moment can finish. Since equal
    /// bytes are kept once, the caller must know that nobody else refers to them.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match &self.0 {
            Place::Folder(folder) => {
                let (folder, key) = (folder.clone(), key.clone());
                off_thread(move || folder.remove(&key)).await
            }
            Place::Bucket(bucket) => bucket.remove(key).await,
        }
    }

    /// At most `count` of the blobs whose keys come after `after`, in the order of keys: for walking through all of them.
    /// Fewer than `count` are the last ones.
    pub async fn list(&self, after: Option<&BlobKey>, count: usize) -> Result<Vec<Listed>, BlobError> {
        match &self.0 {
            Place::Folder(folder) => {
                let (folder, after) = (folder.clone(), after.cloned());
                off_thread(move || folder.list(after.as_ref(), count)).await
            }
            Place::Bucket(bucket) => bucket.list(after, count).await,
        }
    }

    /// Removes what writers left that died in the middle, and says how many. Those that still write aren't disturbed.
    pub async fn tidy(&self) -> Result<usize, BlobError> {
        let place = self.0.clone();
        off_thread(move || place.spool().remove_leftovers()).await
    }
}

impl Place {
    fn spool(&self) -> &Spool {
        match self {
            Place::Folder(folder) => folder.spool(),
            Place::Bucket(bucket) => bucket.spool(),
        }
    }
}

async fn open_file(
    path: PathBuf,
    range: Range<u64>,
) -> Result<Option<Opened<BoxStream<'static, io::Result<Bytes>>>>, BlobError> {
    let Some(mut file) = missing_is_none(tokio::fs::File::open(path).await)? else { return Ok(None) };
    let size = file.metadata().await?.len();
    if range.start > 0 {
        file.seek(io::SeekFrom::Start(range.start)).await?;
    }
    let length = range.end.saturating_sub(range.start);
    let stream = ReaderStream::with_capacity(file.take(length), CHUNK_BYTES).boxed();
    Ok(Some(Opened { size, stream }))
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
        Err(stopped) => Err(BlobError::Unavailable(io::Error::other(stopped))),
    }
}

//! Blobs as objects of a bucket, named by their keys.
//!
//! A body is spooled to a local file while it comes, since its name is known only at its end; then it is put in one piece or,
//! where it is large, in parts. Invariant: an object appears whole or not at all, which is the bucket's own promise.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

use crate::error::BlobError;
use crate::incoming::Incoming;
use crate::key::{BlobKey, Keyed};
use crate::spool::Spool;
use crate::{Listed, Opened, off_thread};

/// Bodies beyond this are put in parts of this size, which is what an upload holds in memory. With the 10,000 parts that
/// buckets allow, the largest body has 160 GB.
const PART_BYTES: usize = 16 << 20;

/// Blobs of one call that are sent at the same time.
const SENT_AT_ONCE: usize = 4;

#[derive(Debug)]
pub(crate) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    spool: Arc<Spool>,
}

impl Bucket {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, prefix: &str, spool: Spool) -> Bucket {
        Bucket { store, prefix: Path::from(prefix), spool: Arc::new(spool) }
    }

    /// Finds out whether the bucket can be asked at all, so that a wrong name or key is told at the start.
    pub(crate) async fn probe(&self) -> Result<(), BlobError> {
        self.size(&BlobKey::of(b"")).await.map(drop)
    }

    fn path(&self, key: &BlobKey) -> Path {
        self.prefix.clone().join(key.as_str())
    }

    pub(crate) fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Bytes that are there already are not sent again. Two writers of the same bytes replace equal with equal.
    pub(crate) async fn put(&self, blob: &Keyed) -> Result<(), BlobError> {
        let (key, size) = (blob.key(), blob.bytes().len() as u64);
        if self.size(key).await?.is_none() {
            self.send(key, size, Source::Memory(blob.bytes().clone())).await?;
        }
        Ok(())
    }

    pub(crate) async fn put_all(&self, all: &[Keyed]) -> Result<(), BlobError> {
        let sending = stream::iter(all).map(Ok::<_, BlobError>);
        sending.try_for_each_concurrent(SENT_AT_ONCE, |blob| self.put(blob)).await
    }

    /// Gives spooled bytes their name.
    pub(crate) async fn keep(&self, incoming: Incoming) -> Result<(BlobKey, u64), BlobError> {
        let (key, size) = incoming.measured();
        if self.size(&key).await?.is_none() {
            self.send(&key, size, Source::Spooled(Some(incoming))).await?;
        }
        Ok((key, size))
    }

    async fn send(&self, key: &BlobKey, size: u64, mut source: Source) -> Result<(), BlobError> {
        let path = self.path(key);
        if size <= PART_BYTES as u64 {
            let whole = source.read(0).await?;
            self.store.put(&path, PutPayload::from_bytes(whole)).await.map_err(unavailable)?;
            return Ok(());
        }
        let mut upload = self.store.put_multipart(&path).await.map_err(unavailable)?;
        let sent = send_parts(upload.as_mut(), size, source).await;
        if sent.is_err() {
            // Best effort: what the bucket can't forget now, its own rule for unfinished uploads removes.
            let _ = upload.abort().await;
        }
        sent
    }

    pub(crate) async fn get(&self, key: &BlobKey) -> Result<Option<Bytes>, BlobError> {
        let Some(found) = missing_is_none(self.store.get(&self.path(key)).await)? else { return Ok(None) };
        Ok(Some(found.bytes().await.map_err(unavailable)?))
    }

    pub(crate) async fn open_range(
        &self,
        key: &BlobKey,
        range: Range<u64>,
    ) -> Result<Option<Opened<BoxStream<'static, io::Result<Bytes>>>>, BlobError> {
        let empty = |size| Opened { size, stream: stream::empty().boxed() };
        let first = range.start;
        let wanted = match range {
            Range { start, end } if start >= end => return Ok(self.size(key).await?.map(empty)),
            Range { start: 0, end: u64::MAX } => None,
            Range { start, end: u64::MAX } => Some(GetRange::Offset(start)),
            bounded => Some(GetRange::Bounded(bounded)),
        };
        let options = GetOptions { range: wanted, ..GetOptions::default() };
        match missing_is_none(self.store.get_opts(&self.path(key), options).await) {
            Ok(found) => Ok(found.map(|found| Opened {
                size: found.meta.size,
                stream: found.into_stream().map_err(io::Error::other).boxed(),
            })),
            // A bucket refuses to answer where the range begins beyond the end.
            Err(error) => match self.size(key).await? {
                Some(size) if first >= size => Ok(Some(empty(size))),
                _ => Err(error),
            },
        }
    }

    pub(crate) async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        Ok(missing_is_none(self.store.head(&self.path(key)).await)?.map(|meta| meta.size))
    }

    pub(crate) async fn remove(&self, key: &BlobKey) -> Result<(), BlobError> {
        missing_is_none(self.store.delete(&self.path(key)).await).map(drop)
    }

    pub(crate) async fn list(&self, after: Option<&BlobKey>, count: usize) -> Result<Vec<Listed>, BlobError> {
        let objects = match after {
            Some(key) => self.store.list_with_offset(Some(&self.prefix), &self.path(key)),
            None => self.store.list(Some(&self.prefix)),
        };
        let ours = objects.try_filter_map(async |meta| {
            let key = meta.location.filename().and_then(BlobKey::parse);
            Ok(key.map(|key| Listed { key, written_at: meta.last_modified.into() }))
        });
        ours.take(count).try_collect().await.map_err(unavailable)
    }
}

/// Where the bytes that are sent come from.
enum Source {
    Memory(Bytes),
    /// `None` only while another thread reads.
    Spooled(Option<Incoming>),
}

impl Source {
    /// A part's worth of bytes from `start` on; fewer at the end.
    async fn read(&mut self, start: u64) -> Result<Bytes, BlobError> {
        match self {
            Source::Memory(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(start..bytes.len().min(start + PART_BYTES)))
            }
            Source::Spooled(spooled) => {
                let Some(mut incoming) = spooled.take() else {
                    return Err(io::Error::other("the spooled bytes could not be read").into());
                };
                let (incoming, part) =
                    off_thread(move || incoming.read_back(start, PART_BYTES).map(|part| (incoming, part))).await?;
                *spooled = Some(incoming);
                Ok(part)
            }
        }
    }
}

async fn send_parts(upload: &mut dyn MultipartUpload, size: u64, mut source: Source) -> Result<(), BlobError> {
    let mut start = 0;
    while start < size {
        let part = source.read(start).await?;
        if part.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        start += part.len() as u64;
        upload.put_part(PutPayload::from_bytes(part)).await.map_err(unavailable)?;
    }
    upload.complete().await.map_err(unavailable)?;
    Ok(())
}

fn missing_is_none<T>(result: object_store::Result<T>) -> Result<Option<T>, BlobError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

fn unavailable(error: Error) -> BlobError {
    BlobError::Unavailable(io::Error::other(error))
}

//! Files into a ZIP while it is sent: nothing is compressed, for pictures are already, and one file is in memory at a time.

use std::collections::{HashMap, HashSet};
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use plantain_blobs::{BlobKey, Blobs};

/// A file to be packed.
#[derive(Clone, Debug)]
pub struct Packed {
    pub key: BlobKey,
    /// May have folders.
    pub name: String,
    pub at: Timestamp,
}

/// The names, each as often as it comes, told apart by a number before the extension.
pub fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let (mut taken, mut next) = (HashSet::new(), HashMap::new());
    let free = |name: &str| {
        let (stem, extension) =
            name.rsplit_once('.').map_or((name, String::new()), |(stem, end)| (stem, format!(".{end}")));
        // Systems that know no small letters would write one over the other.
        let number: &mut u32 = next.entry(name.to_lowercase()).or_insert(1);
        loop {
            let free = if *number == 1 { name.to_owned() } else { format!("{stem}-{number}{extension}") };
            *number += 1;
            if taken.insert(free.to_lowercase()) {
                return free;
            }
        }
    };
    names.map(free).collect()
}

/// The ZIP, piece by piece. A file that is gone ends it with an error, so that nobody takes a part for the whole.
pub fn stream(blobs: Blobs, files: Vec<Packed>) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    stream_with(blobs, files, Vec::new(), Timestamp::UNIX_EPOCH)
}

/// As [`stream`], with small files of its own, made at `at`, after the others.
pub fn stream_with(
    blobs: Blobs,
    files: Vec<Packed>,
    own: Vec<(String, Bytes)>,
    at: Timestamp,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let begun = (Some(Packer::new()), files.into_iter(), own.into_iter());
    stream::try_unfold(begun, move |(packer, mut files, mut own)| {
        let blobs = blobs.clone();
        async move {
            let Some(mut packer) = packer else { return Ok(None) };
            let Some(file) = files.next() else {
                let Some((name, bytes)) = own.next() else {
                    return Ok(Some((packer.finish()?, (None, files, own))));
                };
                let piece = packer.add(&name, at, &bytes)?;
                return Ok(Some((piece, (Some(packer), files, own))));
            };
            let gone = || io::Error::new(io::ErrorKind::NotFound, "a picture was removed while it was packed");
            let bytes = blobs.get(&file.key).await.map_err(io::Error::other)?.ok_or_else(gone)?;
            let piece = packer.add(&file.name, file.at, &bytes)?;
            Ok(Some((piece, (Some(packer), files, own))))
        }
    })
}

/// Writes a ZIP into memory and hands out what is final. Sizes are known before a file's bytes leave, so that every reader
/// understands it.
struct Packer {
    zip: ZipWriter<Tail>,
    tail: Tail,
}

impl Packer {
    fn new() -> Packer {
        let tail = Tail::default();
        Packer { zip: ZipWriter::new(tail.clone()), tail }
    }

    /// Everything before this file.
    fn add(&mut self, name: &str, at: Timestamp, bytes: &[u8]) -> io::Result<Bytes> {
        let begins = self.tail.position();
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(dos_time(at))
            .unix_permissions(0o644);
        // Ends the file before, whose header is written again then.
        self.zip.start_file(name, options).map_err(io::Error::other)?;
        let ready = self.tail.take_until(begins);
        self.zip.write_all(bytes)?;
        Ok(ready)
    }

    fn finish(self) -> io::Result<Bytes> {
        self.zip.finish().map_err(io::Error::other)?;
        Ok(self.tail.take_until(u64::MAX))
    }
}

/// ZIP keeps local time without a zone; UTC is what a server can say. Years before 1980 don't exist there.
fn dos_time(at: Timestamp) -> DateTime {
    let at = at.to_zoned(TimeZone::UTC).datetime();
    let unsigned = |part: i8| part.unsigned_abs();
    let time = DateTime::from_date_and_time(
        at.year().unsigned_abs(),
        unsigned(at.month()),
        unsigned(at.day()),
        unsigned(at.hour()),
        unsigned(at.minute()),
        unsigned(at.second()),
    );
    time.unwrap_or_default()
}

/// The end of a file whose beginning has been handed out.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<Buffer>>);

#[derive(Default)]
struct Buffer {
    /// Bytes that were handed out.
    before: u64,
    rest: Cursor<Vec<u8>>,
}

impl Tail {
    fn with<T>(&self, work: impl FnOnce(&mut Buffer) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn position(&self) -> u64 {
        self.with(|buffer| buffer.before + buffer.rest.position())
    }

    /// Everything before `end`, which nobody goes back to.
    fn take_until(&self, end: u64) -> Bytes {
        self.with(|buffer| {
            let all = buffer.rest.get_ref().len();
            let taken = usize::try_from(end.saturating_sub(buffer.before)).unwrap_or(all).min(all);
            let position = buffer.rest.position().saturating_sub(taken as u64);
            let kept = buffer.rest.get_mut().split_off(taken);
            let ready = std::mem::replace(buffer.rest.get_mut(), kept);
            buffer.rest.set_position(position);
            buffer.before += taken as u64;
            ready.into()
        })
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|buffer| buffer.rest.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Tail {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.with(|buffer| {
            let to = match to {
                SeekFrom::Start(at) => {
                    let handed_out = || io::Error::other("that part of the ZIP has been sent");
                    SeekFrom::Start(at.checked_sub(buffer.before).ok_or_else(handed_out)?)
                }
                relative => relative,
            };
            Ok(buffer.before + buffer.rest.seek(to)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use futures_util::TryStreamExt as _;
    use zip::ZipArchive;

    use super::*;

    #[test]
    fn names_that_clash_are_numbered() {
        let names = ["a.jpg", "b/a.jpg", "A.jpg", "a.jpg", "a-2.jpg", "x"];
        let told = ["a.jpg", "b/a.jpg", "A-2.jpg", "a-3.jpg", "a-2-2.jpg", "x"];
        assert_eq!(distinct(names.into_iter()), told);
    }

    #[tokio::test]
    async fn a_zip_holds_every_file_whole_and_no_more_than_one_is_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::folder(folder.path().to_owned()).await.unwrap();
        let mut files = Vec::new();
        for n in 0..5u8 {
            let key = blobs.put(vec![n; 100_000].into()).await.unwrap();
            files.push(Packed { key, name: format!("f/कप {n}.jpg"), at: "2026-11-29T08:00:02Z".parse().unwrap() });
        }
        let pieces: Vec<Bytes> = stream(blobs.clone(), files.clone()).try_collect().await.unwrap();
        assert!(pieces.iter().all(|piece| piece.len() < 110_000), "one file at a time");
        let mut zip = ZipArchive::new(Cursor::new(pieces.concat())).unwrap();
        assert_eq!(zip.len(), 5);
        for (n, packed) in files.iter().enumerate() {
            let mut file = zip.by_index(n).unwrap();
            assert_eq!((&*file.name().unwrap(), file.size()), (packed.name.as_str(), 100_000));
            assert_eq!(file.last_modified().map(|at| (at.year(), at.second())), Some((2026, 2)));
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            assert!(bytes.iter().all(|byte| usize::from(*byte) == n));
        }
        blobs.delete(&files[3].key).await.unwrap();
        assert!(stream(blobs, files).try_collect::<Vec<_>>().await.is_err(), "no part is taken for the whole");
    }
}

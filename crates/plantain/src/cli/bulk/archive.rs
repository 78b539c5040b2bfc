//! What is handed in: a ZIP as it is, or a folder that becomes one while it is sent.
//!
//! A thread reads the disk and feeds a few pieces ahead; what waits for the network is never more than those.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{Stream, stream};
use plantain_studio::bulk::archive::{ARCHIVE_BYTES_MAX, PHOTOS_MAX};
use tokio::sync::mpsc::{self, Sender};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Bytes of a piece, and how many may wait.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_AHEAD: usize = 8;

/// How deep folders may lie in one another; a loop of links has no end.
const DEPTH_MAX: usize = 32;

/// A ZIP or a folder that was looked at.
#[derive(Clone, Debug)]
pub struct Archive {
    pub path: PathBuf,
    /// What the studio is told.
    pub file_name: String,
    /// Bytes that will be read.
    pub bytes: u64,
    contents: Contents,
}

#[derive(Clone, Debug)]
enum Contents {
    Zip,
    /// Paths in the archive, and files on the disk.
    Folder(Vec<(String, PathBuf)>),
}

/// Why it can't be handed in.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("{path} can't be read: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("there is no file in {path}; name a folder of photos")]
    Empty { path: PathBuf },
    #[error("{path} holds more than {PHOTOS_MAX} files; hand them in as several folders")]
    TooMany { path: PathBuf },
    #[error("{path} is larger than 2 GB; hand it in in several parts")]
    TooLarge { path: PathBuf },
}

impl Archive {
    /// Looks at names and sizes; nothing is read yet. Pictures that lie at `out` are no photos, even in the folder itself.
    pub fn look(path: &Path, out: &Path) -> Result<Archive, ArchiveError> {
        let unreadable = |source| ArchiveError::Unreadable { path: path.to_owned(), source };
        let about = fs::metadata(path).map_err(unreadable)?;
        let name = fs::canonicalize(path).map_err(unreadable)?;
        let name = name.file_name().map_or_else(|| "photos".to_owned(), |name| name.to_string_lossy().into_owned());
        let (contents, bytes, file_name) = if about.is_dir() {
            let mut files = Vec::new();
            // What is not there yet is not met.
            let out = fs::canonicalize(out).ok();
            walk(path, "", out.as_deref(), DEPTH_MAX, &mut files).map_err(unreadable)?;
            if files.len() > PHOTOS_MAX {
                return Err(ArchiveError::TooMany { path: path.to_owned() });
            }
            let size = |(_, file): &(String, PathBuf)| fs::metadata(file).map(|about| about.len());
            let bytes = files.iter().map(size).sum::<io::Result<u64>>().map_err(unreadable)?;
            if files.is_empty() {
                return Err(ArchiveError::Empty { path: path.to_owned() });
            }
            (Contents::Folder(files), bytes, format!("{name}.zip"))
        } else {
            (Contents::Zip, about.len(), name)
        };
        match bytes > ARCHIVE_BYTES_MAX {
            true => Err(ArchiveError::TooLarge { path: path.to_owned() }),
            false => Ok(Archive { path: path.to_owned(), file_name, bytes, contents }),
        }
    }

    /// The ZIP, piece by piece; `read` is told the size of each.
    pub fn stream(self, read: impl Fn(u64) + Send + 'static) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        // It ends with the last piece, or as soon as nobody listens any more.
        std::thread::spawn(move || {
            let mut pieces = BufWriter::with_capacity(PIECE_BYTES, Pieces(sender.clone()));
            if let Err(error) = self.write(&mut pieces).and_then(|()| pieces.flush()) {
                // Nobody may be there to hear it.
                let _ = sender.blocking_send(Err(error));
            }
        });
        stream::unfold((receiver, read), |(mut receiver, read)| async move {
            let piece: io::Result<Bytes> = receiver.recv().await?;
            read(piece.as_ref().map_or(0, |piece| piece.len() as u64));
            Some((piece, (receiver, read)))
        })
    }

    fn write(&self, into: &mut impl Write) -> io::Result<()> {
        match &self.contents {
            Contents::Zip => io::copy(&mut File::open(&self.path)?, into).map(drop),
            Contents::Folder(files) => pack(files, into),
        }
    }
}

/// Nothing is packed tighter, for photos are already.
fn pack(files: &[(String, PathBuf)], into: &mut impl Write) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(into);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, path) in files {
        zip.start_file(name.as_str(), options).map_err(io::Error::other)?;
        io::copy(&mut File::open(path)?, &mut zip)?;
    }
    zip.finish().map(drop).map_err(io::Error::other)
}

/// Files in the order of their names, without `out` and what systems leave in folders. Links to folders are not followed.
fn walk(
    folder: &Path,
    below: &str,
    out: Option<&Path>,
    depth: usize,
    found: &mut Vec<(String, PathBuf)>,
) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "__MACOSX" {
            continue;
        }
        let inside = if below.is_empty() { name } else { format!("{below}/{name}") };
        let path = entry.path();
        if out.is_some_and(|out| fs::canonicalize(&path).is_ok_and(|path| path == out)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if depth > 0 {
                walk(&path, &inside, out, depth - 1, found)?;
            }
        } else if path.is_file() {
            found.push((inside, path));
        }
    }
    Ok(())
}

/// A writer whose writes are pieces for somebody who waits for them.
struct Pieces(Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use futures_util::TryStreamExt;
    use zip::ZipArchive;

    use super::*;

    async fn sent(archive: Archive) -> Vec<u8> {
        let pieces: Vec<Bytes> = archive.stream(|_| {}).try_collect().await.unwrap();
        pieces.concat()
    }

    #[tokio::test]
    async fn a_folder_becomes_an_archive_on_its_way_and_a_zip_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let shoes = folder.path().join("shoes");
        fs::create_dir_all(shoes.join("red")).unwrap();
        let large = vec![7; 3 * PIECE_BYTES + 5];
        for (name, bytes) in [("2.jpg", &b"two"[..]), ("red/1.jpg", &large), (".DS_Store", b"x"), ("red/.x", b"x")] {
            fs::write(shoes.join(name), bytes).unwrap();
        }
        let archive = Archive::look(&shoes, Path::new("none")).unwrap();
        assert_eq!((archive.file_name.as_str(), archive.bytes), ("shoes.zip", large.len() as u64 + 3));
        let bytes = sent(archive).await;
        let mut zip = ZipArchive::new(Cursor::new(bytes.clone())).unwrap();
        assert_eq!(zip.file_names().map(|name| name.unwrap()).collect::<Vec<_>>(), ["2.jpg", "red/1.jpg"]);
        let mut read = Vec::new();
        zip.by_name("red/1.jpg").unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, large);
        let file = folder.path().join("a.zip");
        fs::write(&file, &bytes).unwrap();
        assert_eq!(sent(Archive::look(&file, Path::new("none")).unwrap()).await, bytes);
    }

    #[test]
    fn what_an_earlier_run_made_of_a_folder_is_not_handed_in_with_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["mug.jpg", "plantain-out/report.csv", "plantain-out/mug/1.jpg", "red/all.zip", "red/mug.jpg"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let beside = folder.path().join("red/../plantain-out");
        let link = folder.path().join("pictures");
        std::os::unix::fs::symlink("plantain-out", &link).unwrap();
        for (source, out, packed) in [
            (folder.path(), beside.as_path(), &["mug.jpg", "red/all.zip", "red/mug.jpg"][..]),
            (folder.path(), &link, &["mug.jpg", "red/all.zip", "red/mug.jpg"]),
            (&folder.path().join("red"), &folder.path().join("red/all.zip"), &["mug.jpg"]),
            (&folder.path().join("red"), folder.path(), &["all.zip", "mug.jpg"]),
            (&folder.path().join("red"), &folder.path().join("none"), &["all.zip", "mug.jpg"]),
        ] {
            let Contents::Folder(files) = Archive::look(source, out).unwrap().contents else { panic!("no folder") };
            assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), packed, "{}", out.display());
        }
    }

    #[test]
    fn what_can_not_be_handed_in_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &Path| Archive::look(path, Path::new("none")).unwrap_err().to_string();
        assert!(said(folder.path()).contains("there is no file in"));
        assert!(said(&folder.path().join("none.zip")).contains("can't be read"));
        let large = folder.path().join("large.zip");
        File::create(&large).unwrap().set_len(ARCHIVE_BYTES_MAX + 1).unwrap();
        assert!(said(&large).contains("larger than 2 GB"));
    }
}

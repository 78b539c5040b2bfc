//! The folder store over a real folder.

use std::convert::Infallible;
use std::path::Path;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use plantain_blobs::{BlobError, BlobKey, Blobs, PutError};
use tempfile::TempDir;

struct Place {
    dir: TempDir,
    blobs: Blobs,
}

async fn place() -> Place {
    let dir = TempDir::new().unwrap();
    let blobs = Blobs::folder(dir.path().join("data/blobs")).await.unwrap();
    Place { dir, blobs }
}

/// Names of all regular files below `path`.
fn files(path: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => names.extend(files(&entry.path())),
            false => names.push(entry.file_name().into_string().unwrap()),
        }
    }
    names.sort();
    names
}

fn chunks(parts: &[&'static [u8]]) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> + use<> {
    stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
}

#[tokio::test]
async fn bytes_come_back_and_equal_bytes_are_kept_once() {
    let Place { dir, blobs } = place().await;
    let key = blobs.put(Bytes::from_static(b"a picture")).await.unwrap();
    assert_eq!(blobs.put(Bytes::from_static(b"a picture")).await.unwrap(), key);
    assert_eq!(blobs.get(&key).await.unwrap().unwrap(), "a picture");
    assert_eq!(blobs.size(&key).await.unwrap(), Some(9));
    assert_eq!(files(dir.path()), [key.as_str()]);
    assert!(dir.path().join("data/blobs").join(&key.as_str()[..2]).join(key.as_str()).is_file());
}

#[tokio::test]
async fn a_store_opened_again_still_has_everything() {
    let Place { dir, blobs } = place().await;
    let key = blobs.put(Bytes::from_static(b"kept")).await.unwrap();
    drop(blobs);
    let again = Blobs::folder(dir.path().join("data/blobs")).await.unwrap();
    assert_eq!(again.get(&key).await.unwrap().unwrap(), "kept");
}

#[tokio::test]
async fn what_is_not_there_is_none_and_deleting_twice_is_fine() {
    let Place { dir, blobs } = place().await;
    let unknown = BlobKey::of(b"never seen");
    assert_eq!(blobs.get(&unknown).await.unwrap(), None);
    assert_eq!(blobs.size(&unknown).await.unwrap(), None);
    assert_eq!(blobs.get_range(&unknown, 0..5).await.unwrap(), None);
    assert!(blobs.open(&unknown).await.unwrap().is_none());
    let key = blobs.put(Bytes::from_static(b"gone soon")).await.unwrap();
    blobs.delete(&key).await.unwrap();
    blobs.delete(&key).await.unwrap();
    assert_eq!(blobs.get(&key).await.unwrap(), None);
    assert!(files(dir.path()).is_empty());
}

#[tokio::test]
async fn ranges_are_cut_off_at_the_end() {
    let Place { blobs, dir: _dir } = place().await;
    let key = blobs.put(Bytes::from_static(b"0123456789")).await.unwrap();
    for (range, expected) in [(0..3, "012"), (7..10, "789"), (8..100, "89"), (10..12, ""), (50..60, ""), (4..4, "")] {
        assert_eq!(blobs.get_range(&key, range.clone()).await.unwrap().unwrap(), expected, "{range:?}");
    }
}

#[tokio::test]
async fn a_stream_is_kept_under_the_key_of_the_whole() {
    let Place { blobs, dir: _dir } = place().await;
    let (key, size) = blobs.put_stream(chunks(&[b"a ", b"", b"picture"]), 9).await.unwrap();
    assert_eq!((key.clone(), size), (BlobKey::of(b"a picture"), 9));
    let opened = blobs.open(&key).await.unwrap().unwrap();
    assert_eq!(opened.size, 9);
    let read: Vec<Bytes> = opened.stream.map(|chunk| chunk.unwrap()).collect().await;
    assert_eq!(read.concat(), b"a picture");
}

#[tokio::test]
async fn large_streams_are_written_piece_by_piece() {
    let Place { blobs, dir: _dir } = place().await;
    let megabyte = Bytes::from(vec![7_u8; 1 << 20]);
    let source = stream::iter(vec![Ok::<_, Infallible>(megabyte); 3]);
    let (key, size) = blobs.put_stream(source, 3 << 20).await.unwrap();
    assert_eq!((key, size), (BlobKey::of(&vec![7_u8; 3 << 20]), 3 << 20));
}

#[tokio::test]
async fn a_stream_that_is_too_long_or_breaks_off_leaves_nothing() {
    let Place { dir, blobs } = place().await;
    let long = blobs.put_stream(chunks(&[b"12345", b"67890"]), 9).await.unwrap_err();
    assert!(matches!(long, PutError::TooLarge { max_bytes: 9 }), "{long:?}");
    let broken = stream::iter([Ok(Bytes::from_static(b"half a")), Err("the line dropped")]);
    let broken = blobs.put_stream(broken, 100).await.unwrap_err();
    assert!(matches!(broken, PutError::Source("the line dropped")), "{broken:?}");
    assert!(files(dir.path()).is_empty());
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_leaves_nothing() {
    let Place { dir, blobs } = place().await;
    let (asked, mut was_asked) = tokio::sync::mpsc::channel(1);
    let root = dir.path().to_owned();
    // The stream is asked for more only after the file has been opened.
    let endless = stream::once(async move {
        asked.send(files(&root).len()).await.unwrap();
        std::future::pending::<Result<Bytes, Infallible>>().await
    });
    tokio::select! {
        _ = blobs.put_stream(endless, 100) => panic!("the stream never ends"),
        open = was_asked.recv() => assert_eq!(open, Some(1)),
    }
    assert!(files(dir.path()).is_empty());
}

#[tokio::test]
async fn leftovers_of_a_dead_writer_are_removed_and_those_of_a_living_one_are_not() {
    let Place { dir, blobs: _blobs } = place().await;
    let root = dir.path().join("data/blobs");
    std::fs::write(root.join("incoming/4711-1"), b"half a pict").unwrap();
    let living = std::fs::File::create(root.join("incoming/4712-1")).unwrap();
    living.lock().unwrap();
    Blobs::folder(root.clone()).await.unwrap();
    assert_eq!(files(&root), ["4712-1"]);
    drop(living);
    Blobs::folder(root.clone()).await.unwrap();
    assert!(files(&root).is_empty());
}

#[tokio::test]
async fn many_writers_of_the_same_bytes_agree() {
    let Place { dir, blobs } = place().await;
    let writes = (0..16).map(|_| blobs.put(Bytes::from_static(b"the same")));
    let keys = futures_util::future::try_join_all(writes).await.unwrap();
    assert!(keys.iter().all(|key| *key == BlobKey::of(b"the same")));
    assert_eq!(files(dir.path()), [keys[0].as_str()]);
}

#[tokio::test]
async fn a_place_that_is_no_folder_is_an_error() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("file"), b"").unwrap();
    let refused = Blobs::folder(dir.path().join("file")).await.unwrap_err();
    assert!(matches!(refused, BlobError::Unavailable(_)), "{refused:?}");
}

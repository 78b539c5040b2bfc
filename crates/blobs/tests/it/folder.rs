//! What only a folder does: its layout, its leftovers.

use std::convert::Infallible;
use std::path::Path;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use plantain_blobs::{BlobError, Blobs, PutError};
use tempfile::TempDir;

use crate::conformance::chunks;

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
    // The stream is asked for more only after what came so far has been written.
    let asking = stream::once(async move {
        asked.send(files(&root).len()).await.unwrap();
        std::future::pending::<Result<Bytes, Infallible>>().await
    });
    let endless = stream::iter([Ok(Bytes::from(vec![7; 1 << 20]))]).chain(asking);
    tokio::select! {
        _ = blobs.put_stream(endless, 1 << 21) => panic!("the stream never ends"),
        open = was_asked.recv() => assert_eq!(open, Some(1)),
    }
    assert!(files(dir.path()).is_empty());
}

#[tokio::test]
async fn a_small_stream_has_no_file_before_all_of_it_is_there() {
    let Place { dir, blobs } = place().await;
    let (asked, was_asked) = tokio::sync::oneshot::channel();
    let root = dir.path().to_owned();
    let last = stream::once(async move {
        asked.send(files(&root)).unwrap();
        Ok::<_, Infallible>(Bytes::from_static(b"picture"))
    });
    let small = stream::iter([Ok(Bytes::from_static(b"a "))]).chain(last);
    let (key, size) = blobs.put_stream(small, 9).await.unwrap();
    assert_eq!(was_asked.await.unwrap(), [] as [String; 0]);
    assert_eq!((blobs.get(&key).await.unwrap().unwrap(), size), (Bytes::from_static(b"a picture"), 9));
    assert_eq!(files(dir.path()), [key.as_str()]);
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
async fn a_place_that_is_no_folder_is_an_error() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("file"), b"").unwrap();
    let refused = Blobs::folder(dir.path().join("file")).await.unwrap_err();
    assert!(matches!(refused, BlobError::Unavailable(_)), "{refused:?}");
}

#[tokio::test]
async fn scratch_is_read_from_its_beginning_and_leaves_nothing() {
    let Place { dir, blobs } = place().await;
    let scratch = blobs.scratch(chunks(&[b"an ", b"archive"]), 10).await.unwrap();
    for _ in 0..2 {
        assert_eq!(std::io::read_to_string(scratch.open().unwrap()).unwrap(), "an archive");
    }
    assert_eq!(blobs.list(None, 9).await.unwrap(), [], "it is no blob");
    drop(scratch);
    let long = blobs.scratch(chunks(&[b"an ", b"archive!"]), 10).await;
    assert!(matches!(long, Err(PutError::TooLarge { max_bytes: 10 })), "{long:?}");
    assert_eq!(files(dir.path()), [] as [String; 0]);
}

//! The promises that hold wherever blobs are kept.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use plantain_blobs::{BlobKey, Blobs, Keyed, PutError};

use crate::places::everywhere;

pub fn chunks(parts: &[&'static [u8]]) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> + use<> {
    stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
}

async fn read(blobs: &Blobs, key: &BlobKey) -> Bytes {
    let opened = blobs.open(key).await.unwrap().unwrap();
    let size = opened.size;
    let read: Vec<Bytes> = opened.stream.map(|chunk| chunk.unwrap()).collect().await;
    let read = Bytes::from(read.concat());
    assert_eq!(read.len() as u64, size);
    read
}

#[tokio::test]
async fn bytes_come_back_and_equal_bytes_are_kept_once() {
    everywhere(async |blobs| {
        let key = blobs.put(Bytes::from_static(b"a picture")).await.unwrap();
        assert_eq!(blobs.put(Bytes::from_static(b"a picture")).await.unwrap(), key);
        let (streamed, size) = blobs.put_stream(chunks(&[b"a ", b"", b"picture"]), 9).await.unwrap();
        assert_eq!((&streamed, size), (&key, 9));
        assert_eq!(blobs.get(&key).await.unwrap().unwrap(), "a picture");
        assert_eq!(blobs.size(&key).await.unwrap(), Some(9));
        assert_eq!(read(&blobs, &key).await, "a picture");
        assert_eq!(blobs.list(None, 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn several_are_kept_in_one_go_with_those_that_are_known_and_those_that_are_equal() {
    everywhere(async |blobs| {
        blobs.put(Bytes::from_static(b"known")).await.unwrap();
        let all = ["known", "new", "", "new", "another"].map(|text| Keyed::of(Bytes::from_static(text.as_bytes())));
        blobs.put_all(all.to_vec()).await.unwrap();
        for blob in &all {
            assert_eq!(blobs.get(blob.key()).await.unwrap().as_ref(), Some(blob.bytes()));
        }
        assert_eq!(blobs.list(None, 10).await.unwrap().len(), 4);
        assert_eq!(blobs.tidy().await.unwrap(), 0);
        blobs.put_all(Vec::new()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn nothing_is_a_blob_too() {
    everywhere(async |blobs| {
        let key = blobs.put(Bytes::new()).await.unwrap();
        assert_eq!(blobs.put_stream(chunks(&[]), 9).await.unwrap(), (key.clone(), 0));
        assert_eq!(blobs.get(&key).await.unwrap().unwrap(), "");
        assert_eq!(blobs.get_range(&key, 0..10).await.unwrap().unwrap(), "");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_none_and_deleting_twice_is_fine() {
    everywhere(async |blobs| {
        let unknown = BlobKey::of(b"never seen");
        assert_eq!(blobs.get(&unknown).await.unwrap(), None);
        assert_eq!(blobs.size(&unknown).await.unwrap(), None);
        assert_eq!(blobs.get_range(&unknown, 0..5).await.unwrap(), None);
        assert_eq!(blobs.get_range(&unknown, 5..5).await.unwrap(), None);
        assert!(blobs.open(&unknown).await.unwrap().is_none());
        blobs.delete(&unknown).await.unwrap();
        let key = blobs.put(Bytes::from_static(b"gone soon")).await.unwrap();
        blobs.delete(&key).await.unwrap();
        blobs.delete(&key).await.unwrap();
        assert_eq!(blobs.get(&key).await.unwrap(), None);
        assert_eq!(blobs.list(None, 10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn ranges_are_cut_off_at_the_end() {
    everywhere(async |blobs| {
        let key = blobs.put(Bytes::from_static(b"0123456789")).await.unwrap();
        for (range, expected) in [
            (0..3, "012"),
            (7..10, "789"),
            (8..100, "89"),
            (3..u64::MAX, "3456789"),
            (10..12, ""),
            (50..60, ""),
            (50..u64::MAX, ""),
            (4..4, ""),
        ] {
            assert_eq!(blobs.get_range(&key, range.clone()).await.unwrap().unwrap(), expected, "{range:?}");
            assert_eq!(blobs.open_range(&key, range.clone()).await.unwrap().unwrap().size, 10, "{range:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn large_bodies_are_written_and_read_piece_by_piece() {
    everywhere(async |blobs| {
        // Two parts and a bit of a bucket's upload.
        let megabytes = (0..33_u8).map(|number| Bytes::from(vec![number; 1 << 20]));
        let whole = Bytes::from(megabytes.clone().collect::<Vec<_>>().concat());
        let source = stream::iter(megabytes.map(Ok::<_, Infallible>));
        let (key, size) = blobs.put_stream(source, 33 << 20).await.unwrap();
        assert_eq!((&key, size), (&BlobKey::of(&whole), 33 << 20));
        assert!(read(&blobs, &key).await == whole);
        let middle = (20 << 20) - 1..(20 << 20) + 1;
        assert_eq!(blobs.get_range(&key, middle).await.unwrap().unwrap(), &[19, 20][..]);
        blobs.delete(&key).await.unwrap();
        assert_eq!(blobs.put(whole.clone()).await.unwrap(), key);
        assert!(blobs.get(&key).await.unwrap().unwrap() == whole);
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_too_long_or_breaks_off_leaves_nothing() {
    everywhere(async |blobs| {
        let long = blobs.put_stream(chunks(&[b"12345", b"67890"]), 9).await.unwrap_err();
        assert!(matches!(long, PutError::TooLarge { max_bytes: 9 }), "{long:?}");
        let broken = stream::iter([Ok(Bytes::from_static(b"half a")), Err("the line dropped")]);
        let broken = blobs.put_stream(broken, 100).await.unwrap_err();
        assert!(matches!(broken, PutError::Source("the line dropped")), "{broken:?}");
        assert_eq!(blobs.list(None, 10).await.unwrap(), []);
        assert_eq!(blobs.tidy().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn many_writers_of_the_same_bytes_agree() {
    everywhere(async |blobs| {
        let writes = (0..16).map(|_| blobs.put_stream(chunks(&[b"the same"]), 100));
        let keys = futures_util::future::try_join_all(writes).await.unwrap();
        assert!(keys.iter().all(|(key, _)| *key == BlobKey::of(b"the same")));
        assert_eq!(blobs.get(&keys[0].0).await.unwrap().unwrap(), "the same");
    })
    .await;
}

#[tokio::test]
async fn all_blobs_can_be_walked_through_in_order_and_say_their_age() {
    everywhere(async |blobs| {
        let mut keys = Vec::new();
        for number in 0..7_u8 {
            keys.push(blobs.put(Bytes::from(vec![number])).await.unwrap());
        }
        keys.sort_unstable();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = blobs.list(after.as_ref(), 3).await.unwrap();
            after = page.last().map(|last| last.key.clone());
            let last = page.len() < 3;
            for one in page {
                assert!(one.written_at > SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000), "{one:?}");
                found.push(one.key);
            }
            if last {
                break;
            }
        }
        assert_eq!(found, keys);
        assert_eq!(blobs.list(None, 0).await.unwrap(), []);
    })
    .await;
}

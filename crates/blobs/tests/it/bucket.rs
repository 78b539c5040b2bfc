//! What only a bucket does: keys that don't fit, servers that are away, names and bodies on their way.

use std::path::Path;

use bytes::Bytes;
use plantain_blobs::{BlobError, Blobs, BucketCredentials, BucketPlace};
use plantain_outbound::transport;

use crate::places::{BUCKET, S3};

async fn open(place: &BucketPlace, spool: &Path) -> Result<Blobs, BlobError> {
    let http = transport::builder().unwrap().build().unwrap();
    Blobs::bucket(place, http, spool.to_owned()).await
}

#[tokio::test]
async fn objects_are_named_by_prefix_and_key() {
    let s3 = S3::start().await;
    let blobs = s3.blobs("shop/cdn").await;
    let key = blobs.put(Bytes::from_static(b"a picture")).await.unwrap();
    let object = s3.folder.path().join("server").join(BUCKET).join("shop/cdn").join(key.as_str());
    assert_eq!(std::fs::read(object).unwrap(), b"a picture");
    // Two prefixes are two stores.
    assert_eq!(s3.blobs("shop/studio").await.size(&key).await.unwrap(), None);
    assert_eq!(s3.blobs("").await.size(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_wrong_key_is_told_at_the_start() {
    let s3 = S3::start().await;
    let wrong = [
        BucketCredentials { secret_access_key: "guessed".into(), ..s3.place("").credentials.unwrap() },
        BucketCredentials { access_key_id: "nobody".into(), ..s3.place("").credentials.unwrap() },
    ];
    for credentials in wrong {
        let place = BucketPlace { credentials: Some(credentials), ..s3.place("") };
        let refused = open(&place, &s3.spool()).await.unwrap_err();
        assert!(matches!(refused, BlobError::Unavailable(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let s3 = S3::start().await;
    let blobs = s3.blobs("").await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = BucketPlace { endpoint: Some(format!("http://{gone}")), ..s3.place("") };
    let refused = open(&place, &s3.spool()).await.unwrap_err();
    assert!(matches!(refused, BlobError::Unavailable(_)), "{refused:?}");
    drop(blobs);
}

#[tokio::test]
async fn what_a_dead_writer_spooled_is_removed() {
    let s3 = S3::start().await;
    let blobs = s3.blobs("").await;
    std::fs::write(s3.spool().join("4711-1"), b"half a pict").unwrap();
    let living = std::fs::File::create(s3.spool().join("4712-1")).unwrap();
    living.lock().unwrap();
    assert_eq!(blobs.tidy().await.unwrap(), 1);
    drop(living);
    s3.blobs("").await;
    assert_eq!(std::fs::read_dir(s3.spool()).unwrap().count(), 0);
}

#[test]
fn secrets_are_not_shown() {
    let credentials = BucketCredentials {
        access_key_id: "AKID".into(),
        secret_access_key: "hunter2".into(),
        session_token: Some("hunter3".into()),
    };
    let place = BucketPlace {
        bucket: "b".into(),
        prefix: String::new(),
        region: None,
        endpoint: None,
        credentials: Some(credentials),
    };
    let shown = format!("{place:?}");
    assert!(shown.contains("AKID") && !shown.contains("hunter"), "{shown}");
}

//! Where the bytes of each half are kept: in a folder of its own, or in a bucket under a name of its own.
//!
//! Apart, since the queue removes bytes that no file of its own stands for, and equal bytes are kept once.

use std::time::Duration;

use anyhow::Context as _;
use plantain_blobs::{Blobs, BucketPlace};
use plantain_outbound::transport;

use crate::config::bucket::BlobPlace;
use crate::data::DataFolder;

/// What a bucket may take between two pieces of an answer.
const SILENCE_MAX: Duration = Duration::from_secs(30);

pub(super) struct Bytes {
    pub(super) studio: Blobs,
    pub(super) queue: Blobs,
}

impl Bytes {
    pub(super) async fn open(place: &BlobPlace, data: &DataFolder) -> anyhow::Result<Bytes> {
        Ok(match place {
            BlobPlace::Folder => Bytes {
                studio: Blobs::folder(data.path("blobs")).await?,
                queue: Blobs::folder(data.path("cdn")).await?,
            },
            BlobPlace::Bucket(place) => {
                Bytes { studio: bucket(place, "studio", data).await?, queue: bucket(place, "cdn", data).await? }
            }
        })
    }
}

async fn bucket(place: &BucketPlace, half: &str, data: &DataFolder) -> anyhow::Result<Blobs> {
    let prefix = [place.prefix.as_str(), half].join("/");
    let place = BucketPlace { prefix: prefix.trim_start_matches('/').to_owned(), ..place.clone() };
    let http =
        transport::builder()?.read_timeout(SILENCE_MAX).build().context("the HTTP client could not be set up")?;
    let spool = data.path(&format!("spool-{half}"));
    let opened = Blobs::bucket(&place, http, spool).await;
    opened.with_context(|| format!("BLOB_URL: the bucket {} can't be used", place.bucket))
}

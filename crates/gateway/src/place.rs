//! A place for one file that is to come: where it will be read, whose it is, how long it lives and who may read it.

use http::HeaderMap;
use jiff::Timestamp;
use plantain_blobs::BlobKey;
use plantain_queue::model::FileRecord;
use plantain_queue::store::StoreError;
use plantain_wire::header;
use plantain_wire::id::UserId;
use plantain_wire::options::{Expiry, Lifecycle};
use plantain_work::{clock, random};
use url::Url;

use crate::refusal::Refusal;
use crate::{Gateway, content_type};

/// The longest wish about a file's life, in bytes. It is carried in upload addresses, which proxies cut off at 8 KB.
const LIFECYCLE_BYTES_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Unguessable; part of the address under which the file can be read.
    pub(crate) id: String,
    pub(crate) name: String,
    /// As the uploader declares it.
    pub(crate) content_type: String,
    pub(crate) owner: UserId,
    pub(crate) lifecycle: Option<Lifecycle>,
}

impl Place {
    pub(crate) fn new(name: String, content_type: String, owner: UserId, lifecycle: Option<Lifecycle>) -> Place {
        Place { id: hex::encode(random::bytes::<16>()), name, content_type, owner, lifecycle }
    }

    /// Where the file will be read.
    pub(crate) fn file_url(&self, cdn: &Url) -> Url {
        let mut url = cdn.clone();
        url.set_path(&format!("{}/files/b/{}/{}", cdn.path().trim_end_matches('/'), self.id, self.name));
        url
    }

    fn record(&self, blob: &BlobKey, size: u64, head: &[u8], now: Timestamp) -> FileRecord {
        let lifecycle = self.lifecycle.clone().unwrap_or_default();
        FileRecord {
            id: self.id.clone(),
            name: self.name.clone(),
            content_type: content_type::of(&self.content_type, head).to_owned(),
            blob: blob.as_str().to_owned(),
            size,
            created_at: now,
            expires_at: match lifecycle.expiry {
                Expiry::After(life) => Some(clock::after(now, life)),
                Expiry::Never | Expiry::Unsaid => None,
            },
            owner: Some(self.owner.clone()),
            access: lifecycle.access,
        }
    }

    /// Makes a file of bytes that were written. Of several at once for the same place, the first that ends is kept; others
    /// must be equal to it.
    pub(crate) async fn keep(
        &self,
        gateway: &Gateway,
        blob: &BlobKey,
        size: u64,
        head: &[u8],
    ) -> Result<FileRecord, Refusal> {
        let kept = gateway.engine.put_file(self.record(blob, size, head, gateway.clock.now())).await?;
        if kept.blob != blob.as_str() {
            return Err(Refusal::UploadTaken);
        }
        // From the commit on nobody removes the bytes, but a removal may have ended since they were found to be there.
        if gateway.blobs.size(blob).await?.is_none() {
            gateway.engine.store().forget_file(&kept.id).await?;
            return Err(StoreError::Unavailable("the bytes were removed while they were referred to".into()).into());
        }
        Ok(kept)
    }
}

/// What the uploader wishes, under either of the header's names. What can't be read is ignored, as fal ignores it.
pub(crate) fn lifecycle(headers: &HeaderMap) -> Result<Option<Lifecycle>, Refusal> {
    for name in [header::OBJECT_LIFECYCLE, header::OBJECT_LIFECYCLE_PREFERENCE] {
        let Some(json) = headers.get(name).and_then(|value| value.to_str().ok()) else { continue };
        if json.len() > LIFECYCLE_BYTES_MAX {
            // Ignored, it could make a secret file public.
            return Err(Refusal::Unreadable { name, expected: "JSON of at most 4096 bytes" });
        }
        if let Some(read) = Lifecycle::parse(json) {
            return Ok(Some(read));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<Option<Lifecycle>, Refusal> {
        lifecycle(
            &pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect(),
        )
    }

    #[test]
    fn wishes_are_read_under_either_name_and_nonsense_is_ignored() {
        let minute = Some(Lifecycle { expiry: Expiry::After(Duration::from_secs(60)), access: None });
        let (new, old) = (header::OBJECT_LIFECYCLE, header::OBJECT_LIFECYCLE_PREFERENCE);
        let json = r#"{"expiration_duration_seconds":60}"#;
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[(new, json)]).unwrap(), minute);
        assert_eq!(read(&[(old, json)]).unwrap(), minute);
        assert_eq!(read(&[(new, "soon"), (old, json)]).unwrap(), minute);
        for nonsense in ["", "7", "[", r#"{"initial_acl":"all"}"#] {
            assert_eq!(read(&[(new, nonsense)]).unwrap(), None, "{nonsense}");
        }
        let long = format!(r#"{{"more":"{}"}}"#, "x".repeat(5000));
        assert!(matches!(read(&[(new, &long)]), Err(Refusal::Unreadable { .. })));
    }

    #[test]
    fn a_file_lives_as_long_as_was_wished_from_the_moment_it_is_there() {
        let now = Timestamp::UNIX_EPOCH;
        for (json, expected) in [
            ("{}", None),
            (r#"{"expiration_duration_seconds":null}"#, None),
            (r#"{"expiration_duration_seconds":60}"#, Some("1970-01-01T00:01:00Z")),
            (r#"{"expiration_duration_seconds":1e18}"#, Some(Timestamp::MAX.to_string().as_str())),
        ] {
            let owner = UserId::parse("u").unwrap();
            let place = Place::new("a.txt".into(), "text/plain".into(), owner, Lifecycle::parse(json));
            let record = place.record(&BlobKey::of(b""), 0, b"", now);
            assert_eq!(record.expires_at, expected.map(|at| at.parse().unwrap()), "{json}");
        }
    }
}

//! The files of the queue's own CDN, read and written without HTTP.
//!
//! Invariant: an address that is handed out can be read by everybody before it is known to anybody.

use std::sync::Arc;

use bytes::Bytes;
use plantain_blobs::{BlobError, BlobKey, Blobs};
use plantain_outbound::transport::START_BYTES_MAX;
use plantain_queue::model::FileRecord;
use plantain_queue::runner::RunTask;
use plantain_queue::store::{QueueStore, StoreError};
use plantain_wire::id::UserId;
use plantain_wire::options::{Access, Expiry, Lifecycle};
use plantain_work::{Clock, clock, random};
use url::Url;

/// What stands between a CDN's base and a file's id.
const FILES: &str = "/files/b/";

/// Cheap to clone.
#[derive(Clone)]
pub struct Files {
    blobs: Blobs,
    store: Arc<dyn QueueStore>,
    /// The first one begins the addresses that are handed out; all are recognised.
    bases: Arc<[Url]>,
    /// Names that another CDN has too.
    shared: Arc<[Url]>,
    clock: Clock,
    behalf: Behalf,
}

/// For whom files are read and written.
#[derive(Clone, Default)]
struct Behalf {
    user: Option<UserId>,
    /// Of the files that are written.
    lifecycle: Lifecycle,
}

/// What stands under an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The address is not one of ours; ask the network.
    Elsewhere,
    /// It is ours, and there is no such file, or no longer, or not for this caller.
    Missing,
    /// It is ours and larger than what was allowed, and begins like this.
    TooLarge {
        start: Bytes,
    },
    Bytes(Bytes),
}

/// The storage behind could not be used. `retryable` says whether it may work in a moment.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl FilesError {
    pub fn retryable(&self) -> bool {
        matches!(self, FilesError::Store(StoreError::Unavailable(_)) | FilesError::Blobs(BlobError::Unavailable(_)))
    }
}

impl Files {
    /// `base` is what the gateway's CDN is reached under, such as `http://127.0.0.1:8788/cdn`.
    pub fn new(blobs: Blobs, store: Arc<dyn QueueStore>, base: Url, clock: Clock) -> Files {
        Files { blobs, store, bases: Arc::new([base]), shared: Arc::new([]), clock, behalf: Behalf::default() }
    }

    /// Another name of the same CDN.
    pub fn also_known_as(self, base: Url) -> Files {
        Files { bases: self.bases.iter().cloned().chain([base]).collect(), ..self }
    }

    /// A name by which programs reach this CDN that take it for another one. What is not here may be there.
    pub fn in_place_of(self, base: Url) -> Files {
        Files { shared: self.shared.iter().cloned().chain([base]).collect(), ..self }
    }

    /// The same files as a request's runner should see them: it reads what the caller may read, and what it writes is the
    /// caller's, lives as long and is as public as the request's headers say.
    pub fn on_behalf_of(&self, task: &RunTask) -> Files {
        let lifecycle = task.options.lifecycle.clone().unwrap_or_default();
        Files { behalf: Behalf { user: Some(task.caller.user_id.clone()), lifecycle }, ..self.clone() }
    }

    /// The bytes under an address of ours, at most `max_bytes`.
    pub async fn read(&self, url: &Url, max_bytes: u64) -> Result<Found, FilesError> {
        if let Some((id, name)) = self.bases.iter().find_map(|base| named(base, url)) {
            return self.open(id, name, max_bytes).await;
        }
        let Some((id, name)) = self.shared.iter().find_map(|base| named(base, url)) else {
            return Ok(Found::Elsewhere);
        };
        match self.open(id, name, max_bytes).await? {
            Found::Missing => Ok(Found::Elsewhere),
            found => Ok(found),
        }
    }

    async fn open(&self, id: &str, name: &str, max_bytes: u64) -> Result<Found, FilesError> {
        let (now, reader) = (self.clock.now(), self.behalf.user.as_ref());
        let open = |file: &FileRecord| file.name == name && file.is_alive(now) && file.decide(reader) == Access::Allow;
        let Some(file) = self.store.file(id).await?.filter(open) else { return Ok(Found::Missing) };
        let Some(key) = BlobKey::parse(&file.blob) else { return Ok(Found::Missing) };
        if file.size > max_bytes {
            let start = self.blobs.get_range(&key, 0..START_BYTES_MAX as u64).await?;
            return Ok(start.map_or(Found::Missing, |start| Found::TooLarge { start }));
        }
        Ok(self.blobs.get(&key).await?.map_or(Found::Missing, Found::Bytes))
    }

    /// Keeps a file under a new address. `name` is plain: letters, digits, `-` and `.`. Durable when it returns.
    pub async fn write(&self, name: &str, content_type: &str, bytes: Bytes) -> Result<Url, FilesError> {
        let id = hex::encode(random::bytes::<16>());
        let size = bytes.len() as u64;
        let blob = self.blobs.put(bytes).await?;
        let now = self.clock.now();
        let expires_at = match self.behalf.lifecycle.expiry {
            Expiry::After(life) => Some(clock::after(now, life)),
            Expiry::Never | Expiry::Unsaid => None,
        };
        let record = FileRecord {
            id: id.clone(),
            name: name.to_owned(),
            content_type: content_type.to_owned(),
            blob: blob.as_str().to_owned(),
            size,
            created_at: now,
            expires_at,
            owner: self.behalf.user.clone(),
            access: self.behalf.lifecycle.access.clone(),
        };
        // The id is new, so what is kept is this.
        self.store.put_file(record).await?;
        // From the commit on nobody removes the bytes, but a removal may have ended since they were written.
        if self.blobs.size(&blob).await?.is_none() {
            self.store.forget_file(&id).await?;
            return Err(StoreError::Unavailable("the bytes were removed while they were referred to".into()).into());
        }
        let base = &self.bases[0];
        let mut url = base.clone();
        url.set_path(&format!("{}{FILES}{id}/{name}", base.path().trim_end_matches('/')));
        Ok(url)
    }
}

/// Id and name of a file under `base`.
fn named<'u>(base: &Url, url: &'u Url) -> Option<(&'u str, &'u str)> {
    let same_server = base.host() == url.host() && base.port_or_known_default() == url.port_or_known_default();
    let path = url.path().strip_prefix(base.path().trim_end_matches('/'))?.strip_prefix(FILES)?;
    let (id, name) = path.split_once('/')?;
    (same_server && !name.contains('/')).then_some((id, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_under_the_base_are_ours() {
        let base: Url = "http://127.0.0.1:8788/cdn".parse().unwrap();
        for (url, expected) in [
            ("http://127.0.0.1:8788/cdn/files/b/ab12/mug.png", Some(("ab12", "mug.png"))),
            ("http://127.0.0.1:8788/cdn/files/b/ab12/mug.png?x=1", Some(("ab12", "mug.png"))),
            ("http://127.0.0.1:8789/cdn/files/b/ab12/mug.png", None),
            ("http://127.0.0.2:8788/cdn/files/b/ab12/mug.png", None),
            ("http://127.0.0.1:8788/files/b/ab12/mug.png", None),
            ("http://127.0.0.1:8788/cdn/files/b/ab12", None),
            ("http://127.0.0.1:8788/cdn/files/b/ab12/a/b", None),
            ("http://127.0.0.1:8788/cdnx/files/b/ab12/mug.png", None),
            ("http://127.0.0.1:8788/cdn/../secret", None),
        ] {
            assert_eq!(named(&base, &url.parse().unwrap()), expected, "{url}");
        }
        let fal: Url = "https://v3.fal.media".parse().unwrap();
        let url = "https://v3.fal.media:443/files/b/1/a.png".parse().unwrap();
        assert_eq!(named(&fal, &url), Some(("1", "a.png")));
    }
}

//! Uploads: bytes into the queue's storage, and the address at which models can read them.
//!
//! In one call with a token of the CDN, which is good for many files. Where a queue gives none, or no longer takes it, in two: a
//! place is asked for, and the bytes go there.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use plantain_wire::header;
use plantain_wire::storage::{CdnTokenReply, InitiateReply, InitiateRequest, STORAGE_TYPE, UploadReply};
use reqwest::Method;
use url::Url;

use crate::call::{ANSWER_BYTES_MAX, CALL_DEADLINE, once, safely};
use crate::endpoints::join;
use crate::error::{ClientError, Fault};
use crate::queue::QueueClient;

/// How long the transfer of a file may take.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(120);

/// What opens the CDN.
#[derive(Clone, Debug, Default)]
pub(crate) enum CdnToken {
    #[default]
    Unasked,
    Held(Pass),
    /// The queue gives none, or one that opens nothing: so many uploads go to places before it is asked again.
    Refused(u32),
}

/// A queue or what stands before it may have been mended since.
const UPLOADS_BEFORE_ASKING_AGAIN: u32 = 100;

/// A token, and where it opens: as with the address of a place, whoever gives it out says so.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    /// As a header, which doesn't show itself.
    header: HeaderValue,
    cdn: Url,
}

impl QueueClient {
    /// Stores a file. A failed upload leaves at most a file that nobody refers to, so the whole call may be repeated.
    pub async fn upload(
        &self,
        bytes: impl Into<Bytes>,
        content_type: &str,
        file_name: &str,
    ) -> Result<Url, ClientError> {
        let bytes = bytes.into();
        if let Some((pass, fresh)) = self.cdn_token().await? {
            // Whatever fails there, a place may still be had. A token that was good before has most likely run out.
            match self.direct(pass, bytes.clone(), content_type, file_name).await {
                Ok(url) => return Ok(url),
                Err(_) if fresh => *self.token() = CdnToken::Refused(UPLOADS_BEFORE_ASKING_AGAIN),
                Err(_) => *self.token() = CdnToken::Unasked,
            }
        }
        let place = self.initiate(content_type, file_name).await?;
        // The place authorises itself and may be on another host, so our key isn't sent there.
        let put = self.http.put(place.upload_url).header(CONTENT_TYPE, content_type).body(bytes);
        once(put, UPLOAD_DEADLINE, ANSWER_BYTES_MAX).await?.success()?;
        Ok(place.file_url)
    }

    async fn direct(&self, pass: Pass, bytes: Bytes, content_type: &str, file_name: &str) -> Result<Url, ClientError> {
        let url = join(&pass.cdn, "files/upload");
        let mut post = self.http.post(url).header(AUTHORIZATION, pass.header).header(CONTENT_TYPE, content_type);
        // A name that no header can carry is one that the address does without.
        if let Ok(name) = HeaderValue::from_str(file_name) {
            post = post.header(header::FILE_NAME, name);
        }
        let answer = once(post.body(bytes), UPLOAD_DEADLINE, ANSWER_BYTES_MAX).await?.success()?;
        let kept: UploadReply = serde_json::from_slice(&answer.body).map_err(unreadable)?;
        Ok(kept.access_url)
    }

    /// A token, and whether it was given only now. `None`: this queue gives none.
    async fn cdn_token(&self) -> Result<Option<(Pass, bool)>, ClientError> {
        match &mut *self.token() {
            CdnToken::Unasked | CdnToken::Refused(0) => {}
            CdnToken::Held(pass) => return Ok(Some((pass.clone(), false))),
            CdnToken::Refused(left) => {
                *left -= 1;
                return Ok(None);
            }
        }
        let asked = self.ask_for_token().await;
        let (token, given) = match asked {
            Ok(pass) => (CdnToken::Held(pass.clone()), Some((pass, true))),
            Err(ClientError::Rejected { .. } | ClientError::Protocol(_)) => {
                (CdnToken::Refused(UPLOADS_BEFORE_ASKING_AGAIN), None)
            }
            Err(error) => return Err(error),
        };
        *self.token() = token;
        Ok(given)
    }

    async fn ask_for_token(&self) -> Result<Pass, ClientError> {
        let url = stored_as_usual(join(&self.endpoints.rest, "storage/auth/token"));
        let answer = safely(async || {
            let request = self.request(Method::POST, url.clone()).json(&serde_json::json!({}));
            once(request, CALL_DEADLINE, ANSWER_BYTES_MAX).await?.success()
        });
        let given: CdnTokenReply = serde_json::from_slice(&answer.await?.body).map_err(unreadable)?;
        let value = HeaderValue::try_from(format!("{} {}", given.token_type, given.token));
        let mut header = value.map_err(|_| ClientError::Protocol(Fault::Unreadable))?;
        header.set_sensitive(true);
        Ok(Pass { header, cdn: given.base_url })
    }

    fn token(&self) -> MutexGuard<'_, CdnToken> {
        // It is replaced as a whole, so that it is whole after a panic.
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn initiate(&self, content_type: &str, file_name: &str) -> Result<InitiateReply, ClientError> {
        let url = stored_as_usual(join(&self.endpoints.rest, "storage/upload/initiate"));
        let request = InitiateRequest { content_type: content_type.to_owned(), file_name: file_name.to_owned() };
        let answer = safely(async || {
            let request = self.request(Method::POST, url.clone()).json(&request);
            once(request, CALL_DEADLINE, ANSWER_BYTES_MAX).await?.success()
        });
        serde_json::from_slice(&answer.await?.body).map_err(unreadable)
    }
}

fn stored_as_usual(mut url: Url) -> Url {
    url.query_pairs_mut().append_pair(STORAGE_TYPE.0, STORAGE_TYPE.1);
    url
}

fn unreadable(_: serde_json::Error) -> ClientError {
    ClientError::Protocol(Fault::Unreadable)
}

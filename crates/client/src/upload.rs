//! Uploads: ask for a place, put the bytes there, return the address at which models can read them.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use plantain_wire::storage::{InitiateReply, InitiateRequest, STORAGE_TYPE};
use reqwest::Method;
use url::Url;

use crate::call::{ANSWER_BYTES_MAX, CALL_DEADLINE, once, safely};
use crate::endpoints::join;
use crate::error::{ClientError, Fault};
use crate::queue::QueueClient;

/// How long the transfer of a file may take.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(120);

impl QueueClient {
    /// Stores a file. A failed upload leaves at most a file that nobody refers to, so the whole call may be repeated.
    pub async fn upload(
        &self,
        bytes: impl Into<Bytes>,
        content_type: &str,
        file_name: &str,
    ) -> Result<Url, ClientError> {
        let place = self.initiate(content_type, file_name).await?;
        // The place authorises itself and may be on another host, so our key isn't sent there.
        let put = self.http.put(place.upload_url).header(CONTENT_TYPE, content_type).body(bytes.into());
        once(put, UPLOAD_DEADLINE, ANSWER_BYTES_MAX).await?.success()?;
        Ok(place.file_url)
    }

    async fn initiate(&self, content_type: &str, file_name: &str) -> Result<InitiateReply, ClientError> {
        let mut url = join(&self.endpoints.rest, "storage/upload/initiate");
        url.query_pairs_mut().append_pair(STORAGE_TYPE.0, STORAGE_TYPE.1);
        let request = InitiateRequest { content_type: content_type.to_owned(), file_name: file_name.to_owned() };
        let answer = safely(async || {
            let request = self.request(Method::POST, url.clone()).json(&request);
            once(request, CALL_DEADLINE, ANSWER_BYTES_MAX).await?.success()
        });
        serde_json::from_slice(&answer.await?.body).map_err(|_| ClientError::Protocol(Fault::Unreadable))
    }
}

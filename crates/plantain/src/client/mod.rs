//! A client of a studio's HTTP API, with which `plantain generate` and `plantain bulk` do everything: hand in, follow, fetch.
//!
//! The same code talks to a studio in this process and to one elsewhere; it knows addresses and JSON, and nothing else.

mod accounts;
mod batch;
mod error;
mod form;
mod keys;
mod notify;
mod sse;

use std::time::Duration;

use bytes::Bytes;
use plantain_outbound::transport;
use plantain_studio::view::JobView;
use plantain_work::clock::until;
use plantain_work::{Clock, random};
use reqwest::{Method, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::config::secret::Secret;
pub use batch::BulkWish;
pub use error::ApiError;
pub use form::Wish;
pub use notify::Notify;

/// A studio somewhere. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StudioClient {
    base: Url,
    token: Option<Secret>,
    http: reqwest::Client,
    clock: Clock,
}

/// What `POST /api/generate` answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    pub job_id: String,
    pub request_id: Option<String>,
    pub notices: Vec<String>,
}

/// For an answer to anything but an event stream, uploads included.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);
/// An event stream says something at least every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// How long a studio that can't be reached is waited for once it has the job or may have it, as during a restart.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(300);
/// What a wish is named by, so that one that arrives twice is fulfilled once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Larger than any finished picture, which a marketplace's limit keeps at 20 MB.
const PICTURE_BYTES_MAX: usize = 40 << 20;
/// Larger than any description of a job.
const JSON_BYTES_MAX: usize = 8 << 20;

impl StudioClient {
    /// `base` may have a path prefix.
    pub fn new(base: Url, token: Option<Secret>, clock: Clock) -> Result<StudioClient, ApiError> {
        let http = transport::builder().and_then(|builder| builder.build().map_err(transport::SetupError::new));
        Ok(StudioClient { base, token, http: http.map_err(|error| ApiError::SetUp(error.into()))?, clock })
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Hands a photo in. When this returns `Ok` the studio has the job for good.
    pub async fn generate(&self, wish: &Wish) -> Result<Begun, ApiError> {
        let (content_type, body) = wish.encode();
        let body = Bytes::from(body);
        self.once(async |key| {
            let request = self.request(Method::POST, "/api/generate").header("content-type", &content_type);
            let request = request.header(IDEMPOTENCY_KEY, key).body(body.clone());
            self.json(self.send(request.timeout(ANSWER_TIME_MAX)).await?).await
        })
        .await
    }

    pub async fn job(&self, id: &str) -> Result<JobView, ApiError> {
        let request = self.request(Method::GET, &format!("/api/jobs/{id}")).timeout(ANSWER_TIME_MAX);
        let response = self.send(request).await?;
        self.json(response).await
    }

    /// A picture, by the path that the job names.
    pub async fn picture(&self, path: &str) -> Result<Bytes, ApiError> {
        self.patiently(async || {
            let response = self.send(self.request(Method::GET, path).timeout(ANSWER_TIME_MAX)).await?;
            transport::read_whole(response, PICTURE_BYTES_MAX).await.map_err(|_| ApiError::Broken)
        })
        .await
    }

    /// Asks for something to be done, and again under the same key where the answer was lost: it is done once.
    async fn once<T>(&self, ask: impl AsyncFn(&str) -> Result<T, ApiError>) -> Result<T, ApiError> {
        // 128 random bits are nobody else's.
        let key = hex::encode(random::bytes::<16>());
        match ask(&key).await {
            Err(ApiError::Broken) => {
                self.clock.sleep(PAUSE).await;
                self.patiently(async || ask(&key).await).await
            }
            said => said,
        }
    }

    /// Asks again while a studio that has the job, or may have it, can't answer.
    async fn patiently<T>(&self, ask: impl AsyncFn() -> Result<T, ApiError>) -> Result<T, ApiError> {
        let begun = self.clock.now();
        loop {
            match ask().await {
                Err(error) if error.transient() && until(begun, self.clock.now()) < PATIENCE => {
                    self.clock.sleep(PAUSE).await;
                }
                said => return said,
            }
        }
    }

    /// Tells of every change until the job has ended. A studio that goes away is waited for, since the job outlives it.
    pub async fn follow(&self, id: &str, tell: impl FnMut(&JobView)) -> Result<JobView, ApiError> {
        self.followed(&format!("/api/jobs/{id}/events"), |job: &JobView| job.status.is_final(), tell).await
    }

    async fn followed<T: DeserializeOwned>(
        &self,
        events: &str,
        is_over: impl Fn(&T) -> bool + Copy,
        mut tell: impl FnMut(&T),
    ) -> Result<T, ApiError> {
        let mut last_heard = self.clock.now();
        loop {
            let heard = &mut last_heard;
            let clock = &self.clock;
            let ended = self.stream(events, is_over, |seen| {
                *heard = clock.now();
                tell(seen);
            });
            match ended.await {
                Ok(Some(last)) => return Ok(last),
                // The stream broke; it is asked for again.
                Ok(None) => {}
                Err(error) if error.transient() => {
                    if until(last_heard, self.clock.now()) > PATIENCE {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            self.clock.sleep(PAUSE).await;
        }
    }

    /// `None` where the stream ended before what it tells of.
    async fn stream<T: DeserializeOwned>(
        &self,
        events: &str,
        is_over: impl Fn(&T) -> bool,
        mut tell: impl FnMut(&T),
    ) -> Result<Option<T>, ApiError> {
        let mut response = self.send(self.request(Method::GET, events)).await?;
        let mut reader = sse::Reader::default();
        loop {
            let piece = self.clock.timeout(SILENCE_MAX, response.chunk()).await;
            let Some(Ok(Some(piece))) = piece else { return Ok(None) };
            for data in reader.push(&piece).map_err(|_| self.not_a_studio())? {
                let seen: T = serde_json::from_slice(&data).map_err(|_| self.not_a_studio())?;
                tell(&seen);
                if is_over(&seen) {
                    return Ok(Some(seen));
                }
            }
        }
    }

    fn not_a_studio(&self) -> ApiError {
        ApiError::NotAStudio { studio: self.base.clone() }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{}", self.base.path().trim_end_matches('/'), path.trim_start_matches('/')));
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, ApiError> {
        let response = request.send().await.map_err(|error| ApiError::of(&self.base, &error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = transport::read_whole(response, JSON_BYTES_MAX).await.unwrap_or_default();
        Err(ApiError::refused(&self.base, status, &body))
    }

    async fn json<T: DeserializeOwned>(&self, response: Response) -> Result<T, ApiError> {
        let body = transport::read_whole(response, JSON_BYTES_MAX).await.map_err(|_| ApiError::Broken)?;
        serde_json::from_slice(&body).map_err(|_| self.not_a_studio())
    }
}

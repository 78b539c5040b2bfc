//! The requests that are made on behalf of users: fetch a file, post a delivery, ask a server something.
//!
//! Each has a total deadline and a size bound; each says whose fault a failure is, so that the caller knows what to tell whom.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use url::Url;

use crate::policy::{Policy, Refusal};
use crate::resolve::GuardedResolver;
use crate::retry_after;
use crate::transport::{self, BodyError, Failure, NoConnection, SetupError};

/// How much of an answer to a delivery is kept for people to look at, in bytes.
pub const ANSWER_BYTES_MAX: usize = 1024;

/// How long the start of an answer is waited for once its status is known.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// Limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How much of the other side's body is read. For a fetch a longer body is an error; of the answer to a post the start is
    /// kept, and never more than [`ANSWER_BYTES_MAX`].
    pub max_bytes: usize,
    /// From the first step, names and connections included, to the last byte of a fetch or the status line of an answer.
    pub deadline: Duration,
}

impl Bounds {
    /// For a delivery.
    pub fn answer_within(deadline: Duration) -> Bounds {
        Bounds { max_bytes: ANSWER_BYTES_MAX, deadline }
    }
}

/// Makes requests to addresses that users gave. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    policy: Arc<Policy>,
    client: reqwest::Client,
    /// For configured servers, whose names may stand for any address. A client of its own, since a resolver sees names
    /// without their ports.
    trusted: Option<reqwest::Client>,
}

/// A fetched file, or whatever else the other side answered: look at the status first. Redirects are answers too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Bytes,
}

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Give another address, or allow this one in the configuration.
    #[error("the address was refused: {0}")]
    Refused(Refusal),
    #[error("the other side can't be reached: {0}")]
    Unreachable(NoConnection),
    #[error("the other side didn't deliver within {} s", .deadline.as_secs_f32())]
    TimedOut { deadline: Duration },
    #[error("the file is larger than {max_bytes} bytes")]
    TooLarge {
        max_bytes: usize,
        /// What it begins with, as far as that came: see [`transport::START_BYTES_MAX`].
        start: Bytes,
    },
    #[error("the connection broke before the file was complete")]
    Broken,
    #[error("the address can't be requested")]
    Unsendable,
}

/// What the receiver of a delivery said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// What a `Retry-After` header asks for; not yet capped.
    pub retry_after: Option<Duration>,
    /// From the first step to the answer's status line.
    pub latency: Duration,
    /// At most [`ANSWER_BYTES_MAX`] of the body, from anywhere: never show it as HTML.
    pub first_bytes: Bytes,
}

/// Why a delivery got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("the address was refused: {0}")]
    Refused(Refusal),
    #[error("the receiver can't be reached: {0}")]
    Unreachable(NoConnection),
    #[error("the receiver didn't answer within {} s", .deadline.as_secs_f32())]
    TimedOut { deadline: Duration },
    #[error("the receiver closed the connection without an answer")]
    Broken,
    #[error("the request can't be made")]
    Unsendable,
}

/// Who has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The other side, or the network on the way there.
    Theirs,
    /// The address, the configuration, or this program.
    Ours,
}

impl SendError {
    pub fn fault(&self) -> Fault {
        match self {
            SendError::Refused(_) | SendError::Unsendable => Fault::Ours,
            SendError::Unreachable(_) | SendError::TimedOut { .. } | SendError::Broken => Fault::Theirs,
        }
    }

    fn new(failure: Failure, deadline: Duration) -> SendError {
        match failure {
            Failure::Refused(refusal) => SendError::Refused(refusal),
            Failure::NoConnection(why) => SendError::Unreachable(why),
            Failure::TimedOut => SendError::TimedOut { deadline },
            Failure::Broken => SendError::Broken,
            Failure::Unsendable => SendError::Unsendable,
        }
    }
}

impl FetchError {
    /// Could the same address work later?
    pub fn transient(&self) -> bool {
        matches!(self, FetchError::Unreachable(_) | FetchError::TimedOut { .. } | FetchError::Broken)
    }

    fn new(failure: Failure, bounds: Bounds) -> FetchError {
        match failure {
            Failure::Refused(refusal) => FetchError::Refused(refusal),
            Failure::NoConnection(why) => FetchError::Unreachable(why),
            Failure::TimedOut => FetchError::TimedOut { deadline: bounds.deadline },
            Failure::Broken => FetchError::Broken,
            Failure::Unsendable => FetchError::Unsendable,
        }
    }
}

impl Outbound {
    pub fn new(policy: Policy) -> Result<Outbound, SetupError> {
        let policy = Arc::new(policy);
        let resolver = GuardedResolver(Arc::clone(&policy));
        let client = transport::builder()?.dns_resolver(resolver).build().map_err(SetupError::new)?;
        let trusted = match policy.has_configured() {
            true => Some(transport::builder()?.build().map_err(SetupError::new)?),
            false => None,
        };
        Ok(Outbound { policy, client, trusted })
    }

    fn client_for(&self, url: &Url) -> &reqwest::Client {
        self.trusted.as_ref().filter(|_| self.policy.is_configured(url)).unwrap_or(&self.client)
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Fetches an address. Every status is an answer; the body of each is bounded alike.
    pub async fn get(&self, url: &Url, bounds: Bounds) -> Result<Fetched, FetchError> {
        self.policy.judge_url(url).map_err(FetchError::Refused)?;
        let timed_out = FetchError::TimedOut { deadline: bounds.deadline };
        let getting = self.client_for(url).get(url.clone());
        tokio::time::timeout(bounds.deadline, answered(getting, bounds)).await.unwrap_or(Err(timed_out))
    }

    /// Posts a body, once, and reads the whole answer: for servers whose answer is what matters. Where it ends with
    /// [`FetchError::TimedOut`] or [`FetchError::Broken`], the body may have arrived all the same.
    pub async fn ask(&self, url: &Url, headers: HeaderMap, body: Bytes, bounds: Bounds) -> Result<Fetched, FetchError> {
        self.policy.judge_url(url).map_err(FetchError::Refused)?;
        let timed_out = FetchError::TimedOut { deadline: bounds.deadline };
        let sending = self.client_for(url).post(url.clone()).headers(headers).body(body);
        tokio::time::timeout(bounds.deadline, answered(sending, bounds)).await.unwrap_or(Err(timed_out))
    }

    /// Posts a body with these headers, once. The start of the answer's body is read with a short patience of its own after
    /// the deadline was met, since it changes nothing about the delivery.
    #[expect(clippy::disallowed_methods, reason = "a latency is measured, and nothing is decided from it")]
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes, bounds: Bounds) -> Result<Answer, SendError> {
        self.policy.judge_url(url).map_err(SendError::Refused)?;
        let Bounds { max_bytes, deadline } = bounds;
        let start = tokio::time::Instant::now();
        let sending = self.client_for(url).post(url.clone()).headers(headers).body(body).send();
        let sent = tokio::time::timeout(deadline, sending).await.map_err(|_| SendError::TimedOut { deadline })?;
        let response = sent.map_err(|error| SendError::new(transport::failure(&error), deadline))?;
        let latency = start.elapsed();
        let text = |name| response.headers().get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let retry_after = text(RETRY_AFTER).and_then(|value| retry_after::parse(value, text(DATE)));
        let status = response.status().as_u16();
        let first_bytes = transport::read_start(response, max_bytes.min(ANSWER_BYTES_MAX), ANSWER_PATIENCE).await;
        Ok(Answer { status, retry_after, latency, first_bytes })
    }
}

async fn answered(request: reqwest::RequestBuilder, bounds: Bounds) -> Result<Fetched, FetchError> {
    let response = request.send().await.map_err(|error| FetchError::new(transport::failure(&error), bounds))?;
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = transport::read_whole(response, bounds.max_bytes).await.map_err(|error| match error {
        BodyError::TooLarge { start } => FetchError::TooLarge { max_bytes: bounds.max_bytes, start },
        BodyError::Failed(failure) => FetchError::new(failure, bounds),
    })?;
    Ok(Fetched { status, content_type, body })
}

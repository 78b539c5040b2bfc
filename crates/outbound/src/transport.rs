//! The one way in which this project makes HTTP connections: TLS by rustls with ring, built-in root certificates, no
//! proxies, no redirects, no silent repetitions, no decompression.
//!
//! [`builder`] has no address policy: it is for hosts that the operator configured. [`crate::Outbound`] adds the policy.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect;

use crate::policy::Refusal;
use crate::resolve::NameUnknown;

/// How long TCP and TLS may take. fal's own clients cap the connect at 5 s too.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept: shorter than the 60 s after which common servers close it from their side.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// Unused connections kept for one host.
const POOL_IDLE_PER_HOST: usize = 8;

/// The most response headers of one reply.
const RESPONSE_HEADERS_MAX: usize = 100;

/// The transport could not be set up. Only a fault in the program or its libraries causes it.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct SetupError(#[source] Box<dyn Error + Send + Sync>);

impl SetupError {
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> SetupError {
        SetupError(cause.into())
    }
}

fn tls() -> Result<rustls::ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SetupError::new)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The common set-up; the caller adds what is its own (user agent, resolver) and builds.
#[expect(clippy::disallowed_methods, reason = "the one place where an HTTP client is set up")]
pub fn builder() -> Result<reqwest::ClientBuilder, SetupError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
        .http1_max_headers(RESPONSE_HEADERS_MAX)
        .user_agent(concat!("Plantain/", env!("CARGO_PKG_VERSION")));
    Ok(builder)
}

/// Why no request reached the other side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConnection {
    #[error("the name could not be resolved")]
    NameUnknown,
    #[error("nobody answered in time")]
    TimedOut,
    #[error("the connection was refused or can't be made")]
    Refused,
    #[error("the encrypted connection failed: certificate or protocol")]
    Tls,
}

/// What became of a request that got no answer, read out of the error chain. Never contains the URL, which may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The address policy said no.
    Refused(Refusal),
    /// Certainly not sent.
    NoConnection(NoConnection),
    /// Perhaps sent.
    TimedOut,
    /// Perhaps sent: the connection broke, or the answer was no HTTP.
    Broken,
    /// Certainly not sent: the request can't be expressed.
    Unsendable,
}

/// Reads what happened out of an error of the HTTP library, by type and never by message.
pub fn failure(error: &reqwest::Error) -> Failure {
    if let Some(refusal) = find::<Refusal>(error) {
        return Failure::Refused(refusal.clone());
    }
    if error.is_builder() {
        return Failure::Unsendable;
    }
    if error.is_connect() {
        return Failure::NoConnection(if find::<NameUnknown>(error).is_some() || error.is_dns() {
            NoConnection::NameUnknown
        } else if error.is_timeout() {
            NoConnection::TimedOut
        } else if find::<rustls::Error>(error).is_some() {
            NoConnection::Tls
        } else {
            NoConnection::Refused
        });
    }
    if error.is_timeout() { Failure::TimedOut } else { Failure::Broken }
}

/// The first error of type `T` in the chain. I/O errors hide the error they wrap from `source`, so they are opened.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

/// How much is kept of a body that is too long: enough to see what kind of file it is.
pub const START_BYTES_MAX: usize = 64 * 1024;

/// How long that start is waited for where the length alone says that the body is too long.
const START_PATIENCE: Duration = Duration::from_secs(2);

/// Why a body wasn't read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It begins like this: at most [`START_BYTES_MAX`] bytes, or none where the other side took its time with them.
    TooLarge {
        start: Bytes,
    },
    Failed(Failure),
}

/// Reads a body of at most `bytes_max` bytes; a longer one is an error, found before more than one chunk too many is held.
pub async fn read_whole(mut response: reqwest::Response, bytes_max: usize) -> Result<Bytes, BodyError> {
    let start_max = bytes_max.min(START_BYTES_MAX);
    if response.content_length().is_some_and(|length| length > bytes_max as u64) {
        let start = read_start(response, start_max, START_PATIENCE).await;
        return Err(BodyError::TooLarge { start });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| BodyError::Failed(failure(&error)))? {
        if body.len() + chunk.len() > bytes_max {
            body.extend_from_slice(&chunk[..chunk.len().min(start_max)]);
            // A copy: nothing but the start is kept.
            let start = Bytes::copy_from_slice(&body[..body.len().min(start_max)]);
            return Err(BodyError::TooLarge { start });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Reads the first `bytes_max` bytes of a body and leaves the rest; what a broken or slow body yielded counts.
pub async fn read_start(mut response: reqwest::Response, bytes_max: usize, patience: Duration) -> Bytes {
    let mut body = BytesMut::new();
    let reading = async {
        while body.len() < bytes_max
            && let Ok(Some(chunk)) = response.chunk().await
        {
            let room = bytes_max - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
    };
    // Running out of patience is no error: the start is only shown to people.
    let _ = tokio::time::timeout(patience, reading).await;
    body.freeze()
}

//! fal's queue, storage and webhook protocol as values.
//!
//! Everything that crosses the wire between a client, a queue and a webhook receiver has one type here, which writes exactly
//! the bytes that the official clients need and reads leniently what other servers send. The crate owns no clock, no socket
//! and no database: the time, the bytes and the keys are handed in, so that it can be used alone in any Rust project.
//!
//! Where to find what:
//!
//! | module | what crosses the wire |
//! |---|---|
//! | [`endpoint`] | `fal-ai/nano-banana/edit`, and the shorter form that is used after submit |
//! | [`id`] | request, attempt and account ids |
//! | [`submit`], [`status`], [`cancel`] | the replies of the queue |
//! | [`error`] | both families of error bodies |
//! | [`webhook`], [`signature`], [`jwks`] | what is delivered, how it is signed, and the keys to check it with |
//! | [`rejection`], [`diagnosis`] | why a webhook isn't believed, and what likely happened to it |
//! | [`hmac`], [`standard`] | other forms of a signature, for receivers that know no better |
//! | [`options`] | what a submit says in headers: retries, labels, the life of files |
//! | [`storage`] | the upload handshake |
//! | [`models`] | inputs and outputs of the models that Plantain knows |
//! | [`header`] | every header name |
//!
//! # Verify a webhook
//!
//! ```
//! use plantain_wire::signature::{sign_webhook, SigningKey};
//! use plantain_wire::id::{RequestId, UserId};
//! use plantain_wire::jwks::KeySet;
//!
//! // The sender.
//! let key = SigningKey::from_seed([7; 32]);
//! let request = RequestId::parse("019d9e0b-6eb0-7920-827a-868d042ec76e")?;
//! let user = UserId::parse("user_local")?;
//! let body = br#"{"request_id":"019d9e0b-6eb0-7920-827a-868d042ec76e","status":"OK","payload":{}}"#;
//! let signed = sign_webhook(&key, &request, &user, 1_795_176_000, body);
//!
//! // The receiver: the headers as they came, the raw body, the published keys, and its own clock.
//! let keys = KeySet::parse(plantain_wire::jwks::render(&[key.verifying_key()]).as_bytes())?;
//! let headers: Vec<(&str, &[u8])> = signed.iter().map(|(name, value)| (name, value.as_bytes())).collect();
//! let verified = plantain_wire::verify(headers.iter().copied(), body, &keys, 1_795_176_030)?;
//! assert_eq!(verified.request_id, request);
//! // fal signs for all its customers with the same keys: whose webhook it is, is the receiver's to compare.
//! assert_eq!(verified.user_id, user);
//!
//! // Ten minutes later the same request is refused, and the reason can be read by a person.
//! let refused = plantain_wire::verify(headers, body, &keys, 1_795_176_600).unwrap_err();
//! assert!(refused.explain().contains("600 s"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cancel;
pub mod diagnosis;
pub mod endpoint;
pub mod error;
pub mod header;
pub mod hmac;
pub mod id;
pub mod json;
pub mod jwks;
pub mod models;
pub mod options;
pub mod rejection;
pub mod rewritten;
pub mod signature;
pub mod standard;
pub mod status;
pub mod storage;
pub mod submit;
pub mod webhook;

use crate::jwks::KeySet;
use crate::rejection::Rejection;
use crate::signature::{SignedHeaders, Verified};

/// Checks a webhook: all of its headers as they came, its raw body, the published keys, and the receiver's own time in Unix
/// seconds.
///
/// Strict: each of the four headers exactly once (names in any case, no white space within a value), a timestamp of decimal
/// seconds within [`signature::TOLERANCE_SECONDS`], 128 hex digits, and a signature over the raw bytes by one of the keys.
/// What is verified was signed by the queue, for the account that [`Verified::user_id`] names: compare it with yours.
pub fn verify<'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    body: &[u8],
    keys: &KeySet,
    now_unix: i64,
) -> Result<Verified, Rejection> {
    signature::verify(&SignedHeaders::read(headers)?, body, keys, now_unix)
}

/// The crate's README, whose code has to work.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

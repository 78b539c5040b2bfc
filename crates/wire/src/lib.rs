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
//! | [`options`] | what a submit says in headers: retries, labels, the life of files |
//! | [`storage`] | the upload handshake |
//! | [`models`] | inputs and outputs of the models that Plantain knows |
//! | [`header`] | every header name |
//!
//! # Verify a webhook
//!
//! ```
//! use plantain_wire::signature::{sign_webhook, verify, SignedHeaders, SigningKey};
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
//! let headers = SignedHeaders::read(signed.iter().map(|(name, value)| (name, value.as_bytes())))?;
//! let verified = verify(&headers, body, &keys, 1_795_176_030)?;
//! assert_eq!(verified.request_id, request);
//!
//! // Ten minutes later the same request is refused, and the reason can be read by a person.
//! let refused = verify(&headers, body, &keys, 1_795_176_600).unwrap_err();
//! assert!(refused.explain().contains("600 s"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cancel;
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
pub mod signature;
pub mod status;
pub mod storage;
pub mod submit;
pub mod webhook;

//! The receiving end of webhooks: take the raw bytes, verify them strictly, say whose they are, record what is refused.
//!
//! [`receiver::Receiver`] answers one question: was this body signed, just now, for an account that we believe? What it means
//! for a job is decided elsewhere; this crate knows no job, no SQL and no web framework. Invariants: nothing is parsed before
//! the signature over its raw bytes was checked; an authentic webhook of another account is refused; a flood of forgeries
//! costs bounded memory, bounded writes and at most one key fetch a minute.

pub mod capture;
pub mod jwks;
pub mod receiver;
pub mod refusal;
pub mod rejected;
pub mod step;
pub mod store;

//! A client of any queue that speaks fal's protocol: upload, submit, status, stream, result, cancel.
//!
//! It talks to hosts that the operator configured, so it has no address policy; everything else of the transport (TLS, no
//! redirects, no proxies, bounded reads) is shared with `outbound`. Invariants: a submit is sent at most once, whatever
//! happens; an error says whether it may have arrived; every call has a deadline and every body a bound.

mod call;
pub mod endpoints;
pub mod error;
mod outcome;
mod queue;
pub mod sse;
mod stream;
mod upload;

pub use endpoints::{ApiKey, Endpoints};
pub use error::ClientError;
pub use queue::{Logs, Priority, QueueClient, ResultReply, SubmitOptions};

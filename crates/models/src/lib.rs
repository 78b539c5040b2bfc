//! The runners that ship: the local picture engine and a simulated model.
//!
//! A runner answers an input or fails in a way that says whether to try again. No SQL and no HTTP server here. Invariant:
//! a runner never claims to have done what it has not; what a model can't do is a 422 or a sentence in its output.

pub mod files;
pub mod local;
pub mod simulated;

pub use files::Files;
pub use local::{LocalEngine, LocalParts, SegmenterSource};
pub use simulated::Simulated;

use plantain_queue::runner::{Answer, RunFailure};
use plantain_wire::error::{Detail, ErrorBody, ErrorType};

/// The model's own refusal of an input.
fn refusal(details: Vec<Detail>) -> Answer {
    let body = ErrorBody::Validation(details);
    Answer::new(body.http_status(), body.to_json())
}

fn failure(error_type: ErrorType, detail: impl Into<String>) -> RunFailure {
    RunFailure { error_type, detail: detail.into() }
}

/// The caller doesn't want the answer any more.
fn cancelled() -> RunFailure {
    failure(ErrorType::ClientCancelled, "Request cancelled by the client.")
}

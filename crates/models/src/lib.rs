//! The runners that ship: the local picture engine, models behind HTTP, Google's image API, another queue, a simulated model.
//!
//! A runner answers an input or fails in a way that says whether to try again. No SQL and no HTTP server here. Invariant:
//! a runner never claims to have done what it has not; what a model can't do is a 422 or a sentence in its output.

mod checked;
pub mod fal;
pub mod files;
pub mod gemini;
pub mod http;
pub mod local;
pub mod simulated;
pub mod source;

pub use self::fal::FalRunner;
pub use self::http::HttpRunner;
pub use checked::Checked;
pub use files::Files;
pub use gemini::Gemini;
pub use local::{LocalEngine, LocalParts, SegmenterSource};
pub use simulated::Simulated;

use plantain_queue::runner::{Answer, AnswerHeaders, RunFailure};
use plantain_wire::error::{Detail, ErrorBody, ErrorType};

/// The model's own refusal of an input.
fn refusal(details: Vec<Detail>) -> Answer {
    let body = ErrorBody::Validation(details);
    // fal's own apps say so: a refused input is not billed.
    let headers = AnswerHeaders { billable_units: Some("0".to_owned()), ..AnswerHeaders::default() };
    Answer { headers, ..Answer::new(body.http_status(), body.to_json()) }
}

fn failure(error_type: ErrorType, detail: impl Into<String>) -> RunFailure {
    RunFailure { error_type, detail: detail.into() }
}

/// The caller doesn't want the answer any more.
fn cancelled() -> RunFailure {
    failure(ErrorType::ClientCancelled, "Request cancelled by the client.")
}

/// One attempt took longer than the endpoint's setting allows.
fn too_slow(limit: std::time::Duration) -> RunFailure {
    failure(ErrorType::RequestTimeout, format!("The model took longer than {} s.", limit.as_secs_f64()))
}

//! Both families of error bodies: what the model didn't like, and what went wrong around it.
//!
//! Both are JSON objects with `detail`, a list in the first family and a sentence in the second. No body here can be mistaken
//! for a reason to retry: that is said by [`ErrorType::transient`] and the status code.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use crate::error::detail::{Detail, Loc, ModelErrorType};
pub use crate::error::kind::ErrorType;
use crate::json;

mod detail;
mod kind;

/// An error body. `detail` is always there, which is what the official Python client shows its user.
#[derive(Clone, Debug)]
pub enum ErrorBody {
    /// The model refused the input or could not produce an output.
    Validation(Vec<Detail>),
    /// The request failed around the model, or was refused before it.
    Request { detail: String, error_type: Option<ErrorType> },
}

impl ErrorBody {
    pub fn request(error_type: ErrorType, detail: impl Into<String>) -> ErrorBody {
        ErrorBody::Request { detail: detail.into(), error_type: Some(error_type) }
    }

    /// A refusal without a type: authentication, unknown application, limits.
    pub fn plain(detail: impl Into<String>) -> ErrorBody {
        ErrorBody::Request { detail: detail.into(), error_type: None }
    }

    /// The status code that belongs to the body where the body alone says it: 422 for most model errors, the type's own
    /// for infrastructure errors, 500 where there is neither.
    pub fn http_status(&self) -> u16 {
        match self {
            ErrorBody::Validation(details) => details.first().map_or(422, Detail::http_status),
            ErrorBody::Request { error_type, .. } => error_type.map_or(500, ErrorType::http_status),
        }
    }

    pub fn to_json(&self) -> String {
        match self {
            ErrorBody::Validation(details) => json::written(&Details { detail: details }),
            ErrorBody::Request { detail, error_type } => json::written(&Request { detail, error_type: *error_type }),
        }
    }

    /// Reads either family. `None`: no JSON object with a `detail` that is a string or a list of entries.
    pub fn parse(body: &[u8]) -> Option<ErrorBody> {
        let read: Read<'_> = serde_json::from_slice(body).ok()?;
        let detail = read.detail.get();
        if let Ok(details) = serde_json::from_str(detail) {
            return Some(ErrorBody::Validation(details));
        }
        let detail = serde_json::from_str(detail).ok()?;
        let error_type = read.error_type.and_then(|word| ErrorType::parse(&word));
        Some(ErrorBody::Request { detail, error_type })
    }

    /// One line for a person: the sentence, or each entry with the field that it is about.
    pub fn summary(&self) -> String {
        match self {
            ErrorBody::Request { detail, .. } => detail.clone(),
            ErrorBody::Validation(details) => details.iter().map(Detail::summary).collect::<Vec<_>>().join("; "),
        }
    }
}

/// The body for an id that isn't known, or no longer; 404.
pub fn not_found() -> &'static str {
    r#"{"status":"NOT_FOUND"}"#
}

/// The body of a result call that comes too early; 400.
pub fn in_progress() -> ErrorBody {
    ErrorBody::plain("Request is still in progress")
}

/// The result of a request that its caller cancelled; 499.
pub fn cancelled() -> ErrorBody {
    ErrorBody::request(ErrorType::ClientCancelled, "Request cancelled by the client.")
}

/// The result of a request whose start deadline passed; 504, with [`crate::header::REQUEST_TIMEOUT_TYPE`]: `user`.
pub fn start_timeout() -> ErrorBody {
    ErrorBody::request(ErrorType::RequestTimeout, "Request timed out")
}

/// 401, the key is none of ours.
pub fn unknown_key() -> ErrorBody {
    ErrorBody::plain("No user found for Key ID and Secret")
}

/// 401, the header can't be read.
pub fn invalid_key_header() -> ErrorBody {
    ErrorBody::plain("Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'.")
}

/// 404, no model of that name.
pub fn application_not_found(app: &str) -> ErrorBody {
    ErrorBody::plain(format!("Application \"{app}\" not found"))
}

/// 404, the application has no such path.
pub fn path_not_found(path: &str) -> ErrorBody {
    ErrorBody::plain(format!("Path /{} not found", path.trim_start_matches('/')))
}

#[derive(Serialize)]
struct Details<'a> {
    detail: &'a [Detail],
}

#[derive(Serialize)]
struct Request<'a> {
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<ErrorType>,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    detail: &'a RawValue,
    error_type: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_bodies_are_what_the_official_clients_know() {
        let body = r#"{"detail":"Request cancelled by the client.","error_type":"client_cancelled"}"#;
        assert_eq!((cancelled().to_json().as_str(), cancelled().http_status()), (body, 499));
        let body = r#"{"detail":"Request timed out","error_type":"request_timeout"}"#;
        assert_eq!((start_timeout().to_json().as_str(), start_timeout().http_status()), (body, 504));
        assert_eq!(in_progress().to_json(), r#"{"detail":"Request is still in progress"}"#);
        assert_eq!(path_not_found("/x").to_json(), r#"{"detail":"Path /x not found"}"#);
        assert_eq!(application_not_found("a/b").to_json(), r#"{"detail":"Application \"a/b\" not found"}"#);
    }

    #[track_caller]
    fn summary_of(body: &str, expected: Option<&str>) {
        assert_eq!(ErrorBody::parse(body.as_bytes()).map(|body| body.summary()).as_deref(), expected, "{body}");
    }

    #[test]
    fn both_families_are_read() {
        summary_of(r#"{"detail":"no"}"#, Some("no"));
        summary_of(r#"{"detail":"Request timed out","error_type":"request_timeout"}"#, Some("Request timed out"));
        let v1 = r#"{"detail":[{"loc":["body","prompt"],"msg":"field required","type":"value_error.missing"}]}"#;
        summary_of(v1, Some("prompt: field required"));
        let two =
            r#"{"detail":[{"loc":["body","image_urls",0],"msg":"a","type":"x"},{"loc":[],"msg":"b","type":"y"}]}"#;
        summary_of(two, Some("image_urls[0]: a; b"));
        for other in ["", "[]", "null", "{}", "<html>", r#"{"detail":7}"#, r#"{"detail":["x"]}"#] {
            summary_of(other, None);
        }
    }
}

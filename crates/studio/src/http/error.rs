//! What a caller is told when a request can't be fulfilled: one shape everywhere, `{"error": {code, message, hint}}`.
//!
//! An answer also carries its [`ApiError`] as an extension, so that the page layer can say the same to a browser in HTML.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::error::StudioError;

/// A refusal in words that a seller can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    /// Stable, for programs.
    pub code: &'static str,
    pub message: String,
    pub hint: String,
}

/// Seconds after which a request that was refused for lack of room is worth another try.
const RETRY_AFTER_SECONDS: u32 = 5;

/// The same where somebody did too much of what is counted by the hour.
const RETRY_AFTER_HOUR_SECONDS: u32 = 60 * 60;

impl ApiError {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> ApiError {
        ApiError { status, code, message: message.into(), hint: hint.into() }
    }

    pub fn bad_request(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, code, message, hint)
    }

    pub fn unprocessable(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message, hint)
    }

    pub fn too_large(message: impl Into<String>, hint: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, hint)
    }

    pub fn too_slow() -> ApiError {
        ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "The request took too long to arrive.",
            "Send it again over a steadier connection, or send a smaller photo.",
        )
    }

    /// The answer itself took too long, which is no fault of the caller.
    pub fn timed_out() -> ApiError {
        ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timed_out",
            "The studio took too long to answer.",
            "Try again in a minute.",
        )
    }

    pub fn busy() -> ApiError {
        ApiError::from(&StudioError::Busy)
    }

    pub fn no_route() -> ApiError {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_such_route",
            "There is nothing at this address.",
            "Check the address; the first page is at /.",
        )
    }

    pub fn wrong_method() -> ApiError {
        ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not take this method.",
            "The Allow header says which methods it takes.",
        )
    }

    pub fn no_picture() -> ApiError {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_such_picture",
            "There is no such picture.",
            "GET /api/jobs/{id} lists the pictures of a job under images, once it has succeeded.",
        )
    }

    pub fn internal() -> ApiError {
        ApiError::from(&StudioError::Internal)
    }
}

impl From<&StudioError> for ApiError {
    fn from(error: &StudioError) -> ApiError {
        let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        ApiError { status, code: error.code(), message: error.message(), hint: error.hint() }
    }
}

impl From<StudioError> for ApiError {
    fn from(error: StudioError) -> ApiError {
        let told = ApiError::from(&error);
        if told.status.is_server_error() {
            tracing::error!(code = told.code, error = &error as &dyn std::error::Error, "http.failed");
        }
        told
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message, "hint": self.hint}});
        let mut answer = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_HOUR_SECONDS));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"plantain\"");
            answer.headers_mut().insert(http::header::WWW_AUTHENTICATE, scheme);
        }
        answer.extensions_mut().insert(self);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overloaded_studio_says_when_to_come_back() {
        let answer = ApiError::busy().into_response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()[RETRY_AFTER], "5");
        assert_eq!(answer.extensions().get::<ApiError>().unwrap().code, "busy");
    }

    #[test]
    fn a_studio_error_keeps_its_words() {
        let error = ApiError::from(StudioError::NumImages { given: 99, most: 4 });
        assert_eq!(error.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(error.message.contains("99"), "{}", error.message);
        assert!(!error.hint.is_empty());
    }
}

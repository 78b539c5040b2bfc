//! How answers are put together.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, StatusCode};
use plantain_wire::error::ErrorType;
use plantain_wire::header;
use plantain_wire::id::RequestId;

/// JSON as it is written. Never cached: every answer of the queue is true at one moment.
pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Response {
    // 499 and the like have no name, but every code from 100 to 999 can be sent.
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, Body::from(body.into())).into_response()
}

/// Names the request that an answer is about; both official clients rely on it.
pub(crate) fn about(id: &RequestId, mut response: Response) -> Response {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HeaderName::from_static(header::REQUEST_ID), value);
    }
    response
}

/// The error's word, and both names of the hint whether to try again.
pub(crate) fn explain(response: &mut Response, error_type: Option<ErrorType>, transient: bool) {
    let mut set =
        |name, value| response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    if let Some(error_type) = error_type {
        set(header::ERROR_TYPE, error_type.as_str());
    }
    set(header::NEEDS_RETRY, if transient { "1" } else { "0" });
    set(header::RETRYABLE, if transient { "true" } else { "false" });
}

//! How answers are put together.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, StatusCode};
use plantain_queue::runner::AnswerHeaders;
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

/// A model's own answer, with what it said beside the body.
pub(crate) fn answer(status: u16, body: impl Into<Bytes>, said: &AnswerHeaders) -> Response {
    let mut response = json(status, body);
    let headers = response.headers_mut();
    let units = said.billable_units.as_ref().map(|units| (header::BILLABLE_UNITS, units));
    let others = said.passed_on.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in units.into_iter().chain(others.filter(|(name, _)| may_pass(name))) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    if let Some(content_type) = said.content_type.as_ref().and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(CONTENT_TYPE, shown_as(content_type));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    }
    response
}

/// What a model may say about itself, but for what the queue says.
fn may_pass(name: &str) -> bool {
    let own = [header::REQUEST_ID, header::ERROR_TYPE, header::NEEDS_RETRY, header::RETRYABLE, header::STOP_RUNNER];
    name.starts_with("x-fal-") && !own.contains(&name)
}

/// A model must not put a page into a browser under the queue's name. What a browser would guess, or run although it is not
/// listed here, the headers beside it disarm.
fn shown_as(content_type: HeaderValue) -> HeaderValue {
    let text = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    match ["html", "xml", "script", "svg"].iter().any(|kind| text.contains(kind)) {
        true => HeaderValue::from_static("application/octet-stream"),
        false => content_type,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_says_beside_its_body_is_passed_on_as_far_as_it_is_its_to_say() {
        let said = AnswerHeaders {
            needs_retry: Some(true),
            billable_units: Some("2.5".into()),
            content_type: Some("text/plain".into()),
            passed_on: [
                ("x-fal-served-from", "eu"),
                ("x-fal-request-id", "forged"),
                ("set-cookie", "a=b"),
                ("x-fal- ", ""),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        };
        let response = answer(200, "ok", &said);
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((header("x-fal-billable-units"), header("x-fal-served-from")), (Some("2.5"), Some("eu")));
        assert_eq!((header("x-fal-request-id"), header("set-cookie")), (None, None));
        assert_eq!((header("content-type"), header("x-fal-needs-retry")), (Some("text/plain"), None));
        assert_eq!(header("x-content-type-options"), Some("nosniff"));
        assert_eq!(header("content-security-policy"), Some("default-src 'none'; sandbox"));
    }

    #[test]
    fn no_answer_becomes_a_page() {
        for (content_type, expected) in [
            ("text/html; charset=utf-8", "application/octet-stream"),
            ("image/svg+xml", "application/octet-stream"),
            ("application/json", "application/json"),
            ("image/png", "image/png"),
        ] {
            assert_eq!(shown_as(HeaderValue::from_static(content_type)), expected);
        }
    }
}

//! `POST /api/fal/webhook`: the raw bytes and headers, bounded, handed to the receiver. Nothing is parsed here.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::upload;
use crate::receiving::{WEBHOOK_BYTES_MAX, WebhookAnswer};

/// Open to everybody: the signature decides.
pub const PATH: &str = "/api/fal/webhook";

pub async fn receive(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let (body, _place) = match upload::read_bytes(body, WEBHOOK_BYTES_MAX, &app.bounds).await {
        Ok(read) => read,
        Err(refusal) if refusal.status == StatusCode::PAYLOAD_TOO_LARGE => {
            return Ok(told(app.studio.webhook_too_large(&parts.headers, declared_length(&parts.headers)).await));
        }
        Err(refusal) => return Err(refusal),
    };
    Ok(told(app.studio.webhook(&parts.headers, parts.uri.query(), body).await))
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn told(answer: WebhookAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response();
    if let Some(seconds) = answer.retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

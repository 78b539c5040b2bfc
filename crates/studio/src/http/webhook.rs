//! `POST /api/fal/webhook`: the raw bytes and headers, bounded, handed to the receiver. Nothing is parsed here.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::openapi::{answers, bodies, values};
use crate::http::upload;
use crate::http::whatsapp;
use crate::receiving::{WEBHOOK_BYTES_MAX, WebhookAnswer};

/// Open to everybody: the signature decides.
pub const PATH: &str = "/api/fal/webhook";

/// Every address that a signature opens.
pub const PATHS: [&str; 2] = [PATH, whatsapp::PATH];

#[utoipa::path(
    post,
    path = "/api/fal/webhook",
    operation_id = "receiveWebhook",
    tag = "Webhooks",
    summary = "The receiver of webhooks",
    description = "For the queue that makes the pictures. The signature over the raw bytes decides who may; 200 is said when event and result are durable, and again for duplicates.",
    security(()),
    params(values::Callback, values::Signed),
    request_body(content = values::Announcement),
    responses(
        (status = 200, description = "Durable.", body = bodies::WebhookTaken),
        (status = 401, description = "Headers, time, signature or account are wrong: the code says which.", body = bodies::Refusal),
        (status = 404, description = "`unknown_request`: nobody here has it, or not yet.", body = bodies::Refusal),
        answers::Sent, answers::Writes
    )
)]
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

//! One request: all that is known of it, its input and output whole, and what an operator can do about it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use plantain_queue::engine::RetryError;
use plantain_queue::model::{Cancelled, Outcome, RequestView};
use plantain_wire::id::RequestId;
use serde_json::json;

use super::{answer, detail};
use crate::Gateway;
use crate::account::Operator;
use crate::path::Path;
use crate::refusal::Refusal;

/// A download is nothing that a browser opens or runs, whatever is in it.
const DOWNLOAD: [(HeaderName, &str); 5] = [
    (CONTENT_TYPE, "application/json"),
    (CONTENT_DISPOSITION, "attachment"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    (CACHE_CONTROL, "no-store"),
];

pub(super) async fn one(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let view = find(&gateway, &id).await?;
    let store = gateway.engine.store();
    let known = detail::Known {
        input: store.input(&view.id).await?,
        attempts: store.attempts(&view.id).await?,
        deliveries: store.deliveries(&view.id).await?,
    };
    Ok(answer(200, &detail::of(view, known, gateway.clock.now())))
}

pub(super) async fn input(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let view = find(&gateway, &id).await?;
    let input = gateway.engine.store().input(&view.id).await?.ok_or(Refusal::NotKept)?;
    Ok((DOWNLOAD, input).into_response())
}

pub(super) async fn output(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let view = find(&gateway, &id).await?;
    match view.outcome {
        Some(Outcome::Answered { body, .. }) if !detail::output_is_gone(view.payload) => {
            Ok((DOWNLOAD, body).into_response())
        }
        _ => Err(Refusal::NotKept),
    }
}

pub(super) async fn cancel(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = parse(&id)?;
    match gateway.engine.cancel(&id).await? {
        Cancelled::Removed => Ok(answer(200, &json!({ "cancelled": "removed" }))),
        Cancelled::Requested => Ok(answer(202, &json!({ "cancelled": "requested" }))),
        Cancelled::AlreadyCompleted => Err(Refusal::HasEnded),
        Cancelled::NotFound => Err(Refusal::NoSuchRequest),
    }
}

/// A copy, as a new request that names this one.
pub(super) async fn retry(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = parse(&id)?;
    let made = match gateway.engine.retry(&id).await {
        Ok(made) => made,
        Err(RetryError::Unknown) => return Err(Refusal::NoSuchRequest),
        Err(RetryError::NotEnded) => return Err(Refusal::HasNotEnded),
        Err(RetryError::InputGone) => return Err(Refusal::NothingToRepeat),
        Err(RetryError::Store(error)) => return Err(Refusal::Store(error)),
        Err(RetryError::Submit(error)) => {
            let view = find(&gateway, id.as_str()).await?;
            return Err(Refusal::of_submit(error, view.endpoint.app()));
        }
    };
    Ok(answer(201, &json!({ "requestId": made.id, "retryOf": id, "queuePosition": made.queue_position })))
}

async fn find(gateway: &Gateway, id: &str) -> Result<RequestView, Refusal> {
    gateway.engine.status(&parse(id)?).await?.ok_or(Refusal::NoSuchRequest)
}

/// What is no id names no request.
fn parse(id: &str) -> Result<RequestId, Refusal> {
    RequestId::parse(id).map_err(|_| Refusal::NoSuchRequest)
}

//! `/healthz`: the process answers. `/readyz`: it can do its work, which is to say that its store answers and its
//! lane turns.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::openapi::{answers, bodies};
use crate::job::Visitor;
use crate::store::JobFilter;

#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "alive",
    tag = "Operations",
    summary = "The process answers",
    security(()),
    responses((status = 200, description = "It does.", body = bodies::Health))
)]
pub async fn alive() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "ready",
    tag = "Operations",
    summary = "The studio can do its work",
    description = "Its store answers and its lane turns.",
    security(()),
    responses((status = 200, description = "It can.", body = bodies::Health), answers::Reads)
)]
pub async fn ready(State(app): State<App>) -> Result<Response, ApiError> {
    if app.config.shutdown.has_begun() || !app.studio.is_working() {
        return Err(ApiError::busy());
    }
    app.studio.jobs(JobFilter { limit: 1, ..JobFilter::default() }, &Visitor::Operator).await?;
    Ok(Json(json!({"status": "ready"})).into_response())
}

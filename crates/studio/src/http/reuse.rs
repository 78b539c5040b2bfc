//! `POST /api/jobs/{id}/presets`: another marketplace's pictures of what a finished job has kept, for nothing.

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::generate::{Begun, answered};
use crate::http::jobs;
use crate::http::openapi::{answers, bodies, values};
use crate::http::upload;
use crate::job::JobId;

/// Bytes of the wish, which has one word.
const JSON_BYTES_MAX: usize = 1024;

/// Whose rules the new pictures meet.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OtherPreset {
    /// `GET /api/presets` lists them.
    #[schema(examples("flipkart_main"))]
    preset: String,
}

/// Answers 202 once the new job is durable; the old one stays as it is.
#[utoipa::path(
    post,
    path = "/api/jobs/{id}/presets",
    operation_id = "forPreset",
    tag = "Generate",
    summary = "Make a job's pictures for another marketplace",
    description = "As a new job, of what the finished one has kept: the cut-out, with its corrections, is laid out anew, and what a generative model made is finished anew. No model is asked and nothing is charged.",
    params(values::OfJobId, values::Named),
    request_body(content = OtherPreset),
    responses(
        (status = 202, description = "The new job is durable; `madeFrom` names the old one, which stays as it is.", body = Begun, headers(("Location" = String, description = "The job's address."))),
        (status = 409, description = "`not_finished`: the job has no pictures. `same_preset`: they are made for this one. `in_progress`: a request with this `Idempotency-Key` is being worked on.", body = bodies::Refusal),
        (status = 422, description = "`wrong_field`: the wish can't be read. `unknown_preset`: the hint names the nearest. `bad_idempotency_key`, or `idempotency_key_used` for another request.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn for_preset(
    State(app): State<App>,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let turn = app.turn(request.headers())?;
    let (body, _place) = upload::read_bytes(request.into_body(), JSON_BYTES_MAX, &app.bounds).await?;
    let OtherPreset { preset } = serde_json::from_slice(&body).map_err(|_| wrong_wish())?;
    let Some(id) = JobId::parse(&id) else { return Ok(jobs::not_found()) };
    let key = turn.as_ref().map(|turn| turn.key.clone());
    let Some(accepted) = app.studio.for_preset(&id, &preset, key).await? else { return Ok(jobs::not_found()) };
    drop(turn);
    Ok(answered(&app, accepted, None, false).await)
}

fn wrong_wish() -> ApiError {
    ApiError::unprocessable(
        "wrong_field",
        "The wish can't be read.",
        "Send JSON with preset, as in {\"preset\": \"ebay\"}.",
    )
}

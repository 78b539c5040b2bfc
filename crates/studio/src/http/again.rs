//! `POST /api/jobs/{id}/again`: the same photos and wishes as a new job, with what the local engine offered.

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
use crate::service::{Again, Payer};

/// Bytes of the wish, which has two words.
const JSON_BYTES_MAX: usize = 1024;

/// What is to be different. What is left out stays as it was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wished {
    /// Set a leaning product upright.
    #[schema(examples(true))]
    straighten: Option<bool>,
    /// Even out white balance and exposure.
    #[schema(examples(true))]
    normalize: Option<bool>,
}

/// Answers 202 once the new job is durable; the old one stays as it is.
#[utoipa::path(
    post,
    path = "/api/jobs/{id}/again",
    operation_id = "again",
    tag = "Generate",
    summary = "Make a job again",
    description = "The same photos and wishes as a new job, with the product set upright or the light evened out. Only of what the local engine makes, and of what has failed, for what it costs: another model might bill again. Where a key asks, the new job is the key's and has to fit into its budget.",
    params(values::OfJobId, values::Named),
    request_body(content = Wished),
    responses(
        (status = 202, description = "The new job is durable; the old one stays as it is.", body = Begun, headers(("Location" = String, description = "The job's address."))),
        (status = 402, description = "`budget_spent`: the key's budget has no room for it.", body = bodies::Refusal),
        (status = 409, description = "`not_the_local_engine`: the model that made the pictures might bill again. `in_progress`: a request with this `Idempotency-Key` is being worked on.", body = bodies::Refusal),
        (status = 422, description = "`wrong_field`: the wish can't be read. `bad_idempotency_key`, or `idempotency_key_used` for another request.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn again(
    State(app): State<App>,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let headers = request.headers();
    let payer = Payer::of(app.key(headers).as_ref(), app.tier(headers).await?, app.config.clock.now());
    let turn = app.turn(headers)?;
    let (body, _place) = upload::read_bytes(request.into_body(), JSON_BYTES_MAX, &app.bounds).await?;
    let wished: Wished = serde_json::from_slice(&body).map_err(|_| wrong_wish())?;
    let Some(id) = JobId::parse(&id) else { return Ok(jobs::not_found()) };
    let again = Again { straighten: wished.straighten, normalize: wished.normalize };
    let key = turn.as_ref().map(|turn| turn.key.clone());
    let Some(accepted) = app.studio.again(&id, again, payer, key).await? else { return Ok(jobs::not_found()) };
    drop(turn);
    Ok(answered(&app, accepted, None, false).await)
}

fn wrong_wish() -> ApiError {
    ApiError::unprocessable(
        "wrong_field",
        "The wish can't be read.",
        "Send JSON with straighten and normalize, each true or false, or left out to stay as it was.",
    )
}

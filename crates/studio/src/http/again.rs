//! `POST /api/jobs/{id}/again`: the same photos and wishes as a new job, with what the local engine offered.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::Deserialize;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::generate::Begun;
use crate::http::jobs;
use crate::http::upload;
use crate::job::JobId;
use crate::service::Again;

/// Bytes of the wish, which has two words.
const JSON_BYTES_MAX: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wished {
    straighten: Option<bool>,
    normalize: Option<bool>,
}

/// Answers 202 once the new job is durable; the old one stays as it is.
pub async fn again(
    State(app): State<App>,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let (body, _place) = upload::read_bytes(request.into_body(), JSON_BYTES_MAX, &app.bounds).await?;
    let wished: Wished = serde_json::from_slice(&body).map_err(|_| wrong_wish())?;
    let Some(id) = JobId::parse(&id) else { return Ok(jobs::not_found()) };
    let again = Again { straighten: wished.straighten, normalize: wished.normalize };
    let Some(accepted) = app.studio.again(&id, again).await? else { return Ok(jobs::not_found()) };
    let begun = Begun::of(app.studio.submitted(accepted).await);
    Ok((StatusCode::ACCEPTED, [(LOCATION, begun.status_url.clone())], Json(begun)).into_response())
}

fn wrong_wish() -> ApiError {
    ApiError::unprocessable(
        "wrong_field",
        "The wish can't be read.",
        "Send JSON with straighten and normalize, each true or false, or left out to stay as it was.",
    )
}

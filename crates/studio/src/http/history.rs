//! What a seller does with finished jobs: use a picture, take all of them, forget the job.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::openapi::{answers, bodies, values};
use crate::http::{App, jobs, pictures, upload};
use crate::job::JobId;
use crate::store::Forgotten;
use crate::view::JobView;

/// Bytes of a choice.
const JSON_BYTES_MAX: usize = 1024;

/// Which picture is used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PictureChosen)]
pub struct Chosen {
    /// Counted from 1; null for none. What is left out is no choice.
    #[schema(required, examples(1))]
    #[serde(deserialize_with = "Option::deserialize")]
    n: Option<usize>,
}

/// `POST /api/jobs/{id}/use`: the picture that the seller uses, or none. Answers with the job.
#[utoipa::path(
    post,
    path = "/api/jobs/{id}/use",
    operation_id = "usePicture",
    tag = "Pictures",
    summary = "Mark the picture in use",
    params(values::OfJobId),
    request_body(content = Chosen),
    responses(
        (status = 200, description = "The job.", body = JobView),
        (status = 422, description = "`wrong_field`: the choice can't be read.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn choose(
    State(app): State<App>,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let (body, _place) = upload::read_bytes(request.into_body(), JSON_BYTES_MAX, &app.bounds).await?;
    let Chosen { n } = serde_json::from_slice(&body).map_err(|_| wrong_choice())?;
    let Some(id) = JobId::parse(&id) else { return Ok(jobs::not_found()) };
    match app.studio.choose(&id, n).await? {
        Some(job) => Ok(Json(job).into_response()),
        None if app.studio.job(&id).await?.is_none() => Ok(jobs::not_found()),
        None => Err(ApiError::no_picture()),
    }
}

/// `GET /api/jobs/{id}/zip`: all pictures under the marketplace's names.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/zip",
    operation_id = "showZip",
    tag = "Pictures",
    summary = "All pictures in one ZIP",
    description = "Under the marketplace's names, made while it is sent.",
    params(values::OfJobId, values::Linked),
    responses((status = 200, description = "The archive.", body = values::File, content_type = "application/zip"), answers::OfJob)
)]
pub async fn zip(State(app): State<App>, Segments(id): Segments<String>) -> Result<Response, ApiError> {
    let Some(id) = JobId::parse(&id) else { return Err(ApiError::no_picture()) };
    let archive = app.studio.archive(&id).await?.ok_or_else(ApiError::no_picture)?;
    Ok(pictures::archive(&archive.file_name, archive.stream))
}

/// `DELETE /api/history/{id}`: 204 once the job is forgotten, 409 while it runs.
#[utoipa::path(
    delete,
    path = "/api/history/{id}",
    operation_id = "forgetJob",
    tag = "Jobs",
    summary = "Forget a job",
    description = "Its photos and pictures are really gone.",
    params(values::OfJobId),
    responses(
        (status = 204, description = "It is forgotten."),
        (status = 409, description = "`not_ended`: it still runs.", body = bodies::Refusal),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn forget(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    app.admit(&headers)?;
    let Some(id) = JobId::parse(&id) else { return Ok(jobs::not_found()) };
    match app.studio.forget(&id).await? {
        Forgotten::Gone => Ok(StatusCode::NO_CONTENT.into_response()),
        Forgotten::NotFound => Ok(jobs::not_found()),
        Forgotten::Open => Err(ApiError::new(
            StatusCode::CONFLICT,
            "not_ended",
            "The job is still running.",
            "Cancel it first with DELETE /api/jobs/{id}, or wait for its end.",
        )),
    }
}

/// The same for a browser without scripts, which is led back to the list. Its form is sent whole or not at all.
#[utoipa::path(
    post,
    path = "/api/history/{id}",
    operation_id = "forgetJobByForm",
    tag = "Pages",
    summary = "Forget a job, by a form",
    description = "For browsers without scripts.",
    params(values::OfJobId),
    responses(
        (status = 303, description = "It is forgotten: back to the list."),
        (status = 409, description = "`not_ended`: it still runs.", body = bodies::Refusal),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn forget_by_form(
    State(app): State<App>,
    headers: HeaderMap,
    id: Segments<String>,
) -> Result<Response, ApiError> {
    let answer = forget(State(app), headers, id).await?;
    Ok(if answer.status() == StatusCode::NO_CONTENT { Redirect::to("/history").into_response() } else { answer })
}

fn wrong_choice() -> ApiError {
    ApiError::unprocessable(
        "wrong_field",
        "The choice can't be read.",
        "Send JSON with n: the number of the picture from 1, or null for none.",
    )
}

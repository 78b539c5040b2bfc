//! `GET /api/batches/{id}/report.csv`: what became of each photo, without the pictures.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::bulk::batch::BatchId;
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::openapi::{answers, values};
use crate::http::{App, jobs, pictures};

#[utoipa::path(
    get,
    path = "/api/batches/{id}/report.csv",
    operation_id = "showReport",
    tag = "Batches",
    summary = "What became of each photo",
    description = "The report that lies in the archive of all pictures, as far as the batch is.",
    params(values::OfBatch),
    responses((status = 200, description = "The report.", body = String, content_type = "text/csv"), answers::OfJob)
)]
pub async fn report(State(app): State<App>, Segments(id): Segments<String>) -> Result<Response, ApiError> {
    let Some(id) = BatchId::parse(&id) else { return Ok(jobs::not_found()) };
    let Some((name, report)) = app.studio.batch_report(&id).await? else { return Ok(jobs::not_found()) };
    let kind = (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned());
    let headers = [kind, (CONTENT_DISPOSITION, pictures::attachment(&name)), (CACHE_CONTROL, "no-store".to_owned())];
    Ok((headers, report).into_response())
}

//! `POST /api/batches/list`: what a list says, before any photo is sent.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use crate::bulk::archive::TABLE_BYTES_MAX;
use crate::bulk::view::ListView;
use crate::http::error::ApiError;
use crate::http::openapi::{answers, bodies};
use crate::http::{App, upload};

#[utoipa::path(
    post,
    path = "/api/batches/list",
    operation_id = "readList",
    tag = "Batches",
    summary = "Read a list of photos",
    description = "What a CSV for a batch says (columns file, sku, preset, prompt, products), and which of its lines can't be used. Nothing is kept; whether the files are there is seen when they come.",
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "What it says.", body = ListView),
        (status = 422, description = "`list_unusable`: no line of it can be read.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::Reads
    )
)]
pub async fn read(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let (bytes, _place) = upload::read_bytes(request.into_body(), TABLE_BYTES_MAX, &app.bounds).await?;
    Ok(Json(app.studio.read_list(&bytes)?).into_response())
}

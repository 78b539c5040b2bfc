//! Correcting a cut-out: `/api/jobs/{id}/matte`, `/strokes`, and making the pictures anew.
//!
//! Whoever knows the job's id sees its matte, as with its pictures; changing it needs what generating needs.

use axum::Json;
use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::correcting::{Change, CorrectionError, Stroked};
use crate::http::error::ApiError;
use crate::http::extract::{Params, Segments};
use crate::http::openapi::{answers, bodies, values};
use crate::http::{App, jobs, pictures};
use crate::job::JobId;
use crate::job::correction::Stroke;
use crate::view::JobView;

mod refusal;

/// All strokes that a job may have, written wide.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The longer side of mattes that answer strokes, in pixels: what a page shows, and the most.
const SIDE: u32 = 1024;
const SIDE_MAX: u32 = 2048;

/// Which strokes a matte shows.
pub const REVISION: HeaderName = HeaderName::from_static("plantain-revision");

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/jobs/{id}/matte", get(matte))
        .route("/api/jobs/{id}/strokes", get(list).post(add).put(replace))
        .route("/api/jobs/{id}/strokes/apply", post(apply))
        .route("/api/jobs/{id}/corrected/{revision}/{n}", get(pictures::corrected))
        .route("/api/jobs/{id}/corrected/{revision}/{n}/matte", get(pictures::corrected_matte))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wide {
    /// The longer side of the matte in the answer, in pixels; more than 2048 counts as that many.
    #[param(example = 1024)]
    width: Option<u32>,
}

/// A change of the strokes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StrokesWanted)]
pub struct Wanted {
    /// As the last answer told it.
    #[schema(examples(0))]
    revision: u64,
    #[schema(value_type = Vec<bodies::StrokeDrawn>, max_items = 64)]
    strokes: Vec<Stroke>,
    /// Make the pictures anew at once.
    #[serde(default)]
    #[schema(examples(false))]
    finish: bool,
}

/// Which strokes the caller has seen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StrokesSeen)]
pub struct Seen {
    /// As the last answer told it.
    #[schema(examples(1))]
    revision: u64,
}

/// What a change is answered with: the matte, or with `finish` the job.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = StrokesAnswer)]
#[allow(dead_code, reason = "only its description is used")]
pub enum Changed {
    Matte(bodies::StrokesChanged),
    Finished(Box<JobView>),
}

/// What a body is read from: its bytes, or why there are none.
type Body = Result<Bytes, BytesRejection>;

/// `GET /api/jobs/{id}/matte`: a grey PNG, as large as the photo held upright or `?width=` bounded.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/matte",
    operation_id = "showMatte",
    tag = "Brush",
    summary = "The matte of a cut-out",
    description = "As it is corrected now: as large as the photo held upright, or smaller by `width`.",
    params(values::OfJobId, Wide),
    responses(
        (status = 200, description = "A grey PNG, white where the product is.", body = values::File, content_type = "image/png", headers(("Plantain-Revision" = u64, description = "Of the strokes that it shows."))),
        answers::OfCutout, answers::OfJob
    )
)]
pub async fn matte(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Params(wide): Params<Wide>,
) -> Result<Response, Refused> {
    let shown = app.studio.matte(&known(&id)?, wide.width.map(|side| side.clamp(1, SIDE_MAX))).await?;
    let head = [(CONTENT_TYPE, "image/png".to_owned()), (REVISION, shown.revision.to_string())];
    Ok((head, shown.matte).into_response())
}

/// `GET /api/jobs/{id}/strokes`: all strokes in order, and their revision.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/strokes",
    operation_id = "listStrokes",
    tag = "Brush",
    summary = "All strokes",
    description = "In order, and their revision.",
    params(values::OfJobId),
    responses((status = 200, description = "The strokes.", body = bodies::StrokesKept), answers::OfCutout, answers::OfJob)
)]
pub async fn list(State(app): State<App>, Segments(id): Segments<String>) -> Result<Response, Refused> {
    let (kept, (width, height)) = app.studio.strokes(&known(&id)?).await?;
    let photo = json!({"width": width, "height": height});
    Ok(Json(json!({"revision": kept.revision, "strokes": kept.strokes, "photo": photo})).into_response())
}

/// `POST /api/jobs/{id}/strokes`: further strokes.
#[utoipa::path(
    post,
    path = "/api/jobs/{id}/strokes",
    operation_id = "addStrokes",
    tag = "Brush",
    summary = "Add strokes",
    description = "Further strokes, after those of the revision that the caller has seen.",
    params(values::OfJobId, Wide),
    request_body(content = Wanted),
    responses(
        (status = 200, description = "The matte after the change; with `finish` the job with its new pictures.", body = Changed),
        answers::OfCutout, answers::OfStrokes, answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn add(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Params(wide): Params<Wide>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    change(&app, &id, &wide, &headers, body, false).await
}

/// `PUT /api/jobs/{id}/strokes`: all strokes anew. Without the last one of them it is an undo.
#[utoipa::path(
    put,
    path = "/api/jobs/{id}/strokes",
    operation_id = "replaceStrokes",
    tag = "Brush",
    summary = "Replace all strokes",
    description = "All strokes anew; without the last one of them it is an undo.",
    params(values::OfJobId, Wide),
    request_body(content = Wanted),
    responses(
        (status = 200, description = "The matte after the change; with `finish` the job with its new pictures.", body = Changed),
        answers::OfCutout, answers::OfStrokes, answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn replace(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Params(wide): Params<Wide>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    change(&app, &id, &wide, &headers, body, true).await
}

async fn change(
    app: &App,
    id: &str,
    wide: &Wide,
    headers: &HeaderMap,
    body: Body,
    instead: bool,
) -> Result<Response, Refused> {
    app.admit(headers)?;
    let (id, wanted) = (known(id)?, read::<Wanted>(body)?);
    let change = Change { seen: wanted.revision, strokes: wanted.strokes, instead };
    let side = wide.width.unwrap_or(SIDE).clamp(1, SIDE_MAX);
    let stroked = app.studio.correct(&id, change, side).await?;
    match wanted.finish {
        true => match app.studio.remake(&id, stroked.revision).await {
            Ok(job) => Ok(Json(job).into_response()),
            Err(error) => Err(Refused::of(error, Some(stroked.revision))),
        },
        false => Ok(told(&stroked)),
    }
}

fn told(stroked: &Stroked) -> Response {
    let (width, height) = stroked.photo;
    Json(json!({
        "revision": stroked.revision,
        "strokes": stroked.strokes,
        "changed": stroked.changed,
        "photo": {"width": width, "height": height},
        "matte": STANDARD.encode(&stroked.matte),
    }))
    .into_response()
}

/// `POST /api/jobs/{id}/strokes/apply`: the job's pictures anew. Answers the job.
#[utoipa::path(
    post,
    path = "/api/jobs/{id}/strokes/apply",
    operation_id = "applyStrokes",
    tag = "Brush",
    summary = "Make the pictures anew",
    description = "The same scenes on the corrected cut-out, finished and measured as at first. No model is asked.",
    params(values::OfJobId),
    request_body(content = Seen),
    responses(
        (status = 200, description = "The job with its new pictures.", body = JobView),
        answers::OfCutout, answers::OfStrokes, answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn apply(
    State(app): State<App>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    app.admit(&headers)?;
    let seen: Seen = read(body)?;
    Ok(Json(app.studio.remake(&known(&id)?, seen.revision).await?).into_response())
}

/// Why nothing was done: an answer of any kind.
pub struct Refused(Box<Response>);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Refused {
        Refused(Box::new(error.into_response()))
    }
}

impl From<CorrectionError> for Refused {
    fn from(error: CorrectionError) -> Refused {
        Refused::of(error, None)
    }
}

impl Refused {
    /// `kept` is the revision under which this very call has kept its strokes before it failed.
    fn of(error: CorrectionError, kept: Option<u64>) -> Refused {
        let now = if let CorrectionError::Conflict(now) = error { Some(now) } else { kept };
        let told = refusal::of(error).map_or_else(jobs::not_found, |told| refusal::answer(told, now));
        Refused(Box::new(told))
    }
}

fn known(id: &str) -> Result<JobId, Refused> {
    JobId::parse(id).ok_or_else(|| Refused(Box::new(jobs::not_found())))
}

fn read<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(
            format!("Strokes may take {BODY_BYTES_MAX} bytes."),
            "Send fewer points: one for each few pixels of the brush's way is enough.",
        ),
        _ => ApiError::bad_request("unread", "The request did not arrive whole.", "Send it again."),
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        ApiError::unprocessable(
            "strokes_malformed",
            format!("The strokes can't be read: {error}."),
            "Send {\"revision\": n, \"strokes\": [{\"kind\": \"keep\" or \"erase\", \"radius\": pixels, \"points\": [[x, y], …]}]}.",
        )
    })
}

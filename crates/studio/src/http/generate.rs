//! `POST /api/generate`: photos in, a job out; with `?wait=60` the ended job.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::page::wants_html;
use crate::http::upload::{self, Place, fields};
use crate::http::waiting::{Wait, Wanted};
use crate::job::{JobId, JobState};
use crate::photo::NewJob;
use crate::view::JobView;

/// Bytes of a JSON wish.
const JSON_BYTES_MAX: usize = 10 * 1024 * 1024;

/// What was begun, and where to look for it. Addresses are from the studio's root.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    job_id: JobId,
    /// Null where the queue did not answer yet; the job goes on all the same.
    request_id: Option<String>,
    status: JobState,
    preset: String,
    num_images: u8,
    cost_cents: f64,
    notices: Vec<String>,
    pub status_url: String,
    events_url: String,
    page_url: String,
}

/// Answers 202 once the job is durable, and with `wait` 200 and the job if it ends in that time, however it ends; a form that
/// a browser posted by itself is led to the job's page.
pub async fn generate(
    State(app): State<App>,
    Params(wanted): Params<Wanted>,
    request: Request,
) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let html = wants_html(request.headers());
    let wait = Wait::wanted(&app, &wanted)?;
    let headers = request.headers();
    let (owner, tier) = (app.visitor(headers).owner().cloned(), app.tier(headers));
    let allowance = app.key(headers).and_then(|key| key.allowance(app.config.clock.now()));
    let (new, place) = read(&app, request).await?;
    let new = NewJob { owner, tier, allowance, ..new };
    let accepted = app.studio.accept(new).await?;
    // The photos are on disk and out of memory; only the queue's answer is waited for now.
    drop(place);
    let begun = Begun::of(app.studio.submitted(accepted).await);
    if html {
        return Ok(Redirect::to(&begun.page_url).into_response());
    }
    let ended = match wait {
        Some(wait) => wait.ended(&app, &begun.job_id).await,
        None => None,
    };
    let location = [(LOCATION, begun.status_url.clone())];
    Ok(match ended {
        Some(job) => (StatusCode::OK, location, Json(job)).into_response(),
        None => (StatusCode::ACCEPTED, location, Json(begun)).into_response(),
    })
}

async fn read(app: &App, request: Request) -> Result<(NewJob, Place), ApiError> {
    match kind(request.headers()) {
        Some("multipart/form-data") => upload::read_form(request, &app.bounds).await,
        Some("application/json") => {
            let (body, place) = upload::read_bytes(request.into_body(), JSON_BYTES_MAX, &app.bounds).await?;
            Ok((fields::from_json(&body)?, place))
        }
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The request is neither a form with a photo nor JSON.",
            "Send multipart/form-data with the field image, or application/json with image_urls.",
        )),
    }
}

fn kind(headers: &HeaderMap) -> Option<&str> {
    let full = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = full.split(';').next()?.trim();
    ["multipart/form-data", "application/json"].into_iter().find(|known| known.eq_ignore_ascii_case(kind))
}

impl Begun {
    pub fn of(job: JobView) -> Begun {
        Begun {
            status_url: format!("/api/jobs/{}", job.job_id),
            events_url: format!("/api/jobs/{}/events", job.job_id),
            page_url: format!("/jobs/{}", job.job_id),
            job_id: job.job_id,
            request_id: job.request_id,
            status: job.status,
            preset: job.preset,
            num_images: job.num_images,
            cost_cents: job.cost_cents,
            notices: job.notices,
        }
    }
}

//! `POST /api/generate`: photos in, a job out; with `?wait=60` the ended job.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::generating::Accepted;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::hooks;
use crate::http::letters::Wisher;
use crate::http::once;
use crate::http::openapi::{answers, bodies, values};
use crate::http::page::wants_html;
use crate::http::upload::{self, Place, fields};
use crate::http::waiting::{Wait, Wanted};
use crate::http::whatsapp;
use crate::job::{JobId, JobState};
use crate::photo::NewJob;
use crate::view::JobView;

/// Bytes of a JSON wish.
const JSON_BYTES_MAX: usize = 10 * 1024 * 1024;

/// What was begun, and where to look for it. Addresses are from the studio's root.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    pub job_id: JobId,
    /// Null where the queue did not answer yet; the job goes on all the same.
    #[schema(examples("019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"))]
    request_id: Option<String>,
    status: JobState,
    #[schema(examples("amazon_main"))]
    preset: String,
    /// Pictures that were asked for.
    #[schema(examples(3))]
    num_images: u8,
    /// What it will cost at most, in US cents.
    #[schema(examples(11.7))]
    cost_cents: f64,
    /// What the seller should know about the wish, in words.
    notices: Vec<String>,
    /// Tells the job as it is.
    #[schema(examples("/api/jobs/019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"))]
    pub status_url: String,
    /// Tells the job with each change.
    #[schema(examples("/api/jobs/019a5d6e-8f00-7cc3-98c4-dc0c0c07398f/events"))]
    events_url: String,
    /// Shows the job to a person.
    #[schema(examples("/jobs/019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"))]
    page_url: String,
}

/// Answers 202 once the job is durable, and with `wait` 200 and the job if it ends in that time, however it ends; a form that
/// a browser posted by itself is led to the job's page.
#[utoipa::path(
    post,
    path = "/api/generate",
    operation_id = "generate",
    tag = "Generate",
    summary = "Make catalog pictures",
    description = "Photos in, a job out: as a form with photos, or as JSON with addresses of pictures. Answered as soon as the job is durable; it will end whatever happens.",
    params(Wanted, values::Named),
    request_body(description = "The photos and the wish.", content((values::FormWish = "multipart/form-data"), (fields::JsonWish = "application/json"))),
    responses(
        (status = 200, description = "With `wait`: the job has ended, well or badly; `status` says how.", body = JobView, headers(("Location" = String, description = "The job's address."))),
        (status = 202, description = "The job is durable.", body = Begun, headers(("Location" = String, description = "The job's address."))),
        (status = 303, description = "For a browser that posted the form itself (`Accept: text/html`): to the job's page."),
        (status = 402, description = "`budget_spent`: the key's budget has no room for it.", body = bodies::Refusal),
        (status = 403, description = "`letters_for_accounts`: `notifyEmail` is for sellers with an account. `foreign_page`: a page of another site made a browser ask.", body = bodies::Refusal),
        (status = 415, description = "`unsupported_media_type`, `not_a_picture` or a kind of picture that is not read.", body = bodies::Refusal),
        (status = 422, description = "The wish can't be fulfilled, and `error` says which part of it: such as `photo_missing`, `unknown_preset`, `num_images_out_of_range`, `products_unusable`, `prompt_too_long`, `unknown_field`, `image_url_unusable`, `bad_wait`, `idempotency_key_used`, `bad_idempotency_key`, `webhook_url_unusable`, `webhook_url_refused`, `webhook_secret_unusable`, `notify_email_unusable`, `no_letters`, `whatsapp_number_unusable`, `whatsapp_not_offered`.", body = bodies::Refusal),
        answers::Named, answers::Sent, answers::Closed, answers::Writes
    )
)]
pub async fn generate(
    State(app): State<App>,
    Params(wanted): Params<Wanted>,
    request: Request,
) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let html = wants_html(request.headers());
    let wait = Wait::wanted(&app, &wanted)?;
    let headers = request.headers();
    let (owner, tier) = (app.visitor(headers).maker(), app.tier(headers).await?);
    let allowance = app.key(headers).and_then(|key| key.allowance(app.config.clock.now()));
    let turn = app.turn(headers)?;
    let wisher = Wisher::of(&app, &request);
    let (new, place) = read(&app, request).await?;
    let whatsapp = whatsapp::wished(&app, &wisher, new.whatsapp)?;
    let new = NewJob { owner, tier, allowance, whatsapp, ..new };
    if let Some(callback) = &new.callback {
        app.studio.judged(&callback.url, None).map_err(hooks::refused)?;
    }
    let notify = app.letter(&wisher, new.notify.clone())?;
    let new = NewJob { notify, ..new };
    let naming = app.naming(&wisher, new.notify.as_ref(), new.whatsapp.as_ref());
    let accepted = app.studio.accept_once(new, turn.as_ref().map(|turn| turn.key.clone()), &naming).await?;
    // The photos are on disk and out of memory; only the queue's answer is waited for now.
    drop((place, turn));
    Ok(answered(&app, accepted, wait, html).await)
}

/// What is told of a job that was accepted: where it is, the ended job where somebody waits for it, or its page.
pub async fn answered(app: &App, accepted: Accepted, wait: Option<Wait>, html: bool) -> Response {
    let is_repeated = accepted.is_repeated();
    let begun = Begun::of(app.studio.submitted(accepted).await);
    if html {
        return Redirect::to(&begun.page_url).into_response();
    }
    let ended = match wait {
        Some(wait) => wait.ended(app, &begun.job_id).await,
        None => None,
    };
    let location = [(LOCATION, begun.status_url.clone())];
    let answer = match ended {
        Some(job) => (StatusCode::OK, location, Json(job)).into_response(),
        None => (StatusCode::ACCEPTED, location, Json(begun)).into_response(),
    };
    once::said(is_repeated, answer)
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

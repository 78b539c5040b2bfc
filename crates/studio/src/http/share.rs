//! Links that let somebody else look at a job for a while: the job's id, when the link ends, and a proof that we made it.
//!
//! Following one gives the browser a cookie for this job alone, with which the door lets it look, and do nothing else. Nothing
//! is kept here: a link ends by itself, or with the job.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::guard;
use crate::http::openapi::{answers, bodies, values};
use crate::http::{App, jobs, page, upload};
use crate::job::{JobId, Visitor};

/// Bytes of the wish.
const JSON_BYTES_MAX: usize = 1024;

/// Hours that a link lasts: a week usually, a month at most.
const HOURS_USUAL: u32 = 7 * 24;
const HOURS_MAX: u32 = 30 * 24;

const SECONDS_AN_HOUR: i64 = 60 * 60;

/// What carries a link in an address.
const LINK: &str = "link";

/// How long a link lasts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LinkWanted)]
pub struct Wished {
    /// Usually 168, a week.
    #[schema(minimum = 1, maximum = 720, examples(24))]
    hours: Option<u32>,
}

/// A link.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    #[schema(examples("https://studio.example/share/019a5d6e-8f00-7cc3-98c4-dc0c0c07398f/…"))]
    url: String,
    expires_at: Timestamp,
}

/// `POST /api/jobs/{id}/share`: a link to the job's page for whoever has it.
#[utoipa::path(
    post,
    path = "/api/jobs/{id}/share",
    operation_id = "shareJob",
    tag = "Jobs",
    summary = "Make a link that ends",
    description = "Whoever has it may look at the job's page, and do nothing.",
    params(values::OfJobId),
    request_body(content = Wished),
    responses(
        (status = 200, description = "The link.", body = Link),
        (status = 422, description = "The hours can't be used.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::OfJob
    )
)]
pub async fn make(
    State(app): State<App>,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let (body, _place) = upload::read_bytes(request.into_body(), JSON_BYTES_MAX, &app.bounds).await?;
    let wished: Wished = serde_json::from_slice(&body).map_err(|_| wrong_hours())?;
    let hours = wished.hours.unwrap_or(HOURS_USUAL);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(wrong_hours());
    }
    let Some(id) = JobId::parse(&id) else { return Ok(jobs::not_found()) };
    if app.studio.job(&id).await?.is_none() {
        return Ok(jobs::not_found());
    }
    if app.studio.may_see(&Visitor::Anybody, &id).await? {
        return Err(not_owned());
    }
    let until = app.config.clock.now().as_second() + i64::from(hours) * SECONDS_AN_HOUR;
    let path = format!("share/{id}/{}", app.config.admin_token.link_key().token(&id, until));
    let url = app.studio.config().public_url.join(&path).map_err(|_| ApiError::internal())?;
    let expires_at = Timestamp::from_second(until).map_err(|_| ApiError::internal())?;
    Ok(Json(Link { url: url.into(), expires_at }).into_response())
}

/// `GET /share/{id}/{token}`: leads to the job's page, with the right to look at it.
#[utoipa::path(
    get,
    path = "/share/{id}/{token}",
    operation_id = "followLink",
    tag = "Pages",
    summary = "Follow a link",
    security(()),
    params(values::OfLink),
    responses(
        (status = 303, description = "To the job's page, with the right to look at it."),
        (status = 404, description = "The link has ended, or is none.", body = String, content_type = "text/html")
    )
)]
pub async fn follow(
    State(app): State<App>,
    Segments((id, token)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let now = app.config.clock.now().as_second();
    let id = JobId::parse(&id);
    let Some((id, left)) =
        id.and_then(|id| app.config.admin_token.link_key().left(&id, &token, now).map(|left| (id, left)))
    else {
        return page::no_link(&app, &headers);
    };
    let cookie = app.cookie(&cookie_name(&id), &token, left, "Lax");
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&format!("/jobs/{id}"))).into_response())
}

/// The request carries a link for this job: as its cookie, or in the address, for programs that keep no cookies.
pub fn may_look(app: &App, headers: &HeaderMap, query: Option<&str>, id: &JobId) -> bool {
    let now = app.config.clock.now().as_second();
    let key = app.config.admin_token.link_key();
    let is_good = |token: &str| key.left(id, token, now).is_some();
    let carried = query.into_iter().flat_map(|query| form_urlencoded::parse(query.as_bytes()));
    let carried = carried.filter(|(name, _)| name == LINK).any(|(_, token)| is_good(&token));
    carried || guard::cookie(headers, &cookie_name(id)).is_some_and(is_good)
}

fn cookie_name(id: &JobId) -> String {
    format!("plantain_share_{}", id.as_str().replace('-', ""))
}

/// Whoever learnt its id by the link could do everything with it, for good.
fn not_owned() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "not_owned",
        "The job belongs to nobody, so there is nothing that a link could keep to.",
        "Make it with a key or in a browser; then it has an owner who can share it.",
    )
}

fn wrong_hours() -> ApiError {
    ApiError::unprocessable(
        "wrong_field",
        "The wish for a link can't be read.",
        format!("Send JSON with hours, 1 to {HOURS_MAX}; {{}} makes a link for {HOURS_USUAL} hours."),
    )
}

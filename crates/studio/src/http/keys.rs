//! `/api/keys`: the keys of the studio's API, for the operator alone.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::openapi::{answers, bodies, values};
use crate::http::usage::{self, KeySpent};
use crate::http::{App, guard, upload};
use crate::job::Visitor;
use crate::job::key::{NAME_CHARS_MAX, PER_MINUTE_MAX, StudioKey, Tier};
use crate::money;
use crate::spending::{Period, Sum};

/// Bytes of a wish for a key.
const JSON_BYTES_MAX: usize = 4 * 1024;

/// A month's budget that is more than that is a slip.
const BUDGET_CENTS_MAX: f64 = 1e9;

/// What a key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = KeyWanted)]
pub struct Wished {
    #[schema(max_length = 80, examples("n8n"))]
    pub name: String,
    /// `free` or `paid`; usually `free`.
    #[serde(default)]
    #[schema(value_type = String, examples("paid"))]
    pub tier: Tier,
    /// What its jobs may cost in a month by UTC, in US cents; without it there is no bound.
    #[schema(minimum = 0, examples(500.0))]
    pub monthly_budget_cents: Option<f64>,
    /// How many calls that make something it may send in a minute; without it as many as everybody.
    #[schema(minimum = 1, maximum = 1_000_000, examples(120))]
    pub requests_per_minute: Option<u32>,
}

/// A key, as it is listed: never with its secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyView {
    id: String,
    name: String,
    tier: Tier,
    monthly_budget_cents: Option<f64>,
    requests_per_minute: Option<u32>,
    /// Since the month began: spent, or kept aside for jobs that run.
    spent_cents: f64,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl KeyView {
    fn new(key: &StudioKey, spent: Sum) -> KeyView {
        KeyView {
            id: key.id.clone(),
            name: key.name.clone(),
            tier: key.tier,
            monthly_budget_cents: key.budget_micro_usd.map(money::cents),
            requests_per_minute: key.per_minute,
            spent_cents: money::cents(spent.used()),
            created_at: key.created_at,
            last_used_at: key.used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// `GET /api/keys`: all of them, newest first.
#[utoipa::path(
    get,
    path = "/api/keys",
    operation_id = "listKeys",
    tag = "Keys",
    summary = "All keys",
    description = "Newest first, without their secrets.",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The keys.", body = bodies::Keys), answers::Closed, answers::Reads)
)]
pub async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    operator(&app, &headers)?;
    let keys = all(&app).await?;
    let views: Vec<KeyView> = keys.iter().map(|one| KeyView::new(&one.key, one.sum)).collect();
    Ok(Json(json!({ "keys": views })))
}

/// `POST /api/keys`: answers 201 with the secret, which is not told again.
#[utoipa::path(
    post,
    path = "/api/keys",
    operation_id = "createKey",
    tag = "Keys",
    summary = "Make a key",
    security(("token" = []), ("session" = [])),
    request_body(content = Wished),
    responses(
        (status = 201, description = "The key, and its secret, which is not told again.", body = bodies::KeyMade),
        (status = 422, description = "`wrong_field`: the wish can't be read.", body = bodies::Refusal),
        answers::Sent, answers::Closed, answers::Writes
    )
)]
pub async fn create(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    operator(&app, request.headers())?;
    let (body, _place) = upload::read_bytes(request.into_body(), JSON_BYTES_MAX, &app.bounds).await?;
    let wished: Wished = serde_json::from_slice(&body).map_err(|_| wrong_wish())?;
    let (key, secret) = made(&app, wished).await?;
    let mut told = serde_json::to_value(KeyView::new(&key, Sum::default())).map_err(|_| ApiError::internal())?;
    told["secret"] = secret.into();
    Ok((StatusCode::CREATED, Json(told)).into_response())
}

/// `DELETE /api/keys/{key}`: 204; the key's jobs stay, and the operator sees them.
#[utoipa::path(
    delete,
    path = "/api/keys/{key}",
    operation_id = "revokeKey",
    tag = "Keys",
    summary = "Revoke a key",
    description = "Its jobs stay, and the operator sees them.",
    security(("token" = []), ("session" = [])),
    params(values::OfKey),
    responses(
        (status = 204, description = "It opens nothing any more."),
        (status = 404, description = "`no_such_key`.", body = bodies::Refusal),
        answers::Closed, answers::Writes
    )
)]
pub async fn revoke(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(key): Segments<String>,
) -> Result<Response, ApiError> {
    operator(&app, &headers)?;
    if app.studio.revoke_key(&key).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(no_such_key())
}

/// A key as it was wished for, and its secret; an error where the wish can't be fulfilled.
pub async fn made(app: &App, wished: Wished) -> Result<(StudioKey, String), ApiError> {
    let name = wished.name.trim();
    let named = !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.contains(char::is_control);
    let payable = wished.monthly_budget_cents.is_none_or(|cents| (0.0..=BUDGET_CENTS_MAX).contains(&cents));
    let paced = wished.requests_per_minute.is_none_or(|most| (1..=PER_MINUTE_MAX).contains(&most));
    if !named || !payable || !paced {
        return Err(wrong_wish());
    }
    let budget = wished.monthly_budget_cents.map(money::micro_usd);
    Ok(app.studio.create_key(name, wished.tier, budget, wished.requests_per_minute).await?)
}

/// All keys, newest first, with what their jobs came to since the month began.
pub async fn all(app: &App) -> Result<Vec<KeySpent>, ApiError> {
    let month = Period::month_until(app.config.clock.now());
    let lines = app.studio.spending(None, &month).await?.unwrap_or_default();
    Ok(usage::spent_by(app.studio.keys().await?, &lines))
}

pub fn no_such_key() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "no_such_key",
        "There is no such key.",
        "GET /api/keys lists all of them with their ids.",
    )
}

/// Refuses whoever isn't the operator.
pub fn operator(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    if app.visitor(headers) == Visitor::Operator { Ok(()) } else { Err(guard::operator_needed()) }
}

fn wrong_wish() -> ApiError {
    ApiError::unprocessable(
        "wrong_field",
        "The wish for a key can't be read.",
        format!(
            "Send JSON with name (1 to {NAME_CHARS_MAX} characters), tier (free or paid), and where they are to be bounded monthlyBudgetCents (US cents) and requestsPerMinute (1 to {PER_MINUTE_MAX})."
        ),
    )
}

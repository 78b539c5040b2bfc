//! `/api/batches`: an archive in, a job for each of its photos, all pictures back in one archive.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bulk::batch::{BatchId, ItemState, Steer};
use crate::bulk::receiving::NewBatch;
use crate::bulk::store::{ITEMS_A_PAGE_MAX, ItemFilter, Steered};
use crate::bulk::view::{BatchView, ItemPage};
use crate::http::error::ApiError;
use crate::http::extract::{self, Params, Segments};
use crate::http::{App, guard, in_time, jobs, pictures, upload};
use crate::job::Visitor;

mod events;

/// Items of a page where nothing is said.
const USUAL_ITEMS: usize = 100;

/// All of it; what concerns one batch lies behind its door.
pub fn routes(app: &App) -> Router<App> {
    let slow = Router::new()
        .route("/api/batches/{id}/events", get(events::events))
        .route("/api/batches/{id}/zip", get(zip))
        .layer(DefaultBodyLimit::disable());
    let one = Router::new()
        .route("/api/batches/{id}", get(show).delete(cancel))
        .route("/api/batches/{id}/pause", post(pause))
        .route("/api/batches/{id}/resume", post(resume))
        .route("/api/batches/{id}/retry", post(retry))
        .route_layer(from_fn_with_state(app.clone(), in_time))
        .merge(slow)
        .route_layer(from_fn_with_state(app.clone(), door));
    Router::new().route("/api/batches", get(list).post(begin)).layer(DefaultBodyLimit::disable()).merge(one)
}

/// Answers whoever may not see a batch as if there were none.
async fn door(State(app): State<App>, params: RawPathParams, request: Request, next: Next) -> Response {
    let visitor = app.visitor(request.headers());
    let id = params.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| BatchId::parse(id));
    let Some(id) = id else { return jobs::not_found() };
    match app.studio.may_see_batch(&visitor, &id).await {
        Ok(true) => next.run(request).await,
        Ok(false) => jobs::not_found(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// `POST /api/batches`: answers 202 once every photo is durable.
async fn begin(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let _place = app.archives.clone().try_acquire_owned().map_err(|_| ApiError::busy())?;
    let headers = request.headers();
    if app.key(headers).is_some_and(|key| key.budget_micro_usd.is_some()) {
        return Err(budgeted());
    }
    let (owner, tier) = (app.visitor(headers).owner().cloned(), app.tier(headers));
    let (new, _room) = upload::bulk::read(request, &app.bounds, &app.studio).await?;
    let num_images = tier.pictures_max().map_or(new.num_images, |most| new.num_images.min(most));
    let batch = app.studio.begin_batch(NewBatch { owner, num_images, ..new }).await?;
    Ok((StatusCode::ACCEPTED, [(LOCATION, batch.status_url.clone())], Json(batch)).into_response())
}

/// A batch is accepted whole, so it can't end in the middle of a budget.
fn budgeted() -> ApiError {
    ApiError::new(
        StatusCode::PAYMENT_REQUIRED,
        "budget_bounds_no_batch",
        "This key has a month's budget, and a batch is accepted whole.",
        "Send the photos one by one to POST /api/generate, or use a key without a budget.",
    )
}

/// `GET /api/batches`: newest first; all of them for the operator, their own for a seller.
async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    app.admit(&headers)?;
    let visitor = app.visitor(&headers);
    if visitor == Visitor::Anybody {
        return Err(guard::token_needed());
    }
    let batches = app.studio.batches(visitor.owner()).await?;
    Ok(Json(json!({"batches": batches})).into_response())
}

#[derive(Deserialize)]
struct Wanted {
    /// The `next` of the page before.
    cursor: Option<String>,
    limit: Option<String>,
    /// Only items in this state.
    status: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    batch: BatchView,
    #[serde(flatten)]
    page: ItemPage,
}

/// `GET /api/batches/{id}`: how far it is, and a page of its items.
async fn show(
    State(app): State<App>,
    Segments(id): Segments<String>,
    Params(wanted): Params<Wanted>,
) -> Result<Response, ApiError> {
    let filter = filter(&wanted)?;
    let Some(id) = BatchId::parse(&id) else { return Ok(jobs::not_found()) };
    let (Some(batch), Some(page)) = (app.studio.batch(&id).await?, app.studio.items(&id, filter).await?) else {
        return Ok(jobs::not_found());
    };
    Ok(Json(Shown { batch, page }).into_response())
}

fn filter(wanted: &Wanted) -> Result<ItemFilter, ApiError> {
    let limit = extract::limit(wanted.limit.as_deref(), ITEMS_A_PAGE_MAX)?.unwrap_or(USUAL_ITEMS);
    let bad_cursor = |_| {
        ApiError::unprocessable("bad_cursor", "The cursor is none of ours.", "Give the \"next\" of the page before.")
    };
    let after = wanted.cursor.as_deref().map(str::parse).transpose().map_err(bad_cursor)?.unwrap_or(0);
    let state = |word: &str| {
        let all = ItemState::ALL.map(ItemState::as_str).join(", ");
        ItemState::parse(&word.to_ascii_lowercase()).ok_or_else(|| {
            ApiError::unprocessable("bad_status", "No item has such a status.", format!("Ask for one of {all}."))
        })
    };
    Ok(ItemFilter { after, state: wanted.status.as_deref().map(state).transpose()?, limit })
}

/// `GET /api/batches/{id}/zip`: all pictures so far under the marketplaces' names, and report.csv.
async fn zip(State(app): State<App>, Segments(id): Segments<String>) -> Result<Response, ApiError> {
    let Some(id) = BatchId::parse(&id) else { return Ok(jobs::not_found()) };
    let Some(archive) = app.studio.batch_archive(&id).await? else { return Ok(jobs::not_found()) };
    let head = [
        (CONTENT_TYPE, "application/zip".to_owned()),
        (CONTENT_DISPOSITION, pictures::disposition(&archive.file_name, true)),
    ];
    Ok((head, Body::from_stream(archive.stream)).into_response())
}

async fn pause(State(app): State<App>, headers: HeaderMap, id: Segments<String>) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Pause).await
}

async fn resume(State(app): State<App>, headers: HeaderMap, id: Segments<String>) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Resume).await
}

async fn retry(State(app): State<App>, headers: HeaderMap, id: Segments<String>) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Retry).await
}

async fn cancel(State(app): State<App>, headers: HeaderMap, id: Segments<String>) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Cancel).await
}

async fn steer(
    app: &App,
    headers: &HeaderMap,
    Segments(id): Segments<String>,
    wish: Steer,
) -> Result<Response, ApiError> {
    app.admit(headers)?;
    let Some(id) = BatchId::parse(&id) else { return Ok(jobs::not_found()) };
    match app.studio.steer(&id, wish).await? {
        Steered::NotFound => Ok(jobs::not_found()),
        Steered::TooLate => Err(ApiError::new(
            StatusCode::CONFLICT,
            "too_late",
            "The batch has ended already.",
            "Its pictures, if it made any, are kept.",
        )),
        Steered::Done => {
            let batch = app.studio.batch(&id).await?;
            Ok(batch.map_or_else(jobs::not_found, |batch| Json(batch).into_response()))
        }
    }
}

//! `/api/batches`: an archive in, a job for each of its photos, all pictures back in one archive.

use axum::extract::{DefaultBodyLimit, RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::bulk::batch::{BatchId, ItemState, Steer};
use crate::bulk::receiving::{Begun, NewBatch};
use crate::bulk::store::{BATCHES_A_PAGE_MAX, BatchFilter, ITEMS_A_PAGE_MAX, ItemFilter, Steered};
use crate::bulk::view::{BatchPage, BatchView, ItemPage};
use crate::http::error::ApiError;
use crate::http::extract::{self, Params, Segments};
use crate::http::letters::Wisher;
use crate::http::once;
use crate::http::openapi::{answers, bodies, values};
use crate::http::page::wants_html;
use crate::http::{App, guard, in_time, jobs, page, pictures, upload, whatsapp};
use crate::job::Visitor;

pub mod events;
pub mod list;
pub mod report;

/// Items of a page where nothing is said.
const USUAL_ITEMS: usize = 100;

/// All of it; what concerns one batch lies behind its door.
pub fn routes(app: &App) -> Router<App> {
    let slow = Router::new()
        .route("/api/batches/{id}/events", get(events::events))
        .route("/api/batches/{id}/zip", get(zip))
        .route("/api/batches/{id}/report.csv", get(report::report))
        .layer(DefaultBodyLimit::disable());
    let one = Router::new()
        .route("/api/batches/{id}", get(show).delete(cancel))
        .route("/api/batches/{id}/pause", post(pause))
        .route("/api/batches/{id}/resume", post(resume))
        .route("/api/batches/{id}/retry", post(retry))
        .route("/api/batches/{id}/cancel", post(cancel_by_form))
        .route("/api/history/batches/{id}", delete(discard).post(discard_by_form))
        .route("/bulk/{id}", get(page::bulk::batch))
        .route_layer(from_fn_with_state(app.clone(), in_time))
        .merge(slow)
        .route_layer(from_fn_with_state(app.clone(), door));
    let all = Router::new()
        .route("/api/batches", get(list).post(begin))
        .route("/api/batches/list", post(list::read))
        .layer(DefaultBodyLimit::disable());
    let page = Router::new().route("/bulk", get(page::bulk::all)).route_layer(from_fn_with_state(app.clone(), in_time));
    all.merge(page).merge(one)
}

/// Answers whoever may not see a batch as if there were none.
async fn door(State(app): State<App>, params: RawPathParams, request: Request, next: Next) -> Response {
    let visitor = app.visitor(request.headers());
    let id = params.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| BatchId::parse(id));
    let Some(id) = id else { return none(&app, &request) };
    match app.studio.may_see_batch(&visitor, &id).await {
        Ok(true) => next.run(request).await,
        Ok(false) => none(&app, &request),
        Err(error) => ApiError::from(error).into_response(),
    }
}

fn none(app: &App, request: &Request) -> Response {
    match request.uri().path().starts_with("/api/") {
        true => jobs::not_found(),
        false => page::bulk::no_batch(app, request.headers()).into_response(),
    }
}

/// `POST /api/batches`: answers 202 once every photo is durable.
#[utoipa::path(
    post,
    path = "/api/batches",
    operation_id = "beginBatch",
    tag = "Batches",
    summary = "Hand in many photos at once",
    description = "An archive of photos, and a list if there is one (columns file, sku, preset, prompt, products). What is no photo is skipped and named with the reason; a ZIP that would harm is refused whole. Each photo becomes a job, a few at a time; where a key's budget is used up, the others wait. The archive has at most 2 GB and 5,000 entries.",
    params(values::Named),
    request_body(content = inline(BatchForm), content_type = "multipart/form-data"),
    responses(
        (status = 303, description = "For a browser that posted the form itself (`Accept: text/html`): to the batch's page."),
        (status = 202, description = "Every photo is durable, and will become a job.", body = BatchView, headers(("Location" = String, description = "Where the batch is."))),
        (status = 403, description = "`letters_for_accounts`: `notifyEmail` is for sellers with an account. `foreign_page`: a page of another site made a browser ask.", body = bodies::Refusal),
        (status = 415, description = "`not_an_archive`: the file is no ZIP.", body = bodies::Refusal),
        (status = 422, description = "The archive, the list or a field can't be used; `bad_idempotency_key`, or `idempotency_key_used` for another request.", body = bodies::Refusal),
        answers::Named, answers::Sent, answers::Closed, answers::Writes
    )
)]
pub async fn begin(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    app.admit(request.headers())?;
    let _place = app.archives.clone().try_acquire_owned().map_err(|_| ApiError::busy())?;
    let headers = request.headers();
    let html = wants_html(headers);
    let (owner, tier) = (app.visitor(headers).maker(), app.tier(headers).await?);
    let turn = app.turn(headers)?;
    let wisher = Wisher::of(&app, &request);
    let (new, _room) = upload::bulk::read(request, &app.bounds, &app.studio).await?;
    let notify = app.letter(&wisher, new.notify.clone())?;
    let whatsapp = whatsapp::wished(&app, &wisher, new.whatsapp.clone())?;
    let naming = app.naming(&wisher, notify.as_ref(), whatsapp.as_ref());
    let new = NewBatch { owner, tier, notify, whatsapp, ..new };
    let key = turn.as_ref().map(|turn| turn.key.clone());
    let Begun { batch, is_repeated } = app.studio.begin_batch_once(new, key, &naming).await?;
    if html {
        return Ok(Redirect::to(&batch.page_url).into_response());
    }
    let location = [(LOCATION, batch.status_url.clone())];
    Ok(once::said(is_repeated, (StatusCode::ACCEPTED, location, Json(batch)).into_response()))
}

/// `GET /api/batches`: newest first; all of them for the operator, their own for a seller.
#[utoipa::path(
    get,
    path = "/api/batches",
    operation_id = "listBatches",
    tag = "Batches",
    summary = "All batches",
    description = "A page, newest first: all of them for the operator, their own for a seller.",
    params(Paged),
    responses(
        (status = 200, description = "A page. `next` is null on the last one.", body = BatchPage),
        (status = 422, description = "`bad_limit` or `bad_cursor`.", body = bodies::Refusal),
        answers::Queried, answers::Closed, answers::Reads
    )
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(paged): Params<Paged>,
) -> Result<Response, ApiError> {
    app.admit(&headers)?;
    let visitor = app.visitor(&headers);
    if visitor == Visitor::Anybody {
        return Err(guard::name_needed());
    }
    let filter = BatchFilter { owner: visitor.owner().cloned(), ..paged.filter()? };
    Ok(Json(app.studio.batches(filter).await?).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paged {
    /// The `next` of the page before.
    #[param(value_type = Option<BatchId>)]
    pub cursor: Option<String>,
    /// How many batches a page has, usually 50.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100, example = 20)]
    pub limit: Option<String>,
}

impl Paged {
    /// Whosever they are.
    pub fn filter(&self) -> Result<BatchFilter, ApiError> {
        let cursor = |text: &str| BatchId::parse(text).ok_or_else(extract::bad_cursor);
        let limit = extract::limit(self.limit.as_deref(), BATCHES_A_PAGE_MAX)?;
        let usual = BatchFilter::default();
        Ok(BatchFilter {
            before: self.cursor.as_deref().map(cursor).transpose()?,
            limit: limit.unwrap_or(usual.limit),
            ..usual
        })
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The `next` of the page before.
    pub cursor: Option<String>,
    pub limit: Option<String>,
    /// Only items in this state.
    pub status: Option<String>,
}

/// What a form for a batch may have.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the form, which is read as it comes")]
pub struct BatchForm {
    /// The photos, as a ZIP.
    #[schema(value_type = String, format = Binary)]
    zip: Vec<u8>,
    /// The list: file, sku, preset, prompt, products; commas or semicolons. It may as well lie in the archive.
    #[schema(value_type = Option<String>, format = Binary)]
    csv: Option<Vec<u8>>,
    /// For photos whose line names none; `amazon_main` usually.
    preset: Option<String>,
    prompt: Option<String>,
    /// Pictures of each photo, 1 to 4; 3 usually, and 1 without a paid key or account where others reach the studio.
    num_images: Option<u8>,
    /// How many pieces each photo shows, such as 2 for pairs, where its line in the list says nothing else; otherwise the check
    /// looks for one.
    #[schema(minimum = 1, maximum = 99, examples(2))]
    products: Option<u32>,
    /// Gets a letter once all of it is through, where the studio sends any.
    #[schema(rename = "notifyEmail", max_length = 254, examples("asha@shop.example"))]
    notify_email: Option<String>,
    /// Told by WhatsApp once all of it is through, with how many photos are ready, failed and were left out: a number with its
    /// country code.
    #[serde(rename = "notifyWhatsapp")]
    #[schema(max_length = 40, examples("+91 98765 43210"))]
    notify_whatsapp: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BatchShown)]
pub struct Shown {
    #[serde(flatten)]
    batch: BatchView,
    #[serde(flatten)]
    page: ItemPage,
}

/// `GET /api/batches/{id}`: how far it is, and a page of its items.
#[utoipa::path(
    get,
    path = "/api/batches/{id}",
    operation_id = "showBatch",
    tag = "Batches",
    summary = "How far a batch is",
    description = "With a page of its photos, in the order of the archive.",
    params(values::OfBatch, Wanted),
    responses(
        (status = 200, description = "The batch, and a page of its photos.", body = Shown),
        (status = 422, description = "`bad_cursor`, `bad_limit` or `bad_status`.", body = bodies::Refusal),
        answers::Queried, answers::OfJob
    )
)]
pub async fn show(
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

pub fn filter(wanted: &Wanted) -> Result<ItemFilter, ApiError> {
    let limit = extract::limit(wanted.limit.as_deref(), ITEMS_A_PAGE_MAX)?.unwrap_or(USUAL_ITEMS);
    let after = wanted.cursor.as_deref().map(str::parse).transpose().map_err(|_| extract::bad_cursor())?.unwrap_or(0);
    let state = |word: &str| {
        let all = ItemState::ALL.map(ItemState::as_str).join(", ");
        ItemState::parse(&word.to_ascii_lowercase()).ok_or_else(|| {
            ApiError::unprocessable("bad_status", "No item has such a status.", format!("Ask for one of {all}."))
        })
    };
    Ok(ItemFilter { after, state: wanted.status.as_deref().map(state).transpose()?, limit })
}

/// `GET /api/batches/{id}/zip`: all pictures so far under the marketplaces' names, and report.csv.
#[utoipa::path(
    get,
    path = "/api/batches/{id}/zip",
    operation_id = "downloadBatch",
    tag = "Batches",
    summary = "All pictures of a batch",
    description = "One archive that is made while it is sent: the pictures so far under the marketplaces' names, and report.csv.",
    params(values::OfBatch),
    responses(
        (status = 200, description = "The archive.", body = String, content_type = "application/zip"), answers::OfJob
    )
)]
pub async fn zip(State(app): State<App>, Segments(id): Segments<String>) -> Result<Response, ApiError> {
    let Some(id) = BatchId::parse(&id) else { return Ok(jobs::not_found()) };
    let Some(archive) = app.studio.batch_archive(&id).await? else { return Ok(jobs::not_found()) };
    Ok(pictures::archive(&archive.file_name, archive.stream))
}

#[utoipa::path(
    post,
    path = "/api/batches/{id}/pause",
    operation_id = "pauseBatch",
    tag = "Batches",
    summary = "Pause a batch",
    description = "What runs goes on; nothing new begins.",
    params(values::OfBatch),
    responses(
        (status = 200, description = "The batch as it is then.", body = BatchView),
        (status = 303, description = "For a browser that posted a form itself (`Accept: text/html`): to the batch's page."),
        (status = 409, description = "`too_late`: the batch has ended already.", body = bodies::Refusal),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn pause(State(app): State<App>, headers: HeaderMap, id: Segments<String>) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Pause).await
}

#[utoipa::path(
    post,
    path = "/api/batches/{id}/resume",
    operation_id = "resumeBatch",
    tag = "Batches",
    summary = "Go on with a batch",
    description = "After a pause.",
    params(values::OfBatch),
    responses(
        (status = 200, description = "The batch as it is then.", body = BatchView),
        (status = 303, description = "For a browser that posted a form itself (`Accept: text/html`): to the batch's page."),
        (status = 409, description = "`too_late`: the batch has ended already.", body = bodies::Refusal),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn resume(State(app): State<App>, headers: HeaderMap, id: Segments<String>) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Resume).await
}

#[utoipa::path(
    post,
    path = "/api/batches/{id}/retry",
    operation_id = "retryBatch",
    tag = "Batches",
    summary = "Make failed jobs again",
    description = "A new job for each photo whose job failed and whose bytes are kept: `retryable` of them. What never became a job, such as a damaged file, is not tried again; its `error` says why.",
    params(values::OfBatch),
    responses(
        (status = 200, description = "The batch as it is then.", body = BatchView),
        (status = 303, description = "For a browser that posted a form itself (`Accept: text/html`): to the batch's page."),
        (status = 409, description = "`too_late`: the batch has ended already.", body = bodies::Refusal),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn retry(State(app): State<App>, headers: HeaderMap, id: Segments<String>) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Retry).await
}

#[utoipa::path(
    delete,
    path = "/api/batches/{id}",
    operation_id = "cancelBatch",
    tag = "Batches",
    summary = "Cancel a batch",
    description = "What waits is given up, and jobs that run are asked to end. Pictures that were made are kept.",
    params(values::OfBatch),
    responses(
        (status = 200, description = "The batch as it is then.", body = BatchView),
        (status = 409, description = "`too_late`: the batch has ended already.", body = bodies::Refusal),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn cancel(State(app): State<App>, headers: HeaderMap, id: Segments<String>) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Cancel).await
}

/// The same for a browser without scripts, whose forms know no other method.
#[utoipa::path(
    post,
    path = "/api/batches/{id}/cancel",
    operation_id = "cancelBatchByForm",
    tag = "Batches",
    summary = "Cancel a batch, by a form",
    description = "As `DELETE /api/batches/{id}`.",
    params(values::OfBatch),
    responses(
        (status = 200, description = "The batch as it is then.", body = BatchView),
        (status = 303, description = "For a browser that posted a form itself (`Accept: text/html`): to the batch's page."),
        (status = 409, description = "`too_late`: the batch has ended already.", body = bodies::Refusal),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn cancel_by_form(
    State(app): State<App>,
    headers: HeaderMap,
    id: Segments<String>,
) -> Result<Response, ApiError> {
    steer(&app, &headers, id, Steer::Cancel).await
}

/// `DELETE /api/history/batches/{id}`: 204 once it is gone for everybody.
#[utoipa::path(
    delete,
    path = "/api/history/batches/{id}",
    operation_id = "discardBatch",
    tag = "Batches",
    summary = "Delete a batch",
    description = "With its list, its jobs and their pictures, and the addresses that were given with it. What still runs is stopped first, and nobody is told of the end. It is gone at once; jobs and bytes follow within the hour, also after a restart.",
    params(values::OfBatch),
    responses((status = 204, description = "There is no such batch any more."), answers::Closed, answers::OfJob, answers::Writes)
)]
pub async fn discard(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    app.admit(&headers)?;
    let Some(id) = BatchId::parse(&id) else { return Ok(jobs::not_found()) };
    match app.studio.discard_batch(&id).await? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Ok(jobs::not_found()),
    }
}

/// The same for a browser, which is led back to the other batches.
#[utoipa::path(
    post,
    path = "/api/history/batches/{id}",
    operation_id = "discardBatchByForm",
    tag = "Pages",
    summary = "Delete a batch, by a form",
    description = "As `DELETE /api/history/batches/{id}`.",
    params(values::OfBatch),
    responses(
        (status = 303, description = "There is no such batch any more: to the others."),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn discard_by_form(
    State(app): State<App>,
    headers: HeaderMap,
    id: Segments<String>,
) -> Result<Response, ApiError> {
    let answer = discard(State(app), headers, id).await?;
    Ok(if answer.status() == StatusCode::NO_CONTENT { Redirect::to("/bulk").into_response() } else { answer })
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
        Steered::Done if wants_html(headers) => Ok(Redirect::to(&format!("/bulk/{id}")).into_response()),
        Steered::Done => {
            let batch = app.studio.batch(&id).await?;
            Ok(batch.map_or_else(jobs::not_found, |batch| Json(batch).into_response()))
        }
    }
}

//! `GET /api/batches/{id}/events`: how far the batch is, again with each change, until it is over.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::HeaderMap;

use crate::bulk::batch::BatchId;
use crate::bulk::view::BatchView;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::jobs::not_found;
use crate::http::openapi::{answers, values};
use crate::http::{language, told};

/// How often the store is asked; many jobs may end in between.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Proxies cut connections that stay silent for half a minute and more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[utoipa::path(
    get,
    path = "/api/batches/{id}/events",
    operation_id = "watchBatch",
    tag = "Batches",
    summary = "A batch's changes as they happen",
    description = "Server-sent events: how far the batch is, again with each change, until it is over.",
    params(values::OfBatch),
    responses(
        (status = 200, description = "Events without a name; `data` is a batch (`BatchView`) as JSON in one line.", body = String, content_type = "text/event-stream"),
        answers::OfJob
    )
)]
pub async fn events(
    State(app): State<App>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let words = language::of(&headers);
    let Some(id) = BatchId::parse(&id) else { return Ok(not_found()) };
    let place = app.streams.clone().try_acquire_owned().map_err(|_| ApiError::busy())?;
    let Some(batch) = app.studio.batch(&id).await? else { return Ok(not_found()) };
    let begun = Some((app, id, Some(batch), None, place));
    let told = stream::unfold(begun, move |begun| async move {
        let (app, id, fresh, last, place) = begun?;
        let batch = match fresh {
            Some(batch) => batch,
            None => changed(&app, &id, last.as_ref()).await?,
        };
        let event = Event::default().retry(LOOK_EVERY).data(told::json(words, &batch)?);
        let next = (!batch.status.is_over()).then_some((app, id, None, Some(batch), place));
        Some((Ok::<_, Infallible>(event), next))
    });
    let sse = Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([("x-accel-buffering", "no")], sse).into_response())
}

/// The batch once it differs; `None` ends the stream, and the browser comes back by itself.
async fn changed(app: &App, id: &BatchId, last: Option<&BatchView>) -> Option<BatchView> {
    loop {
        tokio::select! {
            () = app.config.shutdown.begun() => return None,
            () = app.config.clock.sleep(LOOK_EVERY) => {}
        }
        let batch = app.studio.batch(id).await.ok()??;
        if Some(&batch) != last {
            return Some(batch);
        }
    }
}

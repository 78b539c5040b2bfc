//! `GET /api/jobs/{id}/events`: the job as it is, again with each change, until it has ended.
//!
//! Each event is the whole job, so nothing is lost between two connections. Its id is a digest of the job: a browser that
//! comes back with it and finds nothing new is told nothing, and after the end is told not to come again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::jobs::not_found;
use crate::http::openapi::{answers, values};
use crate::http::words::Words;
use crate::http::{language, told};
use crate::job::JobId;
use crate::view::JobView;
use crate::watch::Watch;

pub mod several;

/// Proxies cut connections that stay silent for half a minute and more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After how long a browser comes back when the stream breaks.
const RETRY: Duration = Duration::from_secs(2);

#[utoipa::path(
    get,
    path = "/api/jobs/{id}/events",
    operation_id = "watchJob",
    tag = "Jobs",
    summary = "A job's changes as they happen",
    description = "Server-sent events: the whole job as it is, again with each change, until it has ended. Each event has an id; whoever comes back with it is told only what is new.",
    params(values::OfJobId, values::Resumed),
    responses(
        (status = 200, description = "Events without a name; `data` is a job (`JobView`) as JSON in one line. A comment each 15 s keeps the connection.", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The job has ended, and the asker has its last event: there is nothing to come back for."),
        answers::OfJob
    )
)]
pub async fn events(
    State(app): State<App>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(id) = JobId::parse(&id) else { return Ok(not_found()) };
    let place = app.streams.clone().try_acquire_owned().map_err(|_| ApiError::busy())?;
    // Watched before it is read: what happens between the two is news.
    let watch = app.studio.watch(&id);
    let Some(job) = app.studio.job(&id).await? else { return Ok(not_found()) };
    let last = last_of(&headers);
    if job.status.is_final() && last.as_deref() == Some(&digest(&job)) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let words = language::of(&headers);
    let told = Told { app, id, watch, words, last, fresh: Some(job), _place: place };
    let sse = Sse::new(told.into_stream()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // Asks reverse proxies not to save events up.
    Ok(([("x-accel-buffering", "no")], sse).into_response())
}

/// The id of the newest event that whoever comes back has.
fn last_of(headers: &HeaderMap) -> Option<String> {
    headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned)
}

struct Told {
    app: App,
    id: JobId,
    watch: Watch,
    words: &'static Words,
    /// The id of the newest event that this client has.
    last: Option<String>,
    /// Read, but not told yet.
    fresh: Option<JobView>,
    _place: OwnedSemaphorePermit,
}

impl Told {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(Some(self), |told| async move {
            let (event, told) = told?.next().await?;
            Some((Ok(event), told))
        })
    }

    /// The next event, and what comes after it unless it was the last.
    async fn next(mut self) -> Option<(Event, Option<Told>)> {
        loop {
            if let Some(job) = self.fresh.take() {
                let (ended, id) = (job.status.is_final(), digest(&job));
                if self.last.as_ref() != Some(&id) {
                    let event = Event::default().id(&id).retry(RETRY).data(told::json(self.words, &job)?);
                    self.last = Some(id);
                    return Some((event, (!ended).then_some(self)));
                }
            }
            tokio::select! {
                () = self.app.config.shutdown.begun() => return None,
                () = self.watch.changed() => {}
            }
            // A store that can't be read ends the stream; the browser comes back by itself.
            self.fresh = Some(self.app.studio.job(&self.id).await.ok()??);
        }
    }
}

/// Of everything but the guess at the time left, which changes with every second.
fn digest(job: &JobView) -> String {
    let steady = JobView { eta_seconds: None, ..job.clone() };
    let text = serde_json::to_vec(&steady).unwrap_or_default();
    hex::encode(&Sha256::digest(text)[..8])
}

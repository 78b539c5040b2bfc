//! `GET /api/events?ids=`: several jobs on one connection. A browser has six to a host, for all of its tabs.
//!
//! As with one job each event is a whole job, so nothing is lost between two connections. An event's id says what its reader
//! has of each job by then: their digests, in the order in which they were asked for.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use crate::error::StudioError;
use crate::http::error::ApiError;
use crate::http::events::{KEEP_ALIVE, RETRY, digest, last_of};
use crate::http::extract::Params;
use crate::http::openapi::{answers, bodies, values};
use crate::http::words::Words;
use crate::http::{App, jobs, language, share, told};
use crate::job::{JobId, Visitor};
use crate::store::JobFilter;
use crate::view::JobView;
use crate::watch::Watches;

/// Jobs of one stream: more than a page shows at once.
const JOBS_MAX: usize = 100;

/// Digits of a job's digest that tell its states from each other.
const DIGITS: usize = 8;

/// What is written in an event's id for a job that is not there, and for one that was not told yet.
const GONE: &str = "gone";
const UNTOLD: &str = "-";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Ids of jobs, separated by commas, at most 100.
    #[param(example = "019a5d6e-8f00-7cc3-98c4-dc0c0c07398f")]
    pub ids: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/events",
    operation_id = "watchJobs",
    tag = "Jobs",
    summary = "Several jobs' changes as they happen",
    description = "Server-sent events on one connection for all of the jobs: each job as it is, again with each of its changes, until all have ended. Each event has an id; whoever comes back with it is told only what is new.",
    params(Wanted, values::Resumed),
    responses(
        (status = 200, description = "Events without a name; `data` is a job (`JobView`) as JSON in one line. An event named `gone` has the `jobId` of a job that is not there, or not for the asker. A comment each 15 s keeps the connection.", body = String, content_type = "text/event-stream"),
        (status = 204, description = "All have ended, and the asker has their last events: there is nothing to come back for."),
        (status = 422, description = "`too_many_ids`.", body = bodies::Refusal),
        answers::Queried, answers::Reads
    )
)]
pub async fn events(
    State(app): State<App>,
    Params(wanted): Params<Wanted>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut ids = jobs::ids(wanted.ids.as_deref().unwrap_or_default(), JOBS_MAX)?;
    let mut before = HashSet::new();
    ids.retain(|id| before.insert(id.clone()));
    let place = app.streams.clone().try_acquire_owned().map_err(|_| ApiError::busy())?;
    // Watched before they are read: what happens between the two is news.
    let watches = app.studio.watch_all(&ids);
    let seen = seen(&app, &headers, uri.query(), &ids).await?;
    let known = known(last_of(&headers), ids.len());
    let told: Vec<Told> = ids.into_iter().zip(known).map(|(id, last)| Told { id, last, over: false }).collect();
    let mut news = News { app, words: language::of(&headers), watches, told, fresh: seen.into(), _place: place };
    let Some(first) = news.waiting() else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let sse = Sse::new(news.into_stream(first)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([("x-accel-buffering", "no")], sse).into_response())
}

/// The jobs as far as the asker may see them, each behind its id.
async fn seen(
    app: &App,
    headers: &HeaderMap,
    query: Option<&str>,
    ids: &[JobId],
) -> Result<Vec<(JobId, Option<JobView>)>, StudioError> {
    let mut seen = read(app, ids, &app.visitor(headers)).await?;
    for (id, job) in &mut seen {
        if job.is_none() && share::may_look(app, headers, query, id) {
            *job = app.studio.job(id).await?;
        }
    }
    Ok(seen)
}

async fn read(app: &App, ids: &[JobId], visitor: &Visitor) -> Result<Vec<(JobId, Option<JobView>)>, StudioError> {
    let filter = JobFilter { ids: Some(ids.to_vec()), limit: ids.len(), ..JobFilter::default() };
    let mut found = app.studio.jobs(filter, visitor).await?.jobs;
    let mut take = |id: &JobId| found.iter().position(|job| job.job_id == *id).map(|at| found.swap_remove(at));
    Ok(ids.iter().map(|id| (id.clone(), take(id))).collect())
}

/// What a client that comes back has of each job.
fn known(last: Option<String>, count: usize) -> Vec<String> {
    let parts: Vec<String> = last.unwrap_or_default().split('.').map(str::to_owned).collect();
    if parts.len() == count { parts } else { vec![UNTOLD.to_owned(); count] }
}

/// A job of the stream.
struct Told {
    id: JobId,
    /// What of it this client has.
    last: String,
    /// Nothing of it will change any more.
    over: bool,
}

struct News {
    app: App,
    words: &'static Words,
    watches: Watches,
    told: Vec<Told>,
    /// Read, but not told yet; `None` for a job that is not there.
    fresh: VecDeque<(JobId, Option<JobView>)>,
    _place: OwnedSemaphorePermit,
}

/// Something to tell, or that there is nothing yet.
type Next = Option<(JobId, Option<JobView>)>;

impl News {
    fn into_stream(self, first: Next) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold((self, Some(first)), |(mut news, first)| async move {
            let next = match first {
                Some(Some(next)) => next,
                _ => news.next().await?,
            };
            Some((Ok(news.event(&next)?), (news, None)))
        })
    }

    /// What is new of what was read; `Some(None)` where that is nothing but more will come, `None` where all is over and told.
    fn waiting(&mut self) -> Option<Next> {
        while let Some((id, job)) = self.fresh.pop_front() {
            let Some(told) = self.told.iter_mut().find(|told| told.id == id) else { continue };
            let now = job.as_ref().map_or_else(|| GONE.to_owned(), |job| digest(job)[..DIGITS].to_owned());
            told.over = job.as_ref().is_none_or(|job| job.status.is_final());
            if told.over {
                self.watches.forget(&id);
            }
            if told.last != now {
                told.last = now;
                return Some(Some((id, job)));
            }
        }
        self.told.iter().any(|told| !told.over).then_some(None)
    }

    async fn next(&mut self) -> Option<(JobId, Option<JobView>)> {
        loop {
            if let Some(next) = self.waiting()? {
                return Some(next);
            }
            let changed = tokio::select! {
                () = self.app.config.shutdown.begun() => return None,
                changed = self.watches.changed() => changed,
            };
            // A store that can't be read ends the stream; the browser comes back by itself.
            match changed {
                Some(id) => {
                    let job = self.app.studio.job(&id).await.ok()?;
                    self.fresh.push_back((id, job));
                }
                None => {
                    let open: Vec<JobId> =
                        self.told.iter().filter(|told| !told.over).map(|told| told.id.clone()).collect();
                    // Who may see them was asked when the stream began.
                    self.fresh.extend(read(&self.app, &open, &Visitor::Operator).await.ok()?);
                }
            }
        }
    }

    fn event(&self, (id, job): &(JobId, Option<JobView>)) -> Option<Event> {
        let all: Vec<&str> = self.told.iter().map(|told| told.last.as_str()).collect();
        let event = Event::default().id(all.join(".")).retry(RETRY);
        Some(match job {
            Some(job) => event.data(told::json(self.words, job)?),
            None => event.event("gone").data(json!({ "jobId": id }).to_string()),
        })
    }
}

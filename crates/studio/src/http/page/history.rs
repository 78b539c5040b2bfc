//! The page of all jobs of whoever asks: found by words and state, opened, downloaded, deleted.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use futures_util::future::try_join_all;
use http::{HeaderMap, StatusCode};
use url::form_urlencoded;

use super::frame::Frame;
use super::messages::Short;
use super::{card, shown, sign_in};
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::jobs::{self, Wanted};
use crate::http::openapi::answers;
use crate::http::words::Words;
use crate::job::{JobState, Visitor};
use crate::store::{Holdings, JobFilter};
use crate::view::{JobPage, JobView};

/// Jobs on a page.
const JOBS_A_PAGE: usize = 24;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    rows: Vec<Row>,
    usage: String,
    /// As they were asked for.
    q: String,
    status: String,
    states: Vec<(&'static str, String)>,
    /// The address of the next page.
    next: Option<String>,
    /// Something was asked for, so that nothing found doesn't mean that there is nothing.
    searched: bool,
}

impl HistoryPage {
    /// There is something to be found.
    fn has_any(&self) -> bool {
        self.searched || !self.rows.is_empty()
    }
}

/// A job in the list.
struct Row {
    id: String,
    state: &'static str,
    state_word: String,
    title: String,
    preset: String,
    thumb: Option<String>,
    /// The page of the job that this one was made of.
    made_from: Option<String>,
    /// For programs, and as people read it.
    made_at: String,
    made_on: String,
    pictures: String,
    zip: Option<String>,
    ended: bool,
    /// Whether others were told of it.
    told: Option<Short>,
}

/// `GET /history`.
#[utoipa::path(
    get,
    path = "/history",
    operation_id = "openHistory",
    tag = "Pages",
    summary = "All jobs of whoever asks",
    params(Wanted),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 401, description = "The sign-in form.", body = String, content_type = "text/html"),
        (status = 422, description = "What was searched for can't be used.", body = crate::http::openapi::bodies::Refusal),
        answers::Queried, answers::Reads
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Response, ApiError> {
    if app.admit(&headers).is_err() {
        return sign_in(&app, &headers, false);
    }
    let said = |text: &Option<String>| text.as_deref().map(str::trim).unwrap_or_default().to_owned();
    let (q, status) = (said(&wanted.q), said(&wanted.status).to_ascii_uppercase());
    let filter = JobFilter { limit: JOBS_A_PAGE, ids: None, ..jobs::filter(wanted)? };
    let visitor = app.visitor(&headers);
    let (jobs, kept) = theirs(&app, &visitor, filter).await?;
    let frame = Frame::new(&app, &headers);
    let words = frame.words;
    let told = jobs.jobs.iter().map(|job| Short::of_job(&app, &job.job_id, &visitor, words));
    let told = try_join_all(told).await?;
    let row = |(job, told)| Row { told, ..Row::new(&app, job, words) };
    let page = HistoryPage {
        rows: jobs.jobs.iter().zip(told).map(row).collect(),
        usage: words.many("history.usage", kept.jobs as usize, &[("bytes", &size(kept.bytes))]),
        states: JobState::ALL.map(|state| (state.as_str(), state_word(state, words))).into(),
        next: jobs.next.map(|cursor| next(&q, &status, cursor.as_str())),
        searched: !q.is_empty() || !status.is_empty(),
        q,
        status,
        frame,
    };
    Ok(app.remembering(&headers, shown(StatusCode::OK, &page)?))
}

/// Whoever has never been here has no jobs yet.
async fn theirs(app: &App, visitor: &Visitor, filter: JobFilter) -> Result<(JobPage, Holdings), ApiError> {
    if *visitor == Visitor::Anybody {
        return Ok((JobPage { jobs: Vec::new(), next: None }, Holdings::default()));
    }
    let owner = visitor.owner();
    let jobs = app.studio.jobs(JobFilter { owner: owner.cloned(), ..filter }, visitor).await?;
    Ok((jobs, app.studio.kept(owner).await?))
}

impl Row {
    fn new(app: &App, job: &JobView, words: &Words) -> Row {
        let preset = app.studio.presets().get(&job.preset).ok();
        let shown = job.images.get(job.chosen.map_or(0, |n| n - 1)).map(|image| &image.url);
        Row {
            id: job.job_id.to_string(),
            state: job.status.as_str(),
            state_word: state_word(job.status, words),
            title: card::title(job, words),
            preset: card::made_for(job, preset, words),
            made_from: job.made_from.as_ref().map(|from| format!("/jobs/{from}")),
            thumb: shown.or(job.source_url.as_ref()).map(|url| format!("{url}?w=160")),
            made_at: job.created_at.to_string(),
            made_on: words.day(job.created_at.to_zoned(jiff::tz::TimeZone::UTC).date()),
            pictures: words.many("history.pictures", job.images.len(), &[]),
            zip: job.zip_url.clone(),
            ended: job.status.is_final(),
            told: None,
        }
    }
}

fn state_word(state: JobState, words: &Words) -> String {
    words.get(&format!("history.state.{}", state.as_str().to_lowercase())).to_owned()
}

fn next(q: &str, status: &str, cursor: &str) -> String {
    let asked = [("q", q), ("status", status), ("cursor", cursor)].into_iter().filter(|(_, value)| !value.is_empty());
    format!("/history?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish())
}

/// As people say it: 3.4 MB.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    let unit = units.into_iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(|| format!("{bytes} B"), |(unit, name)| format!("{:.1} {name}", bytes as f64 / unit as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_asks_for_the_same() {
        assert_eq!(next("", "", "7"), "/history?cursor=7");
        assert_eq!(next("a&b कप", "FAILED", "7"), "/history?q=a%26b+%E0%A4%95%E0%A4%AA&status=FAILED&cursor=7");
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, told) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 KB"), (3_440_000, "3.4 MB"), (12_000_000_000, "12.0 GB")]
        {
            assert_eq!(size(bytes), told);
        }
    }
}

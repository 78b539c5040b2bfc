//! `/api/jobs`: what jobs there are, how one is doing, and giving one up.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::{self, Params, Segments};
use crate::http::guard;
use crate::http::openapi::{answers, bodies, values};
use crate::job::{JobId, JobState, Visitor};
use crate::store::{JOBS_A_PAGE_MAX, JobFilter};
use crate::view::{CancelView, JobPage, JobView};

/// What whoever asks for an unknown job is told, word for word.
pub fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"status": "NOT_FOUND"}))).into_response()
}

/// `GET /api/jobs/{id}`. Behind the door of jobs, which answers for others' as for unknown ones.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}",
    operation_id = "showJob",
    tag = "Jobs",
    summary = "One job",
    description = "The job as it is now, with its pictures once it has succeeded.",
    params(values::OfJobId, values::Linked),
    responses((status = 200, description = "The job.", body = JobView), answers::OfJob)
)]
pub async fn show(State(app): State<App>, Segments(id): Segments<String>) -> Result<Response, ApiError> {
    let Some(id) = JobId::parse(&id) else { return Ok(not_found()) };
    let job = app.studio.job(&id).await?;
    Ok(job.map_or_else(not_found, |job| Json(job).into_response()))
}

/// `DELETE /api/jobs/{id}`: 200 where the job has ended, 202 where the queue was asked to let go of it.
#[utoipa::path(
    delete,
    path = "/api/jobs/{id}",
    operation_id = "cancelJob",
    tag = "Jobs",
    summary = "Give a job up",
    description = "At once where it has not reached the queue; otherwise the queue is asked, and the job may still succeed.",
    params(values::OfJobId),
    responses(
        (status = 200, description = "The job has ended.", body = bodies::Cancelled),
        (status = 202, description = "The queue was asked to let go of it.", body = bodies::Cancelled),
        (status = 409, description = "`too_late`: it has ended already, or is about to.", body = bodies::Refusal),
        answers::Closed, answers::OfJob, answers::Writes
    )
)]
pub async fn cancel(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    app.admit(&headers)?;
    let Some(id) = JobId::parse(&id) else { return Ok(not_found()) };
    let outcome = app.studio.cancel(&id).await?;
    let status = match outcome {
        CancelView::Canceled => StatusCode::OK,
        CancelView::Requested => StatusCode::ACCEPTED,
        CancelView::NotFound => return Ok(not_found()),
        CancelView::TooLate => return Err(too_late()),
    };
    Ok((status, Json(json!({"status": outcome}))).into_response())
}

fn too_late() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "too_late",
        "The job has ended already or is about to.",
        "Its pictures, if it made any, are kept.",
    )
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Ids, separated by commas, at most 200. Unknown ones are left out of the answer.
    pub ids: Option<String>,
    /// The `next` of the page before.
    #[param(value_type = Option<JobId>)]
    pub cursor: Option<String>,
    /// How many jobs a page has, usually 50.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, example = 20)]
    pub limit: Option<String>,
    /// Only jobs in this state.
    #[param(value_type = Option<JobState>)]
    pub status: Option<String>,
    /// Letters of a photo's name, the product's number, the prompt or the preset; or a job's id.
    #[param(max_length = 200, example = "mug")]
    pub q: Option<String>,
}

/// The longest text to search for.
const SEARCH_CHARS_MAX: usize = 200;

/// `GET /api/jobs`: newest first. By ids for whoever may see them; all of them for the operator, their own for a seller.
#[utoipa::path(
    get,
    path = "/api/jobs",
    operation_id = "listJobs",
    tag = "Jobs",
    summary = "Jobs, newest first",
    description = "A page of the asker's own jobs; all of them for the operator. By `ids` whoever knows them finds what belongs to nobody.",
    params(Wanted),
    responses(
        (status = 200, description = "A page. `next` is null on the last one.", body = JobPage),
        (status = 422, description = "`bad_limit`, `bad_cursor`, `bad_status`, `bad_search` or `too_many_ids`.", body = bodies::Refusal),
        answers::Queried, answers::Closed, answers::Reads
    )
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Result<Json<JobPage>, ApiError> {
    app.admit(&headers)?;
    let visitor = app.visitor(&headers);
    let filter = filter(wanted)?;
    if filter.ids.is_none() && visitor == Visitor::Anybody {
        return Err(guard::name_needed());
    }
    Ok(Json(app.studio.jobs(JobFilter { owner: visitor.owner().cloned(), ..filter }, &visitor).await?))
}

/// What a query asks for.
pub fn filter(wanted: Wanted) -> Result<JobFilter, ApiError> {
    let usual = JobFilter::default();
    let ids = wanted.ids.as_deref().map(|list| ids(list, JOBS_A_PAGE_MAX)).transpose()?;
    let before = wanted.cursor.as_deref().map(|text| JobId::parse(text).ok_or_else(extract::bad_cursor)).transpose()?;
    let limit = extract::limit(wanted.limit.as_deref(), JOBS_A_PAGE_MAX)?;
    let limit = limit.unwrap_or_else(|| ids.as_ref().map_or(usual.limit, Vec::len).max(1));
    let said = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let state = said(wanted.status).map(|word| state(&word)).transpose()?;
    let text = said(wanted.q).map(searchable).transpose()?;
    Ok(JobFilter { ids, before, limit, state, text, owner: None })
}

fn state(word: &str) -> Result<JobState, ApiError> {
    JobState::parse(&word.to_ascii_uppercase()).ok_or_else(|| {
        let all = JobState::ALL.map(JobState::as_str).join(", ");
        ApiError::unprocessable("bad_status", "No job has such a status.", format!("Ask for one of {all}."))
    })
}

fn searchable(text: String) -> Result<String, ApiError> {
    let fits = text.chars().count() <= SEARCH_CHARS_MAX && !text.contains('\0');
    let hint = format!("Give at most {SEARCH_CHARS_MAX} letters of a file name, product number, prompt or preset.");
    fits.then_some(text).ok_or_else(|| ApiError::unprocessable("bad_search", "Nothing can be found by that.", hint))
}

/// Ids with commas between them, at most so many; what is no id is left out.
pub fn ids(list: &str, most: usize) -> Result<Vec<JobId>, ApiError> {
    let ids: Vec<&str> = list.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.len() > most {
        return Err(ApiError::unprocessable(
            "too_many_ids",
            format!("{} ids were given; at most {most} are looked up at once.", ids.len()),
            "Ask in several requests.",
        ));
    }
    Ok(ids.into_iter().filter_map(JobId::parse).collect())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn read(ids: Option<&str>, cursor: Option<&str>, limit: Option<&str>) -> Result<JobFilter, &'static str> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let wanted = Wanted { ids: own(ids), cursor: own(cursor), limit: own(limit), status: None, q: None };
        filter(wanted).map_err(|error| error.code)
    }

    #[test]
    fn a_filter_is_read_from_the_query() {
        let id = JobId::new(Timestamp::UNIX_EPOCH);
        assert_eq!(read(None, None, None), Ok(JobFilter::default()));
        let two = read(Some(&format!("{id}, nonsense,,{id}")), Some(id.as_str()), Some("7")).unwrap();
        assert_eq!(
            two,
            JobFilter { ids: Some(vec![id.clone(), id.clone()]), before: Some(id), limit: 7, ..JobFilter::default() }
        );
        assert_eq!(read(Some(""), None, None).unwrap().ids, Some(Vec::new()));
        let many = vec![JobId::new(Timestamp::UNIX_EPOCH).to_string(); JOBS_A_PAGE_MAX + 1].join(",");
        assert_eq!(read(Some(&many), None, None), Err("too_many_ids"));
        assert_eq!(read(None, Some("x"), None), Err("bad_cursor"));
        for limit in ["0", "-1", "201", "x", ""] {
            assert_eq!(read(None, None, Some(limit)), Err("bad_limit"), "{limit}");
        }
    }
}

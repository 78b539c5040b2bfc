//! Rows of jobs and results, and what they mean.

use serde::Serialize;
use serde::de::DeserializeOwned;

use plantain_studio::job::{CallbackToken, Ended, Job, JobId, JobResult, Phase, ResultSource};

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::time::to_micros;

/// The columns of a job, in the order of [`JobRow`].
macro_rules! job_columns {
    () => {
        "id, token, spec, phase, epoch, due_at, leased_until, failures, uploads, submit_started_at, request_id, \
         cancel_asked_at, created_at, running_at, result_at, finished_at, outcome"
    };
}
pub(crate) use job_columns;

/// A job as it is kept, column by column.
pub(crate) struct JobRow {
    pub id: String,
    pub token: String,
    pub spec: String,
    pub phase: String,
    pub epoch: i64,
    pub due_at: i64,
    pub leased_until: Option<i64>,
    pub failures: i64,
    pub uploads: String,
    pub submit_started_at: Option<i64>,
    pub request_id: Option<String>,
    pub cancel_asked_at: Option<i64>,
    pub created_at: i64,
    pub running_at: Option<i64>,
    pub result_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub outcome: Option<String>,
}

impl From<&Job> for JobRow {
    fn from(job: &Job) -> JobRow {
        JobRow {
            id: job.id.to_string(),
            token: job.token.reveal().to_owned(),
            spec: json(&job.spec),
            phase: job.phase.as_str().to_owned(),
            epoch: to_i64(job.epoch),
            due_at: to_micros(job.due_at),
            leased_until: job.leased_until.map(to_micros),
            failures: job.failures.into(),
            uploads: json(&job.uploads),
            submit_started_at: job.submit_started_at.map(to_micros),
            request_id: job.request_id.as_ref().map(ToString::to_string),
            cancel_asked_at: job.cancel_asked_at.map(to_micros),
            created_at: to_micros(job.created_at),
            running_at: job.running_at.map(to_micros),
            result_at: job.result_at.map(to_micros),
            finished_at: job.finished_at.map(to_micros),
            outcome: job.outcome.as_ref().map(json),
        }
    }
}

impl TryFrom<JobRow> for Job {
    type Error = DatabaseError;

    fn try_from(row: JobRow) -> Result<Job, DatabaseError> {
        let place = Place { table: "studio_jobs", row: &row.id };
        Ok(Job {
            id: JobId::parse(&row.id).ok_or_else(|| place.wrong("id"))?,
            token: CallbackToken::stored(row.token),
            spec: read(&place, "spec", &row.spec)?,
            phase: Phase::parse(&row.phase).ok_or_else(|| place.wrong("phase"))?,
            epoch: place.number("epoch", row.epoch)?,
            due_at: place.time("due_at", row.due_at)?,
            leased_until: place.maybe_time("leased_until", row.leased_until)?,
            failures: place.number("failures", row.failures)?,
            uploads: read(&place, "uploads", &row.uploads)?,
            submit_started_at: place.maybe_time("submit_started_at", row.submit_started_at)?,
            request_id: row.request_id.map(|id| place.parse("request_id", &id)).transpose()?,
            cancel_asked_at: place.maybe_time("cancel_asked_at", row.cancel_asked_at)?,
            created_at: place.time("created_at", row.created_at)?,
            running_at: place.maybe_time("running_at", row.running_at)?,
            result_at: place.maybe_time("result_at", row.result_at)?,
            finished_at: place.maybe_time("finished_at", row.finished_at)?,
            outcome: row.outcome.map(|outcome| read(&place, "outcome", &outcome)).transpose()?,
        })
    }
}

/// A model's answer as it is kept, column by column.
pub(crate) struct ResultRow {
    pub source: String,
    pub ended: String,
    pub body: Option<Vec<u8>>,
    pub said: Option<String>,
}

impl From<&JobResult> for ResultRow {
    fn from(result: &JobResult) -> ResultRow {
        let (ended, body, said) = match &result.ended {
            Ended::Output(body) => ("output", Some(body), None),
            Ended::Error { body, said } => ("error", body.as_ref(), said.clone()),
        };
        let source = match result.source {
            ResultSource::Webhook => "webhook",
            ResultSource::Reconciler => "reconciler",
        };
        ResultRow { source: source.to_owned(), ended: ended.to_owned(), body: body.map(|body| body.to_vec()), said }
    }
}

impl ResultRow {
    pub fn into_result(self, job: &str) -> Result<JobResult, DatabaseError> {
        let place = Place { table: "studio_results", row: job };
        let source = match self.source.as_str() {
            "webhook" => ResultSource::Webhook,
            "reconciler" => ResultSource::Reconciler,
            _ => return Err(place.wrong("source")),
        };
        let ended = match (self.ended.as_str(), self.body) {
            ("output", Some(body)) => Ended::Output(body.into()),
            ("error", body) => Ended::Error { body: body.map(Into::into), said: self.said },
            _ => return Err(place.wrong("ended")),
        };
        Ok(JobResult { source, ended })
    }
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("the studio's values have only text keys and finite numbers")
}

pub(crate) fn read<T: DeserializeOwned>(
    place: &Place<'_>,
    column: &'static str,
    text: &str,
) -> Result<T, DatabaseError> {
    serde_json::from_str(text).map_err(|_| place.wrong(column))
}

/// Counters never come near the end of either type.
pub(crate) fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How many rows may be asked for.
pub(crate) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_result_survives_its_columns() {
        let (source, said) = (ResultSource::Webhook, Some("no".to_owned()));
        for result in [
            JobResult { source, ended: Ended::Output(Bytes::from_static(b"{\"seed\": 17454220438242315174}")) },
            JobResult { source, ended: Ended::Error { body: None, said: said.clone() } },
            JobResult {
                source: ResultSource::Reconciler,
                ended: Ended::Error { body: Some(Bytes::from_static(b"{}")), said },
            },
        ] {
            assert_eq!(ResultRow::from(&result).into_result("j").unwrap(), result);
        }
        let empty = ResultRow { source: "webhook".into(), ended: "output".into(), body: None, said: None };
        assert!(empty.into_result("j").unwrap_err().to_string().contains("studio_results.ended of j"));
    }
}

//! Rows of jobs and results, and what they mean.

use serde::Serialize;
use serde::de::DeserializeOwned;

use jiff::Timestamp;

use plantain_studio::job::{
    CallbackToken, Ended, Job, JobError, JobId, JobResult, JobSpec, Outcome, Owner, Phase, ResultSource,
};
use plantain_wire::models::nano_banana::{self, AspectRatio};
use plantain_wire::models::staging::Staging;

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::time::to_micros;

/// The columns of a job, in the order of [`JobRow`].
macro_rules! job_columns {
    () => {
        "id, token, spec, phase, epoch, due_at, leased_until, failures, uploads, submit_started_at, request_id, \
         cancel_asked_at, created_at, running_at, result_at, finished_at, outcome, corrected, owner, chosen, price"
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
    pub corrected: Option<String>,
    pub owner: Option<String>,
    pub chosen: Option<i64>,
    pub price: Option<i64>,
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
            corrected: job.corrected.as_ref().map(json),
            owner: job.owner.as_ref().map(ToString::to_string),
            chosen: job.chosen.map(limit),
            price: job.price_micro_usd.map(to_i64),
        }
    }
}

impl TryFrom<JobRow> for Job {
    type Error = DatabaseError;

    fn try_from(row: JobRow) -> Result<Job, DatabaseError> {
        let place = Place { table: "studio_jobs", row: &row.id };
        let phase = Phase::parse(&row.phase).ok_or_else(|| place.wrong("phase"))?;
        // What has ended is shown even where it can't be read any more; nothing is done with it.
        let mend = phase == Phase::Done;
        Ok(Job {
            id: JobId::parse(&row.id).ok_or_else(|| place.wrong("id"))?,
            token: CallbackToken::stored(row.token),
            spec: or_else(read(&place, "spec", &row.spec), mend, lost_spec)?,
            phase,
            epoch: or_else(place.number("epoch", row.epoch), mend, || 0)?,
            due_at: or_else(place.time("due_at", row.due_at), mend, || Timestamp::UNIX_EPOCH)?,
            leased_until: or_else(place.maybe_time("leased_until", row.leased_until), mend, || None)?,
            failures: or_else(place.number("failures", row.failures), mend, || 0)?,
            uploads: or_else(read(&place, "uploads", &row.uploads), mend, Vec::new)?,
            submit_started_at: or_else(place.maybe_time("submit_started_at", row.submit_started_at), mend, || None)?,
            request_id: or_else(row.request_id.map(|id| place.parse("request_id", &id)).transpose(), mend, || None)?,
            cancel_asked_at: or_else(place.maybe_time("cancel_asked_at", row.cancel_asked_at), mend, || None)?,
            created_at: or_else(place.time("created_at", row.created_at), mend, || Timestamp::UNIX_EPOCH)?,
            running_at: or_else(place.maybe_time("running_at", row.running_at), mend, || None)?,
            result_at: or_else(place.maybe_time("result_at", row.result_at), mend, || None)?,
            finished_at: or_else(place.maybe_time("finished_at", row.finished_at), mend, || None)?,
            outcome: match row.outcome {
                Some(outcome) => Some(or_else(read(&place, "outcome", &outcome), mend, unreadable)?),
                None => None,
            },
            owner: row.owner.map(Owner::stored),
            chosen: row.chosen.and_then(|n| usize::try_from(n).ok()),
            price_micro_usd: row.price.and_then(|price| u64::try_from(price).ok()),
            // Without them the job has its first pictures.
            corrected: match row.corrected {
                Some(corrected) => or_else(read(&place, "corrected", &corrected).map(Some), mend, || None)?,
                None => None,
            },
        })
    }
}

fn or_else<T>(read: Result<T, DatabaseError>, mend: bool, instead: impl FnOnce() -> T) -> Result<T, DatabaseError> {
    read.or_else(|error| if mend { Ok(instead()) } else { Err(error) })
}

/// How a job ends that can't be read.
pub(crate) fn unreadable() -> Outcome {
    Outcome::Failed(why_unreadable())
}

pub(crate) fn why_unreadable() -> JobError {
    JobError::new(
        "job_unreadable",
        "The job's record in the studio's database can't be read.",
        "Start the job again, and tell whoever runs the studio that its database is damaged.",
    )
}

/// Shown in place of what the seller asked for.
fn lost_spec() -> JobSpec {
    JobSpec {
        preset: String::new(),
        user_prompt: None,
        prompt: String::new(),
        aspect_ratio: AspectRatio::Auto,
        endpoint: nano_banana::EDIT_ENDPOINT.parse().expect("a constant that a test parses"),
        num_images: 0,
        identifier: None,
        products: None,
        whatsapp: None,
        sources: Vec::new(),
        image_urls: Vec::new(),
        choice: Default::default(),
        notices: vec!["What was asked for can't be read any more.".to_owned()],
        staging: Staging::default(),
        making: Default::default(),
        callback: None,
        notify: None,
        in_batch: false,
    }
}

/// The jobs that can be read; the others are named in the log and left out.
pub(crate) fn readable(rows: impl Iterator<Item = Result<Job, DatabaseError>>) -> Result<Vec<Job>, DatabaseError> {
    let mut jobs = Vec::new();
    for row in rows {
        match row {
            Ok(job) => jobs.push(job),
            Err(error) if error.is_of_one_row() => tracing::error!(%error, "job.unreadable: left out of a list"),
            Err(error) => return Err(error),
        }
    }
    Ok(jobs)
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
    fn a_job_that_has_ended_is_shown_however_damaged_it_is() {
        let job = Job::new(JobId::new(Timestamp::UNIX_EPOCH), CallbackToken::random(), lost_spec(), Timestamp::MIN);
        let damaged = |phase: &str| JobRow {
            spec: "{".into(),
            uploads: "?".into(),
            phase: phase.into(),
            epoch: -1,
            failures: -1,
            due_at: i64::MAX,
            created_at: i64::MAX,
            finished_at: Some(i64::MAX),
            request_id: Some("a/b".into()),
            outcome: Some("no".into()),
            ..JobRow::from(&job)
        };
        let shown = Job::try_from(damaged("done")).unwrap();
        assert_eq!((shown.outcome, shown.spec.notices.len()), (Some(unreadable()), 1));
        assert!(Job::try_from(damaged("save")).unwrap_err().is_of_one_row());
    }

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

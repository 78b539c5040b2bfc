//! Results that arrive at one moment: one statement for each table, one commit for all.
//!
//! They are judged one after the other, each seeing what those before it changed, as if each had its own transaction. Where a
//! batch fails, each of its pieces is tried by itself, so that a bad piece fails alone.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use plantain_studio::job::arrival::{self, Arrival, Arrived, EventState, Known};
use plantain_studio::job::{Job, JobId};
use plantain_wire::id::{RequestId, UserId};

use crate::error::DatabaseError;
use crate::postgres::group::{column, concerns_all, gone};
use crate::postgres::studio::{event, job};
use crate::postgres::text::storable;
use crate::postgres::{Database, WeakDatabase};
use crate::studio::job::{JobRow, ResultRow, job_columns, json};
use crate::time::to_micros;

/// What arrived, and when.
pub(super) type Piece = (Arrival, Timestamp);

/// In the order of their ids, so that two batches never wait for each other.
const LOCK: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM studio_jobs WHERE id = ANY ($1::text[]) OR request_id = ANY ($2::text[]) ORDER BY id FOR UPDATE"
);

const UPDATE: &str = "
    UPDATE studio_jobs j SET state = n.state, phase = n.phase, epoch = n.epoch, due_at = n.due_at,
        leased_until = n.leased_until, failures = n.failures, uploads = n.uploads,
        submit_started_at = n.submit_started_at, request_id = n.request_id, cancel_asked_at = n.cancel_asked_at,
        running_at = n.running_at, result_at = n.result_at, finished_at = n.finished_at, outcome = n.outcome
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
                $9::bigint[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::text[])
        AS n (id, state, phase, epoch, due_at, leased_until, failures, uploads, submit_started_at, request_id,
              cancel_asked_at, running_at, result_at, finished_at, outcome)
    WHERE j.id = n.id";

const RESULTS: &str = "
    INSERT INTO studio_results (job_id, source, ended, body, said)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[])";

const EVENTS: &str = "
    INSERT INTO studio_events (request_id, body_sha256, job_id, state, headers, body, received_at, last_at, times)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bigint[],
                         $8::bigint[], $9::bigint[])
    ON CONFLICT (request_id, body_sha256)
    DO UPDATE SET times = studio_events.times + excluded.times, last_at = excluded.last_at";

pub(super) async fn arrive(database: WeakDatabase, pieces: Vec<Piece>) -> Vec<Result<Arrived, DatabaseError>> {
    let Some(database) = database.upgrade() else { return pieces.iter().map(|_| Err(gone())).collect() };
    if pieces.len() > 1 {
        match database.retrying(|| arrive_all(&database, &pieces)).await {
            Ok(arrived) => return arrived.into_iter().map(Ok).collect(),
            Err(error) if concerns_all(&error) => return pieces.iter().map(|_| Err(error.clone())).collect(),
            Err(_) => {}
        }
    }
    let mut answers = Vec::with_capacity(pieces.len());
    for (arrival, now) in &pieces {
        answers.push(database.retrying(|| event::result_arrived(&database, arrival, *now)).await);
    }
    answers
}

async fn arrive_all(database: &Database, pieces: &[Piece]) -> Result<Vec<Arrived>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let jobs = locked(&tx, pieces).await?;
    let believed = event::believed(&tx).await?;
    let pinned = believed.is_some();
    let mut batch = Batch { jobs, believed, ..Batch::default() };
    let arrived = pieces.iter().map(|(arrival, now)| batch.take(arrival, *now)).collect();
    batch.write(&tx, pinned).await?;
    tx.commit().await?;
    Ok(arrived)
}

async fn locked(tx: &Transaction<'_>, pieces: &[Piece]) -> Result<HashMap<JobId, Job>, DatabaseError> {
    let named = |(arrival, _): &'_ Piece| arrival.webhook.as_ref().and_then(|webhook| webhook.callback.job.clone());
    let named: Vec<String> = pieces.iter().filter_map(named).map(|id| id.to_string()).collect();
    let requests: Vec<&str> = pieces.iter().map(|(arrival, _)| arrival.request_id.as_str()).collect();
    let select = tx.prepare_cached(LOCK).await?;
    let rows = tx.query(&select, &[&named, &requests]).await?;
    rows.iter().map(|row| job::job(row).map(|job| (job.id.clone(), job))).collect()
}

/// What a batch is about to write.
#[derive(Default)]
struct Batch<'a> {
    /// As they are after what was judged so far.
    jobs: HashMap<JobId, Job>,
    believed: Option<UserId>,
    changed: Vec<JobId>,
    results: Vec<(JobId, ResultRow)>,
    events: Vec<Event<'a>>,
}

struct Event<'a> {
    arrival: &'a Arrival,
    sha256: &'a str,
    job: JobId,
    state: EventState,
    first_at: Timestamp,
    last_at: Timestamp,
    times: i64,
}

impl<'a> Batch<'a> {
    fn take(&mut self, arrival: &'a Arrival, now: Timestamp) -> Arrived {
        let named = arrival.webhook.as_ref().and_then(|webhook| webhook.callback.job.as_ref());
        let by_callback = named.and_then(|id| self.jobs.get(id));
        let known = Known {
            by_request: self.by_request(&arrival.request_id, by_callback),
            by_callback,
            account: self.believed.as_ref(),
        };
        let judgement = arrival::judge(arrival, known, now);
        if let Some(next) = judgement.job {
            if !self.changed.contains(&next.id) {
                self.changed.push(next.id.clone());
            }
            self.jobs.insert(next.id.clone(), next);
        }
        if let (Arrived::Applied(id), Some(result)) = (&judgement.arrived, &arrival.result) {
            self.results.push((id.clone(), ResultRow::from(result)));
        }
        if let (Some((job, state)), Some(webhook)) = (judgement.event, &arrival.webhook) {
            self.keep(arrival, &webhook.body_sha256, job, state, now);
        }
        self.believed = self.believed.take().or(judgement.pin);
        judgement.arrived
    }

    /// Nearly always the job that the address names.
    fn by_request<'j>(&'j self, request: &RequestId, likely: Option<&'j Job>) -> Option<&'j Job> {
        let is = |job: &&Job| job.request_id.as_ref() == Some(request);
        likely.filter(is).or_else(|| self.jobs.values().find(is))
    }

    /// One statement can't touch a row twice, so repetitions are counted here.
    fn keep(&mut self, arrival: &'a Arrival, sha256: &'a str, job: JobId, state: EventState, now: Timestamp) {
        let same = |event: &&mut Event<'_>| event.arrival.request_id == arrival.request_id && event.sha256 == sha256;
        match self.events.iter_mut().find(same) {
            Some(event) => (event.times, event.last_at) = (event.times + 1, now),
            None => {
                self.events.push(Event { arrival, sha256, job, state, first_at: now, last_at: now, times: 1 });
            }
        }
    }

    async fn write(&self, tx: &Transaction<'_>, pinned: bool) -> Result<(), DatabaseError> {
        if !self.changed.is_empty() {
            self.update(tx).await?;
        }
        if !self.results.is_empty() {
            self.keep_results(tx).await?;
        }
        if !self.events.is_empty() {
            self.keep_events(tx).await?;
        }
        if let (false, Some(user)) = (pinned, &self.believed) {
            event::pin(tx, user).await?;
        }
        Ok(())
    }

    async fn update(&self, tx: &Transaction<'_>) -> Result<(), DatabaseError> {
        let jobs: Vec<&Job> = self.changed.iter().filter_map(|id| self.jobs.get(id)).collect();
        let rows: Vec<JobRow> = jobs.iter().map(|job| JobRow::from(*job)).collect();
        let states = column(&jobs, |job| job.state().as_str());
        let update = tx.prepare_cached(UPDATE).await?;
        tx.execute(
            &update,
            &[
                &column(&rows, |row| row.id.as_str()),
                &states,
                &column(&rows, |row| row.phase.as_str()),
                &column(&rows, |row| row.epoch),
                &column(&rows, |row| row.due_at),
                &column(&rows, |row| row.leased_until),
                &column(&rows, |row| row.failures),
                &column(&rows, |row| row.uploads.as_str()),
                &column(&rows, |row| row.submit_started_at),
                &column(&rows, |row| row.request_id.as_deref()),
                &column(&rows, |row| row.cancel_asked_at),
                &column(&rows, |row| row.running_at),
                &column(&rows, |row| row.result_at),
                &column(&rows, |row| row.finished_at),
                &column(&rows, |row| row.outcome.as_deref()),
            ],
        )
        .await?;
        Ok(())
    }

    async fn keep_results(&self, tx: &Transaction<'_>) -> Result<(), DatabaseError> {
        let insert = tx.prepare_cached(RESULTS).await?;
        tx.execute(
            &insert,
            &[
                &column(&self.results, |(id, _)| id.as_str()),
                &column(&self.results, |(_, row)| row.source.as_str()),
                &column(&self.results, |(_, row)| row.ended.as_str()),
                &column(&self.results, |(_, row)| row.body.as_deref()),
                &column(&self.results, |(_, row)| row.said.as_deref().map(storable)),
            ],
        )
        .await?;
        Ok(())
    }

    async fn keep_events(&self, tx: &Transaction<'_>) -> Result<(), DatabaseError> {
        let webhook = |event: &'_ Event<'a>| event.arrival.webhook.as_ref();
        let headers = |event: &Event<'a>| webhook(event).map(|webhook| json(&webhook.headers));
        let insert = tx.prepare_cached(EVENTS).await?;
        tx.execute(
            &insert,
            &[
                &column(&self.events, |event| event.arrival.request_id.as_str()),
                &column(&self.events, |event| event.sha256),
                &column(&self.events, |event| event.job.as_str()),
                &column(&self.events, |event| event.state.as_str()),
                &column(&self.events, headers),
                &column(&self.events, |event| event.arrival.webhook.as_ref().map(|webhook| &webhook.body[..])),
                &column(&self.events, |event| to_micros(event.first_at)),
                &column(&self.events, |event| to_micros(event.last_at)),
                &column(&self.events, |event| event.times),
            ],
        )
        .await?;
        Ok(())
    }
}

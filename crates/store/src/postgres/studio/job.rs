//! Jobs: inserted once, changed by what their own functions decide, claimed under leases.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_studio::job::transition::{self, JobEvent};
use plantain_studio::job::{Fence, Job, JobId, JobResult, JobState, Outcome, Owner, Phase};
use plantain_studio::messages::message::Event;
use plantain_studio::store::{Applied, Claimed, Forgotten, Holdings, JobFilter};
use plantain_wire::id::RequestId;
use plantain_work::lane::Beat;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::studio::{blob, message};
use crate::postgres::text::storable;
use crate::studio::job::{JobRow, ResultRow, job_columns, json, limit, readable, to_i64, unreadable};
use crate::time::{from_micros, to_micros};

pub(super) async fn insert(database: &Database, job: &Job) -> Result<(), DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    insert_in(&tx, job).await?;
    Ok(tx.commit().await?)
}

/// As [`insert`], as a part of another change.
pub(super) async fn insert_in(tx: &Transaction<'_>, job: &Job) -> Result<(), DatabaseError> {
    let insert = tx
        .prepare_cached(concat!(
            "INSERT INTO studio_jobs (",
            job_columns!(),
            ", state, search) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,",
            " $20, $21, $22, $23)"
        ))
        .await?;
    let row = JobRow::from(job);
    tx.execute(
        &insert,
        &[
            &row.id,
            &row.token,
            &row.spec,
            &row.phase,
            &row.epoch,
            &row.due_at,
            &row.leased_until,
            &row.failures,
            &row.uploads,
            &row.submit_started_at,
            &row.request_id,
            &row.cancel_asked_at,
            &row.created_at,
            &row.running_at,
            &row.result_at,
            &row.finished_at,
            &row.outcome,
            &row.corrected,
            &row.owner,
            &row.chosen,
            &row.price,
            &job.state().as_str(),
            &job.search_text(),
        ],
    )
    .await?;
    blob::refer(tx, job, job.created_at).await
}

/// Everything but what never changes.
pub(super) async fn update(tx: &Transaction<'_>, job: &Job) -> Result<(), DatabaseError> {
    let update = tx
        .prepare_cached(
            "UPDATE studio_jobs SET state = $2, phase = $3, epoch = $4, due_at = $5, leased_until = $6, failures = $7,
                 uploads = $8, submit_started_at = $9, request_id = $10, cancel_asked_at = $11, running_at = $12,
                 result_at = $13, finished_at = $14, outcome = $15
             WHERE id = $1",
        )
        .await?;
    let row = JobRow::from(job);
    tx.execute(
        &update,
        &[
            &row.id,
            &job.state().as_str(),
            &row.phase,
            &row.epoch,
            &row.due_at,
            &row.leased_until,
            &row.failures,
            &row.uploads,
            &row.submit_started_at,
            &row.request_id,
            &row.cancel_asked_at,
            &row.running_at,
            &row.result_at,
            &row.finished_at,
            &row.outcome,
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn by_id(database: &Database, id: &JobId) -> Result<Option<Job>, DatabaseError> {
    let client = database.client().await?;
    let select = client.prepare_cached(concat!("SELECT ", job_columns!(), " FROM studio_jobs WHERE id = $1")).await?;
    client.query_opt(&select, &[&id.as_str()]).await?.map(|row| job(&row)).transpose()
}

pub(super) async fn owner(database: &Database, id: &JobId) -> Result<Option<Owner>, DatabaseError> {
    let client = database.client().await?;
    let select = client.prepare_cached("SELECT owner FROM studio_jobs WHERE id = $1").await?;
    let row = client.query_opt(&select, &[&id.as_str()]).await?;
    let owner: Option<Option<String>> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(owner.flatten().map(Owner::stored))
}

/// Nobody else can change the job until the transaction ends.
pub(super) async fn locked(tx: &Transaction<'_>, id: &JobId) -> Result<Option<Job>, DatabaseError> {
    let select =
        tx.prepare_cached(concat!("SELECT ", job_columns!(), " FROM studio_jobs WHERE id = $1 FOR UPDATE")).await?;
    tx.query_opt(&select, &[&id.as_str()]).await?.map(|row| job(&row)).transpose()
}

/// Like [`locked`], by the queue's id.
pub(super) async fn locked_by_request(tx: &Transaction<'_>, id: &RequestId) -> Result<Option<Job>, DatabaseError> {
    let select = tx
        .prepare_cached(concat!("SELECT ", job_columns!(), " FROM studio_jobs WHERE request_id = $1 FOR UPDATE"))
        .await?;
    tx.query_opt(&select, &[&id.as_str()]).await?.map(|row| job(&row)).transpose()
}

/// The three ways to ask have statements of their own, so that each is answered from an index.
pub(super) async fn list(database: &Database, filter: &JobFilter) -> Result<Vec<Job>, DatabaseError> {
    /// Without what only some ask for.
    macro_rules! select {
        ($which:literal) => {
            concat!(
                "SELECT ",
                job_columns!(),
                " FROM studio_jobs WHERE ",
                $which,
                " AND ($1::text IS NULL OR id < $1) AND ($4::text IS NULL OR state = $4)",
                " AND ($5::text IS NULL OR id = $5 OR strpos(search, $5) > 0) ORDER BY id DESC LIMIT $2"
            )
        };
    }
    let JobFilter { ids, before, owner, state, text, limit: count } = filter;
    let named: Vec<&str> = match (ids, owner) {
        (Some(ids), _) => ids.iter().map(JobId::as_str).collect(),
        (None, owner) => owner.iter().map(Owner::as_str).collect(),
    };
    let which = match (ids, owner) {
        (Some(_), _) => select!("id = ANY ($3::text[])"),
        (None, Some(_)) => select!("owner = ($3::text[])[1]"),
        (None, None) => select!("$3::text[] IS NOT NULL"),
    };
    let (before, state) = (before.as_ref().map(JobId::as_str), state.map(JobState::as_str));
    let text = text.as_deref().map(str::to_lowercase);
    let client = database.client().await?;
    let select = client.prepare_cached(which).await?;
    let rows = client.query(&select, &[&before, &limit(*count), &named, &state, &text]).await?;
    readable(rows.iter().map(job))
}

pub(super) async fn claim(
    database: &Database,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let (mut jobs, mut given_up) = (Vec::new(), false);
    for id in owed(&tx, count, now).await? {
        match begin(&tx, &id, until).await {
            Ok(job) => jobs.push(job),
            Err(error) if error.is_of_one_row() => {
                give_up(&tx, &id, &error, now).await?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    // What was given up took the place of others, which are owed as well.
    let next_due = if given_up { Some(now) } else { next_due(&tx, now).await? };
    tx.commit().await?;
    Ok(Claimed { jobs, next_due })
}

/// A job that can't be read would come up in every claim.
async fn give_up(tx: &Transaction<'_>, id: &str, error: &DatabaseError, now: Timestamp) -> Result<(), DatabaseError> {
    tracing::error!(job = id, %error, "job.unreadable: it failed, and the others go on");
    let end = tx
        .prepare_cached(
            "UPDATE studio_jobs SET phase = 'done', state = 'FAILED', leased_until = NULL, finished_at = $2, outcome = $3
             WHERE id = $1",
        )
        .await?;
    tx.execute(&end, &[&id, &to_micros(now), &json(&unreadable())]).await?;
    message::owe_by_lost_job(tx, id, now).await
}

/// Locks what it picks and skips what another claim has locked, so that no two get the same.
async fn owed(tx: &Transaction<'_>, count: usize, now: Timestamp) -> Result<Vec<String>, DatabaseError> {
    let select = tx
        .prepare_cached(
            "SELECT id FROM studio_jobs
             WHERE phase <> 'done' AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
             ORDER BY CASE phase WHEN 'save' THEN 0 WHEN 'follow' THEN 1 ELSE 2 END, due_at, id LIMIT $2
             FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let rows = tx.query(&select, &[&to_micros(now), &limit(count)]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

async fn begin(tx: &Transaction<'_>, id: &str, until: Timestamp) -> Result<Job, DatabaseError> {
    let take = tx
        .prepare_cached(concat!(
            "UPDATE studio_jobs SET epoch = epoch + 1, leased_until = $2 WHERE id = $1 RETURNING ",
            job_columns!()
        ))
        .await?;
    job(&tx.query_one(&take, &[&id, &to_micros(until)]).await?)
}

/// When the earliest job can be taken that can't be taken now.
async fn next_due(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>, DatabaseError> {
    let select = tx
        .prepare_cached(
            "SELECT min(greatest(due_at, leased_until)) FROM studio_jobs
             WHERE phase <> 'done' AND greatest(due_at, leased_until) > $1",
        )
        .await?;
    let due: Option<i64> = tx.query_one(&select, &[&to_micros(now)]).await?.try_get(0)?;
    Ok(due.and_then(from_micros))
}

pub(super) async fn heartbeat(database: &Database, fence: &Fence, until: Timestamp) -> Result<Beat, DatabaseError> {
    let client = database.client().await?;
    let prolong = client
        .prepare_cached(
            "UPDATE studio_jobs SET leased_until = $3 WHERE id = $1 AND epoch = $2 AND leased_until IS NOT NULL",
        )
        .await?;
    let held = client.execute(&prolong, &[&fence.id.as_str(), &to_i64(fence.epoch), &to_micros(until)]).await?;
    Ok(if held == 1 { Beat::Held } else { Beat::Lost })
}

pub(super) async fn choose(
    database: &Database,
    id: &JobId,
    chosen: Option<usize>,
    now: Timestamp,
) -> Result<Option<Job>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let job = locked(&tx, id).await?.filter(|job| chosen.is_none_or(|n| (1..=job.shown_pictures().len()).contains(&n)));
    let Some(job) = job else { return Ok(None) };
    let choose = tx.prepare_cached("UPDATE studio_jobs SET chosen = $2 WHERE id = $1").await?;
    tx.execute(&choose, &[&id.as_str(), &chosen.map(limit)]).await?;
    let is_new = chosen.is_some() && chosen != job.chosen;
    let job = Job { chosen, ..job };
    if is_new {
        message::owe_by_job(&tx, &job, Event::PictureUsed, now).await?;
    }
    tx.commit().await?;
    Ok(Some(job))
}

/// Results, webhooks, strokes and settled messages go with the job's row.
pub(super) async fn forget(database: &Database, id: &JobId, now: Timestamp) -> Result<Forgotten, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let select = tx.prepare_cached("SELECT phase FROM studio_jobs WHERE id = $1 FOR UPDATE").await?;
    let Some(row) = tx.query_opt(&select, &[&id.as_str()]).await? else { return Ok(Forgotten::NotFound) };
    if Phase::parse(row.try_get(0)?) != Some(Phase::Done) {
        return Ok(Forgotten::Open);
    }
    blob::release(&tx, id, &[], now).await?;
    message::outlive(&tx, id).await?;
    let spent = tx
        .prepare_cached(
            "INSERT INTO studio_spent (owner, at, cost, endpoint, pictures)
                 SELECT coalesce(owner, ''), created_at, cost, endpoint, pictures FROM studio_jobs
             WHERE id = $1 AND cost > 0 AND state = 'SUCCEEDED'",
        )
        .await?;
    tx.execute(&spent, &[&id.as_str()]).await?;
    let delete = tx.prepare_cached("DELETE FROM studio_jobs WHERE id = $1").await?;
    tx.execute(&delete, &[&id.as_str()]).await?;
    tx.commit().await?;
    Ok(Forgotten::Gone)
}

/// Read from an index alone, and counted each time: totals that all writers of an owner raise would make them wait for each other.
pub(super) async fn kept(database: &Database, owner: Option<&Owner>) -> Result<Holdings, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(match owner {
            Some(_) => "SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM studio_jobs WHERE owner = $1",
            None => "SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM studio_jobs WHERE $1::text IS NULL",
        })
        .await?;
    let row = client.query_one(&select, &[&owner.map(Owner::as_str)]).await?;
    let number = |at: usize| row.try_get::<_, i64>(at).map(i64::unsigned_abs);
    Ok(Holdings { jobs: number(0)?, bytes: number(1)? })
}

pub(super) async fn apply(
    database: &Database,
    id: &JobId,
    event: &JobEvent,
    now: Timestamp,
) -> Result<Applied, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let Some(job) = locked(&tx, id).await? else { return Ok(Applied::NotFound) };
    match transition::apply(&job, event, now) {
        Ok(next) => {
            update(&tx, &next).await?;
            if let Some(Outcome::Succeeded(_)) = next.outcome {
                blob::refer(&tx, &next, now).await?;
            }
            if let Some(event) = Event::of_end(&next) {
                message::owe_by_job(&tx, &next, event, now).await?;
            }
            tx.commit().await?;
            Ok(Applied::Changed(Box::new(next)))
        }
        Err(why) => Ok(Applied::Refused(why)),
    }
}

pub(super) async fn keep_result(tx: &Transaction<'_>, id: &JobId, result: &JobResult) -> Result<(), DatabaseError> {
    let insert = tx
        .prepare_cached("INSERT INTO studio_results (job_id, source, ended, body, said) VALUES ($1, $2, $3, $4, $5)")
        .await?;
    let row = ResultRow::from(result);
    let said = row.said.as_deref().map(storable);
    tx.execute(&insert, &[&id.as_str(), &row.source, &row.ended, &row.body, &said]).await?;
    Ok(())
}

pub(super) async fn result(database: &Database, id: &JobId) -> Result<Option<JobResult>, DatabaseError> {
    let client = database.client().await?;
    let select =
        client.prepare_cached("SELECT source, ended, body, said FROM studio_results WHERE job_id = $1").await?;
    let Some(row) = client.query_opt(&select, &[&id.as_str()]).await? else { return Ok(None) };
    let row =
        ResultRow { source: row.try_get(0)?, ended: row.try_get(1)?, body: row.try_get(2)?, said: row.try_get(3)? };
    row.into_result(id.as_str()).map(Some)
}

pub(super) fn job(row: &Row) -> Result<Job, DatabaseError> {
    let row = JobRow {
        id: row.try_get(0)?,
        token: row.try_get(1)?,
        spec: row.try_get(2)?,
        phase: row.try_get(3)?,
        epoch: row.try_get(4)?,
        due_at: row.try_get(5)?,
        leased_until: row.try_get(6)?,
        failures: row.try_get(7)?,
        uploads: row.try_get(8)?,
        submit_started_at: row.try_get(9)?,
        request_id: row.try_get(10)?,
        cancel_asked_at: row.try_get(11)?,
        created_at: row.try_get(12)?,
        running_at: row.try_get(13)?,
        result_at: row.try_get(14)?,
        finished_at: row.try_get(15)?,
        outcome: row.try_get(16)?,
        corrected: row.try_get(17)?,
        owner: row.try_get(18)?,
        chosen: row.try_get(19)?,
        price: row.try_get(20)?,
    };
    row.try_into()
}

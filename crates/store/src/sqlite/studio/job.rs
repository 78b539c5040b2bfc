//! Jobs: inserted once, changed by what their own functions decide, claimed under leases.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, ToSql, Transaction, params};

use plantain_studio::job::transition::{self, JobEvent};
use plantain_studio::job::{Fence, Job, JobId, JobResult, JobState, Outcome, Owner, Phase};
use plantain_studio::messages::message::Event;
use plantain_studio::store::{Applied, Claimed, Forgotten, Holdings, JobFilter};
use plantain_wire::id::RequestId;
use plantain_work::lane::Beat;

use crate::error::DatabaseError;
use crate::sqlite::studio::{blob, message};
use crate::studio::job::{JobRow, ResultRow, job_columns, json, limit, readable, to_i64, unreadable};
use crate::time::{from_micros, to_micros};

pub(super) fn insert(tx: &Transaction<'_>, job: &Job) -> Result<(), DatabaseError> {
    let row = JobRow::from(job);
    tx.prepare_cached(concat!(
        "INSERT INTO studio_jobs (",
        job_columns!(),
        ", state, search, bytes, cost, endpoint, pictures) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,",
        " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)"
    ))?
    .execute(params![
        row.id,
        row.token,
        row.spec,
        row.phase,
        row.epoch,
        row.due_at,
        row.leased_until,
        row.failures,
        row.uploads,
        row.submit_started_at,
        row.request_id,
        row.cancel_asked_at,
        row.created_at,
        row.running_at,
        row.result_at,
        row.finished_at,
        row.outcome,
        row.corrected,
        row.owner,
        row.chosen,
        row.price,
        job.state().as_str(),
        job.search_text(),
        to_i64(job.stored_bytes()),
        to_i64(job.cost_micro_usd()),
        job.spec.endpoint.as_str(),
        limit(job.charged_pictures()),
    ])?;
    blob::refer_more(tx, job)
}

/// What changes while a job goes on. None of it is in an index but in that of what is owed: naming a column writes all indexes that
/// have it, also where its value stays.
const GO_ON: &str =
    "UPDATE studio_jobs SET phase = ?2, epoch = ?3, due_at = ?4, leased_until = ?5, failures = ?6, uploads = ?7,
         submit_started_at = ?8, cancel_asked_at = ?9, running_at = ?10, result_at = ?11
     WHERE id = ?1";

/// What changes at its end, and `$more`.
macro_rules! end {
    ($more:literal) => {
        concat!(
            "UPDATE studio_jobs SET state = ?2, phase = 'done', epoch = ?3, due_at = ?4, leased_until = NULL, failures = ?5,
                 submit_started_at = ?6, cancel_asked_at = ?7, running_at = ?8, finished_at = ?9, outcome = ?10",
            $more,
            " WHERE id = ?1"
        )
    };
}
const END: &str = end!("");
/// What it cost and what is kept of it are known then where it succeeded.
const SUCCEED: &str = end!(", bytes = ?11, cost = ?12, endpoint = ?13, pictures = ?14");

/// Writes what differs; `before` is the job as it stands there.
pub(super) fn update(tx: &Transaction<'_>, before: &Job, job: &Job) -> Result<(), DatabaseError> {
    let id = job.id.as_str();
    if job.request_id != before.request_id {
        let name = job.request_id.as_ref().map(RequestId::as_str);
        tx.prepare_cached("UPDATE studio_jobs SET request_id = ?2 WHERE id = ?1")?.execute(params![id, name])?;
    }
    if let Some(outcome) = &job.outcome {
        debug_assert!((&job.uploads, job.result_at) == (&before.uploads, before.result_at), "an end changes them, too");
        return end(tx, job, outcome);
    }
    debug_assert!(job.finished_at == before.finished_at, "it changes while the job goes on");
    if job.state() != before.state() {
        tx.prepare_cached("UPDATE studio_jobs SET state = ?2 WHERE id = ?1")?.execute([id, job.state().as_str()])?;
    }
    tx.prepare_cached(GO_ON)?.execute(params![
        id,
        job.phase.as_str(),
        to_i64(job.epoch),
        to_micros(job.due_at),
        job.leased_until.map(to_micros),
        job.failures,
        json(&job.uploads),
        job.submit_started_at.map(to_micros),
        job.cancel_asked_at.map(to_micros),
        job.running_at.map(to_micros),
        job.result_at.map(to_micros),
    ])?;
    Ok(())
}

fn end(tx: &Transaction<'_>, job: &Job, outcome: &Outcome) -> Result<(), DatabaseError> {
    let succeeded = matches!(outcome, Outcome::Succeeded(_));
    let (state, outcome) = (job.state(), json(outcome));
    let ended: [&dyn ToSql; 10] = [
        &job.id.as_str(),
        &state.as_str(),
        &to_i64(job.epoch),
        &to_micros(job.due_at),
        &job.failures,
        &job.submit_started_at.map(to_micros),
        &job.cancel_asked_at.map(to_micros),
        &job.running_at.map(to_micros),
        &job.finished_at.map(to_micros),
        &outcome,
    ];
    if !succeeded {
        tx.prepare_cached(END)?.execute(&ended[..])?;
        return Ok(());
    }
    let kept: [&dyn ToSql; 4] = [
        &to_i64(job.stored_bytes()),
        &to_i64(job.cost_micro_usd()),
        &job.spec.endpoint.as_str(),
        &limit(job.charged_pictures()),
    ];
    tx.prepare_cached(SUCCEED)?.execute(&[&ended[..], &kept[..]].concat()[..])?;
    blob::refer_more(tx, job)
}

pub(super) fn by_id(tx: &Transaction<'_>, id: &JobId) -> Result<Option<Job>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!("SELECT ", job_columns!(), " FROM studio_jobs WHERE id = ?1"))?;
    select.query_row([id.as_str()], job_row).optional()?.map(Job::try_from).transpose()
}

pub(super) fn owner(tx: &Transaction<'_>, id: &JobId) -> Result<Option<Owner>, DatabaseError> {
    let mut select = tx.prepare_cached("SELECT owner FROM studio_jobs WHERE id = ?1")?;
    let owner: Option<Option<String>> = select.query_row([id.as_str()], |row| row.get(0)).optional()?;
    Ok(owner.flatten().map(Owner::stored))
}

pub(super) fn by_request(tx: &Transaction<'_>, id: &RequestId) -> Result<Option<Job>, DatabaseError> {
    let mut select =
        tx.prepare_cached(concat!("SELECT ", job_columns!(), " FROM studio_jobs WHERE request_id = ?1"))?;
    select.query_row([id.as_str()], job_row).optional()?.map(Job::try_from).transpose()
}

/// Finds the ids in an index that has all that is asked about, since a row is several pages long, and opens the rows of those alone.
macro_rules! select_jobs {
    ($($which:literal),+) => {
        concat!(
            "SELECT ",
            job_columns!(),
            " FROM studio_jobs WHERE id IN (SELECT id FROM studio_jobs ",
            $($which,)+
            " AND (?1 IS NULL OR id < ?1) AND (?4 IS NULL OR state = ?4)",
            " AND (?5 IS NULL OR id = ?5 OR instr(search, ?5) > 0) ORDER BY id DESC LIMIT ?2) ORDER BY id DESC"
        )
    };
}

/// The ids travel as one JSON text, so that the statement is the same for any number of them.
const BY_IDS: &str = select_jobs!("WHERE id IN (SELECT value FROM json_each(?3))");
const BY_OWNER: &str = select_jobs!("INDEXED BY studio_jobs_of_owner WHERE owner = ?3");
const ALL: &str = select_jobs!("INDEXED BY studio_jobs_of_all WHERE ?3 IS NULL");

/// Each way to ask has a statement of its own, so that each is answered from an index.
pub(super) fn list(tx: &Transaction<'_>, filter: &JobFilter) -> Result<Vec<Job>, DatabaseError> {
    let JobFilter { ids, before, owner, state, text, limit: count } = filter;
    let text = text.as_deref().map(str::to_lowercase);
    let which = match (ids, owner) {
        (Some(ids), _) => (BY_IDS, Some(json(ids))),
        (None, Some(owner)) => (BY_OWNER, Some(owner.to_string())),
        (None, None) => (ALL, None),
    };
    let mut select = tx.prepare_cached(which.0)?;
    let rows = select.query_map(
        params![before.as_ref().map(JobId::as_str), limit(*count), which.1, state.map(JobState::as_str), text],
        job_row,
    )?;
    readable(rows.map(|row| Job::try_from(row?)))
}

pub(super) fn claim(
    tx: &Transaction<'_>,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed, DatabaseError> {
    let ids = owed(tx, count, now)?;
    let (mut jobs, mut given_up) = (Vec::with_capacity(ids.len()), false);
    for id in &ids {
        match begin(tx, id, until) {
            Ok(job) => jobs.push(job),
            Err(error) if error.is_of_one_row() => {
                give_up(tx, id, &error, now)?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    // What was given up took the place of others, which are owed as well.
    let next_due = if given_up { Some(now) } else { next_due(tx, now)? };
    Ok(Claimed { jobs, next_due })
}

/// A job that can't be read would come up in every claim.
fn give_up(tx: &Transaction<'_>, id: &str, error: &DatabaseError, now: Timestamp) -> Result<(), DatabaseError> {
    tracing::error!(job = id, %error, "job.unreadable: it failed, and the others go on");
    tx.prepare_cached(
        "UPDATE studio_jobs SET phase = 'done', state = 'FAILED', leased_until = NULL, finished_at = ?2, outcome = ?3
         WHERE id = ?1",
    )?
    .execute(params![id, to_micros(now), json(&unreadable())])?;
    message::owe_by_lost_job(tx, id, now)
}

/// Lets all leases end now.
pub(super) fn release(tx: &Transaction<'_>) -> Result<usize, DatabaseError> {
    let mut release = tx.prepare_cached(
        "UPDATE studio_jobs SET leased_until = NULL WHERE phase <> 'done' AND leased_until IS NOT NULL",
    )?;
    Ok(release.execute([])?)
}

fn owed(tx: &Transaction<'_>, count: usize, now: Timestamp) -> Result<Vec<String>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT id FROM studio_jobs
         WHERE phase <> 'done' AND due_at <= ?1 AND (leased_until IS NULL OR leased_until <= ?1)
         ORDER BY CASE phase WHEN 'save' THEN 0 WHEN 'follow' THEN 1 ELSE 2 END, due_at, id LIMIT ?2",
    )?;
    let rows = select.query_map(params![to_micros(now), limit(count)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn begin(tx: &Transaction<'_>, id: &str, until: Timestamp) -> Result<Job, DatabaseError> {
    tx.prepare_cached("UPDATE studio_jobs SET epoch = epoch + 1, leased_until = ?2 WHERE id = ?1")?
        .execute(params![id, to_micros(until)])?;
    let mut select = tx.prepare_cached(concat!("SELECT ", job_columns!(), " FROM studio_jobs WHERE id = ?1"))?;
    select.query_row([id], job_row)?.try_into()
}

/// When the earliest job can be taken that can't be taken now.
fn next_due(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>, DatabaseError> {
    let due: Option<i64> = tx
        .prepare_cached(
            "SELECT min(max(due_at, coalesce(leased_until, due_at))) FROM studio_jobs
             WHERE phase <> 'done' AND max(due_at, coalesce(leased_until, due_at)) > ?1",
        )?
        .query_row([to_micros(now)], |row| row.get(0))?;
    Ok(due.and_then(from_micros))
}

pub(super) fn heartbeat(tx: &Transaction<'_>, fence: &Fence, until: Timestamp) -> Result<Beat, DatabaseError> {
    let held = tx
        .prepare_cached(
            "UPDATE studio_jobs SET leased_until = ?3 WHERE id = ?1 AND epoch = ?2 AND leased_until IS NOT NULL",
        )?
        .execute(params![fence.id.as_str(), to_i64(fence.epoch), to_micros(until)])?;
    Ok(if held == 1 { Beat::Held } else { Beat::Lost })
}

pub(super) fn apply(
    tx: &Transaction<'_>,
    id: &JobId,
    event: &JobEvent,
    now: Timestamp,
) -> Result<Applied, DatabaseError> {
    let Some(job) = by_id(tx, id)? else { return Ok(Applied::NotFound) };
    match transition::apply(&job, event, now) {
        Ok(next) => {
            update(tx, &job, &next)?;
            if let Some(event) = Event::of_end(&next) {
                message::owe_by_job(tx, &next, event, now)?;
            }
            Ok(Applied::Changed(Box::new(next)))
        }
        Err(why) => Ok(Applied::Refused(why)),
    }
}

pub(super) fn choose(
    tx: &Transaction<'_>,
    id: &JobId,
    chosen: Option<usize>,
    now: Timestamp,
) -> Result<Option<Job>, DatabaseError> {
    let Some(job) = by_id(tx, id)?.filter(|job| chosen.is_none_or(|n| (1..=job.shown_pictures().len()).contains(&n)))
    else {
        return Ok(None);
    };
    tx.prepare_cached("UPDATE studio_jobs SET chosen = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), chosen.map(limit)])?;
    let is_new = chosen.is_some() && chosen != job.chosen;
    let job = Job { chosen, ..job };
    if is_new {
        message::owe_by_job(tx, &job, Event::PictureUsed, now)?;
    }
    Ok(Some(job))
}

/// Results, webhooks, strokes and settled messages go with the job's row.
pub(super) fn forget(tx: &Transaction<'_>, id: &JobId, now: Timestamp) -> Result<Forgotten, DatabaseError> {
    let mut select = tx.prepare_cached("SELECT phase FROM studio_jobs WHERE id = ?1")?;
    let phase: Option<String> = select.query_row([id.as_str()], |row| row.get(0)).optional()?;
    match phase.as_deref().map(Phase::parse) {
        None => Ok(Forgotten::NotFound),
        Some(Some(Phase::Done)) => {
            blob::release(tx, id, "[]", now)?;
            message::outlive(tx, id)?;
            tx.prepare_cached(
                "INSERT INTO studio_spent (owner, at, cost, endpoint, pictures)
                 SELECT coalesce(owner, ''), created_at, cost, endpoint, pictures FROM studio_jobs
                 WHERE id = ?1 AND cost > 0 AND state = 'SUCCEEDED'",
            )?
            .execute([id.as_str()])?;
            tx.prepare_cached("DELETE FROM studio_jobs WHERE id = ?1")?.execute([id.as_str()])?;
            Ok(Forgotten::Gone)
        }
        Some(_) => Ok(Forgotten::Open),
    }
}

pub(super) fn kept(tx: &Transaction<'_>, owner: Option<&Owner>) -> Result<Holdings, DatabaseError> {
    let mut select = tx.prepare_cached("SELECT jobs, bytes FROM studio_totals WHERE owner = ?1")?;
    let number = |row: &Row<'_>, at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
    let kept = select.query_row([owner.map_or(ALL_OWNERS, Owner::as_str)], |row| {
        Ok(Holdings { jobs: number(row, 0)?, bytes: number(row, 1)? })
    });
    Ok(kept.optional()?.unwrap_or_default())
}

/// Stands for all owners in `studio_totals`.
const ALL_OWNERS: &str = "*";

pub(super) fn keep_result(tx: &Transaction<'_>, id: &JobId, result: &JobResult) -> Result<(), DatabaseError> {
    let row = ResultRow::from(result);
    tx.prepare_cached("INSERT INTO studio_results (job_id, source, ended, body, said) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![id.as_str(), row.source, row.ended, row.body, row.said])?;
    Ok(())
}

pub(super) fn result(tx: &Transaction<'_>, id: &JobId) -> Result<Option<JobResult>, DatabaseError> {
    let mut select = tx.prepare_cached("SELECT source, ended, body, said FROM studio_results WHERE job_id = ?1")?;
    let row = select.query_row([id.as_str()], |row| {
        Ok(ResultRow { source: row.get(0)?, ended: row.get(1)?, body: row.get(2)?, said: row.get(3)? })
    });
    row.optional()?.map(|row| row.into_result(id.as_str())).transpose()
}

fn job_row(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        id: row.get(0)?,
        token: row.get(1)?,
        spec: row.get(2)?,
        phase: row.get(3)?,
        epoch: row.get(4)?,
        due_at: row.get(5)?,
        leased_until: row.get(6)?,
        failures: row.get(7)?,
        uploads: row.get(8)?,
        submit_started_at: row.get(9)?,
        request_id: row.get(10)?,
        cancel_asked_at: row.get(11)?,
        created_at: row.get(12)?,
        running_at: row.get(13)?,
        result_at: row.get(14)?,
        finished_at: row.get(15)?,
        outcome: row.get(16)?,
        corrected: row.get(17)?,
        owner: row.get(18)?,
        chosen: row.get(19)?,
        price: row.get(20)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;
    use crate::studio::SQLITE;

    #[test]
    fn changing_a_job_fills_no_table_of_its_own() {
        for sql in [GO_ON, END, SUCCEED] {
            plan::fills_no_table_of(&SQLITE, sql);
        }
    }

    #[test]
    fn what_changes_while_a_job_goes_on_is_in_no_index_but_that_of_what_is_owed() {
        assert_eq!(plan::indexes_written_by(&SQLITE, GO_ON), ["studio_jobs_owed"]);
    }

    #[test]
    fn lists_look_at_indexes_and_open_only_the_rows_that_they_give() {
        for (sql, index) in [(BY_OWNER, "studio_jobs_of_owner"), (ALL, "studio_jobs_of_all")] {
            let steps = plan::steps_of(&SQLITE, sql);
            assert!(steps.contains(&format!("USING COVERING INDEX {index}")), "{sql}\n{steps}");
            assert!(!steps.contains("TEMP B-TREE"), "{sql}\n{steps}");
        }
    }
}

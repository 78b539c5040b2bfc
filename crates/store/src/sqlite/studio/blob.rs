//! Which bytes jobs refer to, and which may be removed.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use plantain_studio::job::{Job, JobId};

use crate::error::{Cause, DatabaseError};
use crate::studio::job::{json, limit, to_i64};
use crate::time::to_micros;

/// Notes what the job refers to now, how much that is, and what of which model the job costs. Fails where something of it is being removed: once that is over, it can be put anew.
pub(super) fn refer(tx: &Transaction<'_>, job: &Job, now: Timestamp) -> Result<(), DatabaseError> {
    let blobs = json(&job.blobs());
    refuse_doomed(tx, &blobs)?;
    release(tx, &job.id, &blobs, now)?;
    note(tx, job, &blobs)?;
    tx.prepare_cached("UPDATE studio_jobs SET bytes = ?2, cost = ?3, endpoint = ?4, pictures = ?5 WHERE id = ?1")?
        .execute(params![
            job.id.as_str(),
            to_i64(job.stored_bytes()),
            to_i64(job.cost_micro_usd()),
            job.spec.endpoint.as_str(),
            limit(job.charged_pictures()),
        ])?;
    Ok(())
}

/// As [`refer`], for a job whose row says the rest, and which has just come or refers to more than before.
pub(super) fn refer_more(tx: &Transaction<'_>, job: &Job) -> Result<(), DatabaseError> {
    let blobs = json(&job.blobs());
    refuse_doomed(tx, &blobs)?;
    note(tx, job, &blobs)
}

/// Name by name, in this order: a list of them would first fill a table of its own.
const DOOMED: &str = "SELECT 1 FROM json_each(?1) CROSS JOIN studio_garbage ON blob = value WHERE doomed = 1 LIMIT 1";
const NOTE: &str = "INSERT INTO studio_blobs (blob, job_id) SELECT value, ?2 FROM json_each(?1) WHERE true
     ON CONFLICT DO NOTHING";

fn refuse_doomed(tx: &Transaction<'_>, blobs: &str) -> Result<(), DatabaseError> {
    let doomed = tx.prepare_cached(DOOMED)?.exists([blobs])?;
    match doomed {
        true => Err(DatabaseError::unavailable(Cause::from("bytes that are to be referred to are being removed"))),
        false => Ok(()),
    }
}

fn note(tx: &Transaction<'_>, job: &Job, blobs: &str) -> Result<(), DatabaseError> {
    tx.prepare_cached(NOTE)?.execute(params![blobs, job.id.as_str()])?;
    Ok(())
}

/// Forgets all references of a job but these, a JSON list.
pub(super) fn release(tx: &Transaction<'_>, id: &JobId, kept: &str, now: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO studio_garbage (blob, since)
         SELECT blob, ?3 FROM studio_blobs WHERE job_id = ?1 AND blob NOT IN (SELECT value FROM json_each(?2))
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![id.as_str(), kept, to_micros(now)])?;
    tx.prepare_cached("DELETE FROM studio_blobs WHERE job_id = ?1 AND blob NOT IN (SELECT value FROM json_each(?2))")?
        .execute(params![id.as_str(), kept])?;
    Ok(())
}

pub(super) fn touch(tx: &Transaction<'_>, blobs: &[String], now: Timestamp) -> Result<bool, DatabaseError> {
    let mut touch = tx.prepare_cached(
        "INSERT INTO studio_garbage (blob, since) VALUES (?1, ?2)
         ON CONFLICT (blob) DO UPDATE SET since = excluded.since WHERE doomed = 0",
    )?;
    let mut all = true;
    for blob in blobs {
        all &= touch.execute(params![blob, to_micros(now)])? == 1;
    }
    Ok(all)
}

pub(super) fn suspect(tx: &Transaction<'_>, blobs: &[String], now: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO studio_garbage (blob, since)
         SELECT value, ?2 FROM json_each(?1)
         WHERE NOT EXISTS (SELECT 1 FROM studio_blobs WHERE blob = value)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![json(&blobs), to_micros(now)])?;
    Ok(())
}

/// Whoever removes doomed bytes has as long for it as garbage has to wait; then another one may.
pub(super) fn doom(
    tx: &Transaction<'_>,
    count: usize,
    before: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>, DatabaseError> {
    tx.prepare_cached(
        "DELETE FROM studio_garbage WHERE doomed = 0
         AND EXISTS (SELECT 1 FROM studio_blobs WHERE studio_blobs.blob = studio_garbage.blob)",
    )?
    .execute([])?;
    let mut doom = tx.prepare_cached(
        "UPDATE studio_garbage SET doomed = 1, since = ?3 WHERE blob IN (
             SELECT blob FROM studio_garbage WHERE since <= ?1 ORDER BY since LIMIT ?2)
         RETURNING blob",
    )?;
    let rows = doom.query_map(params![to_micros(before), limit(count), to_micros(now)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn removed(tx: &Transaction<'_>, blob: &str) -> Result<(), DatabaseError> {
    tx.prepare_cached("DELETE FROM studio_garbage WHERE blob = ?1 AND doomed = 1")?.execute([blob])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;
    use crate::studio::SQLITE;

    #[test]
    fn what_a_job_refers_to_is_noted_without_a_table_of_its_own() {
        for sql in [DOOMED, NOTE] {
            plan::fills_no_table_of(&SQLITE, sql);
        }
        let steps = plan::steps_of(&SQLITE, DOOMED);
        assert!(steps.contains("studio_garbage USING PRIMARY KEY (blob=?)"), "{steps}");
    }
}

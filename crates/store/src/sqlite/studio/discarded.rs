//! Batches that were thrown away: gone for everybody at once, and for good piece by piece.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use plantain_studio::bulk::batch::{BatchId, LeftBatch};
use plantain_studio::job::JobId;

use crate::error::DatabaseError;
use crate::sqlite::studio::{bulk, message};
use crate::studio::job::limit;
use crate::time::to_micros;

pub(super) fn discard(tx: &Transaction<'_>, id: &BatchId, now: Timestamp) -> Result<bool, DatabaseError> {
    let gone = tx.prepare_cached("DELETE FROM studio_batches WHERE id = ?1")?.execute([id.as_str()])?;
    if gone == 0 {
        return Ok(false);
    }
    tx.prepare_cached(
        "UPDATE studio_batch_items SET state = 'canceled', leased_until = NULL WHERE batch_id = ?1 AND state = 'waiting'",
    )?
    .execute([id.as_str()])?;
    bulk::release(tx, id.as_str(), now)?;
    message::outlive_batch(tx, id)?;
    tx.prepare_cached("INSERT INTO studio_batches_left (id, clear_at, failures) VALUES (?1, ?2, 0)")?
        .execute(params![id.as_str(), to_micros(now)])?;
    Ok(true)
}

/// Before failed items lose sight of their jobs to be made again.
pub(super) fn note_tries(tx: &Transaction<'_>, id: &BatchId) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO studio_batch_tries (job_id, batch_id)
         SELECT i.job_id, i.batch_id FROM studio_batch_items i JOIN studio_jobs j ON j.id = i.job_id
         WHERE i.batch_id = ?1 AND i.state = 'failed' ON CONFLICT DO NOTHING",
    )?
    .execute([id.as_str()])?;
    Ok(())
}

pub(super) fn left(tx: &Transaction<'_>, count: usize, now: Timestamp) -> Result<Vec<LeftBatch>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT id, failures FROM studio_batches_left WHERE clear_at <= ?2 ORDER BY clear_at, id LIMIT ?1",
    )?;
    let rows = select.query_map(params![limit(count), to_micros(now)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(String, u32)> = rows.collect::<Result<_, _>>()?;
    let left = |(id, failures): (String, u32)| Some(LeftBatch { id: BatchId::parse(&id)?, failures });
    Ok(rows.into_iter().filter_map(left).collect())
}

/// Those that are still there.
const JOBS: &str = "
    SELECT id FROM studio_jobs WHERE id IN (
        SELECT job_id FROM studio_batch_items WHERE batch_id = ?1
        UNION SELECT job_id FROM studio_batch_tries WHERE batch_id = ?1)
    LIMIT ?2";

pub(super) fn jobs(tx: &Transaction<'_>, id: &BatchId, count: usize) -> Result<Vec<JobId>, DatabaseError> {
    let mut select = tx.prepare_cached(JOBS)?;
    let rows = select.query_map(params![id.as_str(), limit(count)], |row| row.get(0))?;
    let ids: Vec<String> = rows.collect::<Result<_, _>>()?;
    Ok(ids.iter().filter_map(|id| JobId::parse(id)).collect())
}

pub(super) fn put_off(tx: &Transaction<'_>, id: &BatchId, failures: u32, at: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached("UPDATE studio_batches_left SET clear_at = ?2, failures = ?3 WHERE id = ?1")?
        .execute(params![id.as_str(), to_micros(at), failures])?;
    Ok(())
}

pub(super) fn clear(tx: &Transaction<'_>, id: &BatchId, count: usize) -> Result<bool, DatabaseError> {
    let is_left = tx.prepare_cached("SELECT 1 FROM studio_batches_left WHERE id = ?1")?.exists([id.as_str()])?;
    if !is_left || tx.prepare_cached(JOBS)?.exists(params![id.as_str(), 1])? {
        return Ok(false);
    }
    tx.prepare_cached(
        "DELETE FROM studio_batch_items WHERE batch_id = ?1 AND number IN (
             SELECT number FROM studio_batch_items WHERE batch_id = ?1 ORDER BY number LIMIT ?2)",
    )?
    .execute(params![id.as_str(), limit(count)])?;
    if tx.prepare_cached("SELECT 1 FROM studio_batch_items WHERE batch_id = ?1")?.exists([id.as_str()])? {
        return Ok(false);
    }
    tx.prepare_cached("DELETE FROM studio_batches_left WHERE id = ?1")?.execute([id.as_str()])?;
    Ok(true)
}

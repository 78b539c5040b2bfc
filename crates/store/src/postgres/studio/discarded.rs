//! Batches that were thrown away: gone for everybody at once, and for good piece by piece.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use plantain_studio::bulk::batch::{BatchId, LeftBatch};
use plantain_studio::job::JobId;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::studio::{bulk, message};
use crate::studio::job::limit;
use crate::time::to_micros;

pub(super) async fn discard(database: &Database, id: &BatchId, now: Timestamp) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    // Its row is what whoever begins an item holds, so each of them comes wholly before or finds nothing.
    let gone = tx.prepare_cached("DELETE FROM studio_batches WHERE id = $1").await?;
    if tx.execute(&gone, &[&id.as_str()]).await? == 0 {
        return Ok(false);
    }
    let cancel = tx
        .prepare_cached(
            "UPDATE studio_batch_items SET state = 'canceled', leased_until = NULL
             WHERE batch_id = $1 AND state = 'waiting'",
        )
        .await?;
    tx.execute(&cancel, &[&id.as_str()]).await?;
    bulk::release(&tx, id.as_str(), None, now).await?;
    message::outlive_batch(&tx, id).await?;
    let left = tx.prepare_cached("INSERT INTO studio_batches_left (id, clear_at, failures) VALUES ($1, $2, 0)").await?;
    tx.execute(&left, &[&id.as_str(), &to_micros(now)]).await?;
    tx.commit().await?;
    Ok(true)
}

/// Before failed items lose sight of their jobs to be made again.
pub(super) async fn note_tries(tx: &Transaction<'_>, id: &BatchId) -> Result<(), DatabaseError> {
    let note = tx
        .prepare_cached(
            "INSERT INTO studio_batch_tries (job_id, batch_id)
             SELECT i.job_id, i.batch_id FROM studio_batch_items i JOIN studio_jobs j ON j.id = i.job_id
             WHERE i.batch_id = $1 AND i.state = 'failed' ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&note, &[&id.as_str()]).await?;
    Ok(())
}

pub(super) async fn left(database: &Database, count: usize, now: Timestamp) -> Result<Vec<LeftBatch>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT id, failures FROM studio_batches_left WHERE clear_at <= $2 ORDER BY clear_at, id LIMIT $1",
        )
        .await?;
    let mut left = Vec::new();
    for row in client.query(&select, &[&limit(count), &to_micros(now)]).await? {
        let failures = u32::try_from(row.try_get::<_, i64>(1)?).unwrap_or(u32::MAX);
        left.extend(BatchId::parse(row.try_get(0)?).map(|id| LeftBatch { id, failures }));
    }
    Ok(left)
}

/// Those that are still there.
const JOBS: &str = "
    SELECT id FROM studio_jobs WHERE id IN (
        SELECT job_id FROM studio_batch_items WHERE batch_id = $1
        UNION SELECT job_id FROM studio_batch_tries WHERE batch_id = $1)
    LIMIT $2";

pub(super) async fn jobs(database: &Database, id: &BatchId, count: usize) -> Result<Vec<JobId>, DatabaseError> {
    let client = database.client().await?;
    let select = client.prepare_cached(JOBS).await?;
    let mut jobs = Vec::new();
    for row in client.query(&select, &[&id.as_str(), &limit(count)]).await? {
        jobs.extend(JobId::parse(row.try_get(0)?));
    }
    Ok(jobs)
}

pub(super) async fn put_off(
    database: &Database,
    id: &BatchId,
    failures: u32,
    at: Timestamp,
) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let put_off =
        client.prepare_cached("UPDATE studio_batches_left SET clear_at = $2, failures = $3 WHERE id = $1").await?;
    client.execute(&put_off, &[&id.as_str(), &to_micros(at), &i64::from(failures)]).await?;
    Ok(())
}

pub(super) async fn clear(database: &Database, id: &BatchId, count: usize) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let locked = tx.prepare_cached("SELECT 1 FROM studio_batches_left WHERE id = $1 FOR UPDATE").await?;
    let jobs = tx.prepare_cached(JOBS).await?;
    if tx.query_opt(&locked, &[&id.as_str()]).await?.is_none()
        || tx.query_opt(&jobs, &[&id.as_str(), &1_i64]).await?.is_some()
    {
        return Ok(false);
    }
    let items = tx
        .prepare_cached(
            "DELETE FROM studio_batch_items WHERE batch_id = $1 AND number IN (
                 SELECT number FROM studio_batch_items WHERE batch_id = $1 ORDER BY number LIMIT $2)",
        )
        .await?;
    tx.execute(&items, &[&id.as_str(), &limit(count)]).await?;
    let more = tx.prepare_cached("SELECT 1 FROM studio_batch_items WHERE batch_id = $1 LIMIT 1").await?;
    let is_gone = tx.query_opt(&more, &[&id.as_str()]).await?.is_none();
    if is_gone {
        let forget = tx.prepare_cached("DELETE FROM studio_batches_left WHERE id = $1").await?;
        tx.execute(&forget, &[&id.as_str()]).await?;
    }
    tx.commit().await?;
    Ok(is_gone)
}

//! Which bytes jobs refer to, and which may be removed.
//!
//! Whoever refers to bytes locks their rows of garbage, as whoever dooms them does, so that one of the two sees the other.

use std::collections::BTreeSet;

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use plantain_studio::job::{Job, JobId};

use crate::error::{Cause, DatabaseError};
use crate::postgres::Database;
use crate::studio::job::{limit, to_i64};
use crate::time::to_micros;

/// One at a time refers or dooms: held to the end of the transaction. An arbitrary number, the same everywhere.
const LOCK: i64 = 0x706c_616e_7461_0001;

async fn lock(tx: &Transaction<'_>, alone: bool) -> Result<(), DatabaseError> {
    let lock = match alone {
        true => "SELECT pg_advisory_xact_lock($1)",
        false => "SELECT pg_advisory_xact_lock_shared($1)",
    };
    tx.execute(&tx.prepare_cached(lock).await?, &[&LOCK]).await?;
    Ok(())
}

/// Notes what the job refers to now, how much that is, and what of which model the job costs. Fails where something of it is being removed:
/// once that is over, it can be put anew.
pub(super) async fn refer(tx: &Transaction<'_>, job: &Job, now: Timestamp) -> Result<(), DatabaseError> {
    release(tx, &job.id, &job.blobs(), now).await?;
    refer_by(tx, job.id.as_str(), job.blobs()).await?;
    let count = tx
        .prepare_cached("UPDATE studio_jobs SET bytes = $2, cost = $3, endpoint = $4, pictures = $5 WHERE id = $1")
        .await?;
    let (bytes, cost, pictures) = (job.stored_bytes(), job.cost_micro_usd(), job.charged_pictures());
    let (endpoint, pictures) = (job.spec.endpoint.as_str(), limit(pictures));
    tx.execute(&count, &[&job.id.as_str(), &to_i64(bytes), &to_i64(cost), &endpoint, &pictures]).await?;
    Ok(())
}

/// Notes what a job or a batch refers to, beside what it did before.
pub(super) async fn refer_by(tx: &Transaction<'_>, id: &str, mut blobs: Vec<&str>) -> Result<(), DatabaseError> {
    lock(tx, false).await?;
    // In one order, so that two that refer to the same bytes never wait for each other in turn.
    blobs.sort_unstable();
    let doomed = tx.prepare_cached("SELECT 1 FROM studio_garbage WHERE doomed = 1 AND blob = ANY ($1) LIMIT 1").await?;
    if tx.query_opt(&doomed, &[&blobs]).await?.is_some() {
        return Err(DatabaseError::unavailable(Cause::from("bytes that are to be referred to are being removed")));
    }
    let insert = tx
        .prepare_cached(
            "INSERT INTO studio_blobs (blob, job_id) SELECT DISTINCT unnest($1::text[]), $2 ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&insert, &[&blobs, &id]).await?;
    Ok(())
}

/// Forgets all references of a job but these.
pub(super) async fn release(
    tx: &Transaction<'_>,
    id: &JobId,
    kept: &[&str],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let loose = tx
        .prepare_cached(
            "WITH gone AS (DELETE FROM studio_blobs WHERE job_id = $1 AND blob <> ALL ($2::text[]) RETURNING blob)
             INSERT INTO studio_garbage (blob, since) SELECT blob, $3 FROM gone ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&loose, &[&id.as_str(), &kept, &to_micros(now)]).await?;
    Ok(())
}

pub(super) async fn touch(database: &Database, blobs: &[String], now: Timestamp) -> Result<bool, DatabaseError> {
    // In one order, so that two that touch the same bytes never wait for each other in turn.
    let blobs: BTreeSet<&str> = blobs.iter().map(String::as_str).collect();
    let (count, blobs) = (blobs.len() as u64, Vec::from_iter(blobs));
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    lock(&tx, false).await?;
    let touch = tx
        .prepare_cached(
            "INSERT INTO studio_garbage AS known (blob, since) SELECT unnest($1::text[]), $2
             ON CONFLICT (blob) DO UPDATE SET since = excluded.since WHERE known.doomed = 0",
        )
        .await?;
    let touched = tx.execute(&touch, &[&blobs, &to_micros(now)]).await?;
    tx.commit().await?;
    Ok(touched == count)
}

pub(super) async fn suspect(database: &Database, blobs: &[String], now: Timestamp) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let insert = client
        .prepare_cached(
            "INSERT INTO studio_garbage (blob, since)
             SELECT blob, $2 FROM unnest($1::text[]) AS blob
             WHERE NOT EXISTS (SELECT 1 FROM studio_blobs known WHERE known.blob = blob.blob)
             ON CONFLICT DO NOTHING",
        )
        .await?;
    client.execute(&insert, &[&blobs, &to_micros(now)]).await?;
    Ok(())
}

/// Whoever removes doomed bytes has as long for it as garbage has to wait; then another one may.
pub(super) async fn doom(
    database: &Database,
    count: usize,
    before: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    lock(&tx, true).await?;
    let keep = tx
        .prepare_cached(
            "DELETE FROM studio_garbage garbage USING studio_blobs blobs
             WHERE garbage.blob = blobs.blob AND garbage.doomed = 0",
        )
        .await?;
    tx.execute(&keep, &[]).await?;
    let doom = tx
        .prepare_cached(
            "UPDATE studio_garbage SET doomed = 1, since = $3 WHERE blob IN (
                 SELECT blob FROM studio_garbage WHERE since <= $1 ORDER BY since LIMIT $2)
             RETURNING blob",
        )
        .await?;
    let rows = tx.query(&doom, &[&to_micros(before), &limit(count), &to_micros(now)]).await?;
    tx.commit().await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

pub(super) async fn removed(database: &Database, blob: &str) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let remove = client.prepare_cached("DELETE FROM studio_garbage WHERE blob = $1 AND doomed = 1").await?;
    client.execute(&remove, &[&blob]).await?;
    Ok(())
}

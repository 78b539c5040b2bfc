//! Bytes that nobody may refer to any more, until they are removed.
//!
//! A transaction that adds a reference and one that marks bytes as being removed must not overlap, since neither would see
//! what the other one writes. Both hold a lock on the blob's name until they end.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use plantain_queue::store::Claimed;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::queue::file::being_removed;
use crate::time::{from_micros, to_micros};

/// Takes note that references have gone. Whether they were the last ones shows when their time has come. In order, so that
/// two transactions can't wait for each other.
pub(super) async fn leave(tx: &Transaction<'_>, blobs: &[String], due_at: Timestamp) -> Result<(), DatabaseError> {
    let leave = tx
        .prepare_cached(
            "INSERT INTO queue_unused (blob, due_at)
             SELECT DISTINCT blob, $2::bigint FROM unnest($1::text[]) AS blob ORDER BY blob
             ON CONFLICT (blob) DO NOTHING",
        )
        .await?;
    tx.execute(&leave, &[&blobs, &to_micros(due_at)]).await?;
    Ok(())
}

/// Makes way for a new reference; refused while the bytes are being removed.
pub(super) async fn refer_to(tx: &Transaction<'_>, blob: &str) -> Result<(), DatabaseError> {
    let lock = tx.prepare_cached("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").await?;
    tx.execute(&lock, &[&blob]).await?;
    // The statement after the lock sees what was committed before it.
    let clear = tx.prepare_cached("DELETE FROM queue_unused WHERE blob = $1 RETURNING removing").await?;
    match tx.query_opt(&clear, &[&blob]).await?.map(|row| row.try_get(0)).transpose()? {
        // The deletion of the mark is rolled back with the transaction.
        Some(true) => Err(being_removed()),
        _ => Ok(()),
    }
}

/// Takes note of bytes that nobody refers to, so far as can be seen now.
pub(super) async fn suspect(database: &Database, blobs: &[String], due_at: Timestamp) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let note = client
        .prepare_cached(
            "INSERT INTO queue_unused (blob, due_at)
             SELECT DISTINCT blob, $2::bigint FROM unnest($1::text[]) AS blob
             WHERE NOT EXISTS (SELECT 1 FROM queue_files WHERE queue_files.blob = blob.blob)
                   AND NOT EXISTS (SELECT 1 FROM queue_parts WHERE queue_parts.blob = blob.blob)
             ORDER BY blob
             ON CONFLICT (blob) DO NOTHING",
        )
        .await?;
    client.execute(&note, &[&blobs, &to_micros(due_at)]).await?;
    Ok(())
}

pub(super) async fn claim(
    database: &Database,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<String>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let due = tx
        .prepare_cached(
            "SELECT blob, pg_try_advisory_xact_lock(hashtextextended(blob, 0)) FROM (
                 SELECT blob FROM queue_unused WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
             ) AS due",
        )
        .await?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut locked = Vec::new();
    for row in tx.query(&due, &[&to_micros(now), &count]).await? {
        // Where the lock is held, somebody adds a reference; another claim will see it.
        if row.try_get(1)? {
            locked.push(row.try_get::<_, String>(0)?);
        }
    }
    let forget = tx
        .prepare_cached(
            "DELETE FROM queue_unused WHERE blob = ANY ($1)
                 AND (EXISTS (SELECT 1 FROM queue_files WHERE queue_files.blob = queue_unused.blob)
                      OR EXISTS (SELECT 1 FROM queue_parts WHERE queue_parts.blob = queue_unused.blob))",
        )
        .await?;
    tx.execute(&forget, &[&locked]).await?;
    let mark = tx
        .prepare_cached("UPDATE queue_unused SET removing = TRUE, due_at = $2 WHERE blob = ANY ($1) RETURNING blob")
        .await?;
    let marked = tx.query(&mark, &[&locked, &to_micros(until)]).await?;
    let tasks = marked.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    let next = tx.prepare_cached("SELECT min(due_at) FROM queue_unused").await?;
    let next: Option<i64> = tx.query_one(&next, &[]).await?.try_get(0)?;
    tx.commit().await?;
    Ok(Claimed { tasks, next_due: next.and_then(from_micros), held_back: false })
}

pub(super) async fn removed(database: &Database, blob: &str) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let delete = client.prepare_cached("DELETE FROM queue_unused WHERE blob = $1").await?;
    client.execute(&delete, &[&blob]).await?;
    Ok(())
}

//! Bytes that nobody may refer to any more, until they are removed.
//!
//! There is one writer, so a reference is either seen by the transaction that marks bytes, or sees the mark itself.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use plantain_queue::store::Claimed;

use crate::error::DatabaseError;
use crate::queue::file::being_removed;
use crate::time::{from_micros, to_micros};

/// Takes note that a reference has gone. Whether it was the last one shows when its time has come.
pub(super) fn leave(tx: &Transaction<'_>, blob: &str, due_at: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached("INSERT INTO queue_unused (blob, due_at) VALUES (?1, ?2) ON CONFLICT (blob) DO NOTHING")?
        .execute(params![blob, to_micros(due_at)])?;
    Ok(())
}

/// Takes note of bytes that nobody refers to, so far as can be seen now.
pub(super) fn suspect(tx: &Transaction<'_>, blobs: &[String], due_at: Timestamp) -> Result<(), DatabaseError> {
    let mut note = tx.prepare_cached(
        "INSERT INTO queue_unused (blob, due_at) SELECT ?1, ?2
         WHERE NOT EXISTS (SELECT 1 FROM queue_files WHERE blob = ?1)
               AND NOT EXISTS (SELECT 1 FROM queue_parts WHERE blob = ?1)
         ON CONFLICT (blob) DO NOTHING",
    )?;
    for blob in blobs {
        note.execute(params![blob, to_micros(due_at)])?;
    }
    Ok(())
}

/// Makes way for a new reference; refused while the bytes are being removed.
pub(super) fn refer_to(tx: &Transaction<'_>, blob: &str) -> Result<(), DatabaseError> {
    let removing: Option<bool> = tx
        .prepare_cached("SELECT removing FROM queue_unused WHERE blob = ?1")?
        .query_row([blob], |row| row.get(0))
        .optional()?;
    match removing {
        None => Ok(()),
        Some(true) => Err(being_removed()),
        Some(false) => {
            tx.prepare_cached("DELETE FROM queue_unused WHERE blob = ?1")?.execute([blob])?;
            Ok(())
        }
    }
}

pub(super) fn claim(
    tx: &Transaction<'_>,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<String>, DatabaseError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut due = tx.prepare_cached(
        "SELECT blob, EXISTS (SELECT 1 FROM queue_files WHERE queue_files.blob = queue_unused.blob)
                   OR EXISTS (SELECT 1 FROM queue_parts WHERE queue_parts.blob = queue_unused.blob)
         FROM queue_unused WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2",
    )?;
    let found = due
        .query_map(params![to_micros(now), count], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, bool)>, _>>()?;
    let mut mark = tx.prepare_cached("UPDATE queue_unused SET removing = 1, due_at = ?2 WHERE blob = ?1")?;
    let mut tasks = Vec::new();
    for (blob, in_use) in found {
        if in_use {
            removed(tx, &blob)?;
        } else {
            mark.execute(params![blob, to_micros(until)])?;
            tasks.push(blob);
        }
    }
    let next: Option<i64> =
        tx.prepare_cached("SELECT min(due_at) FROM queue_unused")?.query_row([], |row| row.get(0))?;
    Ok(Claimed { tasks, next_due: next.and_then(from_micros), held_back: false })
}

pub(super) fn removed(tx: &Transaction<'_>, blob: &str) -> Result<(), DatabaseError> {
    tx.prepare_cached("DELETE FROM queue_unused WHERE blob = ?1")?.execute([blob])?;
    Ok(())
}

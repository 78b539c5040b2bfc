//! Log lines of requests, in the order in which they were written.

use rusqlite::{Transaction, params};

use plantain_queue::model::{Lease, Settled};
use plantain_wire::status::LogEntry;

use crate::error::DatabaseError;
use crate::queue::request::LogRow;
use crate::sqlite::queue::settle;
use crate::time::to_micros;

pub(super) fn append_fenced(tx: &Transaction<'_>, lease: &Lease, lines: &[LogEntry]) -> Result<Settled, DatabaseError> {
    let Some(seq) = settle::held(tx, lease)? else { return Ok(Settled::LeaseLost) };
    append(tx, seq, lines)?;
    Ok(Settled::Done)
}

/// The caller holds the lease.
pub(super) fn append(tx: &Transaction<'_>, seq: i64, lines: &[LogEntry]) -> Result<(), DatabaseError> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO queue_logs (request, line, at, level, source, message)
         VALUES (?1, (SELECT coalesce(max(line), 0) + 1 FROM queue_logs WHERE request = ?1), ?2, ?3, ?4, ?5)",
    )?;
    for line in lines {
        insert.execute(params![seq, line.timestamp.map(to_micros), line.level.as_str(), line.source, line.message])?;
    }
    Ok(())
}

pub(super) fn list(tx: &Transaction<'_>, seq: i64) -> Result<Vec<LogEntry>, DatabaseError> {
    let mut select =
        tx.prepare_cached("SELECT at, level, source, message FROM queue_logs WHERE request = ?1 ORDER BY line")?;
    let rows = select.query_map([seq], |row| {
        Ok(LogRow { at: row.get(0)?, level: row.get(1)?, source: row.get(2)?, message: row.get(3)? })
    })?;
    Ok(rows.map(|row| row.map(LogEntry::from)).collect::<Result<_, _>>()?)
}

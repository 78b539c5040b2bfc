//! Attempts on record: those after which their request went on.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use plantain_queue::history::Attempt;
use plantain_queue::model::RequestView;
use plantain_wire::id::RequestId;

use crate::error::DatabaseError;
use crate::queue::attempt::{AttemptRow, EndedRow, with_last};
use crate::sqlite::queue::request;
use crate::time::to_micros;

/// Records the latest attempt of a request whose lease ran out, before it gets the next one.
pub(super) fn lapsed(tx: &Transaction<'_>, seq: i64, now: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO queue_attempts (request, attempt, gateway_request_id, started_at, ended_at, how)
         SELECT seq, attempt, gateway_request_id, attempt_started_at, ?2, 'lapsed' FROM queue_requests WHERE seq = ?1",
    )?
    .execute(params![seq, to_micros(now)])?;
    Ok(())
}

/// Records the latest attempt of a request that goes back to the queue.
pub(super) fn ended(tx: &Transaction<'_>, seq: i64, end: &EndedRow, now: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO queue_attempts (request, attempt, gateway_request_id, started_at, ended_at, how, http_status,
                                     error_type)
         SELECT seq, attempt, gateway_request_id, attempt_started_at, ?2, ?3, ?4, ?5
         FROM queue_requests WHERE seq = ?1",
    )?
    .execute(params![seq, to_micros(now), end.how, end.http_status, end.error_type])?;
    Ok(())
}

pub(super) fn list(tx: &Transaction<'_>, id: &RequestId) -> Result<Vec<Attempt>, DatabaseError> {
    let Some(view) = request::view(tx, id)? else { return Ok(Vec::new()) };
    let (seq, started_at) = tx
        .prepare_cached("SELECT seq, attempt_started_at FROM queue_requests WHERE id = ?1")?
        .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    with_last(earlier(tx, seq, &view)?, &view, started_at)
}

fn earlier(tx: &Transaction<'_>, seq: i64, view: &RequestView) -> Result<Vec<Attempt>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT attempt, gateway_request_id, started_at, ended_at, how, http_status, error_type
         FROM queue_attempts WHERE request = ?1 ORDER BY attempt",
    )?;
    let rows = select.query_map([seq], |row| {
        Ok(AttemptRow {
            attempt: row.get(0)?,
            gateway_request_id: row.get(1)?,
            started_at: row.get(2)?,
            ended_at: row.get(3)?,
            how: row.get(4)?,
            http_status: row.get(5)?,
            error_type: row.get(6)?,
        })
    })?;
    rows.map(|row| row?.into_attempt(view.id.as_str())).collect()
}

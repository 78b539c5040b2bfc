//! Taking requests under leases, and keeping them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_queue::model::{ClaimedRequest, Lease, Pulse};
use plantain_queue::store::Claimed;
use plantain_work::random;

use crate::error::DatabaseError;
use crate::queue::request::{ClaimedRow, LAPSED};
use crate::time::{from_micros, to_micros};

/// Each of these reads one partial index, none of which contains a completed request.
const PROMOTE: &str =
    "UPDATE queue_requests SET state = 'ready', due_at = NULL WHERE due_at <= ?1 AND state = 'delayed'";
const LAPSED_ONES: &str =
    "SELECT seq FROM queue_requests WHERE due_at <= ?1 AND state = 'running' ORDER BY due_at LIMIT ?2";
const READY_ONES: &str = "SELECT seq FROM queue_requests WHERE state = 'ready' ORDER BY priority, seq LIMIT ?1";
const NEXT_DUE: &str = "SELECT min(due_at) FROM queue_requests WHERE due_at IS NOT NULL";

pub(super) fn requests(
    tx: &Transaction<'_>,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    tx.prepare_cached(PROMOTE)?.execute([to_micros(now)])?;
    let mut picked = seqs(tx, LAPSED_ONES, params![to_micros(now), limit(count)])?;
    picked.extend(seqs(tx, READY_ONES, params![limit(count - picked.len())])?);
    let tasks = picked.into_iter().map(|seq| begin(tx, seq, until, now)).collect::<Result<_, _>>()?;
    Ok(Claimed { tasks, next_due: next_due(tx)? })
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seqs(tx: &Transaction<'_>, sql: &str, params: impl rusqlite::Params) -> Result<Vec<i64>, DatabaseError> {
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A request that is still running here is one whose lease ran out: that was a failure of whoever held it.
fn begin(tx: &Transaction<'_>, seq: i64, until: Timestamp, now: Timestamp) -> Result<ClaimedRequest, DatabaseError> {
    let row = tx
        .prepare_cached(
            "UPDATE queue_requests SET
                 failures = failures + (state = 'running'),
                 last_error = iif(state = 'running', ?5, last_error),
                 gateway_request_id = iif(attempt = 0, id, ?4),
                 state = 'running', attempt = attempt + 1, due_at = ?2, started_at = coalesce(started_at, ?3)
             WHERE seq = ?1
             RETURNING id, attempt, gateway_request_id, endpoint, user_id, key_id, webhook, start_by, created_at,
                       failures, last_error, cancel_requested,
                       (SELECT input FROM queue_inputs WHERE request = ?1)",
        )?
        .query_row(
            params![seq, to_micros(until), to_micros(now), random::id(now).to_string(), LAPSED.as_str()],
            claimed_row,
        )?;
    row.try_into()
}

fn claimed_row(row: &Row<'_>) -> rusqlite::Result<ClaimedRow> {
    Ok(ClaimedRow {
        id: row.get(0)?,
        attempt: row.get(1)?,
        gateway_request_id: row.get(2)?,
        endpoint: row.get(3)?,
        user_id: row.get(4)?,
        key_id: row.get(5)?,
        webhook: row.get(6)?,
        start_by: row.get(7)?,
        created_at: row.get(8)?,
        failures: row.get(9)?,
        last_error: row.get(10)?,
        cancel_requested: row.get(11)?,
        input: row.get(12)?,
    })
}

fn next_due(tx: &Transaction<'_>) -> Result<Option<Timestamp>, DatabaseError> {
    let due: Option<i64> = tx.prepare_cached(NEXT_DUE)?.query_row([], |row| row.get(0))?;
    Ok(due.and_then(from_micros))
}

pub(super) fn heartbeat(tx: &Transaction<'_>, leases: &[Lease], until: Timestamp) -> Result<Vec<Pulse>, DatabaseError> {
    let mut prolong = tx.prepare_cached(
        "UPDATE queue_requests SET due_at = ?3 WHERE id = ?1 AND attempt = ?2 AND state = 'running'
         RETURNING cancel_requested",
    )?;
    let mut pulse = |lease: &Lease| {
        let held = prolong
            .query_row(params![lease.request_id.as_str(), lease.attempt, to_micros(until)], |row| row.get(0))
            .optional()?;
        Ok(match held {
            None => Pulse::Lost,
            Some(true) => Pulse::CancelRequested,
            Some(false) => Pulse::Held,
        })
    };
    leases.iter().map(&mut pulse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn a_claim_never_looks_at_what_is_completed() {
        plan::uses(PROMOTE, "queue_requests_due");
        plan::uses(LAPSED_ONES, "queue_requests_due");
        plan::uses(READY_ONES, "queue_requests_ready");
        plan::uses(NEXT_DUE, "queue_requests_due");
    }
}

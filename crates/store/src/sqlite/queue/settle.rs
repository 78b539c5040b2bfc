//! Ending attempts and requests: the state, the outcome and what is owed for it, in one transaction.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use plantain_queue::decide;
use plantain_queue::history::Ending;
use plantain_queue::model::{AttemptEnd, Cancelled, Lease, NewDelivery, Next, Outcome, Settled};
use plantain_wire::id::RequestId;
use plantain_wire::status::LogEntry;

use crate::error::DatabaseError;
use crate::queue::attempt::EndedRow;
use crate::queue::request::{EndRow, OutcomeRow, owed_unread, requeued};
use crate::sqlite::queue::{attempt, delivery, log, retention};
use crate::time::to_micros;

pub(super) fn settle(
    tx: &Transaction<'_>,
    lease: &Lease,
    next: Next,
    last_lines: &[LogEntry],
    now: Timestamp,
) -> Result<Settled, DatabaseError> {
    let held = match &next {
        Next::Finish { outcome, .. } => complete(tx, lease, Ending::of(outcome), now)?,
        Next::Requeue { at, attempt } => requeue(tx, lease, *at, attempt, now)?,
    };
    let Some(seq) = held else { return Ok(Settled::LeaseLost) };
    log::append(tx, seq, last_lines)?;
    if let Next::Finish { outcome, deliveries } = next {
        owe(tx, seq, outcome, &deliveries, now)?;
    }
    Ok(Settled::Done)
}

fn complete(tx: &Transaction<'_>, lease: &Lease, ending: Ending, now: Timestamp) -> Result<Option<i64>, DatabaseError> {
    let held = tx
        .prepare_cached(
            "UPDATE queue_requests SET state = 'completed', due_at = NULL, finished_at = ?3, ending = ?4
             WHERE id = ?1 AND attempt = ?2 AND state = 'running' RETURNING seq",
        )?
        .query_row(params![lease.request_id.as_str(), lease.attempt, to_micros(now), ending.as_str()], |row| row.get(0))
        .optional()?;
    Ok(held)
}

fn requeue(
    tx: &Transaction<'_>,
    lease: &Lease,
    at: Timestamp,
    end: &AttemptEnd,
    now: Timestamp,
) -> Result<Option<i64>, DatabaseError> {
    let (state, due_at) = requeued(at, now);
    let ended = EndedRow::new(end);
    let held = tx
        .prepare_cached(
            "UPDATE queue_requests SET
                 state = ?3, due_at = ?4, last_error = coalesce(?5, last_error), failures = failures + ?6,
                 server_errors = server_errors + ?7, timeouts = timeouts + ?8, connection_errors = connection_errors + ?9
             WHERE id = ?1 AND attempt = ?2 AND state = 'running' RETURNING seq",
        )?
        .query_row(
            params![
                lease.request_id.as_str(),
                lease.attempt,
                state,
                due_at,
                ended.error_type,
                ended.failures,
                ended.server_errors,
                ended.timeouts,
                ended.connection_errors
            ],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(seq) = held {
        attempt::ended(tx, seq, &ended, now)?;
    }
    Ok(held)
}

pub(super) fn owe(
    tx: &Transaction<'_>,
    seq: i64,
    outcome: Outcome,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let outcome = OutcomeRow::new(outcome);
    tx.prepare_cached(
        "INSERT INTO queue_outcomes (request, http_status, inference, body, error_type, detail, headers)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        seq,
        outcome.http_status,
        outcome.inference,
        outcome.body,
        outcome.error_type,
        outcome.detail,
        outcome.headers
    ])?;
    retention::schedule(tx, seq)?;
    deliveries.iter().try_for_each(|new| delivery::insert(tx, new, now))
}

/// Ends a request whose row can't be read, whatever state it is in.
pub(super) fn give_up(
    tx: &Transaction<'_>,
    seq: i64,
    error: &DatabaseError,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    // As text, whatever is in there.
    let row = tx
        .prepare_cached(
            "UPDATE queue_requests SET state = 'completed', due_at = NULL, finished_at = ?2, ending = 'failed' WHERE seq = ?1
             RETURNING CAST(id AS BLOB), CAST(user_id AS BLOB), CAST(webhook AS BLOB)",
        )?
        .query_row(params![seq, to_micros(now)], |row| {
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            Ok(EndRow {
                id: text(row.get(0)?),
                user_id: text(row.get(1)?),
                webhook: row.get::<_, Option<_>>(2)?.map(text),
            })
        })?;
    tracing::error!(request_id = row.id, %error, "request.unreadable: it was ended, and the queue goes on");
    let outcome = decide::unreadable();
    let deliveries = owed_unread(&row, &outcome, now);
    owe(tx, seq, outcome, &deliveries, now)
}

pub(super) fn cancel(
    tx: &Transaction<'_>,
    id: &RequestId,
    outcome: Outcome,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<Cancelled, DatabaseError> {
    let removed = tx
        .prepare_cached(
            "UPDATE queue_requests SET state = 'completed', due_at = NULL, finished_at = ?2, ending = ?3
             WHERE id = ?1 AND state IN ('ready', 'delayed') RETURNING seq",
        )?
        .query_row(params![id.as_str(), to_micros(now), Ending::of(&outcome).as_str()], |row| row.get(0))
        .optional()?;
    if let Some(seq) = removed {
        owe(tx, seq, outcome, deliveries, now)?;
        return Ok(Cancelled::Removed);
    }
    let flagged = tx
        .prepare_cached("UPDATE queue_requests SET cancel_requested = 1 WHERE id = ?1 AND state = 'running'")?
        .execute([id.as_str()])?;
    if flagged > 0 {
        return Ok(Cancelled::Requested);
    }
    let known = tx.prepare_cached("SELECT 1 FROM queue_requests WHERE id = ?1")?.exists([id.as_str()])?;
    Ok(if known { Cancelled::AlreadyCompleted } else { Cancelled::NotFound })
}

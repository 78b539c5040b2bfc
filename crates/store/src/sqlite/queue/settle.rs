//! Ending attempts and requests: the state, the outcome and what is owed for it, in one transaction.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use plantain_queue::decide;
use plantain_queue::history::{DELIVERED_DROPPED_AFTER, DROPPED_AFTER, Ending};
use plantain_queue::model::{AttemptEnd, Cancelled, Lease, NewDelivery, Next, Outcome, Settled};
use plantain_wire::id::RequestId;
use plantain_wire::status::LogEntry;

use crate::error::DatabaseError;
use crate::queue::attempt::EndedRow;
use crate::queue::request::{EndRow, OutcomeRow, owed_unread, requeued};
use crate::sqlite::queue::{attempt, delivery, log};
use crate::time::{span_to_micros, to_micros};

pub(super) fn settle(
    tx: &Transaction<'_>,
    lease: &Lease,
    next: &Next,
    last_lines: &[LogEntry],
    now: Timestamp,
) -> Result<Settled, DatabaseError> {
    let Some(seq) = held(tx, lease)? else { return Ok(Settled::LeaseLost) };
    log::append(tx, seq, last_lines)?;
    match next {
        Next::Finish { outcome, deliveries } => complete(tx, seq, outcome, deliveries, now)?,
        Next::Requeue { at, attempt } => requeue(tx, seq, *at, attempt, now)?,
    }
    Ok(Settled::Done)
}

/// The request, if the lease still stands.
pub(super) fn held(tx: &Transaction<'_>, lease: &Lease) -> Result<Option<i64>, DatabaseError> {
    let held = tx
        .prepare_cached("SELECT seq FROM queue_requests WHERE id = ?1 AND attempt = ?2 AND state = 'running'")?
        .query_row(params![lease.request_id.as_str(), lease.attempt], |row| row.get(0))
        .optional()?;
    Ok(held)
}

fn requeue(
    tx: &Transaction<'_>,
    seq: i64,
    at: Timestamp,
    end: &AttemptEnd,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let (state, due_at) = requeued(at, now);
    let ended = EndedRow::new(end);
    tx.prepare_cached(
        "UPDATE queue_requests SET
             state = ?2, due_at = ?3, last_error = coalesce(?4, last_error), failures = failures + ?5,
             server_errors = server_errors + ?6, timeouts = timeouts + ?7, connection_errors = connection_errors + ?8
         WHERE seq = ?1",
    )?
    .execute(params![
        seq,
        state,
        due_at,
        ended.error_type,
        ended.failures,
        ended.server_errors,
        ended.timeouts,
        ended.connection_errors
    ])?;
    attempt::ended(tx, seq, &ended, now)
}

const COMPLETE: &str = "UPDATE queue_requests SET state = 'completed', due_at = NULL, finished_at = ?2, ending = ?3,
        drop_at = iif(payloads IN ('drop', 'drop_output'), iif(webhook IS NULL, ?4, ?5), NULL)
    WHERE seq = ?1";

/// Ends a request: its state, its outcome, what is owed for it, and when its payloads go.
pub(super) fn complete(
    tx: &Transaction<'_>,
    seq: i64,
    outcome: &Outcome,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let finished_at = to_micros(now);
    tx.prepare_cached(COMPLETE)?.execute(params![
        seq,
        finished_at,
        Ending::of(outcome).as_str(),
        finished_at + span_to_micros(DROPPED_AFTER),
        finished_at + span_to_micros(DELIVERED_DROPPED_AFTER)
    ])?;
    let outcome = OutcomeRow::new(outcome.clone());
    tx.prepare_cached(
        "INSERT INTO queue_outcomes (request, http_status, inference, body, error_type, detail, headers)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        seq,
        outcome.http_status,
        outcome.inference,
        outcome.body.as_deref(),
        outcome.error_type,
        outcome.detail,
        outcome.headers
    ])?;
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
            "SELECT CAST(id AS BLOB), CAST(user_id AS BLOB), CAST(webhook AS BLOB) FROM queue_requests WHERE seq = ?1",
        )?
        .query_row([seq], |row| {
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
    complete(tx, seq, &outcome, &deliveries, now)
}

pub(super) fn cancel(
    tx: &Transaction<'_>,
    id: &RequestId,
    outcome: &Outcome,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<Cancelled, DatabaseError> {
    let waiting = tx
        .prepare_cached("SELECT seq FROM queue_requests WHERE id = ?1 AND state IN ('ready', 'delayed')")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    if let Some(seq) = waiting {
        complete(tx, seq, outcome, deliveries, now)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn ending_a_request_fills_no_table_of_its_own() {
        plan::fills_no_table(COMPLETE);
    }
}

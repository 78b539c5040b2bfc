//! Ending attempts and requests: the state, the outcome and what is owed for it, in one transaction.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use plantain_queue::decide;
use plantain_queue::history::{DELIVERED_DROPPED_AFTER, DROPPED_AFTER, Ending};
use plantain_queue::model::{AttemptEnd, Cancelled, Lease, NewDelivery, Next, Outcome, Settled};
use plantain_queue::store::Hint;
use plantain_wire::id::RequestId;
use plantain_wire::status::LogEntry;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::{delivery, hint, log};
use crate::postgres::text::storable;
use crate::queue::attempt::EndedRow;
use crate::queue::request::{EndRow, OutcomeRow, owed_unread, requeued};
use crate::time::{span_to_micros, to_micros};

pub(super) async fn settle(
    database: &Database,
    lease: &Lease,
    next: &Next,
    last_lines: &[LogEntry],
    now: Timestamp,
) -> Result<Settled, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let held = match next {
        Next::Finish { outcome, .. } => complete(&tx, lease, Ending::of(outcome), now).await?,
        Next::Requeue { at, attempt } => requeue(&tx, lease, *at, attempt, now).await?,
    };
    let Some(seq) = held else { return Ok(Settled::LeaseLost) };
    log::append(&tx, seq, last_lines).await?;
    match next {
        Next::Finish { outcome, deliveries } => owe(&tx, seq, outcome, deliveries, now).await?,
        Next::Requeue { .. } => hint::send(&tx, &[Hint::RequestsDue]).await?,
    }
    hint::send(&tx, &[Hint::Changed(lease.request_id.clone())]).await?;
    tx.commit().await?;
    Ok(Settled::Done)
}

async fn complete(
    tx: &Transaction<'_>,
    lease: &Lease,
    ending: Ending,
    now: Timestamp,
) -> Result<Option<i64>, DatabaseError> {
    let complete = tx
        .prepare_cached(
            "UPDATE queue_requests SET state = 'completed', due_at = NULL, finished_at = $3, ending = $4
             WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING seq",
        )
        .await?;
    let (id, attempt) = (lease.request_id.as_str(), i64::from(lease.attempt));
    let held = tx.query_opt(&complete, &[&id, &attempt, &to_micros(now), &ending.as_str()]).await?;
    Ok(held.map(|row| row.try_get(0)).transpose()?)
}

async fn requeue(
    tx: &Transaction<'_>,
    lease: &Lease,
    at: Timestamp,
    end: &AttemptEnd,
    now: Timestamp,
) -> Result<Option<i64>, DatabaseError> {
    let requeue = tx
        .prepare_cached(
            "WITH ended AS (
                 UPDATE queue_requests SET
                     state = $3, due_at = $4, last_error = coalesce($5, last_error), failures = failures + $6,
                     server_errors = server_errors + $7, timeouts = timeouts + $8,
                     connection_errors = connection_errors + $9
                 WHERE id = $1 AND attempt = $2 AND state = 'running'
                 RETURNING seq, attempt, gateway_request_id, attempt_started_at)
             INSERT INTO queue_attempts (request, attempt, gateway_request_id, started_at, ended_at, how, http_status,
                                         error_type)
             SELECT seq, attempt, gateway_request_id, attempt_started_at, $10, $11, $12, $5 FROM ended
             RETURNING request",
        )
        .await?;
    let (id, attempt) = (lease.request_id.as_str(), i64::from(lease.attempt));
    let (state, due_at) = requeued(at, now);
    let ended = EndedRow::new(end);
    let held = tx
        .query_opt(
            &requeue,
            &[
                &id,
                &attempt,
                &state,
                &due_at,
                &ended.error_type,
                &ended.failures,
                &ended.server_errors,
                &ended.timeouts,
                &ended.connection_errors,
                &to_micros(now),
                &ended.how,
                &ended.http_status,
            ],
        )
        .await?;
    Ok(held.map(|row| row.try_get(0)).transpose()?)
}

pub(super) async fn owe(
    tx: &Transaction<'_>,
    seq: i64,
    outcome: &Outcome,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let insert = tx
        .prepare_cached(
            "WITH dropping AS (
                 UPDATE queue_requests SET drop_at = finished_at + CASE WHEN webhook IS NULL THEN $8::bigint ELSE $9::bigint END
                 WHERE seq = $1 AND payloads IN ('drop', 'drop_output'))
             INSERT INTO queue_outcomes (request, http_status, inference, body, error_type, detail, headers)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .await?;
    let row = OutcomeRow::new(outcome.clone());
    let detail = row.detail.as_deref().map(storable);
    tx.execute(
        &insert,
        &[
            &seq,
            &row.http_status,
            &row.inference,
            &row.body.as_deref(),
            &row.error_type,
            &detail,
            &row.headers,
            &span_to_micros(DROPPED_AFTER),
            &span_to_micros(DELIVERED_DROPPED_AFTER),
        ],
    )
    .await?;
    for new in deliveries {
        delivery::insert(tx, new, now).await?;
    }
    if deliveries.is_empty() { Ok(()) } else { hint::send(tx, &[Hint::DeliveriesDue]).await }
}

/// Ends a request whose row can't be read, whatever state it is in.
pub(super) async fn give_up(
    tx: &Transaction<'_>,
    seq: i64,
    error: &DatabaseError,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let complete = tx
        .prepare_cached(
            "UPDATE queue_requests SET state = 'completed', due_at = NULL, finished_at = $2, ending = 'failed' WHERE seq = $1
             RETURNING id, user_id, webhook",
        )
        .await?;
    let row = tx.query_one(&complete, &[&seq, &to_micros(now)]).await?;
    let row = EndRow { id: row.try_get(0)?, user_id: row.try_get(1)?, webhook: row.try_get(2)? };
    tracing::error!(request_id = row.id, %error, "request.unreadable: it was ended, and the queue goes on");
    let outcome = decide::unreadable();
    owe(tx, seq, &outcome, &owed_unread(&row, &outcome, now), now).await?;
    let hint = RequestId::parse(&row.id).map_or(Hint::Anything, Hint::Changed);
    hint::send(tx, &[hint]).await
}

pub(super) async fn cancel(
    database: &Database,
    id: &RequestId,
    outcome: &Outcome,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<Cancelled, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    // Locked, so that the state can't change between the look and the decision.
    let select = tx.prepare_cached("SELECT seq, state FROM queue_requests WHERE id = $1 FOR UPDATE").await?;
    let Some(row) = tx.query_opt(&select, &[&id.as_str()]).await? else { return Ok(Cancelled::NotFound) };
    let seq: i64 = row.try_get(0)?;
    let cancelled = match row.try_get(1)? {
        "completed" => return Ok(Cancelled::AlreadyCompleted),
        "running" => flag(&tx, seq).await?,
        _ => remove(&tx, seq, outcome, deliveries, now).await?,
    };
    hint::send(&tx, &[Hint::Changed(id.clone())]).await?;
    tx.commit().await?;
    Ok(cancelled)
}

async fn flag(tx: &Transaction<'_>, seq: i64) -> Result<Cancelled, DatabaseError> {
    let flag = tx.prepare_cached("UPDATE queue_requests SET cancel_requested = TRUE WHERE seq = $1").await?;
    tx.execute(&flag, &[&seq]).await?;
    Ok(Cancelled::Requested)
}

async fn remove(
    tx: &Transaction<'_>,
    seq: i64,
    outcome: &Outcome,
    deliveries: &[NewDelivery],
    now: Timestamp,
) -> Result<Cancelled, DatabaseError> {
    let complete = tx
        .prepare_cached(
            "UPDATE queue_requests SET state = 'completed', due_at = NULL, finished_at = $2, ending = $3 WHERE seq = $1",
        )
        .await?;
    tx.execute(&complete, &[&seq, &to_micros(now), &Ending::of(outcome).as_str()]).await?;
    owe(tx, seq, outcome, deliveries, now).await?;
    Ok(Cancelled::Removed)
}

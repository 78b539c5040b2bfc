//! Taking requests under leases, and keeping them.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_queue::model::{ClaimedRequest, Lease, Pulse};
use plantain_queue::store::{Claimed, Hint};
use plantain_work::random;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::{attempt, hint, settle};
use crate::queue::request::{ClaimedRow, LAPSED};
use crate::time::{from_micros, to_micros};

const NEXT_DUE: &str = "SELECT min(due_at) FROM queue_requests WHERE due_at IS NOT NULL";
const NEXT_DEADLINE: &str =
    "SELECT min(start_by) FROM queue_requests WHERE start_by IS NOT NULL AND state IN ('ready', 'delayed')";

pub(super) async fn requests(
    database: &Database,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let picked = pick(&tx, i64::try_from(count).unwrap_or(i64::MAX), now).await?;
    take(tx, &picked, until, now, NEXT_DUE).await
}

/// Waiting requests whose start deadline has passed.
pub(super) async fn overdue(
    database: &Database,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let select = tx
        .prepare_cached(
            "SELECT seq FROM queue_requests WHERE start_by <= $1 AND state IN ('ready', 'delayed')
             ORDER BY start_by LIMIT $2 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let rows = tx.query(&select, &[&to_micros(now), &i64::try_from(count).unwrap_or(i64::MAX)]).await?;
    let picked = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<_>, _>>()?;
    take(tx, &picked, until, now, NEXT_DEADLINE).await
}

/// A request that can't be read would come up in every claim; it is ended instead of handed out.
async fn take(
    tx: Transaction<'_>,
    picked: &[i64],
    until: Timestamp,
    now: Timestamp,
    next_due: &str,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    let (mut tasks, mut given_up) = (Vec::with_capacity(picked.len()), false);
    let mut changed = Vec::with_capacity(picked.len());
    for (seq, row) in begin(&tx, picked, until, now).await? {
        match ClaimedRequest::try_from(row) {
            Ok(task) => {
                changed.push(Hint::Changed(task.lease.request_id.clone()));
                tasks.push(task);
            }
            Err(error) if error.is_of_one_row() => {
                settle::give_up(&tx, seq, &error, now).await?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    if !changed.is_empty() {
        hint::send(&tx, &changed).await?;
    }
    let next_due = tx.prepare_cached(next_due).await?;
    let due: Option<i64> = tx.query_one(&next_due, &[]).await?.try_get(0)?;
    tx.commit().await?;
    // What was given up took the place of others, which are due as well.
    let next_due = if given_up { Some(now) } else { due.and_then(from_micros) };
    Ok(Claimed { tasks, next_due })
}

/// Locks what it picks and skips what another claim has locked, so that no two get the same.
async fn pick(tx: &Transaction<'_>, count: i64, now: Timestamp) -> Result<Vec<i64>, DatabaseError> {
    let now = to_micros(now);
    let promote = tx
        .prepare_cached(
            "UPDATE queue_requests SET state = 'ready', due_at = NULL WHERE seq IN (
                 SELECT seq FROM queue_requests WHERE due_at <= $1 AND state = 'delayed' FOR UPDATE SKIP LOCKED)",
        )
        .await?;
    tx.execute(&promote, &[&now]).await?;
    let lapsed = tx
        .prepare_cached(
            "SELECT seq FROM queue_requests WHERE due_at <= $1 AND state = 'running' ORDER BY due_at LIMIT $2
             FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let mut picked = tx.query(&lapsed, &[&now, &count]).await?;
    attempt::lapsed(tx, &picked, now).await?;
    let ready = tx
        .prepare_cached(
            "SELECT seq FROM queue_requests WHERE state = 'ready' ORDER BY priority, seq LIMIT $1
             FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let room = count.saturating_sub(i64::try_from(picked.len()).unwrap_or(i64::MAX));
    picked.extend(tx.query(&ready, &[&room]).await?);
    Ok(picked.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// A request that is still running here is one whose lease ran out: that was a failure of whoever held it.
async fn begin(
    tx: &Transaction<'_>,
    picked: &[i64],
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<(i64, ClaimedRow)>, DatabaseError> {
    if picked.is_empty() {
        return Ok(Vec::new());
    }
    let gateway_ids: Vec<String> = picked.iter().map(|_| random::id(now).to_string()).collect();
    let begin = tx
        .prepare_cached(
            "UPDATE queue_requests r SET
                 failures = failures + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
                 server_errors = server_errors + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
                 last_error = CASE WHEN state = 'running' THEN $5 ELSE last_error END,
                 gateway_request_id = CASE WHEN attempt = 0 THEN id ELSE picked.gateway END,
                 state = 'running', attempt = attempt + 1, due_at = $3, started_at = coalesce(started_at, $4),
                 attempt_started_at = $4
             FROM unnest($1::bigint[], $2::text[]) AS picked (seq, gateway)
             WHERE r.seq = picked.seq
             RETURNING r.seq, id, attempt, gateway_request_id, endpoint, user_id, key_id, webhook, start_by, created_at,
                       failures, last_error, cancel_requested,
                       (SELECT input FROM queue_inputs WHERE request = r.seq),
                       options, server_errors, timeouts, connection_errors, note",
        )
        .await?;
    let rows = tx.query(&begin, &[&picked, &gateway_ids, &to_micros(until), &to_micros(now), &LAPSED.as_str()]).await?;
    // The rows come in any order; the tasks go out in the order of the queue.
    let mut by_seq = HashMap::new();
    for row in &rows {
        by_seq.insert(row.try_get::<_, i64>(0)?, claimed_row(row)?);
    }
    Ok(picked.iter().filter_map(|seq| Some((*seq, by_seq.remove(seq)?))).collect())
}

fn claimed_row(row: &Row) -> Result<ClaimedRow, tokio_postgres::Error> {
    Ok(ClaimedRow {
        id: row.try_get(1)?,
        attempt: row.try_get(2)?,
        gateway_request_id: row.try_get(3)?,
        endpoint: row.try_get(4)?,
        user_id: row.try_get(5)?,
        key_id: row.try_get(6)?,
        webhook: row.try_get(7)?,
        start_by: row.try_get(8)?,
        created_at: row.try_get(9)?,
        failures: row.try_get(10)?,
        last_error: row.try_get(11)?,
        cancel_requested: row.try_get(12)?,
        input: row.try_get(13)?,
        options: row.try_get(14)?,
        server_errors: row.try_get(15)?,
        timeouts: row.try_get(16)?,
        connection_errors: row.try_get(17)?,
        note: row.try_get(18)?,
    })
}

pub(super) async fn heartbeat(
    database: &Database,
    leases: &[Lease],
    until: Timestamp,
) -> Result<Vec<Pulse>, DatabaseError> {
    let client = database.client().await?;
    let prolong = client
        .prepare_cached(
            "UPDATE queue_requests r SET due_at = $3
             FROM unnest($1::text[], $2::bigint[]) AS held (id, attempt)
             WHERE r.id = held.id AND r.attempt = held.attempt AND state = 'running'
             RETURNING r.id, r.attempt, cancel_requested",
        )
        .await?;
    let ids: Vec<&str> = leases.iter().map(|lease| lease.request_id.as_str()).collect();
    let attempts: Vec<i64> = leases.iter().map(|lease| lease.attempt.into()).collect();
    let rows = client.query(&prolong, &[&ids, &attempts, &to_micros(until)]).await?;
    let mut held = HashMap::new();
    for row in &rows {
        held.insert((row.try_get::<_, &str>(0)?, row.try_get::<_, i64>(1)?), row.try_get::<_, bool>(2)?);
    }
    let pulse = |lease: &Lease| match held.get(&(lease.request_id.as_str(), i64::from(lease.attempt))) {
        None => Pulse::Lost,
        Some(true) => Pulse::CancelRequested,
        Some(false) => Pulse::Held,
    };
    Ok(leases.iter().map(pulse).collect())
}

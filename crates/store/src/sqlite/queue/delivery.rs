//! Deliveries: owed, taken under leases, settled, shown.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_queue::model::{
    ClaimedDelivery, DeliveryAttempt, DeliveryLease, DeliveryNext, DeliveryView, HostLoad, NewDelivery, Settled,
};
use plantain_queue::store::Claimed;
use plantain_wire::id::RequestId;
use plantain_work::clock::after;

use crate::error::DatabaseError;
use crate::queue::delivery::{AttemptRow, DeliveryRow, UNREADABLE, admitted, candidates, following};
use crate::time::{from_micros, span_to_micros, to_micros};

pub(super) fn insert(tx: &Transaction<'_>, new: &NewDelivery, now: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO queue_deliveries (id, request_id, user_id, host, target, state, due_at, created_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?7, ?8)",
    )?
    .execute(params![
        new.id,
        new.request_id.as_str(),
        new.user_id.as_str(),
        new.host(),
        new.target.as_str(),
        to_micros(new.due_at),
        to_micros(now),
        &new.body[..],
    ])?;
    Ok(())
}

pub(super) fn claim(
    tx: &Transaction<'_>,
    count: usize,
    hosts: HostLoad,
    lease: DeliveryLease,
    now: Timestamp,
) -> Result<Claimed<ClaimedDelivery>, DatabaseError> {
    let full = serde_json::to_string(&hosts.full()).expect("strings always serialise");
    let picked = admitted(due(tx, &full, count, now)?, hosts, count);
    let (mut tasks, mut given_up) = (Vec::with_capacity(picked.len()), false);
    for seq in picked {
        match begin(tx, seq, lease, now) {
            Ok(task) => tasks.push(task),
            Err(error) if error.is_of_one_row() => {
                give_up(tx, seq, &error, now)?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    // What was given up took the place of others, which are due as well.
    let next_due = if given_up { Some(now) } else { next_due(tx, &full)? };
    Ok(Claimed { tasks, next_due })
}

/// A delivery that can't be read would come up in every claim.
fn give_up(tx: &Transaction<'_>, seq: i64, error: &DatabaseError, now: Timestamp) -> Result<(), DatabaseError> {
    tracing::error!(delivery = seq, %error, "delivery.unreadable: it was given up, and the others go on");
    let attempt = tx
        .prepare_cached("UPDATE queue_deliveries SET state = 'dead', due_at = NULL WHERE seq = ?1 RETURNING attempt")?
        .query_row([seq], |row| row.get::<_, i64>(0))?;
    tx.prepare_cached(
        "INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, reason, answer)
         VALUES (?1, ?2, ?3, 0, ?4, x'') ON CONFLICT DO NOTHING",
    )?
    .execute(params![seq, attempt, to_micros(now), UNREADABLE])?;
    Ok(())
}

/// Deliveries under way, which are those whose latest attempt has no record, become due now.
pub(super) fn release(tx: &Transaction<'_>, now: Timestamp) -> Result<usize, DatabaseError> {
    let mut release = tx.prepare_cached(
        "UPDATE queue_deliveries SET due_at = ?1 WHERE due_at > ?1 AND attempt > 0 AND NOT EXISTS (
             SELECT 1 FROM queue_delivery_attempts a
             WHERE a.delivery = queue_deliveries.seq AND a.attempt = queue_deliveries.attempt)",
    )?;
    Ok(release.execute([to_micros(now)])?)
}

/// Each of these reads the index of what is pending.
const DUE: &str = "SELECT seq, host FROM queue_deliveries
    WHERE due_at <= ?1 AND host NOT IN (SELECT value FROM json_each(?2)) ORDER BY due_at, seq LIMIT ?3";
const NEXT_DUE: &str = "SELECT due_at FROM queue_deliveries
    WHERE due_at IS NOT NULL AND host NOT IN (SELECT value FROM json_each(?1)) ORDER BY due_at, seq LIMIT 1";

/// `full` is a JSON list, which is how SQLite takes lists.
fn due(tx: &Transaction<'_>, full: &str, count: usize, now: Timestamp) -> Result<Vec<(i64, String)>, DatabaseError> {
    let mut select = tx.prepare_cached(DUE)?;
    let rows =
        select.query_map(params![to_micros(now), full, candidates(count)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The deliveries of full hosts become due when one of that host's ends, which wakes the lane by itself.
fn next_due(tx: &Transaction<'_>, full: &str) -> Result<Option<Timestamp>, DatabaseError> {
    let due = tx.prepare_cached(NEXT_DUE)?.query_row([full], |row| row.get(0)).optional()?;
    Ok(due.and_then(from_micros))
}

fn begin(
    tx: &Transaction<'_>,
    seq: i64,
    lease: DeliveryLease,
    now: Timestamp,
) -> Result<ClaimedDelivery, DatabaseError> {
    let (first, later) = (to_micros(after(now, lease.first)), to_micros(after(now, lease.later)));
    tx.prepare_cached(
        "UPDATE queue_deliveries SET due_at = iif(attempt = earlier, ?2, ?3), attempt = attempt + 1 WHERE seq = ?1",
    )?
    .execute(params![seq, first, later])?;
    let row = tx
        .prepare_cached(
            "SELECT seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body
             FROM queue_deliveries WHERE seq = ?1",
        )?
        .query_row([seq], delivery_row)?;
    row.into_claimed()
}

fn delivery_row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        seq: row.get(0)?,
        id: row.get(1)?,
        request_id: row.get(2)?,
        user_id: row.get(3)?,
        target: row.get(4)?,
        state: row.get(5)?,
        due_at: row.get(6)?,
        attempt: row.get(7)?,
        earlier: row.get(8)?,
        created_at: row.get(9)?,
        body: row.get(10)?,
    })
}

pub(super) fn settle(
    tx: &Transaction<'_>,
    id: &str,
    attempt: &DeliveryAttempt,
    next: &DeliveryNext,
) -> Result<Settled, DatabaseError> {
    let held = tx
        .prepare_cached("SELECT seq FROM queue_deliveries WHERE id = ?1 AND attempt = ?2 AND state = 'pending'")?
        .query_row(params![id, attempt.attempt], |row| row.get(0))
        .optional()?;
    let Some(seq) = held else { return Ok(Settled::LeaseLost) };
    if !record(tx, seq, attempt)? {
        return Ok(Settled::LeaseLost);
    }
    let (state, due_at) = following(next);
    tx.prepare_cached("UPDATE queue_deliveries SET state = ?2, due_at = ?3 WHERE seq = ?1")?
        .execute(params![seq, state, due_at])?;
    Ok(Settled::Done)
}

/// False where the attempt has been recorded before, so that settling it again changes nothing.
fn record(tx: &Transaction<'_>, seq: i64, attempt: &DeliveryAttempt) -> Result<bool, DatabaseError> {
    let added = tx
        .prepare_cached(
            "INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, http_status, reason, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            seq,
            attempt.attempt,
            to_micros(attempt.at),
            span_to_micros(attempt.latency),
            attempt.http_status,
            attempt.reason,
            &attempt.answer[..],
        ])?;
    Ok(added == 1)
}

pub(super) fn list(tx: &Transaction<'_>, request: &RequestId) -> Result<Vec<DeliveryView>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body
         FROM queue_deliveries WHERE request_id = ?1 ORDER BY seq",
    )?;
    let rows = select.query_map([request.as_str()], delivery_row)?.collect::<Result<Vec<_>, _>>()?;
    let view = |row: DeliveryRow| {
        let attempts = attempts(tx, row.seq, &row.id)?;
        row.into_view(attempts)
    };
    rows.into_iter().map(view).collect()
}

fn attempts(tx: &Transaction<'_>, seq: i64, id: &str) -> Result<Vec<DeliveryAttempt>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT attempt, at, latency, http_status, reason, answer
         FROM queue_delivery_attempts WHERE delivery = ?1 ORDER BY attempt",
    )?;
    let rows = select.query_and_then([seq], |row| {
        let row = AttemptRow {
            attempt: row.get(0)?,
            at: row.get(1)?,
            latency: row.get(2)?,
            http_status: row.get(3)?,
            reason: row.get(4)?,
            answer: row.get(5)?,
        };
        row.into_attempt(id)
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn a_claim_never_looks_at_what_has_ended() {
        plan::uses(DUE, "queue_deliveries_due");
        plan::uses(NEXT_DUE, "queue_deliveries_due");
    }
}

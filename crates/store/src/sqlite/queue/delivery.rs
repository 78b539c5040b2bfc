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
use crate::queue::delivery::{
    AttemptRow, DeliveryRow, Due, HELD_BACK, LINES_MAX, Picking, UNREADABLE, fault_word, following,
};
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
    let mut picking = Picking::new(hosts, count, now);
    look(tx, &mut picking, now)?;
    let (mut tasks, mut given_up) = (Vec::with_capacity(picking.picked.len()), !picking.expired.is_empty());
    for seq in picking.expired {
        expire(tx, seq, now)?;
    }
    for seq in picking.picked {
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
    let next_due = if given_up { Some(now) } else { next_due(tx, now)? };
    Ok(Claimed { tasks, next_due, held_back: picking.held_back })
}

/// The oldest due deliveries first. Where these don't do, because their hosts may not get anything now, the lines of the hosts
/// that surely may, and now and then those of all hosts.
fn look(tx: &Transaction<'_>, picking: &mut Picking, now: Timestamp) -> Result<(), DatabaseError> {
    let candidates = picking.candidates();
    let oldest = due(tx, candidates, now)?;
    let all_seen = i64::try_from(oldest.len()).is_ok_and(|seen| seen < candidates);
    picking.offer(oldest);
    if all_seen || !picking.wants_more() {
        return Ok(());
    }
    picking.held_back = true;
    for host in picking.quick_hosts() {
        picking.offer(line(tx, &host, candidates, now)?);
        if !picking.wants_more() {
            return Ok(());
        }
    }
    if picking.wants_more() && picking.looks_wide() {
        let begin = picking.first_line();
        look_wide(tx, picking, (begin, None), now)?;
        look_wide(tx, picking, ("", Some(begin)), now)?;
    }
    Ok(())
}

/// The first in the line of each host between these two names.
fn look_wide(
    tx: &Transaction<'_>,
    picking: &mut Picking,
    (begin, end): (&str, Option<&str>),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let mut next = tx.prepare_cached(NEXT_LINE)?;
    let mut host = begin.to_owned();
    for _ in 0..LINES_MAX {
        let found: Option<String> = next.query_row([&host], |row| row.get(0)).optional()?;
        let Some(found) = found.filter(|found| end.is_none_or(|end| found.as_str() < end)) else { return Ok(()) };
        picking.offer(line(tx, &found, 1, now)?);
        if !picking.wants_more() {
            return Ok(());
        }
        host = found;
    }
    Ok(())
}

/// What waited for so long that its host rested would go on waiting.
fn expire(tx: &Transaction<'_>, seq: i64, now: Timestamp) -> Result<(), DatabaseError> {
    let (id, attempt): (String, i64) = tx
        .prepare_cached(
            "UPDATE queue_deliveries SET state = 'dead', due_at = NULL, attempt = attempt + 1 WHERE seq = ?1
             RETURNING id, attempt",
        )?
        .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
    tracing::error!(delivery = id, attempt, reason = HELD_BACK, "delivery.dead");
    tx.prepare_cached(
        "INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, reason, answer, fault)
         VALUES (?1, ?2, ?3, 0, ?4, x'', 'theirs') ON CONFLICT DO NOTHING",
    )?
    .execute(params![seq, attempt, to_micros(now), HELD_BACK])?;
    Ok(())
}

/// A delivery that can't be read would come up in every claim.
fn give_up(tx: &Transaction<'_>, seq: i64, error: &DatabaseError, now: Timestamp) -> Result<(), DatabaseError> {
    tracing::error!(delivery = seq, %error, "delivery.unreadable: it was given up, and the others go on");
    let attempt = tx
        .prepare_cached("UPDATE queue_deliveries SET state = 'dead', due_at = NULL WHERE seq = ?1 RETURNING attempt")?
        .query_row([seq], |row| row.get::<_, i64>(0))?;
    tx.prepare_cached(
        "INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, reason, answer, fault)
         VALUES (?1, ?2, ?3, 0, ?4, x'', 'ours') ON CONFLICT DO NOTHING",
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

/// These read the index of what is pending by its time.
const DUE: &str = "SELECT seq, host, user_id, due_at FROM queue_deliveries
    WHERE due_at <= ?1 ORDER BY due_at, seq LIMIT ?2";
const NEXT_DUE: &str = "SELECT due_at FROM queue_deliveries WHERE due_at > ?1 ORDER BY due_at LIMIT 1";

/// And these by its host.
const LINE: &str = "SELECT seq, host, user_id, due_at FROM queue_deliveries
    WHERE host = ?1 AND due_at <= ?2 ORDER BY due_at, seq LIMIT ?3";
const NEXT_LINE: &str =
    "SELECT host FROM queue_deliveries WHERE host > ?1 AND due_at IS NOT NULL ORDER BY host LIMIT 1";

fn due(tx: &Transaction<'_>, count: i64, now: Timestamp) -> Result<Vec<Due>, DatabaseError> {
    let mut select = tx.prepare_cached(DUE)?;
    let rows = select.query_map(params![to_micros(now), count], due_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn line(tx: &Transaction<'_>, host: &str, count: i64, now: Timestamp) -> Result<Vec<Due>, DatabaseError> {
    let mut select = tx.prepare_cached(LINE)?;
    let rows = select.query_map(params![host, to_micros(now), count], due_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn due_row(row: &Row<'_>) -> rusqlite::Result<Due> {
    Ok(Due { seq: row.get(0)?, host: row.get(1)?, account: row.get(2)?, due_at: row.get(3)? })
}

/// What is due and may not begin waits for the end of another delivery or of its host's rest, which wake the lane.
fn next_due(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>, DatabaseError> {
    let due = tx.prepare_cached(NEXT_DUE)?.query_row([to_micros(now)], |row| row.get(0)).optional()?;
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
            "SELECT seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body,
                    (SELECT k.webhooks FROM queue_requests r JOIN queue_keys k ON k.id = r.key_id
                     WHERE r.id = queue_deliveries.request_id)
             FROM queue_deliveries WHERE seq = ?1",
        )?
        .query_row([seq], |row| Ok(DeliveryRow { webhooks: row.get(11)?, ..delivery_row(row)? }))?;
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
        webhooks: None,
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
    let (state, due_at, later) = following(next);
    tx.prepare_cached("UPDATE queue_deliveries SET state = ?2, due_at = ?3, earlier = earlier + ?4 WHERE seq = ?1")?
        .execute(params![seq, state, due_at, later])?;
    Ok(Settled::Done)
}

/// False where the attempt has been recorded before, so that settling it again changes nothing.
fn record(tx: &Transaction<'_>, seq: i64, attempt: &DeliveryAttempt) -> Result<bool, DatabaseError> {
    let added = tx
        .prepare_cached(
            "INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, http_status, reason, answer, fault)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            seq,
            attempt.attempt,
            to_micros(attempt.at),
            span_to_micros(attempt.latency),
            attempt.http_status,
            attempt.reason,
            &attempt.answer[..],
            attempt.fault.map(fault_word),
        ])?;
    Ok(added == 1)
}

pub(super) fn list(tx: &Transaction<'_>, request: &RequestId) -> Result<Vec<DeliveryView>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body
         FROM queue_deliveries WHERE request_id = ?1 ORDER BY seq",
    )?;
    let rows = select.query_map([request.as_str()], delivery_row)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(|row| view(tx, row)).collect()
}

pub(super) fn one(tx: &Transaction<'_>, id: &str) -> Result<Option<DeliveryView>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body
         FROM queue_deliveries WHERE id = ?1",
    )?;
    let row = select.query_row([id], delivery_row).optional()?;
    row.map(|row| view(tx, row)).transpose()
}

fn view(tx: &Transaction<'_>, row: DeliveryRow) -> Result<DeliveryView, DatabaseError> {
    let attempts = attempts(tx, row.seq, &row.id)?;
    row.into_view(attempts)
}

fn attempts(tx: &Transaction<'_>, seq: i64, id: &str) -> Result<Vec<DeliveryAttempt>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT attempt, at, latency, http_status, reason, answer, fault
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
            fault: row.get(6)?,
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
        plan::uses(LINE, "queue_deliveries_line");
        plan::uses(NEXT_LINE, "queue_deliveries_line");
    }
}

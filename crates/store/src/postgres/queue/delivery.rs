//! Deliveries: owed, taken under leases, settled, shown.

use std::collections::HashMap;

use deadpool_postgres::{Client, Transaction};
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_queue::model::{
    ClaimedDelivery, DeliveryAttempt, DeliveryLease, DeliveryNext, DeliveryView, HostLoad, NewDelivery, Settled,
};
use plantain_queue::store::Claimed;
use plantain_wire::id::RequestId;
use plantain_work::clock::after;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::text::storable;
use crate::queue::delivery::{
    AttemptRow, DeliveryRow, Due, HELD_BACK, LINES_MAX, Picking, UNREADABLE, fault_word, following,
};
use crate::time::{from_micros, span_to_micros, to_micros};

pub(super) async fn insert(tx: &Transaction<'_>, new: &NewDelivery, now: Timestamp) -> Result<(), DatabaseError> {
    let insert = tx
        .prepare_cached(
            "INSERT INTO queue_deliveries (id, request_id, user_id, host, target, state, due_at, created_at, body)
             VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8)",
        )
        .await?;
    tx.execute(
        &insert,
        &[
            &new.id,
            &new.request_id.as_str(),
            &new.user_id.as_str(),
            &new.host(),
            &new.target.as_str(),
            &to_micros(new.due_at),
            &to_micros(now),
            &&new.body[..],
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn claim(
    database: &Database,
    count: usize,
    hosts: HostLoad,
    lease: DeliveryLease,
    now: Timestamp,
) -> Result<Claimed<ClaimedDelivery>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let mut picking = Picking::new(hosts, count, now);
    look(&tx, &mut picking, now).await?;
    let (mut tasks, mut given_up) = (Vec::with_capacity(picking.picked.len()), !picking.expired.is_empty());
    expire(&tx, &picking.expired, now).await?;
    for row in begin(&tx, &picking.picked, lease, now).await? {
        let seq = row.seq;
        match row.into_claimed() {
            Ok(task) => tasks.push(task),
            Err(error) if error.is_of_one_row() => {
                give_up(&tx, seq, &error, now).await?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    // What was given up took the place of others, which are due as well.
    let next_due = if given_up { Some(now) } else { next_due(&tx, now).await? };
    tx.commit().await?;
    Ok(Claimed { tasks, next_due, held_back: picking.held_back })
}

/// The oldest due deliveries first. Where these don't do, because their hosts may not get anything now, the lines of the hosts
/// that surely may, and now and then those of all hosts.
async fn look(tx: &Transaction<'_>, picking: &mut Picking, now: Timestamp) -> Result<(), DatabaseError> {
    let candidates = picking.candidates();
    let oldest = due(tx, candidates, now).await?;
    let all_seen = i64::try_from(oldest.len()).is_ok_and(|seen| seen < candidates);
    picking.offer(oldest);
    if all_seen || !picking.wants_more() {
        return Ok(());
    }
    picking.held_back = true;
    let quick = picking.quick_hosts();
    if !quick.is_empty() {
        picking.offer(lines(tx, &quick, candidates, now).await?);
    }
    if picking.wants_more() && picking.looks_wide() {
        let begin = picking.first_line();
        for (from, to) in [(begin, None), ("", Some(begin))] {
            let hosts = hosts(tx, from, to).await?;
            picking.offer(lines(tx, &hosts, 1, now).await?);
        }
    }
    Ok(())
}

/// What waited for so long that its host rested would go on waiting.
async fn expire(tx: &Transaction<'_>, expired: &[i64], now: Timestamp) -> Result<(), DatabaseError> {
    if expired.is_empty() {
        return Ok(());
    }
    let end = tx
        .prepare_cached(
            "WITH ended AS (
                 UPDATE queue_deliveries SET state = 'dead', due_at = NULL, attempt = attempt + 1
                 WHERE seq = ANY ($1) AND due_at <= $2 RETURNING seq, id, attempt),
             recorded AS (
                 INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, reason, answer, fault)
                 SELECT seq, attempt, $2, 0, $3, ''::bytea, 'theirs' FROM ended ON CONFLICT DO NOTHING)
             SELECT id, attempt FROM ended",
        )
        .await?;
    for row in tx.query(&end, &[&expired, &to_micros(now), &HELD_BACK]).await? {
        let (id, attempt): (&str, i64) = (row.try_get(0)?, row.try_get(1)?);
        tracing::error!(delivery = id, attempt, reason = HELD_BACK, "delivery.dead");
    }
    Ok(())
}

/// A delivery that can't be read would come up in every claim.
async fn give_up(tx: &Transaction<'_>, seq: i64, error: &DatabaseError, now: Timestamp) -> Result<(), DatabaseError> {
    tracing::error!(delivery = seq, %error, "delivery.unreadable: it was given up, and the others go on");
    let end = tx
        .prepare_cached(
            "WITH ended AS (UPDATE queue_deliveries SET state = 'dead', due_at = NULL WHERE seq = $1 RETURNING attempt)
             INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, reason, answer, fault)
             SELECT $1, attempt, $2, 0, $3, ''::bytea, 'ours' FROM ended ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&end, &[&seq, &to_micros(now), &UNREADABLE]).await?;
    Ok(())
}

/// Locked until the claim commits, and skipped by other claims in the meantime.
async fn due(tx: &Transaction<'_>, count: i64, now: Timestamp) -> Result<Vec<Due>, DatabaseError> {
    let select = tx
        .prepare_cached(
            "SELECT seq, host, user_id, due_at FROM queue_deliveries WHERE due_at <= $1
             ORDER BY due_at, seq LIMIT $2 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let rows = tx.query(&select, &[&to_micros(now), &count]).await?;
    rows.iter().map(due_row).collect()
}

/// The first due ones in the line of each of these hosts. Not locked: [`begin`] takes of them what nobody else has taken.
async fn lines(tx: &Transaction<'_>, hosts: &[String], count: i64, now: Timestamp) -> Result<Vec<Due>, DatabaseError> {
    let select = tx
        .prepare_cached(
            "SELECT line.* FROM unnest($1::text[]) named (host) CROSS JOIN LATERAL (
                 SELECT seq, host, user_id, due_at FROM queue_deliveries d
                 WHERE d.host = named.host AND d.due_at <= $2 ORDER BY due_at, seq LIMIT $3) line",
        )
        .await?;
    let rows = tx.query(&select, &[&hosts, &to_micros(now), &count]).await?;
    rows.iter().map(due_row).collect()
}

/// Hosts to which something is owed, by name: found one by one, without the lines behind them.
async fn hosts(tx: &Transaction<'_>, from: &str, to: Option<&str>) -> Result<Vec<String>, DatabaseError> {
    let select = tx
        .prepare_cached(
            "WITH RECURSIVE named (host, number) AS (
                 (SELECT host, 1::bigint FROM queue_deliveries WHERE due_at IS NOT NULL AND host > $1 ORDER BY host LIMIT 1)
                 UNION ALL
                 SELECT (SELECT d.host FROM queue_deliveries d WHERE d.due_at IS NOT NULL AND d.host > named.host
                         ORDER BY d.host LIMIT 1), number + 1
                 FROM named WHERE named.host IS NOT NULL AND number < $3)
             SELECT host FROM named WHERE host IS NOT NULL AND ($2::text IS NULL OR host < $2)",
        )
        .await?;
    let rows = tx.query(&select, &[&from, &to, &LINES_MAX]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

fn due_row(row: &Row) -> Result<Due, DatabaseError> {
    Ok(Due { seq: row.try_get(0)?, host: row.try_get(1)?, account: row.try_get(2)?, due_at: row.try_get(3)? })
}

/// What is due and may not begin waits for the end of another delivery or of its host's rest, which wake the lane.
async fn next_due(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>, DatabaseError> {
    let select =
        tx.prepare_cached("SELECT due_at FROM queue_deliveries WHERE due_at > $1 ORDER BY due_at LIMIT 1").await?;
    let due: Option<i64> = tx.query_opt(&select, &[&to_micros(now)]).await?.map(|row| row.try_get(0)).transpose()?;
    Ok(due.and_then(from_micros))
}

async fn begin(
    tx: &Transaction<'_>,
    picked: &[i64],
    lease: DeliveryLease,
    now: Timestamp,
) -> Result<Vec<DeliveryRow>, DatabaseError> {
    if picked.is_empty() {
        return Ok(Vec::new());
    }
    let begin = tx
        .prepare_cached(
            "UPDATE queue_deliveries SET due_at = CASE WHEN attempt = earlier THEN $2::bigint ELSE $3::bigint END, attempt = attempt + 1
             WHERE seq IN (SELECT seq FROM queue_deliveries WHERE seq = ANY ($1) AND due_at <= $4 FOR UPDATE SKIP LOCKED)
             RETURNING seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body,
                 (SELECT k.webhooks FROM queue_requests r JOIN queue_keys k ON k.id = r.key_id
                  WHERE r.id = queue_deliveries.request_id)",
        )
        .await?;
    let (first, later) = (to_micros(after(now, lease.first)), to_micros(after(now, lease.later)));
    let rows = tx.query(&begin, &[&picked, &first, &later, &to_micros(now)]).await?;
    let mut by_seq = HashMap::new();
    for row in &rows {
        let row = DeliveryRow { webhooks: row.try_get(11)?, ..delivery_row(row)? };
        by_seq.insert(row.seq, row);
    }
    Ok(picked.iter().filter_map(|seq| by_seq.remove(seq)).collect())
}

fn delivery_row(row: &Row) -> Result<DeliveryRow, tokio_postgres::Error> {
    Ok(DeliveryRow {
        seq: row.try_get(0)?,
        id: row.try_get(1)?,
        request_id: row.try_get(2)?,
        user_id: row.try_get(3)?,
        target: row.try_get(4)?,
        state: row.try_get(5)?,
        due_at: row.try_get(6)?,
        attempt: row.try_get(7)?,
        earlier: row.try_get(8)?,
        created_at: row.try_get(9)?,
        body: row.try_get(10)?,
        webhooks: None,
    })
}

pub(super) async fn settle(
    database: &Database,
    id: &str,
    attempt: &DeliveryAttempt,
    next: &DeliveryNext,
) -> Result<Settled, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let held = tx
        .prepare_cached(
            "SELECT seq FROM queue_deliveries WHERE id = $1 AND attempt = $2 AND state = 'pending' FOR UPDATE",
        )
        .await?;
    let held = tx.query_opt(&held, &[&id, &i64::from(attempt.attempt)]).await?;
    let Some(row) = held else { return Ok(Settled::LeaseLost) };
    let seq: i64 = row.try_get(0)?;
    if !record(&tx, seq, attempt).await? {
        // Waited for: a claim passes over what is still locked.
        tx.rollback().await?;
        return Ok(Settled::LeaseLost);
    }
    let (state, due_at, later) = following(next);
    let update = tx
        .prepare_cached("UPDATE queue_deliveries SET state = $2, due_at = $3, earlier = earlier + $4 WHERE seq = $1")
        .await?;
    tx.execute(&update, &[&seq, &state, &due_at, &later]).await?;
    tx.commit().await?;
    Ok(Settled::Done)
}

/// False where the attempt has been recorded before, so that settling it again changes nothing.
async fn record(tx: &Transaction<'_>, seq: i64, attempt: &DeliveryAttempt) -> Result<bool, DatabaseError> {
    let insert = tx
        .prepare_cached(
            "INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, http_status, reason, answer, fault)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .await?;
    let added = tx
        .execute(
            &insert,
            &[
                &seq,
                &i64::from(attempt.attempt),
                &to_micros(attempt.at),
                &span_to_micros(attempt.latency),
                &attempt.http_status.map(i64::from),
                &storable(&attempt.reason),
                &&attempt.answer[..],
                &attempt.fault.map(fault_word),
            ],
        )
        .await?;
    Ok(added == 1)
}

pub(super) async fn list(database: &Database, request: &RequestId) -> Result<Vec<DeliveryView>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body
             FROM queue_deliveries WHERE request_id = $1 ORDER BY seq",
        )
        .await?;
    let mut views = Vec::new();
    for row in client.query(&select, &[&request.as_str()]).await? {
        views.push(view(&client, delivery_row(&row)?).await?);
    }
    Ok(views)
}

pub(super) async fn one(database: &Database, id: &str) -> Result<Option<DeliveryView>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body
             FROM queue_deliveries WHERE id = $1",
        )
        .await?;
    match client.query_opt(&select, &[&storable(id)]).await? {
        Some(row) => Ok(Some(view(&client, delivery_row(&row)?).await?)),
        None => Ok(None),
    }
}

async fn view(client: &Client, row: DeliveryRow) -> Result<DeliveryView, DatabaseError> {
    let attempts = client
        .prepare_cached(
            "SELECT attempt, at, latency, http_status, reason, answer, fault
             FROM queue_delivery_attempts WHERE delivery = $1 ORDER BY attempt",
        )
        .await?;
    let attempts = client.query(&attempts, &[&row.seq]).await?;
    let attempts = attempts.iter().map(|attempt| attempt_row(attempt)?.into_attempt(&row.id));
    let attempts = attempts.collect::<Result<_, DatabaseError>>()?;
    row.into_view(attempts)
}

fn attempt_row(row: &Row) -> Result<AttemptRow, DatabaseError> {
    Ok(AttemptRow {
        attempt: row.try_get(0)?,
        at: row.try_get(1)?,
        latency: row.try_get(2)?,
        http_status: row.try_get(3)?,
        reason: row.try_get(4)?,
        answer: row.try_get(5)?,
        fault: row.try_get(6)?,
    })
}

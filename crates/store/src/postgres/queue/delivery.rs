//! Deliveries: owed, taken under leases, settled, shown.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
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
use crate::queue::delivery::{AttemptRow, DeliveryRow, UNREADABLE, admitted, candidates, following};
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
    let full = hosts.full();
    let picked = admitted(due(&tx, &full, count, now).await?, hosts, count);
    let (mut tasks, mut given_up) = (Vec::with_capacity(picked.len()), false);
    for row in begin(&tx, &picked, lease, now).await? {
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
    let next_due = if given_up { Some(now) } else { next_due(&tx, &full).await? };
    tx.commit().await?;
    Ok(Claimed { tasks, next_due })
}

/// A delivery that can't be read would come up in every claim.
async fn give_up(tx: &Transaction<'_>, seq: i64, error: &DatabaseError, now: Timestamp) -> Result<(), DatabaseError> {
    tracing::error!(delivery = seq, %error, "delivery.unreadable: it was given up, and the others go on");
    let end = tx
        .prepare_cached(
            "WITH ended AS (UPDATE queue_deliveries SET state = 'dead', due_at = NULL WHERE seq = $1 RETURNING attempt)
             INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, reason, answer)
             SELECT $1, attempt, $2, 0, $3, ''::bytea FROM ended ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&end, &[&seq, &to_micros(now), &UNREADABLE]).await?;
    Ok(())
}

/// Locked until the claim commits, and skipped by other claims in the meantime.
async fn due(
    tx: &Transaction<'_>,
    full: &[String],
    count: usize,
    now: Timestamp,
) -> Result<Vec<(i64, String)>, DatabaseError> {
    let select = tx
        .prepare_cached(
            "SELECT seq, host FROM queue_deliveries WHERE due_at <= $1 AND host <> ALL ($2::text[])
             ORDER BY due_at, seq LIMIT $3 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let rows = tx.query(&select, &[&to_micros(now), &full, &candidates(count)]).await?;
    Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, tokio_postgres::Error>>()?)
}

/// The deliveries of full hosts become due when one of that host's ends, which wakes the lane by itself.
async fn next_due(tx: &Transaction<'_>, full: &[String]) -> Result<Option<Timestamp>, DatabaseError> {
    let select = tx
        .prepare_cached(
            "SELECT due_at FROM queue_deliveries WHERE due_at IS NOT NULL AND host <> ALL ($1::text[])
             ORDER BY due_at, seq LIMIT 1",
        )
        .await?;
    let due: Option<i64> = tx.query_opt(&select, &[&full]).await?.map(|row| row.try_get(0)).transpose()?;
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
             WHERE seq = ANY ($1)
             RETURNING seq, id, request_id, user_id, target, state, due_at, attempt, earlier, created_at, body",
        )
        .await?;
    let (first, later) = (to_micros(after(now, lease.first)), to_micros(after(now, lease.later)));
    let rows = tx.query(&begin, &[&picked, &first, &later]).await?;
    let mut by_seq = HashMap::new();
    for row in &rows {
        let row = delivery_row(row)?;
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
    let (state, due_at) = following(next);
    let update = tx.prepare_cached("UPDATE queue_deliveries SET state = $2, due_at = $3 WHERE seq = $1").await?;
    tx.execute(&update, &[&seq, &state, &due_at]).await?;
    tx.commit().await?;
    Ok(Settled::Done)
}

/// False where the attempt has been recorded before, so that settling it again changes nothing.
async fn record(tx: &Transaction<'_>, seq: i64, attempt: &DeliveryAttempt) -> Result<bool, DatabaseError> {
    let insert = tx
        .prepare_cached(
            "INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, http_status, reason, answer)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
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
    let attempts = client
        .prepare_cached(
            "SELECT attempt, at, latency, http_status, reason, answer
             FROM queue_delivery_attempts WHERE delivery = $1 ORDER BY attempt",
        )
        .await?;
    let mut views = Vec::new();
    for row in client.query(&select, &[&request.as_str()]).await? {
        let row = delivery_row(&row)?;
        let attempts = client.query(&attempts, &[&row.seq]).await?;
        let attempts = attempts.iter().map(|attempt| attempt_row(attempt)?.into_attempt(&row.id));
        let attempts = attempts.collect::<Result<_, DatabaseError>>()?;
        views.push(row.into_view(attempts)?);
    }
    Ok(views)
}

fn attempt_row(row: &Row) -> Result<AttemptRow, DatabaseError> {
    Ok(AttemptRow {
        attempt: row.try_get(0)?,
        at: row.try_get(1)?,
        latency: row.try_get(2)?,
        http_status: row.try_get(3)?,
        reason: row.try_get(4)?,
        answer: row.try_get(5)?,
    })
}

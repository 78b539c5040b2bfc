//! Webhooks: accepted ones with what they change, refused ones for people to look at.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_inbox::store::RejectedEvent;
use plantain_studio::job::JobId;
use plantain_studio::job::arrival::{self, Arrival, Arrived, EventState, Judgement, Known, WebhookFacts};
use plantain_studio::store::WebhookEvent;
use plantain_wire::id::{RequestId, UserId};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::studio::job;
use crate::postgres::text::storable;
use crate::queue::place::Place;
use crate::studio::event::{EventRow, RejectedRow, is_about};
use crate::studio::job::{json, limit, to_i64};
use crate::time::to_micros;

/// The job that the callback names is locked first: whoever waited for it then sees the request id that was bound to it.
pub(super) async fn result_arrived(
    database: &Database,
    arrival: &Arrival,
    now: Timestamp,
) -> Result<Arrived, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let by_callback = match arrival.webhook.as_ref().and_then(|webhook| webhook.callback.job.as_ref()) {
        Some(id) => job::locked(&tx, id).await?,
        None => None,
    };
    let by_request = match is_about(by_callback.as_ref(), arrival) {
        true => None,
        false => job::locked_by_request(&tx, &arrival.request_id).await?,
    };
    let believed = believed(&tx).await?;
    let known = Known {
        by_request: by_request.as_ref().or(by_callback.as_ref().filter(|job| is_about(Some(job), arrival))),
        by_callback: by_callback.as_ref(),
        account: believed.as_ref(),
    };
    let judgement = arrival::judge(arrival, known, now);
    write(&tx, arrival, &judgement, now).await?;
    tx.commit().await?;
    Ok(judgement.arrived)
}

async fn write(
    tx: &Transaction<'_>,
    arrival: &Arrival,
    judgement: &Judgement,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    if let Some(next) = &judgement.job {
        job::update(tx, next).await?;
    }
    if let (Arrived::Applied(id), Some(result)) = (&judgement.arrived, &arrival.result) {
        job::keep_result(tx, id, result).await?;
    }
    if let (Some((id, state)), Some(webhook)) = (&judgement.event, &arrival.webhook) {
        keep(tx, &arrival.request_id, id, *state, webhook, now).await?;
    }
    if let Some(user) = &judgement.pin {
        pin(tx, user).await?;
    }
    Ok(())
}

/// The first one stays.
pub(super) async fn pin(tx: &Transaction<'_>, user: &UserId) -> Result<(), DatabaseError> {
    let pin =
        tx.prepare_cached("INSERT INTO studio_account (one, user_id) VALUES (1, $1) ON CONFLICT DO NOTHING").await?;
    tx.execute(&pin, &[&user.as_str()]).await?;
    Ok(())
}

async fn keep(
    tx: &Transaction<'_>,
    request: &RequestId,
    job: &JobId,
    state: EventState,
    webhook: &WebhookFacts,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let insert = tx
        .prepare_cached(
            "INSERT INTO studio_events (request_id, body_sha256, job_id, state, headers, body, received_at, last_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
             ON CONFLICT (request_id, body_sha256)
             DO UPDATE SET times = studio_events.times + 1, last_at = excluded.last_at",
        )
        .await?;
    tx.execute(
        &insert,
        &[
            &request.as_str(),
            &webhook.body_sha256,
            &job.as_str(),
            &state.as_str(),
            &json(&webhook.headers),
            &&webhook.body[..],
            &to_micros(now),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn believed(tx: &Transaction<'_>) -> Result<Option<UserId>, DatabaseError> {
    let select = tx.prepare_cached("SELECT user_id FROM studio_account").await?;
    tx.query_opt(&select, &[]).await?.map(|row| user(&row)).transpose()
}

pub(super) async fn account(database: &Database) -> Result<Option<UserId>, DatabaseError> {
    let client = database.client().await?;
    let select = client.prepare_cached("SELECT user_id FROM studio_account").await?;
    client.query_opt(&select, &[]).await?.map(|row| user(&row)).transpose()
}

fn user(row: &Row) -> Result<UserId, DatabaseError> {
    Place { table: "studio_account", row: "1" }.parse("user_id", row.try_get(0)?)
}

pub(super) async fn list(database: &Database, request: &RequestId) -> Result<Vec<WebhookEvent>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT request_id, job_id, state, headers, body, body_sha256, received_at, times, last_at
             FROM studio_events WHERE request_id = $1 ORDER BY received_at, body_sha256",
        )
        .await?;
    let rows = client.query(&select, &[&request.as_str()]).await?;
    rows.iter().map(|row| event_row(row)?.try_into()).collect()
}

fn event_row(row: &Row) -> Result<EventRow, DatabaseError> {
    Ok(EventRow {
        request_id: row.try_get(0)?,
        job_id: row.try_get(1)?,
        state: row.try_get(2)?,
        headers: row.try_get(3)?,
        body: row.try_get(4)?,
        body_sha256: row.try_get(5)?,
        received_at: row.try_get(6)?,
        times: row.try_get(7)?,
        last_at: row.try_get(8)?,
    })
}

pub(super) async fn reject(database: &Database, event: &RejectedEvent, keep: usize) -> Result<(), DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let insert = tx
        .prepare_cached(
            "INSERT INTO studio_rejected (received_at, code, explanation, headers, body, body_bytes)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .await?;
    tx.execute(
        &insert,
        &[
            &to_micros(event.received_at),
            &event.code,
            &storable(&event.explanation),
            &json(&event.headers),
            &&event.body[..],
            &to_i64(event.body_bytes),
        ],
    )
    .await?;
    let forget = tx
        .prepare_cached(
            "DELETE FROM studio_rejected
             WHERE seq <= (SELECT seq FROM studio_rejected ORDER BY seq DESC LIMIT 1 OFFSET $1)",
        )
        .await?;
    tx.execute(&forget, &[&limit(keep)]).await?;
    tx.commit().await?;
    Ok(())
}

pub(super) async fn rejected(
    database: &Database,
    before: Option<u64>,
    count: usize,
) -> Result<Vec<(u64, RejectedEvent)>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT received_at, code, explanation, headers, body, body_bytes, seq FROM studio_rejected
             WHERE $1::bigint IS NULL OR seq < $1 ORDER BY seq DESC LIMIT $2",
        )
        .await?;
    let rows = client.query(&select, &[&before.map(to_i64), &limit(count)]).await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        events.push((row.try_get::<_, i64>(6)?.unsigned_abs(), RejectedEvent::try_from(rejected_row(row)?)?));
    }
    Ok(events)
}

fn rejected_row(row: &Row) -> Result<RejectedRow, DatabaseError> {
    Ok(RejectedRow {
        received_at: row.try_get(0)?,
        code: row.try_get(1)?,
        explanation: row.try_get(2)?,
        headers: row.try_get(3)?,
        body: row.try_get(4)?,
        body_bytes: row.try_get(5)?,
    })
}

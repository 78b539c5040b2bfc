//! Webhooks: accepted ones with what they change, refused ones for people to look at.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_inbox::store::RejectedEvent;
use plantain_studio::job::JobId;
use plantain_studio::job::arrival::{self, Arrival, Arrived, EventState, Judgement, Known, WebhookFacts};
use plantain_studio::store::WebhookEvent;
use plantain_wire::id::{RequestId, UserId};

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::sqlite::studio::job;
use crate::studio::event::{EventRow, RejectedRow, is_about};
use crate::studio::job::{json, limit, to_i64};
use crate::time::to_micros;

pub(super) fn result_arrived(
    tx: &Transaction<'_>,
    arrival: &Arrival,
    now: Timestamp,
) -> Result<Arrived, DatabaseError> {
    let named = arrival.webhook.as_ref().and_then(|webhook| webhook.callback.job.as_ref());
    let by_callback = named.map(|id| job::by_id(tx, id)).transpose()?.flatten();
    let by_request = match is_about(by_callback.as_ref(), arrival) {
        true => None,
        false => job::by_request(tx, &arrival.request_id)?,
    };
    let believed = account(tx)?;
    let known = Known {
        by_request: by_request.as_ref().or(by_callback.as_ref().filter(|job| is_about(Some(job), arrival))),
        by_callback: by_callback.as_ref(),
        account: believed.as_ref(),
    };
    let Judgement { job: next, event, pin, arrived } = arrival::judge(arrival, known, now);
    if let Some(next) = &next {
        let before = by_request.iter().chain(&by_callback).find(|job| job.id == next.id);
        let before = before.ok_or_else(|| DatabaseError::corrupt("studio_jobs", "id", next.id.as_str()))?;
        job::update(tx, before, next)?;
    }
    if let (Arrived::Applied(id), Some(result)) = (&arrived, &arrival.result) {
        job::keep_result(tx, id, result)?;
    }
    if let (Some((id, state)), Some(webhook)) = (&event, &arrival.webhook) {
        keep(tx, &arrival.request_id, id, *state, webhook, now)?;
    }
    if let Some(user) = &pin {
        tx.prepare_cached("INSERT INTO studio_account (one, user_id) VALUES (1, ?1) ON CONFLICT DO NOTHING")?
            .execute([user.as_str()])?;
    }
    Ok(arrived)
}

fn keep(
    tx: &Transaction<'_>,
    request: &RequestId,
    job: &JobId,
    state: EventState,
    webhook: &WebhookFacts,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO studio_events (request_id, body_sha256, job_id, state, headers, body, received_at, last_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
         ON CONFLICT (request_id, body_sha256) DO UPDATE SET times = times + 1, last_at = excluded.last_at",
    )?
    .execute(params![
        request.as_str(),
        webhook.body_sha256,
        job.as_str(),
        state.as_str(),
        json(&webhook.headers),
        &webhook.body[..],
        to_micros(now),
    ])?;
    Ok(())
}

pub(super) fn account(tx: &Transaction<'_>) -> Result<Option<UserId>, DatabaseError> {
    let user: Option<String> =
        tx.prepare_cached("SELECT user_id FROM studio_account")?.query_row([], |row| row.get(0)).optional()?;
    let place = Place { table: "studio_account", row: "1" };
    user.map(|user| place.parse("user_id", &user)).transpose()
}

pub(super) fn list(tx: &Transaction<'_>, request: &RequestId) -> Result<Vec<WebhookEvent>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT request_id, job_id, state, headers, body, body_sha256, received_at, times, last_at
         FROM studio_events WHERE request_id = ?1 ORDER BY received_at, body_sha256",
    )?;
    let rows = select.query_map([request.as_str()], event_row)?;
    rows.map(|row| WebhookEvent::try_from(row?)).collect()
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        request_id: row.get(0)?,
        job_id: row.get(1)?,
        state: row.get(2)?,
        headers: row.get(3)?,
        body: row.get(4)?,
        body_sha256: row.get(5)?,
        received_at: row.get(6)?,
        times: row.get(7)?,
        last_at: row.get(8)?,
    })
}

pub(super) fn reject(tx: &Transaction<'_>, event: &RejectedEvent, keep: usize) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO studio_rejected (received_at, code, explanation, headers, body, body_bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        to_micros(event.received_at),
        event.code,
        event.explanation,
        json(&event.headers),
        &event.body[..],
        to_i64(event.body_bytes),
    ])?;
    tx.prepare_cached(
        "DELETE FROM studio_rejected WHERE seq <= (SELECT seq FROM studio_rejected ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
    )?
    .execute([limit(keep)])?;
    Ok(())
}

pub(super) fn rejected(
    tx: &Transaction<'_>,
    before: Option<u64>,
    count: usize,
) -> Result<Vec<(u64, RejectedEvent)>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT received_at, code, explanation, headers, body, body_bytes, seq FROM studio_rejected
         WHERE ?1 IS NULL OR seq < ?1 ORDER BY seq DESC LIMIT ?2",
    )?;
    let rows = select.query_map(params![before.map(to_i64), limit(count)], |row| {
        let rejected = RejectedRow {
            received_at: row.get(0)?,
            code: row.get(1)?,
            explanation: row.get(2)?,
            headers: row.get(3)?,
            body: row.get(4)?,
            body_bytes: row.get(5)?,
        };
        Ok((row.get::<_, i64>(6)?, rejected))
    })?;
    let mut events = Vec::new();
    for row in rows {
        let (seq, row) = row?;
        events.push((seq.unsigned_abs(), RejectedEvent::try_from(row)?));
    }
    Ok(events)
}

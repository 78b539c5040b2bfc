//! Taking a request in, and showing where it stands.

use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_queue::history::Payload;
use plantain_queue::model::{NewRequest, RequestView};
use plantain_queue::store::Enqueued;
use plantain_wire::id::RequestId;

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::queue::request::{AHEAD_COUNTED_MAX, OutcomeRow, ViewRow, options_text, rank};
use crate::sqlite::queue::log;
use crate::time::to_micros;

const INSERT: &str =
    "INSERT INTO queue_requests (id, endpoint, app, user_id, key_id, gateway_request_id, webhook, priority,
                                state, start_by, created_at, options, payloads, retry_of, idempotency_key)
    VALUES (?1, ?2, ?3, ?4, ?5, ?1, ?6, ?7, 'ready', ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT (id) DO NOTHING";

pub(super) fn enqueue(tx: &Transaction<'_>, request: &NewRequest, payload: Payload) -> Result<Enqueued, DatabaseError> {
    if let Some(known) = known(tx, request)? {
        return Ok(known);
    }
    if is_full(tx, request)? {
        return Ok(Enqueued::QueueFull);
    }
    let inserted = tx.prepare_cached(INSERT)?.execute(params![
        request.id.as_str(),
        request.endpoint.as_str(),
        request.endpoint.app(),
        request.caller.user_id.as_str(),
        request.caller.key_id,
        request.webhook.as_ref().map(|url| url.as_str()),
        rank(request.priority),
        request.start_by.map(to_micros),
        to_micros(request.created_at),
        options_text(&request.options),
        payload.as_str(),
        request.retry_of.as_ref().map(RequestId::as_str),
        request.idempotency.as_ref().map(|idempotency| &idempotency.key),
    ])?;
    if inserted == 0 {
        return Ok(Enqueued::Known { id: request.id.clone() });
    }
    let seq = tx.last_insert_rowid();
    tx.prepare_cached("INSERT INTO queue_inputs (request, input) VALUES (?1, ?2)")?
        .execute(params![seq, &request.input[..]])?;
    if let Some(idempotency) = &request.idempotency {
        tx.prepare_cached(
            "INSERT INTO queue_idempotency_keys (user_id, key, fingerprint, request_id) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            request.caller.user_id.as_str(),
            idempotency.key,
            &idempotency.fingerprint[..],
            request.id.as_str()
        ])?;
    }
    Ok(Enqueued::New)
}

const WAITING: &str = "SELECT count(*) FROM
    (SELECT 1 FROM queue_requests INDEXED BY queue_requests_waiting
     WHERE state IN ('ready', 'delayed') AND app = ?1 LIMIT ?2)";

/// Whether more wait on the app than the caller wants before the request. Counts no further than that.
fn is_full(tx: &Transaction<'_>, request: &NewRequest) -> Result<bool, DatabaseError> {
    let Some(max) = request.max_queue_length else { return Ok(false) };
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let waiting: i64 = tx
        .prepare_cached(WAITING)?
        .query_row(params![request.endpoint.app(), max.saturating_add(1)], |row| row.get(0))?;
    Ok(waiting > max)
}

/// What the request's key was used for before.
fn known(tx: &Transaction<'_>, request: &NewRequest) -> Result<Option<Enqueued>, DatabaseError> {
    let Some(idempotency) = &request.idempotency else { return Ok(None) };
    let found = tx
        .prepare_cached("SELECT fingerprint, request_id FROM queue_idempotency_keys WHERE user_id = ?1 AND key = ?2")?
        .query_row(params![request.caller.user_id.as_str(), idempotency.key], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((fingerprint, id)) = found else { return Ok(None) };
    if fingerprint != idempotency.fingerprint {
        return Ok(Some(Enqueued::KeyReused));
    }
    let id = Place { table: "queue_idempotency_keys", row: &idempotency.key }.parse("request_id", &id)?;
    Ok(Some(Enqueued::Known { id }))
}

const AHEAD: &str = "SELECT count(*) FROM (SELECT 1 FROM queue_requests
    WHERE state IN ('ready', 'delayed') AND app = ?1 AND (priority, seq) < (?2, ?3) LIMIT ?4)";

/// How many of the same application wait before this one. Counts no further than [`AHEAD_COUNTED_MAX`].
fn ahead(tx: &Transaction<'_>, app: &str, priority: i64, seq: i64) -> Result<i64, DatabaseError> {
    Ok(tx.prepare_cached(AHEAD)?.query_row(params![app, priority, seq, AHEAD_COUNTED_MAX], |row| row.get(0))?)
}

pub(super) fn view(tx: &Transaction<'_>, id: &RequestId) -> Result<Option<RequestView>, DatabaseError> {
    let found = tx
        .prepare_cached(
            "SELECT id, endpoint, user_id, key_id, gateway_request_id, webhook, state, attempt, created_at, started_at,
                    finished_at, seq, app, priority, options, origin, retry_of, payloads
             FROM queue_requests WHERE id = ?1",
        )?
        .query_row([id.as_str()], |row| Ok((view_row(row)?, row.get(11)?, row.get::<_, String>(12)?, row.get(13)?)))
        .optional()?;
    let Some((mut row, seq, app, priority)) = found else { return Ok(None) };
    let ahead = if row.is_waiting() { Some(ahead(tx, &app, priority, seq)?) } else { None };
    row.outcome = outcome(tx, seq)?;
    row.into_view(ahead, log::list(tx, seq)?).map(Some)
}

fn view_row(row: &Row<'_>) -> rusqlite::Result<ViewRow> {
    Ok(ViewRow {
        id: row.get(0)?,
        endpoint: row.get(1)?,
        user_id: row.get(2)?,
        key_id: row.get(3)?,
        gateway_request_id: row.get(4)?,
        webhook: row.get(5)?,
        state: row.get(6)?,
        attempt: row.get(7)?,
        created_at: row.get(8)?,
        started_at: row.get(9)?,
        finished_at: row.get(10)?,
        options: row.get(14)?,
        origin: row.get(15)?,
        retry_of: row.get(16)?,
        payloads: row.get(17)?,
        outcome: None,
    })
}

fn outcome(tx: &Transaction<'_>, seq: i64) -> Result<Option<OutcomeRow>, DatabaseError> {
    let outcome = tx
        .prepare_cached(
            "SELECT http_status, inference, body, error_type, detail, headers FROM queue_outcomes WHERE request = ?1",
        )?
        .query_row([seq], |row| {
            Ok(OutcomeRow {
                http_status: row.get(0)?,
                inference: row.get(1)?,
                body: row.get::<_, Option<Vec<u8>>>(2)?.map(Bytes::from),
                error_type: row.get(3)?,
                detail: row.get(4)?,
                headers: row.get(5)?,
            })
        })
        .optional()?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn taking_a_request_in_fills_no_table_of_its_own() {
        plan::fills_no_table(INSERT);
    }

    #[test]
    fn the_position_never_looks_at_what_is_completed() {
        plan::uses(AHEAD, "queue_requests_waiting");
        plan::uses(WAITING, "queue_requests_waiting");
    }
}

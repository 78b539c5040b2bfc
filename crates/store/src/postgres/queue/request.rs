//! Taking a request in, and showing where it stands.

use bytes::Bytes;
use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use plantain_queue::history::Payload;
use plantain_queue::model::{NewRequest, RequestView};
use plantain_queue::store::{Enqueued, Hint};
use plantain_wire::id::RequestId;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::{hint, log};
use crate::queue::place::Place;
use crate::queue::request::{AHEAD_COUNTED_MAX, OutcomeRow, ViewRow, options_text, rank};
use crate::time::to_micros;

pub(super) async fn enqueue(database: &Database, request: &NewRequest) -> Result<Enqueued, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    // The key first: of submits at the same time all but one wait here until it is committed.
    if let Some(known) = known(&tx, request).await? {
        return Ok(known);
    }
    if is_full(&tx, request).await? {
        // Waited for: the idempotency key must be free again for whoever comes next.
        tx.rollback().await?;
        return Ok(Enqueued::QueueFull);
    }
    let Some(seq) = insert(&tx, request).await? else {
        return Ok(Enqueued::Known { id: request.id.clone() });
    };
    let input = tx.prepare_cached("INSERT INTO queue_inputs (request, input) VALUES ($1, $2)").await?;
    tx.execute(&input, &[&seq, &&request.input[..]]).await?;
    hint::send(&tx, &[Hint::RequestsDue]).await?;
    tx.commit().await?;
    Ok(Enqueued::New)
}

/// Takes the request's key, or says what it was used for before.
async fn known(tx: &Transaction<'_>, request: &NewRequest) -> Result<Option<Enqueued>, DatabaseError> {
    let Some(idempotency) = &request.idempotency else { return Ok(None) };
    let (user, key) = (request.caller.user_id.as_str(), idempotency.key.as_str());
    let take = tx
        .prepare_cached(
            "INSERT INTO queue_idempotency_keys (user_id, key, fingerprint, request_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
        )
        .await?;
    if tx.execute(&take, &[&user, &key, &&idempotency.fingerprint[..], &request.id.as_str()]).await? == 1 {
        return Ok(None);
    }
    let select = tx
        .prepare_cached("SELECT fingerprint, request_id FROM queue_idempotency_keys WHERE user_id = $1 AND key = $2")
        .await?;
    let row = tx.query_one(&select, &[&user, &key]).await?;
    if row.try_get::<_, &[u8]>(0)? != idempotency.fingerprint {
        return Ok(Some(Enqueued::KeyReused));
    }
    let id = Place { table: "queue_idempotency_keys", row: key }.parse("request_id", row.try_get(1)?)?;
    Ok(Some(Enqueued::Known { id }))
}

/// Whether more wait on the app than the caller wants before the request. Counts no further than that.
async fn is_full(tx: &Transaction<'_>, request: &NewRequest) -> Result<bool, DatabaseError> {
    let Some(max) = request.max_queue_length else { return Ok(false) };
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let count = tx
        .prepare_cached(
            "SELECT count(*) FROM
                 (SELECT 1 FROM queue_requests WHERE state IN ('ready', 'delayed') AND app = $1 LIMIT $2) waiting",
        )
        .await?;
    let waiting: i64 = tx.query_one(&count, &[&request.endpoint.app(), &max.saturating_add(1)]).await?.try_get(0)?;
    Ok(waiting > max)
}

/// `None` where the id is known already.
async fn insert(tx: &Transaction<'_>, request: &NewRequest) -> Result<Option<i64>, DatabaseError> {
    let insert = tx
        .prepare_cached(
            "INSERT INTO queue_requests (id, endpoint, app, user_id, key_id, gateway_request_id, webhook, priority,
                                         state, start_by, created_at, options, payloads, retry_of, idempotency_key)
             VALUES ($1, $2, $3, $4, $5, $1, $6, $7, 'ready', $8, $9, $10, $11, $12, $13)
             ON CONFLICT (id) DO NOTHING RETURNING seq",
        )
        .await?;
    let inserted = tx
        .query_opt(
            &insert,
            &[
                &request.id.as_str(),
                &request.endpoint.as_str(),
                &request.endpoint.app(),
                &request.caller.user_id.as_str(),
                &request.caller.key_id,
                &request.webhook.as_ref().map(|url| url.as_str()),
                &rank(request.priority),
                &request.start_by.map(to_micros),
                &to_micros(request.created_at),
                &options_text(&request.options),
                &Payload::of(&request.options, &request.input).as_str(),
                &request.retry_of.as_ref().map(RequestId::as_str),
                &request.idempotency.as_ref().map(|idempotency| idempotency.key.as_str()),
            ],
        )
        .await?;
    Ok(inserted.map(|row| row.try_get(0)).transpose()?)
}

/// How many of the same application wait before this one. Counts no further than [`AHEAD_COUNTED_MAX`].
async fn ahead(tx: &Transaction<'_>, app: &str, priority: i64, seq: i64) -> Result<i64, DatabaseError> {
    let count = tx
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM queue_requests
             WHERE state IN ('ready', 'delayed') AND app = $1 AND (priority, seq) < ($2, $3) LIMIT $4) AS before",
        )
        .await?;
    Ok(tx.query_one(&count, &[&app, &priority, &seq, &AHEAD_COUNTED_MAX]).await?.try_get(0)?)
}

pub(super) async fn view(database: &Database, id: &RequestId) -> Result<Option<RequestView>, DatabaseError> {
    let mut client = database.client().await?;
    // One state for all statements, although nothing is written.
    let isolation = tokio_postgres::IsolationLevel::RepeatableRead;
    let tx = client.build_transaction().isolation_level(isolation).read_only(true).start().await?;
    let select = tx
        .prepare_cached(
            "SELECT r.id, endpoint, user_id, key_id, gateway_request_id, webhook, state, attempt, created_at,
                    started_at, finished_at, o.request IS NOT NULL, http_status, inference, body, error_type, detail,
                    r.seq, app, priority, options, origin, retry_of, payloads, headers
             FROM queue_requests r LEFT JOIN queue_outcomes o ON o.request = r.seq WHERE r.id = $1",
        )
        .await?;
    let Some(row) = tx.query_opt(&select, &[&id.as_str()]).await? else { return Ok(None) };
    let (request, seq) = (view_row(&row)?, row.try_get(17)?);
    let ahead = match request.is_waiting() {
        true => Some(ahead(&tx, row.try_get(18)?, row.try_get(19)?, seq).await?),
        false => None,
    };
    let logs = log::list(&tx, seq).await?;
    request.into_view(ahead, logs).map(Some)
}

fn view_row(row: &Row) -> Result<ViewRow, tokio_postgres::Error> {
    let outcome = OutcomeRow {
        http_status: row.try_get(12)?,
        inference: row.try_get(13)?,
        body: row.try_get::<_, Option<Vec<u8>>>(14)?.map(Bytes::from),
        error_type: row.try_get(15)?,
        detail: row.try_get(16)?,
        headers: row.try_get(24)?,
    };
    Ok(ViewRow {
        id: row.try_get(0)?,
        endpoint: row.try_get(1)?,
        user_id: row.try_get(2)?,
        key_id: row.try_get(3)?,
        gateway_request_id: row.try_get(4)?,
        webhook: row.try_get(5)?,
        state: row.try_get(6)?,
        attempt: row.try_get(7)?,
        created_at: row.try_get(8)?,
        started_at: row.try_get(9)?,
        finished_at: row.try_get(10)?,
        options: row.try_get(20)?,
        origin: row.try_get(21)?,
        retry_of: row.try_get(22)?,
        payloads: row.try_get(23)?,
        outcome: row.try_get::<_, bool>(11)?.then_some(outcome),
    })
}

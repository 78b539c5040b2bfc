//! Submits and ends of requests in batches: one statement for each table, one commit for all.
//!
//! Only plain ones come here; the others take the way of one transaction each. Where a batch fails, each of its pieces is
//! tried by itself, so that a bad piece fails alone.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_queue::history::{self, Payload};
use plantain_queue::model::{Lease, NewDelivery, NewRequest, Next, Outcome, Settled};
use plantain_queue::store::{Enqueued, Hint};
use plantain_wire::id::RequestId;
use plantain_wire::status::LogEntry;

use crate::error::DatabaseError;
use crate::postgres::group::{column, concerns_all, gone};
use crate::postgres::queue::teller::Teller;
use crate::postgres::queue::{request, settle};
use crate::postgres::text::storable;
use crate::postgres::{Database, WeakDatabase};
use crate::queue::request::{OutcomeRow, options_text, rank};
use crate::time::to_micros;

const INSERT: &str = "
    WITH new AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                             $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::bytea[])
            WITH ORDINALITY AS new (id, endpoint, app, user_id, key_id, webhook, priority, start_by, created_at, options,
                                    payloads, retry_of, input, n)
    ), inserted AS (
        INSERT INTO queue_requests (id, endpoint, app, user_id, key_id, gateway_request_id, webhook, priority, state,
                                    start_by, created_at, options, payloads, retry_of)
        SELECT id, endpoint, app, user_id, key_id, id, webhook, priority, 'ready', start_by, created_at, options, payloads,
               retry_of
        FROM new ORDER BY n
        ON CONFLICT (id) DO NOTHING RETURNING seq, id
    ), inputs AS (
        INSERT INTO queue_inputs (request, input) SELECT seq, input FROM inserted JOIN new USING (id)
    )
    SELECT id FROM inserted";

/// What is to be dropped later needs more than this and is left to the way of one transaction each.
const COMPLETE: &str = "
    WITH ended AS (
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[],
                             $8::text[], $9::text[], $10::text[])
            AS ended (id, attempt, at, ending, http_status, inference, body, error_type, detail, headers)
    ), completed AS (
        UPDATE queue_requests r SET state = 'completed', due_at = NULL, finished_at = ended.at, ending = ended.ending
        FROM ended
        WHERE r.id = ended.id AND r.attempt = ended.attempt AND r.state = 'running' AND r.payloads = 'keep'
        RETURNING r.seq, r.id, r.attempt
    ), outcomes AS (
        INSERT INTO queue_outcomes (request, http_status, inference, body, error_type, detail, headers)
        SELECT seq, http_status, inference, body, error_type, detail, headers FROM completed JOIN ended USING (id, attempt)
    ), deliveries AS (
        INSERT INTO queue_deliveries (id, request_id, user_id, host, target, state, due_at, created_at, body)
        SELECT owed.id, completed.id, user_id, host, target, 'pending', due_at, ended.at, owed.body
        FROM unnest($11::text[], $12::text[], $13::bigint[], $14::text[], $15::text[], $16::text[], $17::bigint[], $18::bytea[])
            AS owed (id, request_id, attempt, user_id, host, target, due_at, body)
        JOIN completed ON completed.id = owed.request_id AND completed.attempt = owed.attempt
        JOIN ended ON ended.id = owed.request_id AND ended.attempt = owed.attempt
    )
    SELECT id, attempt FROM completed";

/// Whether a submit needs nothing but to be stored.
pub(super) fn is_plain(request: &NewRequest) -> bool {
    request.idempotency.is_none() && request.max_queue_length.is_none()
}

/// The end of a request: its outcome, and the webhooks owed for it.
#[derive(Clone)]
pub(super) struct Ending {
    lease: Lease,
    outcome: Outcome,
    deliveries: Vec<NewDelivery>,
    now: Timestamp,
}

impl Ending {
    /// Gives back what is more than that.
    pub(super) fn plain(
        lease: &Lease,
        next: Next,
        last_lines: &[LogEntry],
        now: Timestamp,
    ) -> Result<Ending, Box<Next>> {
        match next {
            Next::Finish { outcome, deliveries } if last_lines.is_empty() => {
                Ok(Ending { lease: lease.clone(), outcome, deliveries, now })
            }
            more => Err(Box::new(more)),
        }
    }
}

pub(super) async fn enqueue(
    database: WeakDatabase,
    teller: Teller,
    pieces: Vec<NewRequest>,
) -> Vec<Result<Enqueued, DatabaseError>> {
    let Some(database) = database.upgrade() else { return pieces.iter().map(|_| Err(gone())).collect() };
    match database.retrying(|| insert_all(&database, &pieces)).await {
        Ok(inserted) => {
            teller.tell([Hint::RequestsDue]);
            let answer = |piece: &NewRequest| match inserted.contains(piece.id.as_str()) {
                true => Ok(Enqueued::New),
                false => Ok(Enqueued::Known { id: piece.id.clone() }),
            };
            return pieces.iter().map(answer).collect();
        }
        Err(error) if concerns_all(&error) => return pieces.iter().map(|_| Err(error.clone())).collect(),
        Err(_) => {}
    }
    let mut answers = Vec::with_capacity(pieces.len());
    for piece in &pieces {
        answers.push(database.retrying(|| request::enqueue(&database, piece)).await);
    }
    answers
}

/// One statement, which is a transaction by itself and one round trip.
async fn insert_all(database: &Database, pieces: &[NewRequest]) -> Result<HashSet<String>, DatabaseError> {
    let ids = column(pieces, |piece| piece.id.as_str());
    let endpoints = column(pieces, |piece| piece.endpoint.as_str());
    let apps = column(pieces, |piece| piece.endpoint.app());
    let users = column(pieces, |piece| piece.caller.user_id.as_str());
    let keys = column(pieces, |piece| piece.caller.key_id.as_str());
    let webhooks = column(pieces, |piece| piece.webhook.as_ref().map(|url| url.as_str()));
    let priorities = column(pieces, |piece| rank(piece.priority));
    let start_bys = column(pieces, |piece| piece.start_by.map(to_micros));
    let created = column(pieces, |piece| to_micros(piece.created_at));
    let options = column(pieces, |piece| options_text(&piece.options));
    let payloads = column(pieces, |piece| Payload::of(&piece.options, &piece.input).as_str());
    let retries = column(pieces, |piece| piece.retry_of.as_ref().map(RequestId::as_str));
    let inputs = column(pieces, |piece| &piece.input[..]);
    let client = database.client().await?;
    let insert = client.prepare_cached(INSERT).await?;
    let rows = client
        .query(
            &insert,
            &[
                &ids,
                &endpoints,
                &apps,
                &users,
                &keys,
                &webhooks,
                &priorities,
                &start_bys,
                &created,
                &options,
                &payloads,
                &retries,
                &inputs,
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

pub(super) async fn settle(
    database: WeakDatabase,
    teller: Teller,
    pieces: Vec<Ending>,
) -> Vec<Result<Settled, DatabaseError>> {
    let Some(database) = database.upgrade() else { return pieces.iter().map(|_| Err(gone())).collect() };
    let completed = match database.retrying(|| complete_all(&database, &pieces)).await {
        Ok(completed) => completed,
        Err(error) if concerns_all(&error) => return pieces.iter().map(|_| Err(error.clone())).collect(),
        Err(_) => HashSet::new(),
    };
    teller.tell(pieces.iter().map(|piece| Hint::Changed(piece.lease.request_id.clone())));
    if pieces.iter().any(|piece| !piece.deliveries.is_empty()) {
        teller.tell([Hint::DeliveriesDue]);
    }
    let mut answers = Vec::with_capacity(pieces.len());
    for Ending { lease, outcome, deliveries, now } in pieces {
        if completed.contains(&(lease.request_id.to_string(), i64::from(lease.attempt))) {
            answers.push(Ok(Settled::Done));
            continue;
        }
        let next = Next::Finish { outcome, deliveries };
        answers.push(database.retrying(|| settle::settle(&database, &lease, &next, &[], now)).await);
    }
    answers
}

async fn complete_all(database: &Database, pieces: &[Ending]) -> Result<HashSet<(String, i64)>, DatabaseError> {
    let rows: Vec<OutcomeRow> = pieces.iter().map(|piece| OutcomeRow::new(piece.outcome.clone())).collect();
    let ids = column(pieces, |piece| piece.lease.request_id.as_str());
    let attempts = column(pieces, |piece| i64::from(piece.lease.attempt));
    let times = column(pieces, |piece| to_micros(piece.now));
    let endings = column(pieces, |piece| history::Ending::of(&piece.outcome).as_str());
    let statuses = column(&rows, |row| row.http_status);
    let inferences = column(&rows, |row| row.inference);
    let bodies = column(&rows, |row| row.body.as_deref());
    let error_types = column(&rows, |row| row.error_type.as_deref());
    let details = column(&rows, |row| row.detail.as_deref().map(storable));
    let headers = column(&rows, |row| row.headers.as_deref());
    let owed: Vec<(u32, &NewDelivery)> =
        pieces.iter().flat_map(|piece| piece.deliveries.iter().map(|new| (piece.lease.attempt, new))).collect();
    let client = database.client().await?;
    let complete = client.prepare_cached(COMPLETE).await?;
    let rows = client
        .query(
            &complete,
            &[
                &ids,
                &attempts,
                &times,
                &endings,
                &statuses,
                &inferences,
                &bodies,
                &error_types,
                &details,
                &headers,
                &column(&owed, |(_, new)| new.id.as_str()),
                &column(&owed, |(_, new)| new.request_id.as_str()),
                &column(&owed, |(attempt, _)| i64::from(*attempt)),
                &column(&owed, |(_, new)| new.user_id.as_str()),
                &column(&owed, |(_, new)| new.host()),
                &column(&owed, |(_, new)| new.target.as_str()),
                &column(&owed, |(_, new)| to_micros(new.due_at)),
                &column(&owed, |(_, new)| &new.body[..]),
            ],
        )
        .await?;
    let done = |row: &Row| Ok::<_, tokio_postgres::Error>((row.try_get::<_, String>(0)?, row.try_get::<_, i64>(1)?));
    Ok(rows.iter().map(done).collect::<Result<_, _>>()?)
}

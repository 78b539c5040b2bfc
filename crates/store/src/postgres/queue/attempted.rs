//! Ends of delivery attempts in batches: one statement, one commit for all.

use std::collections::HashSet;

use tokio_postgres::Row;

use plantain_queue::model::{DeliveryAttempt, DeliveryNext, Settled};

use crate::error::DatabaseError;
use crate::postgres::group::{column, concerns_all, gone};
use crate::postgres::queue::delivery;
use crate::postgres::text::storable;
use crate::postgres::{Database, WeakDatabase};
use crate::queue::delivery::{fault_word, following};
use crate::time::{span_to_micros, to_micros};

/// An attempt that has been recorded before is in the way of its own record, so that settling it again changes nothing.
const SETTLE: &str = "
    WITH ended AS (
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bytea[],
                             $8::text[], $9::text[], $10::bigint[], $11::bigint[])
            AS ended (id, attempt, at, latency, http_status, reason, answer, fault, next, due, later)
    ), held AS (
        SELECT d.seq, ended.* FROM ended JOIN queue_deliveries d
            ON d.id = ended.id AND d.attempt = ended.attempt AND d.state = 'pending'
        FOR UPDATE OF d
    ), recorded AS (
        INSERT INTO queue_delivery_attempts (delivery, attempt, at, latency, http_status, reason, answer, fault)
        SELECT seq, attempt, at, latency, http_status, reason, answer, fault FROM held
        ON CONFLICT DO NOTHING RETURNING delivery
    )
    UPDATE queue_deliveries d SET state = held.next, due_at = held.due, earlier = earlier + held.later
    FROM held JOIN recorded ON recorded.delivery = held.seq
    WHERE d.seq = held.seq
    RETURNING d.id, d.attempt";

/// How one attempt ended, and what follows.
#[derive(Clone)]
pub(super) struct Attempted {
    pub id: String,
    pub attempt: DeliveryAttempt,
    pub next: DeliveryNext,
}

pub(super) async fn settle(database: WeakDatabase, pieces: Vec<Attempted>) -> Vec<Result<Settled, DatabaseError>> {
    let Some(database) = database.upgrade() else { return pieces.iter().map(|_| Err(gone())).collect() };
    let once: HashSet<_> = pieces.iter().map(|piece| (piece.id.as_str(), piece.attempt.attempt)).collect();
    if once.len() == pieces.len() {
        match database.retrying(|| settle_all(&database, &pieces)).await {
            Ok(done) => return pieces.iter().map(|piece| Ok(answer(&done, piece))).collect(),
            Err(error) if concerns_all(&error) => return pieces.iter().map(|_| Err(error.clone())).collect(),
            Err(_) => {}
        }
    }
    // What spoils the others fails alone, and what came twice comes one after the other.
    let mut answers = Vec::with_capacity(pieces.len());
    for Attempted { id, attempt, next } in &pieces {
        answers.push(database.retrying(|| delivery::settle(&database, id, attempt, next)).await);
    }
    answers
}

fn answer(done: &HashSet<(String, i64)>, piece: &Attempted) -> Settled {
    match done.contains(&(piece.id.clone(), i64::from(piece.attempt.attempt))) {
        true => Settled::Done,
        false => Settled::LeaseLost,
    }
}

async fn settle_all(database: &Database, pieces: &[Attempted]) -> Result<HashSet<(String, i64)>, DatabaseError> {
    let follows: Vec<_> = pieces.iter().map(|piece| following(&piece.next)).collect();
    let client = database.client().await?;
    let settle = client.prepare_cached(SETTLE).await?;
    let rows = client
        .query(
            &settle,
            &[
                &column(pieces, |piece| piece.id.as_str()),
                &column(pieces, |piece| i64::from(piece.attempt.attempt)),
                &column(pieces, |piece| to_micros(piece.attempt.at)),
                &column(pieces, |piece| span_to_micros(piece.attempt.latency)),
                &column(pieces, |piece| piece.attempt.http_status.map(i64::from)),
                &column(pieces, |piece| storable(&piece.attempt.reason)),
                &column(pieces, |piece| &piece.attempt.answer[..]),
                &column(pieces, |piece| piece.attempt.fault.map(fault_word)),
                &column(&follows, |(state, _, _)| *state),
                &column(&follows, |(_, due_at, _)| *due_at),
                &column(&follows, |(_, _, later)| *later),
            ],
        )
        .await?;
    let done = |row: &Row| Ok::<_, tokio_postgres::Error>((row.try_get::<_, String>(0)?, row.try_get::<_, i64>(1)?));
    Ok(rows.iter().map(done).collect::<Result<_, _>>()?)
}

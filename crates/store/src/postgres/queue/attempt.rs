//! Attempts on record: those after which their request went on.

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use plantain_queue::history::Attempt;
use plantain_wire::id::RequestId;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::request;
use crate::queue::attempt::{AttemptRow, with_last};

/// Records the latest attempts of requests whose leases ran out, before they get the next ones. `picked` begins with the
/// requests' numbers; `now` is in microseconds.
pub(super) async fn lapsed(tx: &Transaction<'_>, picked: &[Row], now: i64) -> Result<(), DatabaseError> {
    if picked.is_empty() {
        return Ok(());
    }
    let seqs = picked.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    let insert = tx
        .prepare_cached(
            "INSERT INTO queue_attempts (request, attempt, gateway_request_id, started_at, ended_at, how)
             SELECT seq, attempt, gateway_request_id, attempt_started_at, $2, 'lapsed'
             FROM queue_requests WHERE seq = ANY($1) ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&insert, &[&seqs, &now]).await?;
    Ok(())
}

pub(super) async fn list(database: &Database, id: &RequestId) -> Result<Vec<Attempt>, DatabaseError> {
    // The request may go on in between; what is shown then is a little older or newer, never wrong.
    let Some(view) = request::view(database, id).await? else { return Ok(Vec::new()) };
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT a.attempt, a.gateway_request_id, a.started_at, ended_at, how, http_status, error_type
             FROM queue_requests r JOIN queue_attempts a ON a.request = r.seq WHERE r.id = $1 ORDER BY a.attempt",
        )
        .await?;
    let rows = client.query(&select, &[&id.as_str()]).await?;
    let earlier = rows.iter().map(|row| attempt_row(row)?.into_attempt(id.as_str())).collect::<Result<Vec<_>, _>>()?;
    let started =
        client.prepare_cached("SELECT attempt_started_at FROM queue_requests WHERE id = $1 AND attempt = $2").await?;
    let started = client.query_opt(&started, &[&id.as_str(), &i64::from(view.attempts)]).await?;
    let started_at = started.map(|row| row.try_get(0)).transpose()?.flatten();
    with_last(earlier, &view, started_at)
}

fn attempt_row(row: &Row) -> Result<AttemptRow, tokio_postgres::Error> {
    Ok(AttemptRow {
        attempt: row.try_get(0)?,
        gateway_request_id: row.try_get(1)?,
        started_at: row.try_get(2)?,
        ended_at: row.try_get(3)?,
        how: row.try_get(4)?,
        http_status: row.try_get(5)?,
        error_type: row.try_get(6)?,
    })
}

//! Taking away what is too old: payloads first, whole requests later, always a few at a time. What another process has
//! locked is skipped: it is being taken away there.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use plantain_queue::history::DROP_POSTPONED;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::time::{span_to_micros, to_micros};

pub(super) async fn drop_payloads(database: &Database, count: usize, now: Timestamp) -> Result<usize, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let select = tx
        .prepare_cached(
            "SELECT seq, id, payloads, EXISTS (
                 SELECT 1 FROM queue_deliveries d WHERE d.request_id = r.id AND d.state = 'pending')
             FROM queue_requests r WHERE drop_at <= $1 ORDER BY drop_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let rows = tx.query(&select, &[&to_micros(now), &i64::try_from(count).unwrap_or(i64::MAX)]).await?;
    let (mut postponed, mut gone) = (Vec::new(), Dropping::default());
    for row in &rows {
        let seq: i64 = row.try_get(0)?;
        if row.try_get(3)? {
            postponed.push(seq);
            continue;
        }
        gone.seqs.push(seq);
        gone.ids.push(row.try_get(1)?);
        if row.try_get::<_, &str>(2)? == "drop" {
            gone.inputs.push(seq);
        }
    }
    let postpone = tx.prepare_cached("UPDATE queue_requests SET drop_at = $2 WHERE seq = ANY($1)").await?;
    let again = to_micros(now).saturating_add(span_to_micros(DROP_POSTPONED));
    tx.execute(&postpone, &[&postponed, &again]).await?;
    gone.drop(&tx).await?;
    tx.commit().await?;
    Ok(rows.len())
}

/// Requests whose payloads go.
#[derive(Default)]
struct Dropping {
    seqs: Vec<i64>,
    ids: Vec<String>,
    inputs: Vec<i64>,
}

impl Dropping {
    async fn drop(&self, tx: &Transaction<'_>) -> Result<(), DatabaseError> {
        let inputs = tx.prepare_cached("DELETE FROM queue_inputs WHERE request = ANY($1)").await?;
        tx.execute(&inputs, &[&self.inputs]).await?;
        let outputs = tx.prepare_cached("UPDATE queue_outcomes SET body = NULL WHERE request = ANY($1)").await?;
        tx.execute(&outputs, &[&self.seqs]).await?;
        let bodies =
            tx.prepare_cached("UPDATE queue_deliveries SET body = ''::bytea WHERE request_id = ANY($1)").await?;
        tx.execute(&bodies, &[&self.ids]).await?;
        let dropped = tx
            .prepare_cached("UPDATE queue_requests SET payloads = 'dropped', drop_at = NULL WHERE seq = ANY($1)")
            .await?;
        tx.execute(&dropped, &[&self.seqs]).await?;
        Ok(())
    }
}

pub(super) async fn forget(database: &Database, count: usize, ended_by: Timestamp) -> Result<usize, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let select = tx
        .prepare_cached(
            "SELECT seq, id FROM queue_requests r WHERE finished_at <= $1 AND NOT EXISTS (
                 SELECT 1 FROM queue_deliveries d WHERE d.request_id = r.id AND d.state = 'pending')
             ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let rows = tx.query(&select, &[&to_micros(ended_by), &i64::try_from(count).unwrap_or(i64::MAX)]).await?;
    let seqs = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    let ids = rows.iter().map(|row| row.try_get(1)).collect::<Result<Vec<String>, _>>()?;
    let keys = tx
        .prepare_cached(
            "DELETE FROM queue_idempotency_keys k USING queue_requests r
             WHERE r.seq = ANY($1) AND k.user_id = r.user_id AND k.key = r.idempotency_key AND k.request_id = r.id",
        )
        .await?;
    tx.execute(&keys, &[&seqs]).await?;
    let deliveries = tx.prepare_cached("DELETE FROM queue_deliveries WHERE request_id = ANY($1)").await?;
    tx.execute(&deliveries, &[&ids]).await?;
    // Input, outcome, log and attempts go with it.
    let requests = tx.prepare_cached("DELETE FROM queue_requests WHERE seq = ANY($1)").await?;
    tx.execute(&requests, &[&seqs]).await?;
    tx.commit().await?;
    Ok(rows.len())
}

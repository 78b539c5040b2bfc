//! Lists of deliveries, and making them due once more.

use std::collections::HashMap;

use async_trait::async_trait;
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_queue::dead_letters::{
    DeadFilter, DeadLetterStore, DeliveryFilter, DeliveryPage, Recovered, Redelivered, paced,
};
use plantain_queue::history::Cursor;
use plantain_queue::model::{DeliveryState, DeliveryView};
use plantain_queue::store::{Hint, StoreError};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::{PostgresQueue, delivery, hint};
use crate::queue::dead_letters::{self, ListRow, batch_max, look_max};
use crate::time::{from_micros, to_micros};

#[async_trait]
impl DeadLetterStore for PostgresQueue {
    async fn list_deliveries(&self, filter: &DeliveryFilter) -> Result<DeliveryPage, StoreError> {
        Ok(page(&self.0, filter).await?)
    }

    async fn delivery(&self, id: &str) -> Result<Option<DeliveryView>, StoreError> {
        Ok(delivery::one(&self.0, id).await?)
    }

    async fn redeliver(&self, id: &str, now: Timestamp) -> Result<Redelivered, StoreError> {
        Ok(self.0.retrying(|| redeliver(&self.0, id, now)).await?)
    }

    async fn redeliver_dead(
        &self,
        which: &DeadFilter,
        after: Option<Cursor>,
        now: Timestamp,
    ) -> Result<Recovered, StoreError> {
        Ok(self.0.retrying(|| redeliver_dead(&self.0, which, after, now)).await?)
    }
}

/// What is looked at for one page: of all deliveries by their number, of dead ones by their index.
fn looked_at(filter: &DeliveryFilter) -> &'static str {
    match (filter.state, &filter.host) {
        (Some(DeliveryState::Dead), Some(_)) => {
            "SELECT seq FROM queue_deliveries WHERE host = $3::text AND seq < $1::bigint AND state = 'dead'
             ORDER BY seq DESC LIMIT $2::bigint"
        }
        (Some(DeliveryState::Dead), None) => {
            "SELECT seq FROM queue_deliveries WHERE seq < $1::bigint AND state = 'dead'
             ORDER BY seq DESC LIMIT $2::bigint"
        }
        _ => "SELECT seq FROM queue_deliveries WHERE seq < $1::bigint ORDER BY seq DESC LIMIT $2::bigint",
    }
}

async fn page(database: &Database, filter: &DeliveryFilter) -> Result<DeliveryPage, DatabaseError> {
    let looked = looked_at(filter);
    let before = filter.before.map_or(i64::MAX, |Cursor(seq)| seq);
    let client = database.client().await?;
    let select = client
        .prepare_cached(&format!(
            "SELECT d.seq, d.id, d.request_id, d.target, d.host, d.state, d.due_at, d.created_at, d.attempt,
                    a.http_status, a.reason, a.fault
             FROM ({looked}) l JOIN queue_deliveries d ON d.seq = l.seq
             LEFT JOIN queue_delivery_attempts a ON a.delivery = d.seq
                  AND a.attempt = (SELECT max(attempt) FROM queue_delivery_attempts WHERE delivery = d.seq)
             WHERE ($3::text IS NULL OR d.host = $3) AND ($4::text IS NULL OR d.state = $4)
               AND ($5::bigint IS NULL OR d.created_at >= $5) AND ($6::bigint IS NULL OR d.created_at < $6)
             ORDER BY d.seq DESC LIMIT $7"
        ))
        .await?;
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let (state, from, to) =
        (filter.state.map(DeliveryState::as_str), filter.from.map(to_micros), filter.to.map(to_micros));
    let rows = client.query(&select, &[&before, &look_max(), &filter.host, &state, &from, &to, &limit]).await?;
    let rows = rows.iter().map(list_row).collect::<Result<Vec<_>, _>>()?;
    let looked = client.prepare_cached(&format!("SELECT min(seq), count(*), $3::text FROM ({looked}) looked")).await?;
    let looked = client.query_one(&looked, &[&before, &look_max(), &filter.host]).await?;
    dead_letters::page(rows, filter.limit, (looked.try_get(0)?, looked.try_get(1)?))
}

fn list_row(row: &Row) -> Result<ListRow, tokio_postgres::Error> {
    Ok(ListRow {
        seq: row.try_get(0)?,
        id: row.try_get(1)?,
        request_id: row.try_get(2)?,
        target: row.try_get(3)?,
        host: row.try_get(4)?,
        state: row.try_get(5)?,
        due_at: row.try_get(6)?,
        created_at: row.try_get(7)?,
        attempt: row.try_get(8)?,
        http_status: row.try_get(9)?,
        reason: row.try_get(10)?,
        fault: row.try_get(11)?,
    })
}

async fn redeliver(database: &Database, id: &str, now: Timestamp) -> Result<Redelivered, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let select = tx.prepare_cached("SELECT state FROM queue_deliveries WHERE id = $1 FOR UPDATE").await?;
    let Some(row) = tx.query_opt(&select, &[&id]).await? else { return Ok(Redelivered::Unknown) };
    if row.try_get::<_, &str>(0)? == "pending" {
        // Waited for: a claim passes over what is still locked.
        tx.rollback().await?;
        return Ok(Redelivered::Pending);
    }
    let update = tx
        .prepare_cached("UPDATE queue_deliveries SET state = 'pending', due_at = $2, earlier = attempt WHERE id = $1")
        .await?;
    tx.execute(&update, &[&id, &to_micros(now)]).await?;
    hint::send(&tx, &[Hint::DeliveriesDue]).await?;
    tx.commit().await?;
    Ok(Redelivered::Owed)
}

/// Rows are locked in order, so that two recoveries at once wait for each other and neither takes what the other has taken.
async fn redeliver_dead(
    database: &Database,
    which: &DeadFilter,
    after: Option<Cursor>,
    now: Timestamp,
) -> Result<Recovered, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let of_host = if which.host.is_some() { "host = $2::text" } else { "$2::text IS NULL" };
    let select = tx
        .prepare_cached(&format!(
            "SELECT seq, host FROM queue_deliveries WHERE state = 'dead' AND seq > $1 AND {of_host}
               AND ($3::bigint IS NULL OR created_at >= $3) AND ($4::bigint IS NULL OR created_at < $4)
             ORDER BY seq LIMIT $5 FOR UPDATE"
        ))
        .await?;
    let (from, to) = (which.from.map(to_micros), which.to.map(to_micros));
    let after = after.map_or(i64::MIN, |Cursor(seq)| seq);
    let rows = tx.query(&select, &[&after, &which.host, &from, &to, &batch_max()]).await?;
    let taken = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let taken: Vec<(i64, String)> = taken.collect::<Result<_, tokio_postgres::Error>>()?;
    let waiting = waiting(&tx, &taken).await?;
    let (seqs, dues): (Vec<i64>, Vec<i64>) =
        paced(&taken, waiting, now).into_iter().map(|(seq, due)| (seq, to_micros(due))).unzip();
    let update = tx
        .prepare_cached(
            "UPDATE queue_deliveries d SET state = 'pending', due_at = p.due_at, earlier = attempt
             FROM unnest($1::bigint[], $2::bigint[]) AS p (seq, due_at) WHERE d.seq = p.seq",
        )
        .await?;
    tx.execute(&update, &[&seqs, &dues]).await?;
    hint::send(&tx, &[Hint::DeliveriesDue]).await?;
    tx.commit().await?;
    Ok(dead_letters::recovered(&taken))
}

/// The hosts at which an earlier recovery still waits, with the time of its last delivery.
async fn waiting(tx: &Transaction<'_>, taken: &[(i64, String)]) -> Result<HashMap<String, Timestamp>, DatabaseError> {
    let mut hosts: Vec<&str> = taken.iter().map(|(_, host)| host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let select = tx
        .prepare_cached(
            "SELECT host, max(due_at) FROM queue_deliveries
             WHERE host = ANY ($1) AND due_at IS NOT NULL AND earlier > 0 AND attempt = earlier GROUP BY host",
        )
        .await?;
    let mut waiting = HashMap::new();
    for row in tx.query(&select, &[&hosts]).await? {
        if let Some(due) = from_micros(row.try_get(1)?) {
            waiting.insert(row.try_get(0)?, due);
        }
    }
    Ok(waiting)
}

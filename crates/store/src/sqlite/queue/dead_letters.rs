//! Lists of deliveries, and making them due once more.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_queue::dead_letters::{
    DeadFilter, DeadLetterStore, DeliveryFilter, DeliveryPage, Recovered, Redelivered, paced,
};
use plantain_queue::history::Cursor;
use plantain_queue::model::{DeliveryState, DeliveryView};
use plantain_queue::store::StoreError;

use crate::error::DatabaseError;
use crate::queue::dead_letters::{self, ListRow, batch_max, look_max};
use crate::sqlite::queue::{SqliteQueue, delivery};
use crate::time::{from_micros, to_micros};

#[async_trait]
impl DeadLetterStore for SqliteQueue {
    async fn list_deliveries(&self, filter: &DeliveryFilter) -> Result<DeliveryPage, StoreError> {
        let filter = filter.clone();
        Ok(self.0.read(move |tx| page(tx, &filter)).await?)
    }

    async fn delivery(&self, id: &str) -> Result<Option<DeliveryView>, StoreError> {
        let id = id.to_owned();
        Ok(self.0.read(move |tx| delivery::one(tx, &id)).await?)
    }

    async fn redeliver(&self, id: &str, now: Timestamp) -> Result<Redelivered, StoreError> {
        let id = id.to_owned();
        Ok(self.0.write(move |tx| redeliver(tx, &id, now)).await?)
    }

    async fn redeliver_dead(
        &self,
        which: &DeadFilter,
        after: Option<Cursor>,
        now: Timestamp,
    ) -> Result<Recovered, StoreError> {
        let which = which.clone();
        Ok(self.0.write(move |tx| redeliver_dead(tx, &which, after, now)).await?)
    }
}

/// What is looked at for one page: of all deliveries by their number, of dead ones by their index.
const ANY: &str = "SELECT seq FROM queue_deliveries WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
const DEAD: &str = "SELECT seq FROM queue_deliveries WHERE seq < ?1 AND state = 'dead' ORDER BY seq DESC LIMIT ?2";
const DEAD_OF_HOST: &str = "SELECT seq FROM queue_deliveries
    WHERE host = ?3 AND seq < ?1 AND state = 'dead' ORDER BY seq DESC LIMIT ?2";

fn looked_at(filter: &DeliveryFilter) -> &'static str {
    match (filter.state, &filter.host) {
        (Some(DeliveryState::Dead), Some(_)) => DEAD_OF_HOST,
        (Some(DeliveryState::Dead), None) => DEAD,
        _ => ANY,
    }
}

fn page(tx: &Transaction<'_>, filter: &DeliveryFilter) -> Result<DeliveryPage, DatabaseError> {
    let looked = looked_at(filter);
    let before = filter.before.map_or(i64::MAX, |Cursor(seq)| seq);
    let mut select = tx.prepare_cached(&format!(
        "SELECT d.seq, d.id, d.request_id, d.target, d.host, d.state, d.due_at, d.created_at, d.attempt,
                a.http_status, a.reason, a.fault
         FROM ({looked}) l JOIN queue_deliveries d ON d.seq = l.seq
         LEFT JOIN queue_delivery_attempts a ON a.delivery = d.seq
              AND a.attempt = (SELECT max(attempt) FROM queue_delivery_attempts WHERE delivery = d.seq)
         WHERE (?3 IS NULL OR d.host = ?3) AND (?4 IS NULL OR d.state = ?4)
           AND (?5 IS NULL OR d.created_at >= ?5) AND (?6 IS NULL OR d.created_at < ?6)
         ORDER BY d.seq DESC LIMIT ?7"
    ))?;
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let (state, from, to) =
        (filter.state.map(DeliveryState::as_str), filter.from.map(to_micros), filter.to.map(to_micros));
    let rows = select.query_map(params![before, look_max(), filter.host, state, from, to, limit], list_row)?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let mut looked = tx.prepare_cached(&format!("SELECT min(seq), count(*), ?3 FROM ({looked})"))?;
    let looked = looked.query_row(params![before, look_max(), filter.host], |row| Ok((row.get(0)?, row.get(1)?)))?;
    dead_letters::page(rows, filter.limit, looked)
}

fn list_row(row: &Row<'_>) -> rusqlite::Result<ListRow> {
    Ok(ListRow {
        seq: row.get(0)?,
        id: row.get(1)?,
        request_id: row.get(2)?,
        target: row.get(3)?,
        host: row.get(4)?,
        state: row.get(5)?,
        due_at: row.get(6)?,
        created_at: row.get(7)?,
        attempt: row.get(8)?,
        http_status: row.get(9)?,
        reason: row.get(10)?,
        fault: row.get(11)?,
    })
}

fn redeliver(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<Redelivered, DatabaseError> {
    let state: Option<String> = tx
        .prepare_cached("SELECT state FROM queue_deliveries WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    match state.as_deref() {
        None => Ok(Redelivered::Unknown),
        Some("pending") => Ok(Redelivered::Pending),
        Some(_) => {
            tx.prepare_cached(
                "UPDATE queue_deliveries SET state = 'pending', due_at = ?2, earlier = attempt WHERE id = ?1",
            )?
            .execute(params![id, to_micros(now)])?;
            Ok(Redelivered::Owed)
        }
    }
}

const TAKEN: &str = "SELECT seq, host FROM queue_deliveries WHERE state = 'dead' AND seq > ?1
    AND (?2 IS NULL OR created_at >= ?2) AND (?3 IS NULL OR created_at < ?3) ORDER BY seq LIMIT ?4";
const TAKEN_OF_HOST: &str = "SELECT seq, host FROM queue_deliveries WHERE state = 'dead' AND seq > ?1 AND host = ?5
    AND (?2 IS NULL OR created_at >= ?2) AND (?3 IS NULL OR created_at < ?3) ORDER BY seq LIMIT ?4";

fn redeliver_dead(
    tx: &Transaction<'_>,
    which: &DeadFilter,
    after: Option<Cursor>,
    now: Timestamp,
) -> Result<Recovered, DatabaseError> {
    let (from, to) = (which.from.map(to_micros), which.to.map(to_micros));
    let after = after.map_or(i64::MIN, |Cursor(seq)| seq);
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let taken: Vec<(i64, String)> = match &which.host {
        None => {
            tx.prepare_cached(TAKEN)?.query_map(params![after, from, to, batch_max()], read)?.collect::<Result<_, _>>()
        }
        Some(host) => tx
            .prepare_cached(TAKEN_OF_HOST)?
            .query_map(params![after, from, to, batch_max(), host], read)?
            .collect::<Result<_, _>>(),
    }?;
    let waiting = waiting(tx, &taken)?;
    let mut update = tx.prepare_cached(
        "UPDATE queue_deliveries SET state = 'pending', due_at = ?2, earlier = attempt WHERE seq = ?1",
    )?;
    for (seq, due_at) in paced(&taken, waiting, now) {
        update.execute(params![seq, to_micros(due_at)])?;
    }
    Ok(dead_letters::recovered(&taken))
}

const WAITING: &str = "SELECT due_at FROM queue_deliveries
    WHERE host = ?1 AND due_at IS NOT NULL AND earlier > 0 AND attempt = earlier ORDER BY due_at DESC LIMIT 1";

/// The hosts at which an earlier recovery still waits, with the time of its last delivery.
fn waiting(tx: &Transaction<'_>, taken: &[(i64, String)]) -> Result<HashMap<String, Timestamp>, DatabaseError> {
    let mut select = tx.prepare_cached(WAITING)?;
    let mut waiting = HashMap::new();
    let hosts: std::collections::HashSet<&String> = taken.iter().map(|(_, host)| host).collect();
    for host in hosts {
        let due: Option<i64> = select.query_row([host], |row| row.get(0)).optional()?;
        if let Some(due) = due.and_then(from_micros) {
            waiting.insert(host.clone(), due);
        }
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn dead_letters_are_found_without_looking_at_the_others() {
        plan::uses(DEAD, "queue_deliveries_dead");
        plan::uses(DEAD_OF_HOST, "queue_deliveries_dead_host");
        plan::uses(TAKEN, "queue_deliveries_dead");
        plan::uses(TAKEN_OF_HOST, "queue_deliveries_dead_host");
        plan::uses(WAITING, "queue_deliveries_again");
    }
}

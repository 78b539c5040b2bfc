//! Taking away what is too old: payloads first, whole requests later, always a few at a time.

use jiff::Timestamp;
use plantain_queue::history::DROP_POSTPONED;
use rusqlite::{Transaction, params};

use crate::error::DatabaseError;
use crate::time::{span_to_micros, to_micros};

const DROPPING_ONES: &str =
    "SELECT seq, id, payloads FROM queue_requests WHERE drop_at <= ?1 ORDER BY drop_at LIMIT ?2";
const OLD_ONES: &str = "SELECT seq, id, user_id, idempotency_key FROM queue_requests
    WHERE finished_at <= ?1 AND NOT EXISTS (
        SELECT 1 FROM queue_deliveries d WHERE d.request_id = queue_requests.id AND d.state = 'pending')
    ORDER BY finished_at LIMIT ?2";

pub(super) fn drop_payloads(tx: &Transaction<'_>, count: usize, now: Timestamp) -> Result<usize, DatabaseError> {
    let due = rows(tx, DROPPING_ONES, count, now, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let found = due.len();
    for (seq, id, payloads) in due {
        let (seq, id, payloads): (i64, String, String) = (seq, id, payloads);
        drop_one(tx, seq, &id, &payloads, now)?;
    }
    Ok(found)
}

fn drop_one(tx: &Transaction<'_>, seq: i64, id: &str, payloads: &str, now: Timestamp) -> Result<(), DatabaseError> {
    let owed = tx
        .prepare_cached("SELECT 1 FROM queue_deliveries WHERE request_id = ?1 AND state = 'pending'")?
        .exists([id])?;
    if owed {
        let again = to_micros(now).saturating_add(span_to_micros(DROP_POSTPONED));
        tx.prepare_cached("UPDATE queue_requests SET drop_at = ?2 WHERE seq = ?1")?.execute(params![seq, again])?;
        return Ok(());
    }
    if payloads == "drop" {
        tx.prepare_cached("DELETE FROM queue_inputs WHERE request = ?1")?.execute([seq])?;
    }
    tx.prepare_cached("UPDATE queue_outcomes SET body = NULL WHERE request = ?1")?.execute([seq])?;
    tx.prepare_cached("UPDATE queue_deliveries SET body = x'' WHERE request_id = ?1")?.execute([id])?;
    tx.prepare_cached("UPDATE queue_requests SET payloads = 'dropped', drop_at = NULL WHERE seq = ?1")?
        .execute([seq])?;
    Ok(())
}

pub(super) fn forget(tx: &Transaction<'_>, count: usize, ended_by: Timestamp) -> Result<usize, DatabaseError> {
    let old = rows(tx, OLD_ONES, count, ended_by, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let found = old.len();
    for (seq, id, user_id, key) in old {
        let (seq, id, user_id, key): (i64, String, String, Option<String>) = (seq, id, user_id, key);
        if let Some(key) = key {
            tx.prepare_cached(
                "DELETE FROM queue_idempotency_keys WHERE user_id = ?1 AND key = ?2 AND request_id = ?3",
            )?
            .execute(params![user_id, key, id])?;
        }
        tx.prepare_cached("DELETE FROM queue_deliveries WHERE request_id = ?1")?.execute([id])?;
        // Input, outcome, log and attempts go with it.
        tx.prepare_cached("DELETE FROM queue_requests WHERE seq = ?1")?.execute([seq])?;
    }
    Ok(found)
}

fn rows<T>(
    tx: &Transaction<'_>,
    sql: &str,
    count: usize,
    at: Timestamp,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, DatabaseError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params![to_micros(at), count], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn what_is_young_is_never_looked_at() {
        plan::uses(DROPPING_ONES, "queue_requests_dropping");
        plan::uses(OLD_ONES, "queue_requests_finished");
    }
}

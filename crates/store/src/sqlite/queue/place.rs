//! What waits on an app.

use rusqlite::{Transaction, params};

use plantain_queue::places::Waiting;

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::queue::request::by_rank;

const WAITING: &str = "SELECT id, key_id, priority FROM queue_requests
    WHERE state IN ('ready', 'delayed') AND app = ?1 ORDER BY priority, seq LIMIT ?2";

/// In the order in which they came within a priority, normal ones first.
pub(super) fn waiting(tx: &Transaction<'_>, app: &str, limit: usize) -> Result<Vec<Waiting>, DatabaseError> {
    let mut statement = tx.prepare_cached(WAITING)?;
    let mut rows = statement.query(params![app, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        // One that can't be read is ended by the claim that comes upon it.
        let Ok(id) = (Place { table: "queue_requests", row: &id }).parse("id", &id) else { continue };
        waiting.push(Waiting { id, key_id: row.get(1)?, priority: by_rank(row.get(2)?) });
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn who_waits_is_found_without_what_is_completed() {
        plan::uses(WAITING, "queue_requests_waiting");
    }
}

//! What waits on an app.

use plantain_queue::places::Waiting;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::queue::place::Place;
use crate::queue::request::by_rank;

/// In the order in which they came within a priority, normal ones first.
pub(super) async fn waiting(database: &Database, app: &str, limit: usize) -> Result<Vec<Waiting>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT id, key_id, priority FROM queue_requests
             WHERE state IN ('ready', 'delayed') AND app = $1 ORDER BY priority, seq LIMIT $2",
        )
        .await?;
    let rows = client.query(&select, &[&app, &i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    let mut waiting = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: &str = row.try_get(0)?;
        // One that can't be read is ended by the claim that comes upon it.
        let Ok(id) = (Place { table: "queue_requests", row: id }).parse("id", id) else { continue };
        waiting.push(Waiting { id, key_id: row.try_get(1)?, priority: by_rank(row.try_get(2)?) });
    }
    Ok(waiting)
}

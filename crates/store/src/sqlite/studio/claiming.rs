//! Items of batches that are about to become jobs, and the ends of those that were.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use plantain_studio::bulk::batch::{Batch, BatchId, Item};

use crate::error::DatabaseError;
use crate::sqlite::studio::bulk::{by_id, counted, item_row, release, release_one};
use crate::sqlite::studio::ending;
use crate::studio::bulk::{ItemRow, LOOKS_MAX, item_columns, unreadable};
use crate::studio::job::{json, limit};
use crate::time::to_micros;

/// Open batches and how many of their items are jobs or about to be, from indexes that have no others: that of live batches is taken
/// where its own words are said.
const BUSY: &str = "SELECT id,
     (SELECT count(*) FROM studio_batch_items i WHERE i.batch_id = b.id AND i.state = 'running')
     + (SELECT count(*) FROM studio_batch_items i WHERE i.batch_id = b.id AND i.state = 'waiting' AND i.leased_until > ?1) AS busy
     FROM studio_batches b WHERE state = 'OPEN' AND state IN ('OPEN', 'PAUSED') ORDER BY busy, id LIMIT 100";

pub(super) fn claim(
    tx: &Transaction<'_>,
    count: usize,
    open: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<(Batch, Item)>, DatabaseError> {
    note_ends(tx, now)?;
    let mut select = tx.prepare_cached(BUSY)?;
    let rows = select.query_map([to_micros(now)], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let batches: Vec<(String, i64)> = rows.collect::<Result<_, _>>()?;
    let mut claimed = Vec::new();
    for (id, busy) in batches {
        let room = open.saturating_sub(usize::try_from(busy).unwrap_or(usize::MAX)).min(count - claimed.len());
        if room == 0 {
            continue;
        }
        let batch = match by_id(tx, &id) {
            Ok(Some(batch)) => batch,
            Ok(None) => continue,
            Err(error) if error.is_of_one_row() => {
                give_up(tx, &id, &error, now)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let items = take(tx, &batch.id, room, until, now)?;
        claimed.extend(items.into_iter().map(|item| (batch.clone(), item)));
    }
    Ok(claimed)
}

/// Jobs that ended, or were forgotten, end their items; a batch without open items is done, and others may want to know. So
/// they do when the last job of a canceled one has ended.
fn note_ends(tx: &Transaction<'_>, now: Timestamp) -> Result<(), DatabaseError> {
    let mut note = tx.prepare_cached(
        "UPDATE studio_batch_items SET state = coalesce(
             (SELECT CASE j.state WHEN 'SUCCEEDED' THEN 'succeeded' WHEN 'CANCELED' THEN 'canceled' ELSE 'failed' END
              FROM studio_jobs j WHERE j.id = studio_batch_items.job_id), 'canceled')
         WHERE state = 'running'
           AND NOT EXISTS (SELECT 1 FROM studio_jobs j WHERE j.id = studio_batch_items.job_id AND j.phase <> 'done')
         RETURNING batch_id",
    )?;
    let ended: Vec<String> = note.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut stopped = tx.prepare_cached(
        "SELECT id FROM studio_batches WHERE state = 'CANCELED' AND id IN (SELECT value FROM json_each(?1))
           AND NOT EXISTS (SELECT 1 FROM studio_batch_items i
                           WHERE i.batch_id = studio_batches.id AND i.state IN ('waiting', 'running'))",
    )?;
    let stopped: Vec<String> = match ended.is_empty() {
        true => Vec::new(),
        false => stopped.query_map([json(&ended)], |row| row.get(0))?.collect::<Result<_, _>>()?,
    };
    let mut end = tx.prepare_cached(
        "UPDATE studio_batches SET state = 'DONE', finished_at = ?1 WHERE state IN ('OPEN', 'PAUSED')
           AND NOT EXISTS (SELECT 1 FROM studio_batch_items i
                           WHERE i.batch_id = studio_batches.id AND i.state IN ('waiting', 'running'))
         RETURNING id",
    )?;
    let done: Vec<String> = end.query_map([to_micros(now)], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in done.iter().chain(&stopped).filter_map(|id| BatchId::parse(id)) {
        match counted(tx, &id) {
            Ok(Some((batch, counts))) => ending::owe_end(tx, &batch, counts, now)?,
            Ok(None) => {}
            Err(error) if error.is_of_one_row() => {
                tracing::error!(batch = %id, %error, "batch.unreadable: its end is told as far as it is known");
                ending::mend(tx, id.as_str(), now)?;
                ending::owe_lost(tx, &id, now)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Where an item can't be read the next one takes its place, so that nobody waits for it.
fn take(
    tx: &Transaction<'_>,
    id: &BatchId,
    room: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<Item>, DatabaseError> {
    let mut items = Vec::with_capacity(room);
    for _ in 0..LOOKS_MAX {
        if look(tx, id, room, &mut items, until, now)? == 0 {
            break;
        }
    }
    Ok(items)
}

/// Fills the room; says how many could not be read and were given up.
fn look(
    tx: &Transaction<'_>,
    id: &BatchId,
    room: usize,
    items: &mut Vec<Item>,
    until: Timestamp,
    now: Timestamp,
) -> Result<usize, DatabaseError> {
    let mut take = tx.prepare_cached(concat!(
        "UPDATE studio_batch_items SET leased_until = ?3 WHERE batch_id = ?1 AND number IN (
             SELECT number FROM studio_batch_items WHERE batch_id = ?1 AND state = 'waiting'
             AND (leased_until IS NULL OR leased_until <= ?2) ORDER BY number LIMIT ?4) RETURNING ",
        item_columns!()
    ))?;
    let most = limit(room - items.len());
    let rows = take.query_map(params![id.as_str(), to_micros(now), to_micros(until), most], item_row)?;
    let rows: Vec<ItemRow> = rows.collect::<Result<_, _>>()?;
    let mut given_up = 0;
    for row in rows {
        let number = row.number;
        match Item::try_from(row) {
            Ok(item) => items.push(item),
            Err(error) if error.is_of_one_row() => {
                give_up_item(tx, id, number, &error, now)?;
                given_up += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(given_up)
}

/// A batch that can't be read would come up in every claim. What makes no sense of it is mended, so that its end can be shown.
fn give_up(tx: &Transaction<'_>, id: &str, error: &DatabaseError, now: Timestamp) -> Result<(), DatabaseError> {
    tracing::error!(batch = id, %error, "batch.unreadable: it was given up, and the others go on");
    tx.prepare_cached(
        "UPDATE studio_batch_items SET state = 'canceled', leased_until = NULL WHERE batch_id = ?1 AND state = 'waiting'",
    )?
    .execute([id])?;
    release(tx, id, now)?;
    tx.prepare_cached("UPDATE studio_batches SET state = 'CANCELED' WHERE id = ?1")?.execute([id])?;
    ending::mend(tx, id, now)?;
    BatchId::parse(id).map_or(Ok(()), |id| ending::owe_lost(tx, &id, now))
}

/// As [`give_up`], for one item.
fn give_up_item(
    tx: &Transaction<'_>,
    id: &BatchId,
    number: i64,
    error: &DatabaseError,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    tracing::error!(batch = %id, item = number, %error, "batch.item_unreadable: it failed, and the others go on");
    tx.prepare_cached(
        "UPDATE studio_batch_items SET state = 'failed', job_id = NULL, error = ?3, leased_until = NULL
         WHERE batch_id = ?1 AND number = ?2",
    )?
    .execute(params![id.as_str(), number, json(&unreadable())])?;
    release_one(tx, id, number, now)
}

pub(super) fn hand_back(tx: &Transaction<'_>, id: &BatchId, number: u32) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "UPDATE studio_batch_items SET leased_until = NULL WHERE batch_id = ?1 AND number = ?2 AND state = 'waiting'",
    )?
    .execute(params![id.as_str(), number])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;
    use crate::sqlite::studio::bulk::RELEASE_ONE;
    use crate::studio::SQLITE;

    #[test]
    fn what_waits_is_not_looked_through_for_one_item() {
        for (sql, index) in [
            (BUSY, "SCAN b USING INDEX studio_batches_live"),
            (BUSY, "COVERING INDEX studio_batch_items_by_state (batch_id=? AND state=?)"),
            (BUSY, "COVERING INDEX studio_batch_items_leased (batch_id=? AND state=? AND leased_until>?)"),
            (RELEASE_ONE, "studio_blobs USING PRIMARY KEY (blob=? AND job_id=?)"),
            (RELEASE_ONE, "COVERING INDEX studio_batch_items_by_blob (batch_id=? AND blob=? AND state=?)"),
        ] {
            let steps = plan::steps_of(&SQLITE, sql);
            assert!(steps.contains(index), "{index}\n{steps}");
        }
    }
}

//! Items of batches that are about to become jobs, and the ends of those that were.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use plantain_studio::bulk::batch::{Batch, BatchId, Item};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::studio::bulk::{counts_in, ids, item, locked, release};
use crate::postgres::studio::ending;
use crate::studio::bulk::{LOOKS_MAX, item_columns, unreadable};
use crate::studio::job::{json, limit};
use crate::time::to_micros;

pub(super) async fn claim(
    database: &Database,
    count: usize,
    open: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<(Batch, Item)>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    note_ends(&tx, now).await?;
    let select = tx
        .prepare_cached(
            "SELECT id FROM studio_batches WHERE state = 'OPEN' ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let ids = ids(&tx.query(&select, &[]).await?)?;
    let busy = tx
        .prepare_cached(
            "SELECT b.id,
                 (SELECT count(*) FROM studio_batch_items i WHERE i.batch_id = b.id AND i.state = 'running')
                 + (SELECT count(*) FROM studio_batch_items i
                    WHERE i.batch_id = b.id AND i.state = 'waiting' AND i.leased_until > $2)
             FROM unnest($1::text[]) AS b (id) ORDER BY 2, 1",
        )
        .await?;
    let mut claimed = Vec::new();
    for row in tx.query(&busy, &[&ids, &to_micros(now)]).await? {
        let (id, busy): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let room = open.saturating_sub(usize::try_from(busy).unwrap_or(usize::MAX)).min(count - claimed.len());
        if room == 0 {
            continue;
        }
        let batch = match locked(&tx, &id).await {
            Ok(Some(batch)) => batch,
            Ok(None) => continue,
            Err(error) if error.is_of_one_row() => {
                give_up(&tx, &id, &error, now).await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let items = take(&tx, &batch.id, room, until, now).await?;
        claimed.extend(items.into_iter().map(|item| (batch.clone(), item)));
    }
    tx.commit().await?;
    Ok(claimed)
}

/// Jobs that ended, or were forgotten, end their items; a batch without open items is done, and others may want to know. So
/// they do when the last job of a canceled one has ended.
async fn note_ends(tx: &Transaction<'_>, now: Timestamp) -> Result<(), DatabaseError> {
    let items = tx
        .prepare_cached(
            "UPDATE studio_batch_items i SET state = coalesce(
                 (SELECT CASE j.state WHEN 'SUCCEEDED' THEN 'succeeded' WHEN 'CANCELED' THEN 'canceled' ELSE 'failed' END
                  FROM studio_jobs j WHERE j.id = i.job_id), 'canceled')
             WHERE i.state = 'running'
               AND NOT EXISTS (SELECT 1 FROM studio_jobs j WHERE j.id = i.job_id AND j.phase <> 'done')
             RETURNING batch_id",
        )
        .await?;
    let ended = ids(&tx.query(&items, &[]).await?)?;
    // Locked first, so that the next statements see what whoever held them has changed.
    let open = "SELECT 1 FROM studio_batches WHERE state IN ('OPEN', 'PAUSED') OR id = ANY ($1::text[])
                ORDER BY id FOR UPDATE";
    tx.query(&tx.prepare_cached(open).await?, &[&ended]).await?;
    let stopped = tx
        .prepare_cached(
            "SELECT id FROM studio_batches b WHERE b.state = 'CANCELED' AND b.id = ANY ($1::text[])
               AND NOT EXISTS (SELECT 1 FROM studio_batch_items i
                               WHERE i.batch_id = b.id AND i.state IN ('waiting', 'running'))",
        )
        .await?;
    let stopped = ids(&tx.query(&stopped, &[&ended]).await?)?;
    let batches = tx
        .prepare_cached(
            "UPDATE studio_batches b SET state = 'DONE', finished_at = $1 WHERE b.state IN ('OPEN', 'PAUSED')
               AND NOT EXISTS (SELECT 1 FROM studio_batch_items i
                               WHERE i.batch_id = b.id AND i.state IN ('waiting', 'running'))
             RETURNING id",
        )
        .await?;
    let done = ids(&tx.query(&batches, &[&to_micros(now)]).await?)?;
    for id in done.iter().chain(&stopped) {
        match locked(tx, id).await {
            Ok(Some(batch)) => {
                let counts = counts_in(tx, id).await?;
                ending::owe_end(tx, &batch, counts, now).await?;
            }
            Ok(None) => {}
            Err(error) if error.is_of_one_row() => {
                tracing::error!(batch = %id, %error, "batch.unreadable: its end is told as far as it is known");
                ending::mend(tx, id, now).await?;
                ending::owe_lost(tx, id, now).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Where an item can't be read the next one takes its place, so that nobody waits for it.
async fn take(
    tx: &Transaction<'_>,
    id: &BatchId,
    room: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<Item>, DatabaseError> {
    let mut items = Vec::with_capacity(room);
    for _ in 0..LOOKS_MAX {
        if look(tx, id, room, &mut items, until, now).await? == 0 {
            break;
        }
    }
    Ok(items)
}

/// Fills the room; says how many could not be read and were given up.
async fn look(
    tx: &Transaction<'_>,
    id: &BatchId,
    room: usize,
    items: &mut Vec<Item>,
    until: Timestamp,
    now: Timestamp,
) -> Result<usize, DatabaseError> {
    let take = tx
        .prepare_cached(concat!(
            "UPDATE studio_batch_items SET leased_until = $3 WHERE batch_id = $1 AND number IN (
                 SELECT number FROM studio_batch_items WHERE batch_id = $1 AND state = 'waiting'
                 AND (leased_until IS NULL OR leased_until <= $2) ORDER BY number LIMIT $4) RETURNING ",
            item_columns!()
        ))
        .await?;
    let most = limit(room - items.len());
    let rows = tx.query(&take, &[&id.as_str(), &to_micros(now), &to_micros(until), &most]).await?;
    let mut given_up = 0;
    for row in &rows {
        match item(row) {
            Ok(item) => items.push(item),
            Err(error) if error.is_of_one_row() => {
                give_up_item(tx, id, row.try_get(1)?, &error, now).await?;
                given_up += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(given_up)
}

/// A batch that can't be read would come up in every claim. What makes no sense of it is mended, so that its end can be shown.
async fn give_up(tx: &Transaction<'_>, id: &str, error: &DatabaseError, now: Timestamp) -> Result<(), DatabaseError> {
    tracing::error!(batch = id, %error, "batch.unreadable: it was given up, and the others go on");
    let items = tx
        .prepare_cached(
            "UPDATE studio_batch_items SET state = 'canceled', leased_until = NULL
             WHERE batch_id = $1 AND state = 'waiting'",
        )
        .await?;
    tx.execute(&items, &[&id]).await?;
    release(tx, id, None, now).await?;
    let end = tx.prepare_cached("UPDATE studio_batches SET state = 'CANCELED' WHERE id = $1").await?;
    tx.execute(&end, &[&id]).await?;
    ending::mend(tx, id, now).await?;
    ending::owe_lost(tx, id, now).await
}

/// As [`give_up`], for one item.
async fn give_up_item(
    tx: &Transaction<'_>,
    id: &BatchId,
    number: i64,
    error: &DatabaseError,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    tracing::error!(batch = %id, item = number, %error, "batch.item_unreadable: it failed, and the others go on");
    let end = tx
        .prepare_cached(
            "UPDATE studio_batch_items SET state = 'failed', job_id = NULL, error = $3, leased_until = NULL
             WHERE batch_id = $1 AND number = $2",
        )
        .await?;
    tx.execute(&end, &[&id.as_str(), &number, &json(&unreadable())]).await?;
    release(tx, id.as_str(), Some(number), now).await
}

pub(super) async fn hand_back(database: &Database, id: &BatchId, number: u32) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let hand_back = client
        .prepare_cached(
            "UPDATE studio_batch_items SET leased_until = NULL
             WHERE batch_id = $1 AND number = $2 AND state = 'waiting'",
        )
        .await?;
    client.execute(&hand_back, &[&id.as_str(), &i64::from(number)]).await?;
    Ok(())
}

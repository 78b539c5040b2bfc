//! Batches and their items.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_inbox::store::StoreError;
use plantain_studio::bulk::batch::{Batch, BatchId, BatchState, Counts, Item, ItemState, LeftBatch, Steer};
use plantain_studio::bulk::store::{BatchFilter, BatchStore, ItemFilter, Steered};
use plantain_studio::job::key::{Allowance, Allowed};
use plantain_studio::job::wish::{Became, Wished};
use plantain_studio::job::{Job, JobError, JobId, Owner};
use plantain_work::clock::after;

use crate::error::{Cause, DatabaseError};
use crate::sqlite::studio::{SqliteStudio, claiming, discarded, ending, job, key, wish};
use crate::studio::bulk::{BatchRow, ItemRow, batch_columns, is_retryable, item_columns, readable};
use crate::studio::job::{json, limit};
use crate::time::to_micros;

#[async_trait]
impl BatchStore for SqliteStudio {
    async fn insert_batch(&self, batch: &Batch, items: &[Item]) -> Result<(), StoreError> {
        let (batch, items) = (batch.clone(), items.to_vec());
        Ok(self.0.write(move |tx| insert(tx, &batch, &items)).await?)
    }

    async fn insert_batch_once(
        &self,
        batch: &Batch,
        items: &[Item],
        wished: &Wished,
        since: Timestamp,
    ) -> Result<Option<Became>, StoreError> {
        let (batch, items, wished) = (batch.clone(), items.to_vec(), wished.clone());
        Ok(self.0.write(move |tx| wish::insert_batch_once(tx, &batch, &items, &wished, since)).await?)
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<(Batch, Counts)>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| counted(tx, &id)).await?)
    }

    async fn retryable(&self, id: &BatchId) -> Result<u64, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| retryable(tx, &id)).await?)
    }

    async fn batches(&self, filter: &BatchFilter) -> Result<Vec<Batch>, StoreError> {
        let filter = filter.clone();
        Ok(self.0.read(move |tx| list(tx, &filter)).await?)
    }

    async fn items(&self, id: &BatchId, filter: &ItemFilter) -> Result<Vec<Item>, StoreError> {
        let (id, filter) = (id.clone(), *filter);
        Ok(self.0.read(move |tx| items(tx, &id, &filter)).await?)
    }

    /// The ends that it notes are those of jobs, which are noted again where a power cut undoes it. What the end of a batch owes
    /// leaves only once it is claimed, by a commit that is synced.
    async fn claim_items(
        &self,
        count: usize,
        open: usize,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<(Batch, Item)>, StoreError> {
        let until = after(now, lease);
        Ok(self.0.write_unsynced(move |tx| claiming::claim(tx, count, open, until, now)).await?)
    }

    async fn hand_back_item(&self, id: &BatchId, number: u32) -> Result<(), StoreError> {
        let id = id.clone();
        Ok(self.0.write_unsynced(move |tx| claiming::hand_back(tx, &id, number)).await?)
    }

    /// Where a power cut undoes it the item waits as before. At most its photo was uploaded by then: a submit is noted before it leaves,
    /// by a commit that is synced.
    async fn begin_item(&self, id: &BatchId, number: u32, job: &Job) -> Result<bool, StoreError> {
        let (id, job) = (id.clone(), job.clone());
        Ok(self.0.write_unsynced(move |tx| begin(tx, &id, number, &job)).await?)
    }

    async fn begin_item_allowed(
        &self,
        id: &BatchId,
        number: u32,
        job: &Job,
        allowance: &Allowance,
    ) -> Result<Option<Allowed>, StoreError> {
        let (id, job, allowance) = (id.clone(), job.clone(), allowance.clone());
        Ok(self.0.write_unsynced(move |tx| begin_allowed(tx, &id, number, &job, &allowance)).await?)
    }

    async fn hold_item(
        &self,
        id: &BatchId,
        number: u32,
        reason: &JobError,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, reason) = (id.clone(), reason.clone());
        Ok(self.0.write(move |tx| hold(tx, &id, number, &reason, until)).await?)
    }

    async fn fail_item(&self, id: &BatchId, number: u32, error: &JobError, now: Timestamp) -> Result<bool, StoreError> {
        let (id, error) = (id.clone(), error.clone());
        Ok(self.0.write(move |tx| fail(tx, &id, number, &error, now)).await?)
    }

    async fn steer(&self, id: &BatchId, wish: Steer, now: Timestamp) -> Result<Steered, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| steer(tx, &id, wish, now)).await?)
    }

    async fn discard_batch(&self, id: &BatchId, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| discarded::discard(tx, &id, now)).await?)
    }

    async fn left_batches(&self, count: usize, now: Timestamp) -> Result<Vec<LeftBatch>, StoreError> {
        Ok(self.0.read(move |tx| discarded::left(tx, count, now)).await?)
    }

    async fn jobs_left(&self, id: &BatchId, count: usize) -> Result<Vec<JobId>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| discarded::jobs(tx, &id, count)).await?)
    }

    async fn put_off_batch(&self, id: &BatchId, failures: u32, at: Timestamp) -> Result<(), StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| discarded::put_off(tx, &id, failures, at)).await?)
    }

    async fn clear_batch(&self, id: &BatchId, count: usize) -> Result<bool, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| discarded::clear(tx, &id, count)).await?)
    }
}

pub(super) fn insert(tx: &Transaction<'_>, batch: &Batch, items: &[Item]) -> Result<(), DatabaseError> {
    let row = BatchRow::from(batch);
    tx.prepare_cached(concat!(
        "INSERT INTO studio_batches (",
        batch_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    ))?
    .execute(params![
        row.id,
        row.owner,
        row.state,
        row.preset,
        row.prompt,
        row.num_images,
        row.file_name,
        row.created_at,
        row.finished_at,
        row.notify,
        row.whatsapp,
        row.products,
    ])?;
    let mut insert = tx.prepare_cached(concat!(
        "INSERT INTO studio_batch_items (",
        item_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    ))?;
    for item in items {
        let row = ItemRow::of(&batch.id, item);
        insert.execute(params![
            row.batch_id,
            row.number,
            row.name,
            row.sku,
            row.preset,
            row.prompt,
            row.blob,
            row.state,
            row.job_id,
            row.error,
            row.products,
        ])?;
    }
    refer(tx, &batch.id)
}

/// Notes the bytes of what waits. Fails where some of them are being removed.
fn refer(tx: &Transaction<'_>, id: &BatchId) -> Result<(), DatabaseError> {
    let doomed = tx
        .prepare_cached(
            "SELECT 1 FROM studio_garbage WHERE doomed = 1 AND blob IN (
                 SELECT blob FROM studio_batch_items WHERE batch_id = ?1 AND state = 'waiting') LIMIT 1",
        )?
        .exists([id.as_str()])?;
    if doomed {
        return Err(DatabaseError::Conflict(Cause::from("bytes that the batch refers to are being removed")));
    }
    tx.prepare_cached(
        "INSERT INTO studio_blobs (blob, job_id)
         SELECT DISTINCT blob, batch_id FROM studio_batch_items WHERE batch_id = ?1 AND state = 'waiting'
         ON CONFLICT DO NOTHING",
    )?
    .execute([id.as_str()])?;
    Ok(())
}

/// Forgets the bytes that nothing of the batch waits for any more.
pub(super) fn release(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<(), DatabaseError> {
    let mut release = tx.prepare_cached(
        "DELETE FROM studio_blobs WHERE job_id = ?1 AND blob NOT IN (
             SELECT blob FROM studio_batch_items WHERE batch_id = ?1 AND state = 'waiting')
         RETURNING blob",
    )?;
    let gone: Vec<String> = release.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    tx.prepare_cached(
        "INSERT INTO studio_garbage (blob, since) SELECT value, ?2 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
    )?
    .execute(params![json(&gone), to_micros(now)])?;
    Ok(())
}

pub(super) const RELEASE_ONE: &str = "DELETE FROM studio_blobs WHERE job_id = ?1
     AND blob = (SELECT blob FROM studio_batch_items WHERE batch_id = ?1 AND number = ?2)
     AND NOT EXISTS (SELECT 1 FROM studio_batch_items same
                     WHERE same.batch_id = ?1 AND same.state = 'waiting' AND same.blob = studio_blobs.blob)
     RETURNING blob";

/// As [`release`], for the bytes of one item.
pub(super) fn release_one(
    tx: &Transaction<'_>,
    id: &BatchId,
    number: i64,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let mut release = tx.prepare_cached(RELEASE_ONE)?;
    let gone: Option<String> = release.query_row(params![id.as_str(), number], |row| row.get(0)).optional()?;
    if let Some(blob) = gone {
        tx.prepare_cached("INSERT INTO studio_garbage (blob, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute(params![blob, to_micros(now)])?;
    }
    Ok(())
}

pub(super) fn by_id(tx: &Transaction<'_>, id: &str) -> Result<Option<Batch>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!("SELECT ", batch_columns!(), " FROM studio_batches WHERE id = ?1"))?;
    select.query_row([id], batch_row).optional()?.map(Batch::try_from).transpose()
}

pub(super) fn counted(tx: &Transaction<'_>, id: &BatchId) -> Result<Option<(Batch, Counts)>, DatabaseError> {
    let Some(batch) = by_id(tx, id.as_str())? else { return Ok(None) };
    let mut counts = Counts::default();
    let mut select =
        tx.prepare_cached("SELECT state, count(*) FROM studio_batch_items WHERE batch_id = ?1 GROUP BY state")?;
    let rows = select.query_map([id.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    for row in rows {
        let (state, count) = row?;
        if let Some(state) = ItemState::parse(&state) {
            *counts.of(state) = count.unsigned_abs();
        }
    }
    Ok(Some((batch, counts)))
}

fn retryable(tx: &Transaction<'_>, id: &BatchId) -> Result<u64, DatabaseError> {
    let mut count = tx
        .prepare_cached(concat!("SELECT count(*) FROM studio_batch_items WHERE batch_id = ?1 AND ", is_retryable!()))?;
    Ok(count.query_row([id.as_str()], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

fn list(tx: &Transaction<'_>, filter: &BatchFilter) -> Result<Vec<Batch>, DatabaseError> {
    let mut select = tx.prepare_cached(match filter.owner {
        Some(_) => concat!(
            "SELECT ",
            batch_columns!(),
            " FROM studio_batches WHERE owner = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
        ),
        None => concat!(
            "SELECT ",
            batch_columns!(),
            " FROM studio_batches WHERE ?1 IS NULL AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
        ),
    })?;
    let (owner, before) = (filter.owner.as_ref().map(Owner::as_str), filter.before.as_ref().map(BatchId::as_str));
    let rows = select.query_map(params![owner, before, limit(filter.limit)], batch_row)?;
    readable(rows.map(|row| Batch::try_from(row?)))
}

fn items(tx: &Transaction<'_>, id: &BatchId, filter: &ItemFilter) -> Result<Vec<Item>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!(
        "SELECT ",
        item_columns!(),
        " FROM studio_batch_items WHERE batch_id = ?1 AND number > ?2 AND (?3 IS NULL OR state = ?3)",
        " ORDER BY number LIMIT ?4"
    ))?;
    let state = filter.state.map(ItemState::as_str);
    let rows = select.query_map(params![id.as_str(), filter.after, state, limit(filter.limit)], item_row)?;
    readable(rows.map(|row| Item::try_from(row?)))
}

/// The job is whose the batch is by now: a seller may have signed in since the item was claimed.
fn begin(tx: &Transaction<'_>, id: &BatchId, number: u32, new: &Job) -> Result<bool, DatabaseError> {
    let owner: Option<Option<String>> = tx
        .prepare_cached("SELECT owner FROM studio_batches WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    let new = &new.clone().owned_by(owner.flatten().map(Owner::stored));
    let changed = tx
        .prepare_cached(
            "UPDATE studio_batch_items SET state = 'running', job_id = ?3, error = NULL, leased_until = NULL
             WHERE batch_id = ?1 AND number = ?2 AND state = 'waiting'",
        )?
        .execute(params![id.as_str(), number, new.id.as_str()])?;
    if changed == 0 {
        return Ok(false);
    }
    job::insert(tx, new)?;
    release_one(tx, id, number.into(), new.created_at)?;
    if let Some(source) = new.spec.sources.first() {
        let other = "UPDATE studio_batch_items SET blob = ?3 WHERE batch_id = ?1 AND number = ?2 AND blob IS NOT ?3";
        tx.prepare_cached(other)?.execute(params![id.as_str(), number, source.blob])?;
    }
    Ok(true)
}

fn begin_allowed(
    tx: &Transaction<'_>,
    id: &BatchId,
    number: u32,
    new: &Job,
    allowance: &Allowance,
) -> Result<Option<Allowed>, DatabaseError> {
    match key::allowed(tx, new, allowance)? {
        Allowed::Yes => Ok(begin(tx, id, number, new)?.then_some(Allowed::Yes)),
        spent => Ok(Some(spent)),
    }
}

fn hold(
    tx: &Transaction<'_>,
    id: &BatchId,
    number: u32,
    reason: &JobError,
    until: Timestamp,
) -> Result<bool, DatabaseError> {
    let held = tx
        .prepare_cached(
            "UPDATE studio_batch_items SET error = ?3, leased_until = ?4
             WHERE batch_id = ?1 AND number = ?2 AND state = 'waiting'",
        )?
        .execute(params![id.as_str(), number, json(reason), to_micros(until)])?;
    Ok(held == 1)
}

fn fail(
    tx: &Transaction<'_>,
    id: &BatchId,
    number: u32,
    error: &JobError,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let changed = tx
        .prepare_cached(
            "UPDATE studio_batch_items SET state = 'failed', error = ?3, leased_until = NULL
             WHERE batch_id = ?1 AND number = ?2 AND state = 'waiting'",
        )?
        .execute(params![id.as_str(), number, json(error)])?;
    release_one(tx, id, number.into(), now)?;
    Ok(changed == 1)
}

fn steer(tx: &Transaction<'_>, id: &BatchId, wish: Steer, now: Timestamp) -> Result<Steered, DatabaseError> {
    let Some(batch) = by_id(tx, id.as_str())? else { return Ok(Steered::NotFound) };
    let Some(state) = batch.state.steered(wish) else { return Ok(Steered::TooLate) };
    match wish {
        Steer::Pause | Steer::Resume => {}
        Steer::Retry => {
            discarded::note_tries(tx, id)?;
            let again = tx
                .prepare_cached(concat!(
                    "UPDATE studio_batch_items SET state = 'waiting', job_id = NULL, error = NULL, leased_until = NULL
                     WHERE batch_id = ?1 AND ",
                    is_retryable!()
                ))?
                .execute([id.as_str()])?;
            // One that is paused stays so, too.
            if again == 0 {
                return Ok(Steered::Done);
            }
            refer(tx, id)?;
        }
        Steer::Cancel => {
            tx.prepare_cached(
                "UPDATE studio_batch_items SET state = 'canceled', leased_until = NULL
                 WHERE batch_id = ?1 AND state = 'waiting'",
            )?
            .execute([id.as_str()])?;
            release(tx, id.as_str(), now)?;
        }
    }
    let finished = (state == BatchState::Canceled).then(|| to_micros(batch.finished_at.unwrap_or(now)));
    tx.prepare_cached("UPDATE studio_batches SET state = ?2, finished_at = ?3 WHERE id = ?1")?.execute(params![
        id.as_str(),
        state.as_str(),
        finished
    ])?;
    if wish == Steer::Cancel && batch.state != BatchState::Canceled {
        owe_where_nothing_runs(tx, id, now)?;
    }
    Ok(Steered::Done)
}

/// Of a batch that was canceled just now. Where a job runs, its end is what owes the message.
fn owe_where_nothing_runs(tx: &Transaction<'_>, id: &BatchId, now: Timestamp) -> Result<(), DatabaseError> {
    match counted(tx, id)? {
        Some((batch, counts)) if counts.running == 0 => ending::owe_end(tx, &batch, counts, now),
        Some(_) | None => Ok(()),
    }
}

/// Lets all leases end now.
pub(super) fn release_leases(tx: &Transaction<'_>) -> Result<usize, DatabaseError> {
    let mut release =
        tx.prepare_cached("UPDATE studio_batch_items SET leased_until = NULL WHERE leased_until IS NOT NULL")?;
    Ok(release.execute([])?)
}

fn batch_row(row: &Row<'_>) -> rusqlite::Result<BatchRow> {
    Ok(BatchRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        state: row.get(2)?,
        preset: row.get(3)?,
        prompt: row.get(4)?,
        num_images: row.get(5)?,
        file_name: row.get(6)?,
        created_at: row.get(7)?,
        finished_at: row.get(8)?,
        notify: row.get(9)?,
        whatsapp: row.get(10)?,
        products: row.get(11)?,
    })
}

pub(super) fn item_row(row: &Row<'_>) -> rusqlite::Result<ItemRow> {
    Ok(ItemRow {
        batch_id: row.get(0)?,
        number: row.get(1)?,
        name: row.get(2)?,
        sku: row.get(3)?,
        preset: row.get(4)?,
        prompt: row.get(5)?,
        blob: row.get(6)?,
        state: row.get(7)?,
        job_id: row.get(8)?,
        error: row.get(9)?,
        products: row.get(10)?,
    })
}

//! Batches and their items. A batch's row is locked before its items change, but for the end of their jobs.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_inbox::store::StoreError;
use plantain_studio::bulk::batch::{Batch, BatchId, BatchState, Counts, Item, ItemState, LeftBatch, Steer};
use plantain_studio::bulk::store::{BatchFilter, BatchStore, ItemFilter, Steered};
use plantain_studio::job::key::{Allowance, Allowed};
use plantain_studio::job::wish::{Became, Wished};
use plantain_studio::job::{Job, JobError, JobId};
use plantain_work::clock::after;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::group::column;
use crate::postgres::studio::{PostgresStudio, blob, claiming, discarded, ending, job, key, wish};
use crate::postgres::text::storable;
use crate::studio::bulk::{BatchRow, ItemRow, batch_columns, is_retryable, item_columns, readable};
use crate::studio::job::{json, limit};
use crate::time::to_micros;

#[async_trait]
impl BatchStore for PostgresStudio {
    async fn insert_batch(&self, batch: &Batch, items: &[Item]) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| insert(&self.0, batch, items)).await?)
    }

    async fn insert_batch_once(
        &self,
        batch: &Batch,
        items: &[Item],
        wished: &Wished,
        since: Timestamp,
    ) -> Result<Option<Became>, StoreError> {
        Ok(self.0.retrying(|| wish::insert_batch_once(&self.0, batch, items, wished, since)).await?)
    }

    async fn batch(&self, id: &BatchId) -> Result<Option<(Batch, Counts)>, StoreError> {
        Ok(counted(&self.0, id).await?)
    }

    async fn retryable(&self, id: &BatchId) -> Result<u64, StoreError> {
        Ok(retryable(&self.0, id).await?)
    }

    async fn batches(&self, filter: &BatchFilter) -> Result<Vec<Batch>, StoreError> {
        Ok(list(&self.0, filter).await?)
    }

    async fn items(&self, id: &BatchId, filter: &ItemFilter) -> Result<Vec<Item>, StoreError> {
        Ok(items(&self.0, id, filter).await?)
    }

    async fn claim_items(
        &self,
        count: usize,
        open: usize,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<(Batch, Item)>, StoreError> {
        let until = after(now, lease);
        Ok(self.0.retrying(|| claiming::claim(&self.0, count, open, until, now)).await?)
    }

    async fn hand_back_item(&self, id: &BatchId, number: u32) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| claiming::hand_back(&self.0, id, number)).await?)
    }

    async fn begin_item(&self, id: &BatchId, number: u32, job: &Job) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| begin(&self.0, id, number, job)).await?)
    }

    async fn begin_item_allowed(
        &self,
        id: &BatchId,
        number: u32,
        job: &Job,
        allowance: &Allowance,
    ) -> Result<Option<Allowed>, StoreError> {
        Ok(self.0.retrying(|| begin_allowed(&self.0, id, number, job, allowance)).await?)
    }

    async fn hold_item(
        &self,
        id: &BatchId,
        number: u32,
        reason: &JobError,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| hold(&self.0, id, number, reason, until)).await?)
    }

    async fn fail_item(&self, id: &BatchId, number: u32, error: &JobError, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| fail(&self.0, id, number, error, now)).await?)
    }

    async fn steer(&self, id: &BatchId, wish: Steer, now: Timestamp) -> Result<Steered, StoreError> {
        Ok(self.0.retrying(|| steer(&self.0, id, wish, now)).await?)
    }

    async fn discard_batch(&self, id: &BatchId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| discarded::discard(&self.0, id, now)).await?)
    }

    async fn left_batches(&self, count: usize, now: Timestamp) -> Result<Vec<LeftBatch>, StoreError> {
        Ok(discarded::left(&self.0, count, now).await?)
    }

    async fn jobs_left(&self, id: &BatchId, count: usize) -> Result<Vec<JobId>, StoreError> {
        Ok(discarded::jobs(&self.0, id, count).await?)
    }

    async fn put_off_batch(&self, id: &BatchId, failures: u32, at: Timestamp) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| discarded::put_off(&self.0, id, failures, at)).await?)
    }

    async fn clear_batch(&self, id: &BatchId, count: usize) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| discarded::clear(&self.0, id, count)).await?)
    }
}

async fn insert(database: &Database, batch: &Batch, items: &[Item]) -> Result<(), DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    insert_in(&tx, batch, items).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn insert_in(tx: &Transaction<'_>, batch: &Batch, items: &[Item]) -> Result<(), DatabaseError> {
    let insert = tx
        .prepare_cached(concat!(
            "INSERT INTO studio_batches (",
            batch_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ))
        .await?;
    let row = BatchRow::from(batch);
    tx.execute(
        &insert,
        &[
            &row.id,
            &row.owner,
            &row.state,
            &row.preset,
            &row.prompt.as_deref().map(storable),
            &row.num_images,
            &row.file_name.as_deref().map(storable),
            &row.created_at,
            &row.finished_at,
            &row.notify,
            &row.whatsapp,
            &row.products,
        ],
    )
    .await?;
    insert_items(tx, &batch.id, items).await?;
    refer(tx, &batch.id).await
}

async fn insert_items(tx: &Transaction<'_>, id: &BatchId, items: &[Item]) -> Result<(), DatabaseError> {
    let insert = tx
        .prepare_cached(concat!(
            "INSERT INTO studio_batch_items (",
            item_columns!(),
            ") SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],",
            " $8::text[], $9::text[], $10::text[], $11::bigint[])"
        ))
        .await?;
    let rows: Vec<ItemRow> = items.iter().map(|item| ItemRow::of(id, item)).collect();
    tx.execute(
        &insert,
        &[
            &column(&rows, |row| row.batch_id.as_str()),
            &column(&rows, |row| row.number),
            &column(&rows, |row| storable(&row.name)),
            &column(&rows, |row| row.sku.as_deref().map(storable)),
            &column(&rows, |row| row.preset.as_deref().map(storable)),
            &column(&rows, |row| row.prompt.as_deref().map(storable)),
            &column(&rows, |row| row.blob.as_deref()),
            &column(&rows, |row| row.state.as_str()),
            &column(&rows, |row| row.job_id.as_deref()),
            &column(&rows, |row| row.error.as_deref()),
            &column(&rows, |row| row.products),
        ],
    )
    .await?;
    Ok(())
}

/// Notes the bytes of what waits. Fails where some of them are being removed.
async fn refer(tx: &Transaction<'_>, id: &BatchId) -> Result<(), DatabaseError> {
    let select = tx
        .prepare_cached("SELECT DISTINCT blob FROM studio_batch_items WHERE batch_id = $1 AND state = 'waiting'")
        .await?;
    let rows = tx.query(&select, &[&id.as_str()]).await?;
    let blobs: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    blob::refer_by(tx, id.as_str(), blobs.iter().map(String::as_str).collect()).await
}

/// Forgets the bytes of items that nothing of the batch waits for any more: of one item, or of all.
pub(super) async fn release(
    tx: &Transaction<'_>,
    id: &str,
    number: Option<i64>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let release = tx
        .prepare_cached(
            "WITH gone AS (
                 DELETE FROM studio_blobs b WHERE b.job_id = $1
                 AND ($2::bigint IS NULL
                      OR b.blob = (SELECT blob FROM studio_batch_items WHERE batch_id = $1 AND number = $2))
                 AND NOT EXISTS (SELECT 1 FROM studio_batch_items same
                                 WHERE same.batch_id = $1 AND same.state = 'waiting' AND same.blob = b.blob)
                 RETURNING b.blob)
             INSERT INTO studio_garbage (blob, since) SELECT blob, $3 FROM gone ON CONFLICT DO NOTHING",
        )
        .await?;
    tx.execute(&release, &[&id, &number, &to_micros(now)]).await?;
    Ok(())
}

pub(super) async fn locked(tx: &Transaction<'_>, id: &str) -> Result<Option<Batch>, DatabaseError> {
    let select = tx
        .prepare_cached(concat!("SELECT ", batch_columns!(), " FROM studio_batches WHERE id = $1 FOR UPDATE"))
        .await?;
    tx.query_opt(&select, &[&id]).await?.map(|row| batch(&row)).transpose()
}

async fn counted(database: &Database, id: &BatchId) -> Result<Option<(Batch, Counts)>, DatabaseError> {
    let client = database.client().await?;
    let select =
        client.prepare_cached(concat!("SELECT ", batch_columns!(), " FROM studio_batches WHERE id = $1")).await?;
    let Some(row) = client.query_opt(&select, &[&id.as_str()]).await? else { return Ok(None) };
    let count = client.prepare_cached(COUNT).await?;
    let counts = counts(&client.query(&count, &[&id.as_str()]).await?)?;
    Ok(Some((batch(&row)?, counts)))
}

/// A batch's items by their states.
const COUNT: &str = "SELECT state, count(*) FROM studio_batch_items WHERE batch_id = $1 GROUP BY state";

pub(super) async fn counts_in(tx: &Transaction<'_>, id: &str) -> Result<Counts, DatabaseError> {
    let count = tx.prepare_cached(COUNT).await?;
    counts(&tx.query(&count, &[&id]).await?)
}

pub(super) fn ids(rows: &[Row]) -> Result<Vec<String>, DatabaseError> {
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

fn counts(rows: &[Row]) -> Result<Counts, DatabaseError> {
    let mut counts = Counts::default();
    for row in rows {
        if let Some(state) = ItemState::parse(row.try_get(0)?) {
            *counts.of(state) = row.try_get::<_, i64>(1)?.unsigned_abs();
        }
    }
    Ok(counts)
}

async fn retryable(database: &Database, id: &BatchId) -> Result<u64, DatabaseError> {
    let client = database.client().await?;
    let count = client
        .prepare_cached(concat!("SELECT count(*) FROM studio_batch_items WHERE batch_id = $1 AND ", is_retryable!()))
        .await?;
    Ok(client.query_one(&count, &[&id.as_str()]).await?.try_get::<_, i64>(0)?.unsigned_abs())
}

async fn list(database: &Database, filter: &BatchFilter) -> Result<Vec<Batch>, DatabaseError> {
    let client = database.client().await?;
    let (before, limit) = (filter.before.as_ref().map(BatchId::as_str), limit(filter.limit));
    let rows = match &filter.owner {
        Some(owner) => {
            let select = concat!(
                "SELECT ",
                batch_columns!(),
                " FROM studio_batches WHERE owner = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"
            );
            client.query(&client.prepare_cached(select).await?, &[&owner.as_str(), &before, &limit]).await?
        }
        None => {
            let select = concat!(
                "SELECT ",
                batch_columns!(),
                " FROM studio_batches WHERE $1::text IS NULL OR id < $1 ORDER BY id DESC LIMIT $2"
            );
            client.query(&client.prepare_cached(select).await?, &[&before, &limit]).await?
        }
    };
    readable(rows.iter().map(batch))
}

async fn items(database: &Database, id: &BatchId, filter: &ItemFilter) -> Result<Vec<Item>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(concat!(
            "SELECT ",
            item_columns!(),
            " FROM studio_batch_items WHERE batch_id = $1 AND number > $2 AND ($3::text IS NULL OR state = $3)",
            " ORDER BY number LIMIT $4"
        ))
        .await?;
    let state = filter.state.map(ItemState::as_str);
    let after = i64::from(filter.after);
    let rows = client.query(&select, &[&id.as_str(), &after, &state, &limit(filter.limit)]).await?;
    readable(rows.iter().map(item))
}

async fn begin(database: &Database, id: &BatchId, number: u32, new: &Job) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let begun = begin_in(&tx, id, number, new).await?;
    tx.commit().await?;
    Ok(begun)
}

/// The key's row is locked first, as for any job within a budget.
async fn begin_allowed(
    database: &Database,
    id: &BatchId,
    number: u32,
    new: &Job,
    allowance: &Allowance,
) -> Result<Option<Allowed>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    if let spent @ Allowed::Spent(_) = key::allowed_in(&tx, new, allowance).await? {
        return Ok(Some(spent));
    }
    let begun = begin_in(&tx, id, number, new).await?;
    tx.commit().await?;
    Ok(begun.then_some(Allowed::Yes))
}

/// The job is whose the batch is by now: a seller may have signed in since the item was claimed.
async fn begin_in(tx: &Transaction<'_>, id: &BatchId, number: u32, new: &Job) -> Result<bool, DatabaseError> {
    // Of two items of one photo the later sees what the earlier did.
    let batch = locked(tx, id.as_str()).await?;
    let new = &new.clone().owned_by(batch.and_then(|batch| batch.owner));
    let begin = tx
        .prepare_cached(
            "UPDATE studio_batch_items SET state = 'running', job_id = $3, error = NULL, leased_until = NULL
             WHERE batch_id = $1 AND number = $2 AND state = 'waiting'",
        )
        .await?;
    if tx.execute(&begin, &[&id.as_str(), &i64::from(number), &new.id.as_str()]).await? == 0 {
        return Ok(false);
    }
    job::insert_in(tx, new).await?;
    release(tx, id.as_str(), Some(number.into()), new.created_at).await?;
    if let Some(source) = new.spec.sources.first() {
        let refer =
            tx.prepare_cached("UPDATE studio_batch_items SET blob = $3 WHERE batch_id = $1 AND number = $2").await?;
        tx.execute(&refer, &[&id.as_str(), &i64::from(number), &source.blob]).await?;
    }
    Ok(true)
}

async fn hold(
    database: &Database,
    id: &BatchId,
    number: u32,
    reason: &JobError,
    until: Timestamp,
) -> Result<bool, DatabaseError> {
    let client = database.client().await?;
    let hold = client
        .prepare_cached(
            "UPDATE studio_batch_items SET error = $3, leased_until = $4
             WHERE batch_id = $1 AND number = $2 AND state = 'waiting'",
        )
        .await?;
    let held = client.execute(&hold, &[&id.as_str(), &i64::from(number), &json(reason), &to_micros(until)]).await?;
    Ok(held == 1)
}

async fn fail(
    database: &Database,
    id: &BatchId,
    number: u32,
    error: &JobError,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    locked(&tx, id.as_str()).await?;
    let fail = tx
        .prepare_cached(
            "UPDATE studio_batch_items SET state = 'failed', error = $3, leased_until = NULL
             WHERE batch_id = $1 AND number = $2 AND state = 'waiting'",
        )
        .await?;
    let changed = tx.execute(&fail, &[&id.as_str(), &i64::from(number), &json(error)]).await?;
    release(&tx, id.as_str(), Some(number.into()), now).await?;
    tx.commit().await?;
    Ok(changed == 1)
}

async fn steer(database: &Database, id: &BatchId, wish: Steer, now: Timestamp) -> Result<Steered, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let Some(batch) = locked(&tx, id.as_str()).await? else { return Ok(Steered::NotFound) };
    let Some(state) = batch.state.steered(wish) else { return Ok(Steered::TooLate) };
    match wish {
        Steer::Pause | Steer::Resume => {}
        Steer::Retry => {
            discarded::note_tries(&tx, id).await?;
            let again = tx
                .prepare_cached(concat!(
                    "UPDATE studio_batch_items SET state = 'waiting', job_id = NULL, error = NULL, leased_until = NULL
                     WHERE batch_id = $1 AND ",
                    is_retryable!()
                ))
                .await?;
            // One that is paused stays so, too.
            if tx.execute(&again, &[&id.as_str()]).await? == 0 {
                return Ok(Steered::Done);
            }
            refer(&tx, id).await?;
        }
        Steer::Cancel => {
            let cancel = tx
                .prepare_cached(
                    "UPDATE studio_batch_items SET state = 'canceled', leased_until = NULL
                     WHERE batch_id = $1 AND state = 'waiting'",
                )
                .await?;
            tx.execute(&cancel, &[&id.as_str()]).await?;
            release(&tx, id.as_str(), None, now).await?;
        }
    }
    let finished = (state == BatchState::Canceled).then(|| to_micros(batch.finished_at.unwrap_or(now)));
    let update = tx.prepare_cached("UPDATE studio_batches SET state = $2, finished_at = $3 WHERE id = $1").await?;
    tx.execute(&update, &[&id.as_str(), &state.as_str(), &finished]).await?;
    if wish == Steer::Cancel && batch.state != BatchState::Canceled {
        // Where a job runs, its end is what owes the message.
        let counts = counts_in(&tx, id.as_str()).await?;
        let canceled = Batch { state, finished_at: batch.finished_at.or(Some(now)), ..batch };
        if counts.running == 0 {
            ending::owe_end(&tx, &canceled, counts, now).await?;
        }
    }
    tx.commit().await?;
    Ok(Steered::Done)
}

fn batch(row: &Row) -> Result<Batch, DatabaseError> {
    let row = BatchRow {
        id: row.try_get(0)?,
        owner: row.try_get(1)?,
        state: row.try_get(2)?,
        preset: row.try_get(3)?,
        prompt: row.try_get(4)?,
        num_images: row.try_get(5)?,
        file_name: row.try_get(6)?,
        created_at: row.try_get(7)?,
        finished_at: row.try_get(8)?,
        notify: row.try_get(9)?,
        whatsapp: row.try_get(10)?,
        products: row.try_get(11)?,
    };
    row.try_into()
}

pub(super) fn item(row: &Row) -> Result<Item, DatabaseError> {
    let row = ItemRow {
        batch_id: row.try_get(0)?,
        number: row.try_get(1)?,
        name: row.try_get(2)?,
        sku: row.try_get(3)?,
        preset: row.try_get(4)?,
        prompt: row.try_get(5)?,
        blob: row.try_get(6)?,
        state: row.try_get(7)?,
        job_id: row.try_get(8)?,
        error: row.try_get(9)?,
        products: row.try_get(10)?,
    };
    row.try_into()
}

//! Rows of batches and their items, and what they mean.

use plantain_studio::bulk::batch::{Batch, BatchId, BatchState, Item, ItemState};
use plantain_studio::job::{JobError, JobId, Owner};

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::studio::job::{json, read};
use crate::time::to_micros;

/// The columns of a batch, in the order of [`BatchRow`].
macro_rules! batch_columns {
    () => {
        "id, owner, state, preset, prompt, num_images, file_name, created_at, finished_at, notify, whatsapp, products"
    };
}
pub(crate) use batch_columns;

/// The columns of an item, in the order of [`ItemRow`].
macro_rules! item_columns {
    () => {
        "batch_id, number, name, sku, preset, prompt, blob, state, job_id, error, products"
    };
}
pub(crate) use item_columns;

/// Of an item: it can be tried again. What never became a job is the file's fault, and without its bytes a photo can't be made.
macro_rules! is_retryable {
    () => {
        "state = 'failed' AND job_id IS NOT NULL AND blob IN (SELECT blob FROM studio_blobs)"
    };
}
pub(crate) use is_retryable;

pub(crate) struct BatchRow {
    pub id: String,
    pub owner: Option<String>,
    pub state: String,
    pub preset: String,
    pub prompt: Option<String>,
    pub num_images: i64,
    pub file_name: Option<String>,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    pub notify: Option<String>,
    pub whatsapp: Option<String>,
    pub products: Option<i64>,
}

impl From<&Batch> for BatchRow {
    fn from(batch: &Batch) -> BatchRow {
        BatchRow {
            id: batch.id.to_string(),
            owner: batch.owner.as_ref().map(ToString::to_string),
            state: batch.state.as_str().to_owned(),
            preset: batch.preset.clone(),
            prompt: batch.prompt.clone(),
            num_images: batch.num_images.into(),
            file_name: batch.file_name.clone(),
            created_at: to_micros(batch.created_at),
            finished_at: batch.finished_at.map(to_micros),
            notify: batch.notify.as_ref().map(json),
            whatsapp: batch.whatsapp.as_ref().map(json),
            products: batch.products.map(i64::from),
        }
    }
}

impl TryFrom<BatchRow> for Batch {
    type Error = DatabaseError;

    fn try_from(row: BatchRow) -> Result<Batch, DatabaseError> {
        let place = Place { table: "studio_batches", row: &row.id };
        Ok(Batch {
            id: BatchId::parse(&row.id).ok_or_else(|| place.wrong("id"))?,
            owner: row.owner.map(Owner::stored),
            state: BatchState::parse(&row.state).ok_or_else(|| place.wrong("state"))?,
            preset: row.preset,
            prompt: row.prompt,
            num_images: place.number("num_images", row.num_images)?,
            file_name: row.file_name,
            created_at: place.time("created_at", row.created_at)?,
            finished_at: place.maybe_time("finished_at", row.finished_at)?,
            // Who is to be told is no reason to give up the photos.
            notify: row.notify.and_then(|notify| serde_json::from_str(&notify).ok()),
            whatsapp: row.whatsapp.and_then(|wish| serde_json::from_str(&wish).ok()),
            products: row.products.map(|products| place.number("products", products)).transpose()?,
        })
    }
}

pub(crate) struct ItemRow {
    pub batch_id: String,
    pub number: i64,
    pub name: String,
    pub sku: Option<String>,
    pub preset: Option<String>,
    pub prompt: Option<String>,
    pub blob: Option<String>,
    pub state: String,
    pub job_id: Option<String>,
    pub error: Option<String>,
    pub products: Option<i64>,
}

impl ItemRow {
    pub fn of(batch: &BatchId, item: &Item) -> ItemRow {
        ItemRow {
            batch_id: batch.to_string(),
            number: item.number.into(),
            name: item.name.clone(),
            sku: item.sku.clone(),
            preset: item.preset.clone(),
            prompt: item.prompt.clone(),
            blob: item.blob.clone(),
            state: item.state.as_str().to_owned(),
            job_id: item.job.as_ref().map(ToString::to_string),
            error: item.error.as_ref().map(json),
            products: item.products.map(i64::from),
        }
    }
}

impl TryFrom<ItemRow> for Item {
    type Error = DatabaseError;

    fn try_from(row: ItemRow) -> Result<Item, DatabaseError> {
        let place = Place { table: "studio_batch_items", row: &row.batch_id };
        let job = |id: String| JobId::parse(&id).ok_or_else(|| place.wrong("job_id"));
        Ok(Item {
            number: place.number("number", row.number)?,
            name: row.name,
            sku: row.sku,
            preset: row.preset,
            prompt: row.prompt,
            blob: row.blob,
            state: ItemState::parse(&row.state).ok_or_else(|| place.wrong("state"))?,
            job: row.job_id.map(job).transpose()?,
            error: row.error.map(|error| read(&place, "error", &error)).transpose()?,
            products: row.products.map(|products| place.number("products", products)).transpose()?,
        })
    }
}

/// How often a claim looks on where it met items that can't be read. Each look ends one at least; what is left comes with the next claim.
pub(crate) const LOOKS_MAX: usize = 64;

/// Why an item is given up that can't be read.
pub(crate) fn unreadable() -> JobError {
    JobError::new(
        "item_unreadable",
        "The photo's record in the studio's database can't be read.",
        "Send the photo again, and tell whoever runs the studio that its database is damaged.",
    )
}

/// Why a batch is given up that can't be read.
pub(crate) fn unreadable_batch() -> JobError {
    JobError::new(
        "batch_unreadable",
        "The batch's record in the studio's database can't be read.",
        "Hand the photos in again, and tell whoever runs the studio that its database is damaged.",
    )
}

/// What can be read; the rest is named in the log and left out.
pub(crate) fn readable<T>(rows: impl Iterator<Item = Result<T, DatabaseError>>) -> Result<Vec<T>, DatabaseError> {
    let mut read = Vec::new();
    for row in rows {
        match row {
            Ok(row) => read.push(row),
            Err(error) if error.is_of_one_row() => tracing::error!(%error, "batch.unreadable: left out of a list"),
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

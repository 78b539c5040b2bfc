//! Files on the queue's CDN, and the parts of those that still come.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_queue::files::{PartKept, PartRecord, UNUSED_KEPT};
use plantain_queue::model::FileRecord;
use plantain_work::clock::after;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::unused;
use crate::postgres::text::storable;
use crate::queue::file::{FileRow, PartRow, access_json, size_column};
use crate::time::to_micros;

/// The first one put under an id stays. Returns what is kept.
pub(super) async fn put(database: &Database, file: &FileRecord) -> Result<FileRecord, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    lock(&tx, &file.id).await?;
    let freed_at = after(file.created_at, UNUSED_KEPT);
    if let Some(known) = find(&tx, &file.id).await? {
        unused::leave(&tx, std::slice::from_ref(&file.blob), freed_at).await?;
        tx.commit().await?;
        return Ok(known);
    }
    unused::refer_to(&tx, &file.blob).await?;
    insert(&tx, file).await?;
    let parts = tx.prepare_cached("DELETE FROM queue_parts WHERE file_id = $1 RETURNING blob").await?;
    let freed = blobs(&tx.query(&parts, &[&file.id]).await?)?;
    unused::leave(&tx, &freed, freed_at).await?;
    tx.commit().await?;
    Ok(file.clone())
}

/// Whoever writes about one file does it one after the other. Ids are hexadecimal and hashes of bytes are longer, so no id
/// takes the lock of a blob but by chance, which only makes somebody wait.
async fn lock(tx: &Transaction<'_>, id: &str) -> Result<(), DatabaseError> {
    let lock = tx.prepare_cached("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))").await?;
    tx.execute(&lock, &[&storable(id)]).await?;
    Ok(())
}

async fn insert(tx: &Transaction<'_>, file: &FileRecord) -> Result<(), DatabaseError> {
    let insert = tx
        .prepare_cached(
            "INSERT INTO queue_files (id, name, content_type, blob, size, created_at, expires_at, owner, access)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .await?;
    tx.execute(
        &insert,
        &[
            &file.id,
            &storable(&file.name),
            &storable(&file.content_type),
            &file.blob,
            &size_column(file.size),
            &to_micros(file.created_at),
            &file.expires_at.map(to_micros),
            &file.owner.as_ref().map(|owner| owner.as_str()),
            &access_json(file.access.as_ref()).as_deref().map(storable),
        ],
    )
    .await?;
    Ok(())
}

async fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<FileRecord>, DatabaseError> {
    let select = tx.prepare_cached(SELECT_FILE).await?;
    tx.query_opt(&select, &[&storable(id)]).await?.map(|row| record(&row)).transpose()
}

const SELECT_FILE: &str = "SELECT id, name, content_type, blob, size, created_at, expires_at, owner, access
     FROM queue_files WHERE id = $1";

pub(super) async fn get(database: &Database, id: &str) -> Result<Option<FileRecord>, DatabaseError> {
    let client = database.client().await?;
    let select = client.prepare_cached(SELECT_FILE).await?;
    client.query_opt(&select, &[&storable(id)]).await?.map(|row| record(&row)).transpose()
}

fn record(row: &Row) -> Result<FileRecord, DatabaseError> {
    let row = FileRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        content_type: row.try_get(2)?,
        blob: row.try_get(3)?,
        size: row.try_get(4)?,
        created_at: row.try_get(5)?,
        expires_at: row.try_get(6)?,
        owner: row.try_get(7)?,
        access: row.try_get(8)?,
    };
    row.try_into()
}

pub(super) async fn forget(database: &Database, id: &str) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let delete = client.prepare_cached("DELETE FROM queue_files WHERE id = $1").await?;
    client.execute(&delete, &[&storable(id)]).await?;
    Ok(())
}

pub(super) async fn put_part(
    database: &Database,
    part: &PartRecord,
    bytes_max: u64,
    now: Timestamp,
) -> Result<PartKept, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    lock(&tx, &part.file_id).await?;
    let freed_at = after(now, UNUSED_KEPT);
    let refused = refusal(&tx, part, bytes_max).await?;
    if let Some(refused) = refused {
        unused::leave(&tx, std::slice::from_ref(&part.blob), freed_at).await?;
        tx.commit().await?;
        return Ok(refused);
    }
    unused::refer_to(&tx, &part.blob).await?;
    let replaced = replace(&tx, part).await?;
    if let Some(replaced) = replaced.filter(|replaced| *replaced != part.blob) {
        unused::leave(&tx, &[replaced], freed_at).await?;
    }
    tx.commit().await?;
    Ok(PartKept::Kept)
}

async fn refusal(tx: &Transaction<'_>, part: &PartRecord, bytes_max: u64) -> Result<Option<PartKept>, DatabaseError> {
    let look = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM queue_files WHERE id = $1),
                 (SELECT coalesce(sum(size), 0)::bigint FROM queue_parts WHERE file_id = $1 AND number <> $2)",
        )
        .await?;
    let row = tx.query_one(&look, &[&part.file_id, &i64::from(part.number)]).await?;
    let (finished, others): (bool, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(match size_column(part.size).saturating_add(others) > size_column(bytes_max) {
        _ if finished => Some(PartKept::Finished),
        true => Some(PartKept::TooLarge),
        false => None,
    })
}

/// Returns the blob of the part that was there before.
async fn replace(tx: &Transaction<'_>, part: &PartRecord) -> Result<Option<String>, DatabaseError> {
    let number = i64::from(part.number);
    let old = tx.prepare_cached("SELECT blob FROM queue_parts WHERE file_id = $1 AND number = $2").await?;
    let old = tx.query_opt(&old, &[&part.file_id, &number]).await?;
    let put = tx
        .prepare_cached(
            "INSERT INTO queue_parts (file_id, number, blob, size, expires_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (file_id, number) DO UPDATE SET blob = excluded.blob, size = excluded.size",
        )
        .await?;
    let (size, expires_at) = (size_column(part.size), to_micros(part.expires_at));
    tx.execute(&put, &[&part.file_id, &number, &part.blob, &size, &expires_at]).await?;
    Ok(old.map(|row| row.try_get(0)).transpose()?)
}

pub(super) async fn parts(database: &Database, file_id: &str) -> Result<Vec<PartRecord>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT file_id, number, blob, size, expires_at FROM queue_parts WHERE file_id = $1 ORDER BY number",
        )
        .await?;
    let rows = client.query(&select, &[&storable(file_id)]).await?;
    rows.iter().map(part).collect()
}

fn part(row: &Row) -> Result<PartRecord, DatabaseError> {
    let row = PartRow {
        file_id: row.try_get(0)?,
        number: row.try_get(1)?,
        blob: row.try_get(2)?,
        size: row.try_get(3)?,
        expires_at: row.try_get(4)?,
    };
    row.try_into()
}

/// Their bytes are unused from now on, where nobody else refers to them.
pub(super) async fn forget_expired(
    database: &Database,
    count: usize,
    made_before: Timestamp,
    now: Timestamp,
) -> Result<usize, DatabaseError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let files = tx
        .prepare_cached(
            "DELETE FROM queue_files WHERE id IN (
                 SELECT id FROM queue_files WHERE expires_at <= $1 AND created_at <= $2
                 ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             RETURNING blob",
        )
        .await?;
    let mut freed = blobs(&tx.query(&files, &[&to_micros(now), &to_micros(made_before), &count]).await?)?;
    let parts = tx
        .prepare_cached(
            "DELETE FROM queue_parts WHERE (file_id, number) IN (
                 SELECT file_id, number FROM queue_parts WHERE expires_at <= $1
                 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING blob",
        )
        .await?;
    freed.extend(blobs(&tx.query(&parts, &[&to_micros(now), &count]).await?)?);
    unused::leave(&tx, &freed, after(now, UNUSED_KEPT)).await?;
    tx.commit().await?;
    Ok(freed.len())
}

fn blobs(rows: &[Row]) -> Result<Vec<String>, DatabaseError> {
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

//! Files on the queue's CDN, and the parts of those that still come.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_queue::files::{PartKept, PartRecord, UNUSED_KEPT};
use plantain_queue::model::FileRecord;
use plantain_work::clock::after;

use crate::error::DatabaseError;
use crate::queue::file::{FileRow, PartRow, access_json, size_column};
use crate::sqlite::queue::unused;
use crate::time::to_micros;

/// The first one put under an id stays. Returns what is kept.
pub(super) fn put(tx: &Transaction<'_>, file: &FileRecord) -> Result<FileRecord, DatabaseError> {
    let freed_at = after(file.created_at, UNUSED_KEPT);
    if let Some(known) = get(tx, &file.id)? {
        unused::leave(tx, &file.blob, freed_at)?;
        return Ok(known);
    }
    unused::refer_to(tx, &file.blob)?;
    tx.prepare_cached(
        "INSERT INTO queue_files (id, name, content_type, blob, size, created_at, expires_at, owner, access)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        file.id,
        file.name,
        file.content_type,
        file.blob,
        size_column(file.size),
        to_micros(file.created_at),
        file.expires_at.map(to_micros),
        file.owner.as_ref().map(|owner| owner.as_str()),
        access_json(file.access.as_ref()),
    ])?;
    let mut parts = tx.prepare_cached("DELETE FROM queue_parts WHERE file_id = ?1 RETURNING blob")?;
    let freed = parts.query_map([&file.id], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    freed.iter().try_for_each(|blob| unused::leave(tx, blob, freed_at))?;
    Ok(file.clone())
}

pub(super) fn get(tx: &Transaction<'_>, id: &str) -> Result<Option<FileRecord>, DatabaseError> {
    let found = tx
        .prepare_cached(
            "SELECT id, name, content_type, blob, size, created_at, expires_at, owner, access
             FROM queue_files WHERE id = ?1",
        )?
        .query_row([id], file_row)
        .optional()?;
    found.map(FileRecord::try_from).transpose()
}

fn file_row(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        id: row.get(0)?,
        name: row.get(1)?,
        content_type: row.get(2)?,
        blob: row.get(3)?,
        size: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        owner: row.get(7)?,
        access: row.get(8)?,
    })
}

pub(super) fn forget(tx: &Transaction<'_>, id: &str) -> Result<(), DatabaseError> {
    tx.prepare_cached("DELETE FROM queue_files WHERE id = ?1")?.execute([id])?;
    Ok(())
}

pub(super) fn put_part(
    tx: &Transaction<'_>,
    part: &PartRecord,
    bytes_max: u64,
    now: Timestamp,
) -> Result<PartKept, DatabaseError> {
    let finished: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM queue_files WHERE id = ?1)")?
        .query_row([&part.file_id], |row| row.get(0))?;
    let others: i64 = tx
        .prepare_cached("SELECT coalesce(sum(size), 0) FROM queue_parts WHERE file_id = ?1 AND number <> ?2")?
        .query_row(params![part.file_id, part.number], |row| row.get(0))?;
    let refused = match size_column(part.size).saturating_add(others) > size_column(bytes_max) {
        _ if finished => Some(PartKept::Finished),
        true => Some(PartKept::TooLarge),
        false => None,
    };
    let freed_at = after(now, UNUSED_KEPT);
    if let Some(refused) = refused {
        unused::leave(tx, &part.blob, freed_at)?;
        return Ok(refused);
    }
    unused::refer_to(tx, &part.blob)?;
    let replaced: Option<String> = tx
        .prepare_cached("SELECT blob FROM queue_parts WHERE file_id = ?1 AND number = ?2")?
        .query_row(params![part.file_id, part.number], |row| row.get(0))
        .optional()?;
    tx.prepare_cached(
        "INSERT INTO queue_parts (file_id, number, blob, size, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (file_id, number) DO UPDATE SET blob = excluded.blob, size = excluded.size",
    )?
    .execute(params![part.file_id, part.number, part.blob, size_column(part.size), to_micros(part.expires_at)])?;
    if let Some(replaced) = replaced.filter(|replaced| *replaced != part.blob) {
        unused::leave(tx, &replaced, freed_at)?;
    }
    Ok(PartKept::Kept)
}

pub(super) fn parts(tx: &Transaction<'_>, file_id: &str) -> Result<Vec<PartRecord>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT file_id, number, blob, size, expires_at FROM queue_parts WHERE file_id = ?1 ORDER BY number",
    )?;
    let rows = select.query_map([file_id], |row| {
        Ok(PartRow {
            file_id: row.get(0)?,
            number: row.get(1)?,
            blob: row.get(2)?,
            size: row.get(3)?,
            expires_at: row.get(4)?,
        })
    })?;
    rows.map(|row| PartRecord::try_from(row?)).collect()
}

/// Their bytes are unused from now on, where nobody else refers to them.
pub(super) fn forget_expired(
    tx: &Transaction<'_>,
    count: usize,
    made_before: Timestamp,
    now: Timestamp,
) -> Result<usize, DatabaseError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut files = tx.prepare_cached(
        "DELETE FROM queue_files WHERE id IN (
             SELECT id FROM queue_files WHERE expires_at <= ?1 AND created_at <= ?2 ORDER BY expires_at LIMIT ?3)
         RETURNING blob",
    )?;
    let mut freed = files
        .query_map(params![to_micros(now), to_micros(made_before), count], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let mut parts = tx.prepare_cached(
        "DELETE FROM queue_parts WHERE (file_id, number) IN (
             SELECT file_id, number FROM queue_parts WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
         RETURNING blob",
    )?;
    for blob in parts.query_map(params![to_micros(now), count], |row| row.get(0))? {
        freed.push(blob?);
    }
    freed.iter().try_for_each(|blob| unused::leave(tx, blob, after(now, UNUSED_KEPT)))?;
    Ok(freed.len())
}

//! Files on the queue's CDN.

use rusqlite::{OptionalExtension, Transaction, params};

use plantain_queue::model::FileRecord;

use crate::error::DatabaseError;
use crate::queue::file::FileRow;
use crate::time::to_micros;

/// The first one put under an id stays. Returns what is kept.
pub(super) fn put(tx: &Transaction<'_>, file: &FileRecord) -> Result<FileRecord, DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO queue_files (id, name, content_type, blob, size, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
    )?
    .execute(params![
        file.id,
        file.name,
        file.content_type,
        file.blob,
        i64::try_from(file.size).unwrap_or(i64::MAX),
        to_micros(file.created_at),
        file.expires_at.map(to_micros),
    ])?;
    // The same transaction has just seen to it that there is one.
    Ok(get(tx, &file.id)?.unwrap_or_else(|| file.clone()))
}

pub(super) fn get(tx: &Transaction<'_>, id: &str) -> Result<Option<FileRecord>, DatabaseError> {
    let found = tx
        .prepare_cached(
            "SELECT id, name, content_type, blob, size, created_at, expires_at FROM queue_files WHERE id = ?1",
        )?
        .query_row([id], |row| {
            Ok(FileRow {
                id: row.get(0)?,
                name: row.get(1)?,
                content_type: row.get(2)?,
                blob: row.get(3)?,
                size: row.get(4)?,
                created_at: row.get(5)?,
                expires_at: row.get(6)?,
            })
        })
        .optional()?;
    found.map(FileRecord::try_from).transpose()
}

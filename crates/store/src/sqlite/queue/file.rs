//! Files on the queue's CDN.

use rusqlite::{OptionalExtension, Transaction, params};

use plantain_queue::model::FileRecord;

use crate::error::DatabaseError;
use crate::queue::file::FileRow;
use crate::time::to_micros;

/// Putting the same id again replaces what it stands for.
pub(super) fn put(tx: &Transaction<'_>, file: &FileRecord) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO queue_files (id, name, content_type, blob, size, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
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
    Ok(())
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

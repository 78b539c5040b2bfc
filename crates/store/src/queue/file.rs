//! Rows of files, and what they mean.

use plantain_queue::model::FileRecord;

use crate::error::DatabaseError;
use crate::queue::place::Place;

/// A file's row, column by column in the order of the statement.
pub(crate) struct FileRow {
    pub id: String,
    pub name: String,
    pub content_type: String,
    pub blob: String,
    pub size: i64,
    pub created_at: i64,
    pub expires_at: Option<i64>,
}

impl TryFrom<FileRow> for FileRecord {
    type Error = DatabaseError;

    fn try_from(row: FileRow) -> Result<FileRecord, DatabaseError> {
        let place = Place { table: "queue_files", row: &row.id };
        Ok(FileRecord {
            size: place.number("size", row.size)?,
            created_at: place.time("created_at", row.created_at)?,
            expires_at: place.maybe_time("expires_at", row.expires_at)?,
            id: row.id,
            name: row.name,
            content_type: row.content_type,
            blob: row.blob,
        })
    }
}

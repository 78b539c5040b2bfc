//! Rows of files and of their parts, and what they mean.

use plantain_queue::files::PartRecord;
use plantain_queue::model::FileRecord;
use plantain_wire::options::Acl;

use crate::error::{Cause, DatabaseError};
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
    pub owner: Option<String>,
    pub access: Option<String>,
}

impl TryFrom<FileRow> for FileRecord {
    type Error = DatabaseError;

    fn try_from(row: FileRow) -> Result<FileRecord, DatabaseError> {
        let place = Place { table: "queue_files", row: &row.id };
        let access = row.access.map(|json| serde_json::from_str(&json)).transpose();
        Ok(FileRecord {
            size: place.number("size", row.size)?,
            created_at: place.time("created_at", row.created_at)?,
            expires_at: place.maybe_time("expires_at", row.expires_at)?,
            owner: row.owner.map(|owner| place.parse("owner", &owner)).transpose()?,
            // A list that can't be read must not become a file that everybody can.
            access: access.map_err(|_| place.wrong("access"))?,
            id: row.id,
            name: row.name,
            content_type: row.content_type,
            blob: row.blob,
        })
    }
}

pub(crate) fn access_json(access: Option<&Acl>) -> Option<String> {
    access.map(|access| serde_json::to_string(access).expect("words and texts always serialise"))
}

pub(crate) struct PartRow {
    pub file_id: String,
    pub number: i64,
    pub blob: String,
    pub size: i64,
    pub expires_at: i64,
}

impl TryFrom<PartRow> for PartRecord {
    type Error = DatabaseError;

    fn try_from(row: PartRow) -> Result<PartRecord, DatabaseError> {
        let place = Place { table: "queue_parts", row: &row.file_id };
        Ok(PartRecord {
            number: place.number("number", row.number)?,
            size: place.number("size", row.size)?,
            expires_at: place.time("expires_at", row.expires_at)?,
            file_id: row.file_id,
            blob: row.blob,
        })
    }
}

/// Sizes beyond what a row can hold don't exist; files are bounded by settings far below.
pub(crate) fn size_column(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The bytes that a new reference would need are going at this moment.
pub(crate) fn being_removed() -> DatabaseError {
    DatabaseError::unavailable(Cause::from("the same bytes are being removed at this moment"))
}

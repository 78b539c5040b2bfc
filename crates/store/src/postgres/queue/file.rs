//! Files on the queue's CDN.

use tokio_postgres::Row;

use plantain_queue::model::FileRecord;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::text::storable;
use crate::queue::file::FileRow;
use crate::time::to_micros;

/// The first one put under an id stays. Returns what is kept, for which a conflict has to touch the row.
pub(super) async fn put(database: &Database, file: &FileRecord) -> Result<FileRecord, DatabaseError> {
    let client = database.client().await?;
    let insert = client
        .prepare_cached(
            "INSERT INTO queue_files (id, name, content_type, blob, size, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (id) DO UPDATE SET id = queue_files.id
             RETURNING id, name, content_type, blob, size, created_at, expires_at",
        )
        .await?;
    let kept = client
        .query_one(
            &insert,
            &[
                &file.id,
                &storable(&file.name),
                &storable(&file.content_type),
                &file.blob,
                &i64::try_from(file.size).unwrap_or(i64::MAX),
                &to_micros(file.created_at),
                &file.expires_at.map(to_micros),
            ],
        )
        .await?;
    record(&kept)
}

pub(super) async fn get(database: &Database, id: &str) -> Result<Option<FileRecord>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT id, name, content_type, blob, size, created_at, expires_at FROM queue_files WHERE id = $1",
        )
        .await?;
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
    };
    row.try_into()
}

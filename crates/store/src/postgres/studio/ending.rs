//! What the end of a batch owes, also of one whose record can't be read.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use plantain_studio::bulk::batch::{Batch, BatchId, Counts};
use plantain_studio::job::JobError;

use crate::error::DatabaseError;
use crate::postgres::studio::{bulk, message};
use crate::studio::bulk::unreadable_batch;
use crate::time::to_micros;

/// What a batch's end owes. Where nothing came of it, with the reason that its first photo was told.
pub(super) async fn owe_end(
    tx: &Transaction<'_>,
    batch: &Batch,
    counts: Counts,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let why = if counts.succeeded == 0 { first_reason(tx, &batch.id).await? } else { None };
    message::owe_by_batch(tx, batch, counts, why, now).await
}

async fn first_reason(tx: &Transaction<'_>, id: &BatchId) -> Result<Option<JobError>, DatabaseError> {
    let select = tx
        .prepare_cached(
            "SELECT error FROM studio_batch_items
             WHERE batch_id = $1 AND state IN ('failed', 'skipped') AND error IS NOT NULL ORDER BY number LIMIT 1",
        )
        .await?;
    let Some(row) = tx.query_opt(&select, &[&id.as_str()]).await? else { return Ok(None) };
    Ok(serde_json::from_str(row.try_get(0)?).ok())
}

/// The end of a batch that was mended. Where a job still runs, its end is what owes the message.
pub(super) async fn owe_lost(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<(), DatabaseError> {
    match bulk::locked(tx, id).await {
        Ok(Some(batch)) => {
            let counts = bulk::counts_in(tx, id).await?;
            if counts.running == 0 {
                message::owe_by_batch(tx, &batch, counts, Some(unreadable_batch()), now).await?;
            }
            Ok(())
        }
        Ok(None) => Ok(()),
        Err(error) if error.is_of_one_row() => {
            tracing::error!(batch = id, %error, "batch.unreadable: nobody is told");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Makes sense of what makes none, so that its end can be shown.
pub(super) async fn mend(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<(), DatabaseError> {
    let mend = tx
        .prepare_cached(
            "UPDATE studio_batches SET finished_at = $2,
                 num_images = CASE WHEN num_images BETWEEN 1 AND 4 THEN num_images ELSE 1 END,
                 created_at = CASE WHEN created_at BETWEEN 0 AND $2 THEN created_at ELSE $2 END
             WHERE id = $1",
        )
        .await?;
    tx.execute(&mend, &[&id, &to_micros(now)]).await?;
    Ok(())
}

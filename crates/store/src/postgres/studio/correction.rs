//! Corrections of a cut-out: the strokes, and the pictures that were made of them. The job's row is locked before either
//! changes.

use deadpool_postgres::{GenericClient, Transaction};
use jiff::Timestamp;

use plantain_studio::job::correction::{Corrected, Kept, Stroke, Strokes};
use plantain_studio::job::{Job, JobId};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::studio::{blob, job};
use crate::studio::correction;
use crate::studio::job::{json, to_i64};

pub(super) async fn strokes(database: &Database, id: &JobId) -> Result<Strokes, DatabaseError> {
    strokes_of(&database.client().await?, id).await
}

async fn strokes_of(client: &impl GenericClient, id: &JobId) -> Result<Strokes, DatabaseError> {
    let select = client.prepare_cached("SELECT revision, strokes FROM studio_strokes WHERE job_id = $1").await?;
    let row = match client.query_opt(&select, &[&id.as_str()]).await? {
        Some(row) => Some((row.try_get(0)?, row.try_get(1)?)),
        None => None,
    };
    correction::strokes(id, row)
}

pub(super) async fn keep_strokes(
    database: &Database,
    id: &JobId,
    seen: u64,
    new: &[Stroke],
) -> Result<Kept, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    if !locked(&tx, id).await? {
        return Ok(Kept::NotFound);
    }
    let next = match strokes_of(&tx, id).await?.replaced(seen, new.to_vec()) {
        Ok(next) => next,
        Err(now) => return Ok(Kept::Conflict(now)),
    };
    let keep = tx
        .prepare_cached(
            "INSERT INTO studio_strokes (job_id, revision, strokes) VALUES ($1, $2, $3)
             ON CONFLICT (job_id) DO UPDATE SET revision = excluded.revision, strokes = excluded.strokes",
        )
        .await?;
    tx.execute(&keep, &[&id.as_str(), &to_i64(next.revision), &json(&next.strokes)]).await?;
    tx.commit().await?;
    Ok(Kept::Under(next.revision))
}

pub(super) async fn keep_corrected(
    database: &Database,
    id: &JobId,
    corrected: &Corrected,
    now: Timestamp,
) -> Result<Kept, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let Some(job) = job::locked(&tx, id).await? else { return Ok(Kept::NotFound) };
    if let Err(newest) = strokes_of(&tx, id).await?.allow(corrected) {
        return Ok(Kept::Conflict(newest));
    }
    if job.corrected.as_ref().is_some_and(|kept| kept.revision == corrected.revision) {
        return Ok(Kept::Under(corrected.revision));
    }
    let keep = tx.prepare_cached("UPDATE studio_jobs SET corrected = $2 WHERE id = $1").await?;
    tx.execute(&keep, &[&id.as_str(), &json(corrected)]).await?;
    blob::refer(&tx, &Job { corrected: Some(corrected.clone()), ..job }, now).await?;
    tx.commit().await?;
    Ok(Kept::Under(corrected.revision))
}

async fn locked(tx: &Transaction<'_>, id: &JobId) -> Result<bool, DatabaseError> {
    let lock = tx.prepare_cached("SELECT 1 FROM studio_jobs WHERE id = $1 FOR UPDATE").await?;
    Ok(tx.query_opt(&lock, &[&id.as_str()]).await?.is_some())
}

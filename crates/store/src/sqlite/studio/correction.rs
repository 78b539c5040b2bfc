//! Corrections of a cut-out: the strokes, and the pictures that were made of them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use plantain_studio::job::correction::{Corrected, Kept, Stroke, Strokes};
use plantain_studio::job::{Job, JobId};

use crate::error::DatabaseError;
use crate::sqlite::studio::{blob, job};
use crate::studio::correction;
use crate::studio::job::{json, to_i64};

pub(super) fn strokes(tx: &Transaction<'_>, id: &JobId) -> Result<Strokes, DatabaseError> {
    let mut select = tx.prepare_cached("SELECT revision, strokes FROM studio_strokes WHERE job_id = ?1")?;
    let row = select.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    correction::strokes(id, row)
}

pub(super) fn keep_strokes(tx: &Transaction<'_>, id: &JobId, seen: u64, new: &[Stroke]) -> Result<Kept, DatabaseError> {
    if !exists(tx, id)? {
        return Ok(Kept::NotFound);
    }
    let next = match strokes(tx, id)?.replaced(seen, new.to_vec()) {
        Ok(next) => next,
        Err(now) => return Ok(Kept::Conflict(now)),
    };
    tx.prepare_cached(
        "INSERT INTO studio_strokes (job_id, revision, strokes) VALUES (?1, ?2, ?3)
         ON CONFLICT (job_id) DO UPDATE SET revision = excluded.revision, strokes = excluded.strokes",
    )?
    .execute(params![id.as_str(), to_i64(next.revision), json(&next.strokes)])?;
    Ok(Kept::Under(next.revision))
}

pub(super) fn keep_corrected(
    tx: &Transaction<'_>,
    id: &JobId,
    corrected: &Corrected,
    now: Timestamp,
) -> Result<Kept, DatabaseError> {
    let Some(job) = job::by_id(tx, id)? else { return Ok(Kept::NotFound) };
    if let Err(newest) = strokes(tx, id)?.allow(corrected) {
        return Ok(Kept::Conflict(newest));
    }
    if job.corrected.as_ref().is_some_and(|kept| kept.revision == corrected.revision) {
        return Ok(Kept::Under(corrected.revision));
    }
    tx.prepare_cached("UPDATE studio_jobs SET corrected = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), json(corrected)])?;
    blob::refer(tx, &Job { corrected: Some(corrected.clone()), ..job }, now)?;
    Ok(Kept::Under(corrected.revision))
}

fn exists(tx: &Transaction<'_>, id: &JobId) -> Result<bool, DatabaseError> {
    Ok(tx.prepare_cached("SELECT 1 FROM studio_jobs WHERE id = ?1")?.exists([id.as_str()])?)
}

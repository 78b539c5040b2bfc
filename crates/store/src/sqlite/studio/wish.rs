//! Wishes by the keys of their senders. There is one writer, so that nobody comes between looking and keeping.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use plantain_studio::bulk::batch::{Batch, Item};
use plantain_studio::job::Job;
use plantain_studio::job::key::{Allowance, Allowed};
use plantain_studio::job::wish::{Became, Made, Once, WishKey, Wished};

use super::{bulk, job, key};
use crate::error::DatabaseError;
use crate::studio::wish::{became, became_columns, ids};
use crate::time::to_micros;

pub(super) fn became_since(
    tx: &Transaction<'_>,
    key: &WishKey,
    since: Timestamp,
) -> Result<Option<Became>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!(
        "SELECT ",
        became_columns!(),
        " FROM studio_wishes WHERE whose = ?1 AND word = ?2 AND created_at >= ?3"
    ))?;
    let row = select
        .query_row(params![key.whose, key.word, to_micros(since)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    row.optional()?.map(became).transpose()
}

pub(super) fn insert_once(
    tx: &Transaction<'_>,
    new: &Job,
    wished: &Wished,
    since: Timestamp,
    allowance: Option<&Allowance>,
) -> Result<Once, DatabaseError> {
    if let Some(before) = became_since(tx, &wished.key, since)? {
        return Ok(Once::Before(before));
    }
    match allowance {
        Some(allowance) => {
            if let Allowed::Spent(spent) = key::insert_allowed(tx, new, allowance)? {
                return Ok(Once::Spent(spent));
            }
        }
        None => job::insert(tx, new)?,
    }
    keep(tx, wished, &Made::Job(new.id.clone()), new.created_at, since)?;
    Ok(Once::Kept)
}

pub(super) fn insert_batch_once(
    tx: &Transaction<'_>,
    batch: &Batch,
    items: &[Item],
    wished: &Wished,
    since: Timestamp,
) -> Result<Option<Became>, DatabaseError> {
    if let Some(before) = became_since(tx, &wished.key, since)? {
        return Ok(Some(before));
    }
    bulk::insert(tx, batch, items)?;
    keep(tx, wished, &Made::Batch(batch.id.clone()), batch.created_at, since)?;
    Ok(None)
}

/// Keeps a wish that nobody knows, and forgets those from before `since`.
fn keep(
    tx: &Transaction<'_>,
    wished: &Wished,
    made: &Made,
    at: Timestamp,
    since: Timestamp,
) -> Result<(), DatabaseError> {
    tx.prepare_cached("DELETE FROM studio_wishes WHERE created_at < ?1")?.execute([to_micros(since)])?;
    let (job, batch) = ids(made);
    tx.prepare_cached(
        "INSERT INTO studio_wishes (whose, word, digest, job_id, batch_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![wished.key.whose, wished.key.word, wished.digest, job, batch, to_micros(at)])?;
    Ok(())
}

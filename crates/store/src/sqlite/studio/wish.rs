//! Wishes by the keys of their senders. There is one writer, so that nobody comes between looking and keeping.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use plantain_studio::job::Job;
use plantain_studio::job::key::{Allowance, Allowed};
use plantain_studio::job::wish::{Became, Once, WishKey, Wished};

use super::{job, key};
use crate::error::DatabaseError;
use crate::studio::wish::became;
use crate::time::to_micros;

pub(super) fn became_since(
    tx: &Transaction<'_>,
    key: &WishKey,
    since: Timestamp,
) -> Result<Option<Became>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT job_id, digest FROM studio_wishes WHERE whose = ?1 AND word = ?2 AND created_at >= ?3",
    )?;
    let row = select.query_row(params![key.whose, key.word, to_micros(since)], |row| Ok((row.get(0)?, row.get(1)?)));
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
    tx.prepare_cached("DELETE FROM studio_wishes WHERE created_at < ?1")?.execute([to_micros(since)])?;
    match allowance {
        Some(allowance) => {
            if let Allowed::Spent(spent) = key::insert_allowed(tx, new, allowance)? {
                return Ok(Once::Spent(spent));
            }
        }
        None => job::insert(tx, new)?,
    }
    tx.prepare_cached(
        "INSERT INTO studio_wishes (whose, word, digest, job_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        wished.key.whose,
        wished.key.word,
        wished.digest,
        new.id.as_str(),
        to_micros(new.created_at)
    ])?;
    Ok(Once::Kept)
}

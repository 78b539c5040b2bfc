//! Wishes by the keys of their senders. Of several that are kept at once, the row of the first makes the others wait and see
//! it.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use plantain_studio::bulk::batch::{Batch, Item};
use plantain_studio::job::Job;
use plantain_studio::job::key::{Allowance, Allowed};
use plantain_studio::job::wish::{Became, Made, Once, WishKey, Wished};

use super::{bulk, job, key};
use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::studio::wish::{became, became_columns, ids};
use crate::time::to_micros;

/// Old wishes that are forgotten at once, so that none of those who keep a new one waits long.
const FORGOTTEN_AT_ONCE: i64 = 100;

pub(super) async fn became_since(
    database: &Database,
    key: &WishKey,
    since: Timestamp,
) -> Result<Option<Became>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(concat!(
            "SELECT ",
            became_columns!(),
            " FROM studio_wishes WHERE whose = $1 AND word = $2 AND created_at >= $3"
        ))
        .await?;
    let row = client.query_opt(&select, &[&key.whose, &key.word, &to_micros(since)]).await?;
    match row {
        Some(row) => became((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)).map(Some),
        None => Ok(None),
    }
}

pub(super) async fn insert_once(
    database: &Database,
    new: &Job,
    wished: &Wished,
    since: Timestamp,
    allowance: Option<&Allowance>,
) -> Result<Once, DatabaseError> {
    loop {
        match kept(database, new, wished, since, allowance).await? {
            // The money may have been spent by the very same wish, a moment ago.
            Some(Once::Spent(spent)) => {
                let before = became_since(database, &wished.key, since).await?;
                return Ok(before.map_or(Once::Spent(spent), Once::Before));
            }
            Some(told) => return Ok(told),
            None => {}
        }
        // It may have gone again with its job.
        if let Some(before) = became_since(database, &wished.key, since).await? {
            return Ok(Once::Before(before));
        }
    }
}

pub(super) async fn insert_batch_once(
    database: &Database,
    batch: &Batch,
    items: &[Item],
    wished: &Wished,
    since: Timestamp,
) -> Result<Option<Became>, DatabaseError> {
    loop {
        let mut client = database.client().await?;
        let tx = client.transaction().await?;
        bulk::insert_in(&tx, batch, items).await?;
        if keep(&tx, wished, &Made::Batch(batch.id.clone()), batch.created_at, since).await? {
            tx.commit().await?;
            return Ok(None);
        }
        tx.rollback().await?;
        drop(client);
        // It may have gone again with its batch.
        if let Some(before) = became_since(database, &wished.key, since).await? {
            return Ok(Some(before));
        }
    }
}

/// `None` where a wish with this key has become something, and nothing was kept.
async fn kept(
    database: &Database,
    new: &Job,
    wished: &Wished,
    since: Timestamp,
    allowance: Option<&Allowance>,
) -> Result<Option<Once>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    match allowance {
        Some(allowance) => {
            if let Allowed::Spent(spent) = key::insert_allowed_in(&tx, new, allowance).await? {
                return Ok(Some(Once::Spent(spent)));
            }
        }
        None => job::insert_in(&tx, new).await?,
    }
    if !keep(&tx, wished, &Made::Job(new.id.clone()), new.created_at, since).await? {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(Once::Kept))
}

/// False where a wish with this key is known. Forgets those from before `since`.
async fn keep(
    tx: &Transaction<'_>,
    wished: &Wished,
    made: &Made,
    at: Timestamp,
    since: Timestamp,
) -> Result<bool, DatabaseError> {
    let keep = tx
        .prepare_cached(
            "INSERT INTO studio_wishes AS known (whose, word, digest, job_id, batch_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (whose, word) DO UPDATE
             SET digest = excluded.digest, job_id = excluded.job_id, batch_id = excluded.batch_id,
                 created_at = excluded.created_at
             WHERE known.created_at < $7",
        )
        .await?;
    let WishKey { whose, word } = &wished.key;
    let ((job, batch), since) = (ids(made), to_micros(since));
    let kept = tx.execute(&keep, &[whose, word, &wished.digest, &job, &batch, &to_micros(at), &since]).await?;
    if kept == 0 {
        return Ok(false);
    }
    let forget = tx
        .prepare_cached(
            "DELETE FROM studio_wishes WHERE (whose, word) IN (
                 SELECT whose, word FROM studio_wishes WHERE created_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .await?;
    tx.execute(&forget, &[&since, &FORGOTTEN_AT_ONCE]).await?;
    Ok(true)
}

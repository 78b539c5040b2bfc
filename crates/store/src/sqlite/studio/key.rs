//! Keys of the studio's API, and jobs within their budgets.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};

use plantain_studio::job::Job;
use plantain_studio::job::key::{Allowance, Allowed, StudioKey};

use crate::error::DatabaseError;
use crate::sqlite::studio::job;
use crate::studio::job::to_i64;
use crate::studio::key::{KeyRow, key_columns};
use crate::time::to_micros;

pub(super) fn insert_allowed(tx: &Transaction<'_>, job: &Job, allowance: &Allowance) -> Result<Allowed, DatabaseError> {
    let allowed = allowed(tx, job, allowance)?;
    if allowed == Allowed::Yes {
        job::insert(tx, job)?;
    }
    Ok(allowed)
}

/// The owner is a key, which is said in the words of the index that has no others.
const SPENT: &str = "SELECT coalesce((SELECT sum(cost) FROM studio_jobs
                      WHERE owner = ?1 AND owner >= 'key:' AND owner < 'key;' AND created_at >= ?2
                        AND state NOT IN ('FAILED', 'CANCELED')), 0)
          + coalesce((SELECT sum(cost) FROM studio_spent WHERE owner = ?1 AND at >= ?2), 0)";

/// Whether the job's cost fits, to be heeded in the same transaction.
pub(super) fn allowed(tx: &Transaction<'_>, job: &Job, allowance: &Allowance) -> Result<Allowed, DatabaseError> {
    let spent: i64 = tx
        .prepare_cached(SPENT)?
        .query_row(params![allowance.owner.as_str(), to_micros(allowance.since)], |row| row.get(0))?;
    Ok(allowance.judge(spent.unsigned_abs(), job.cost_micro_usd()))
}

pub(super) fn list(tx: &Transaction<'_>) -> Result<Vec<StudioKey>, DatabaseError> {
    let mut select =
        tx.prepare_cached(concat!("SELECT ", key_columns!(), " FROM studio_keys ORDER BY created_at DESC, id"))?;
    let rows = select.query_map([], key_row)?;
    rows.map(|row| StudioKey::try_from(row?)).collect()
}

pub(super) fn add(tx: &Transaction<'_>, key: &StudioKey) -> Result<(), DatabaseError> {
    tx.prepare_cached(concat!(
        "INSERT INTO studio_keys (",
        key_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    ))?
    .execute(params![
        key.id,
        key.name,
        key.secret.as_str(),
        key.tier.as_str(),
        key.budget_micro_usd.map(to_i64),
        to_micros(key.created_at),
        key.revoked_at.map(to_micros),
        key.per_minute,
        key.used_at.map(to_micros),
    ])?;
    Ok(())
}

pub(super) fn revoke(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<bool, DatabaseError> {
    let revoked = tx
        .prepare_cached("UPDATE studio_keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1")?
        .execute(params![id, to_micros(now)])?;
    Ok(revoked == 1)
}

/// A process that heard of an earlier use later changes nothing.
pub(super) fn note_uses(tx: &Transaction<'_>, uses: &[(String, Timestamp)]) -> Result<(), DatabaseError> {
    let mut note =
        tx.prepare_cached("UPDATE studio_keys SET used_at = max(coalesce(used_at, ?2), ?2) WHERE id = ?1")?;
    for (id, at) in uses {
        note.execute(params![id, to_micros(*at)])?;
    }
    Ok(())
}

fn key_row(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        id: row.get(0)?,
        name: row.get(1)?,
        secret_sha256: row.get(2)?,
        tier: row.get(3)?,
        budget: row.get(4)?,
        created_at: row.get(5)?,
        revoked_at: row.get(6)?,
        per_minute: row.get(7)?,
        used_at: row.get(8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;
    use crate::studio::SQLITE;

    #[test]
    fn what_a_key_spent_is_summed_from_an_index_of_keys_alone() {
        let steps = plan::steps_of(&SQLITE, SPENT);
        assert!(steps.contains("COVERING INDEX studio_jobs_by_cost (owner=? AND created_at>?)"), "{steps}");
    }
}

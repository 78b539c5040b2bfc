//! Keys of the studio's API, and jobs within their budgets.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_studio::job::Job;
use plantain_studio::job::key::{Allowance, Allowed, StudioKey};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::studio::job;
use crate::postgres::text::storable;
use crate::studio::job::to_i64;
use crate::studio::key::{KeyRow, key_columns};
use crate::time::to_micros;

/// The key's row is locked first, so that two jobs at once never spend the same money.
pub(super) async fn insert_allowed(
    database: &Database,
    job: &Job,
    allowance: &Allowance,
) -> Result<Allowed, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let allowed = insert_allowed_in(&tx, job, allowance).await?;
    tx.commit().await?;
    Ok(allowed)
}

/// The same as a part of what is committed together.
pub(super) async fn insert_allowed_in(
    tx: &Transaction<'_>,
    job: &Job,
    allowance: &Allowance,
) -> Result<Allowed, DatabaseError> {
    let allowed = allowed_in(tx, job, allowance).await?;
    if allowed == Allowed::Yes {
        job::insert_in(tx, job).await?;
    }
    Ok(allowed)
}

/// Whether the job's cost fits, to be heeded in the same transaction.
pub(super) async fn allowed_in(
    tx: &Transaction<'_>,
    job: &Job,
    allowance: &Allowance,
) -> Result<Allowed, DatabaseError> {
    let lock = tx.prepare_cached("SELECT 1 FROM studio_keys WHERE id = $1 FOR UPDATE").await?;
    tx.query_opt(&lock, &[&allowance.key]).await?;
    let sum = tx
        .prepare_cached(
            "SELECT (coalesce((SELECT sum(cost) FROM studio_jobs
                               WHERE owner = $1 AND created_at >= $2 AND state NOT IN ('FAILED', 'CANCELED')), 0)
                   + coalesce((SELECT sum(cost) FROM studio_spent WHERE owner = $1 AND at >= $2), 0))::bigint",
        )
        .await?;
    let row = tx.query_one(&sum, &[&allowance.owner.as_str(), &to_micros(allowance.since)]).await?;
    Ok(allowance.judge(row.try_get::<_, i64>(0)?.unsigned_abs(), job.cost_micro_usd()))
}

pub(super) async fn list(database: &Database) -> Result<Vec<StudioKey>, DatabaseError> {
    let client = database.client().await?;
    let select = concat!("SELECT ", key_columns!(), " FROM studio_keys ORDER BY created_at DESC, id");
    let rows = client.query(&client.prepare_cached(select).await?, &[]).await?;
    rows.iter().map(key).collect()
}

pub(super) async fn add(database: &Database, key: &StudioKey) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let insert = concat!("INSERT INTO studio_keys (", key_columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    let insert = client.prepare_cached(insert).await?;
    client
        .execute(
            &insert,
            &[
                &key.id,
                &storable(&key.name),
                &key.secret.as_str(),
                &key.tier.as_str(),
                &key.budget_micro_usd.map(to_i64),
                &to_micros(key.created_at),
                &key.revoked_at.map(to_micros),
                &key.per_minute.map(i64::from),
                &key.used_at.map(to_micros),
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn revoke(database: &Database, id: &str, now: Timestamp) -> Result<bool, DatabaseError> {
    let client = database.client().await?;
    let revoke = "UPDATE studio_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1";
    let revoke = client.prepare_cached(revoke).await?;
    Ok(client.execute(&revoke, &[&storable(id), &to_micros(now)]).await? == 1)
}

/// A process that heard of an earlier use later changes nothing.
pub(super) async fn note_uses(database: &Database, uses: &[(String, Timestamp)]) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let note = client.prepare_cached("UPDATE studio_keys SET used_at = greatest(used_at, $2) WHERE id = $1").await?;
    for (id, at) in uses {
        client.execute(&note, &[&storable(id), &to_micros(*at)]).await?;
    }
    Ok(())
}

fn key(row: &Row) -> Result<StudioKey, DatabaseError> {
    let row = KeyRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        secret_sha256: row.try_get(2)?,
        tier: row.try_get(3)?,
        budget: row.try_get(4)?,
        created_at: row.try_get(5)?,
        revoked_at: row.try_get(6)?,
        per_minute: row.try_get(7)?,
        used_at: row.try_get(8)?,
    };
    row.try_into()
}

//! Hooks: who wants to be told of what.

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use plantain_studio::job::Owner;
use plantain_studio::messages::hook::{Hook, HookId};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::text::storable;
use crate::studio::job::limit;
use crate::studio::message::{HookRow, hook_columns, readable};

/// Of one owner's jobs alone.
pub(super) async fn of(database: &Database, owner: &Owner) -> Result<Vec<Hook>, DatabaseError> {
    let client = database.client().await?;
    let select = concat!("SELECT ", hook_columns!(), " FROM studio_hooks WHERE owner = $1 ORDER BY created_at, id");
    let rows = client.query(&client.prepare_cached(select).await?, &[&owner.as_str()]).await?;
    readable(rows.iter().map(hook))
}

/// Of this owner's jobs, and of all.
pub(super) async fn concerning(tx: &Transaction<'_>, owner: Option<&Owner>) -> Result<Vec<Hook>, DatabaseError> {
    let select = concat!("SELECT ", hook_columns!(), " FROM studio_hooks WHERE owner IS NULL OR owner = $1");
    let rows = tx.query(&tx.prepare_cached(select).await?, &[&owner.map(Owner::as_str)]).await?;
    readable(rows.iter().map(hook))
}

pub(super) async fn by_id(database: &Database, id: &HookId) -> Result<Option<Hook>, DatabaseError> {
    let client = database.client().await?;
    let select = concat!("SELECT ", hook_columns!(), " FROM studio_hooks WHERE id = $1");
    let row = client.query_opt(&client.prepare_cached(select).await?, &[&storable(id.as_str())]).await?;
    row.map(|row| hook(&row)).transpose()
}

/// One owner's hooks are added one after the other, so that two at once are not one too many.
pub(super) async fn add(database: &Database, hook: &Hook, most: usize) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let owner = hook.owner.as_ref().map(Owner::as_str);
    lock(&tx, owner.unwrap_or_default()).await?;
    let count = tx.prepare_cached("SELECT count(*) FROM studio_hooks WHERE owner = $1").await?;
    let has: i64 = tx.query_one(&count, &[&owner]).await?.try_get(0)?;
    if has >= limit(most) {
        return Ok(false);
    }
    insert(&tx, hook).await?;
    tx.commit().await?;
    Ok(true)
}

async fn lock(tx: &Transaction<'_>, owner: &str) -> Result<(), DatabaseError> {
    let lock = tx.prepare_cached("SELECT pg_advisory_xact_lock(hashtext('studio_hooks ' || $1::text))").await?;
    tx.query(&lock, &[&owner]).await?;
    Ok(())
}

/// Of an owner's hooks the newest stay; letters are no hook that the owner has made.
pub(super) async fn keep_newest(tx: &Transaction<'_>, owner: &Owner, most: usize) -> Result<(), DatabaseError> {
    lock(tx, owner.as_str()).await?;
    let beyond = tx
        .prepare_cached(
            "SELECT id FROM studio_hooks WHERE owner = $1 AND channel = 'webhook'
             ORDER BY created_at DESC, id DESC OFFSET $2",
        )
        .await?;
    for row in tx.query(&beyond, &[&owner.as_str(), &limit(most)]).await? {
        remove_in(tx, &HookId::stored(row.try_get(0)?)).await?;
    }
    Ok(())
}

pub(super) async fn insert(tx: &Transaction<'_>, hook: &Hook) -> Result<(), DatabaseError> {
    let row = HookRow::from(hook);
    let insert = concat!(
        "INSERT INTO studio_hooks (",
        hook_columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET target = excluded.target"
    );
    tx.execute(
        &tx.prepare_cached(insert).await?,
        &[&row.id, &row.owner, &row.channel, &row.target, &row.events, &row.secret, &row.created_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn remove(database: &Database, id: &HookId) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let removed = remove_in(&tx, id).await?;
    tx.commit().await?;
    Ok(removed)
}

pub(super) async fn remove_in(tx: &Transaction<'_>, id: &HookId) -> Result<bool, DatabaseError> {
    let give_up = tx
        .prepare_cached(
            "UPDATE studio_messages SET state = 'dead', due_at = NULL, in_hand = 0
             WHERE hook_id = $1 AND due_at IS NOT NULL",
        )
        .await?;
    let id = storable(id.as_str());
    tx.execute(&give_up, &[&id]).await?;
    let delete = tx.prepare_cached("DELETE FROM studio_hooks WHERE id = $1").await?;
    Ok(tx.execute(&delete, &[&id]).await? == 1)
}

pub(super) async fn set_settings(database: &Database, hook: Option<&Hook>) -> Result<(), DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    match hook {
        Some(hook) => insert(&tx, hook).await?,
        None => {
            remove_in(&tx, &HookId::settings()).await?;
        }
    }
    Ok(tx.commit().await?)
}

fn hook(row: &Row) -> Result<Hook, DatabaseError> {
    let row = HookRow {
        id: row.try_get(0)?,
        owner: row.try_get(1)?,
        channel: row.try_get(2)?,
        target: row.try_get(3)?,
        events: row.try_get(4)?,
        secret: row.try_get(5)?,
        created_at: row.try_get(6)?,
    };
    row.try_into()
}

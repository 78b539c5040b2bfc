//! Hooks: who wants to be told of what.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_studio::job::Owner;
use plantain_studio::messages::hook::{Hook, HookId};

use crate::error::DatabaseError;
use crate::studio::job::limit;
use crate::studio::message::{HookRow, hook_columns, readable};

/// Of one owner's jobs alone.
pub(super) fn of(tx: &Transaction<'_>, owner: &Owner) -> Result<Vec<Hook>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!(
        "SELECT ",
        hook_columns!(),
        " FROM studio_hooks WHERE owner = ?1 ORDER BY created_at, id"
    ))?;
    let rows = select.query_map([owner.as_str()], hook_row)?;
    readable(rows.map(|row| Hook::try_from(row?)))
}

/// Of this owner's jobs, and of all.
pub(super) fn concerning(tx: &Transaction<'_>, owner: Option<&Owner>) -> Result<Vec<Hook>, DatabaseError> {
    let mut select =
        tx.prepare_cached(concat!("SELECT ", hook_columns!(), " FROM studio_hooks WHERE owner IS NULL OR owner = ?1"))?;
    let rows = select.query_map([owner.map(Owner::as_str)], hook_row)?;
    readable(rows.map(|row| Hook::try_from(row?)))
}

pub(super) fn by_id(tx: &Transaction<'_>, id: &HookId) -> Result<Option<Hook>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!("SELECT ", hook_columns!(), " FROM studio_hooks WHERE id = ?1"))?;
    select.query_row([id.as_str()], hook_row).optional()?.map(Hook::try_from).transpose()
}

pub(super) fn add(tx: &Transaction<'_>, hook: &Hook, most: usize) -> Result<bool, DatabaseError> {
    let owner = hook.owner.as_ref().map(Owner::as_str);
    let has: i64 = tx
        .prepare_cached("SELECT count(*) FROM studio_hooks WHERE owner = ?1")?
        .query_row([owner], |row| row.get(0))?;
    if has >= limit(most) {
        return Ok(false);
    }
    insert(tx, hook)?;
    Ok(true)
}

/// Of an owner's hooks the newest stay; letters are no hook that the owner has made.
pub(super) fn keep_newest(tx: &Transaction<'_>, owner: &Owner, most: usize) -> Result<(), DatabaseError> {
    let mut beyond = tx.prepare_cached(
        "SELECT id FROM studio_hooks WHERE owner = ?1 AND channel = 'webhook'
         ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?2",
    )?;
    let rows = beyond.query_map(params![owner.as_str(), limit(most)], |row| row.get(0).map(HookId::stored))?;
    let beyond: Vec<HookId> = rows.collect::<Result<_, _>>()?;
    beyond.iter().try_for_each(|id| remove(tx, id).map(drop))
}

pub(super) fn insert(tx: &Transaction<'_>, hook: &Hook) -> Result<(), DatabaseError> {
    let row = HookRow::from(hook);
    tx.prepare_cached(concat!(
        "INSERT INTO studio_hooks (",
        hook_columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET target = excluded.target"
    ))?
    .execute(params![row.id, row.owner, row.channel, row.target, row.events, row.secret, row.created_at])?;
    Ok(())
}

pub(super) fn remove(tx: &Transaction<'_>, id: &HookId) -> Result<bool, DatabaseError> {
    tx.prepare_cached(
        "UPDATE studio_messages SET state = 'dead', due_at = NULL, in_hand = 0 WHERE hook_id = ?1 AND due_at IS NOT NULL",
    )?
    .execute([id.as_str()])?;
    Ok(tx.prepare_cached("DELETE FROM studio_hooks WHERE id = ?1")?.execute([id.as_str()])? == 1)
}

pub(super) fn set_settings(tx: &Transaction<'_>, hook: Option<&Hook>) -> Result<(), DatabaseError> {
    match hook {
        Some(hook) => insert(tx, hook),
        None => remove(tx, &HookId::settings()).map(|_| ()),
    }
}

fn hook_row(row: &Row<'_>) -> rusqlite::Result<HookRow> {
    Ok(HookRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        channel: row.get(2)?,
        target: row.get(3)?,
        events: row.get(4)?,
        secret: row.get(5)?,
        created_at: row.get(6)?,
    })
}

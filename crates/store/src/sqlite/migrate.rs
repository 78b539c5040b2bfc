//! Brings a file up to the program's schema, all steps in one transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::error::{Cause, DatabaseError, OpenError};
use crate::migrations::{Migrations, VERSIONS_TABLE};

pub(super) fn run(connection: &mut Connection, migrations: &Migrations) -> Result<(), OpenError> {
    // A table that is put in another's place is the same to those that refer to it; dropping the old one would take them along.
    connection.pragma_update(None, "foreign_keys", false)?;
    steps(connection, migrations)?;
    Ok(connection.pragma_update(None, "foreign_keys", true)?)
}

fn steps(connection: &mut Connection, migrations: &Migrations) -> Result<(), OpenError> {
    // Immediate: of two processes that start at once, the second one waits and then finds nothing to do.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(VERSIONS_TABLE)?;
    let found: Option<i64> = tx
        .query_row("SELECT version FROM schema_versions WHERE role = ?1", [migrations.role], |row| row.get(0))
        .optional()?;
    let due = migrations.after(found.unwrap_or(0))?;
    for &(version, sql) in &due {
        tx.execute_batch(sql)?;
        tx.execute(
            "INSERT OR REPLACE INTO schema_versions (role, version) VALUES (?1, ?2)",
            (migrations.role, version),
        )?;
    }
    // What was not watched over meanwhile.
    if !due.is_empty() && tx.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(DatabaseError::unavailable(Cause::from("after a migration rows refer to what isn't there")).into());
    }
    Ok(tx.commit()?)
}

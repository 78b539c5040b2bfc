//! Brings a file up to the program's schema, all steps in one transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::error::OpenError;
use crate::migrations::{Migrations, VERSIONS_TABLE};

pub(super) fn run(connection: &mut Connection, migrations: &Migrations) -> Result<(), OpenError> {
    // A table that is put in another's place is the same to those that refer to it; dropping the old one would take them along.
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = steps(connection, migrations);
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated
}

fn steps(connection: &mut Connection, migrations: &Migrations) -> Result<(), OpenError> {
    // Immediate: of two processes that start at once, the second one waits and then finds nothing to do.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(VERSIONS_TABLE)?;
    let found: Option<i64> = tx
        .query_row("SELECT version FROM schema_versions WHERE role = ?1", [migrations.role], |row| row.get(0))
        .optional()?;
    for (version, sql) in migrations.after(found.unwrap_or(0))? {
        tx.execute_batch(sql)?;
        tx.execute(
            "INSERT OR REPLACE INTO schema_versions (role, version) VALUES (?1, ?2)",
            (migrations.role, version),
        )?;
    }
    Ok(tx.commit()?)
}

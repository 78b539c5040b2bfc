//! How SQLite means to run a statement on a freshly migrated file: the queue's, where nothing else is said.

use rusqlite::Connection;

use crate::migrations::Migrations;
use crate::queue::SQLITE;

/// Asserts that a statement searches `index` and sorts nothing by itself.
#[track_caller]
pub(super) fn uses(sql: &str, index: &str) {
    let plan = steps(sql);
    assert!(plan.contains(&format!("INDEX {index}")) && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
}

/// The steps of a statement, as SQLite words them, a line each.
pub(super) fn steps(sql: &str) -> String {
    steps_of(&SQLITE, sql)
}

pub(in crate::sqlite) fn steps_of(migrations: &Migrations, sql: &str) -> String {
    explain(migrations, &format!("EXPLAIN QUERY PLAN {sql}"), 3)
}

/// Asserts that a statement fills no table of its own on the way, for what it returns, a list or a check.
#[track_caller]
pub(super) fn fills_no_table(sql: &str) {
    fills_no_table_of(&SQLITE, sql);
}

#[track_caller]
pub(in crate::sqlite) fn fills_no_table_of(migrations: &Migrations, sql: &str) {
    let operations = explain(migrations, &format!("EXPLAIN {sql}"), 1);
    assert!(!operations.contains("Ephemeral"), "{sql}\n{operations}");
}

/// The indexes that an update writes whatever its values are, in the order of their names; a table's own unique ones included.
pub(in crate::sqlite) fn indexes_written_by(migrations: &Migrations, sql: &str) -> Vec<String> {
    let connection = migrated(migrations);
    let mut explain = connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
    let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
    let rows = explain.query_map(rusqlite::params_from_iter(nulls), |row| {
        Ok((row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
    });
    let steps: Vec<(String, i64, i64)> = rows.unwrap().map(Result::unwrap).collect();
    let is_written = |cursor: i64| steps.iter().any(|(step, at, _)| step == "IdxInsert" && *at == cursor);
    let opened = steps.iter().filter(|(step, cursor, _)| step == "OpenWrite" && is_written(*cursor));
    let name = |root: i64| -> String {
        connection.query_row("SELECT name FROM sqlite_schema WHERE rootpage = ?1", [root], |row| row.get(0)).unwrap()
    };
    let mut names: Vec<String> = opened.map(|(_, _, root)| name(*root)).collect();
    names.sort();
    names
}

fn migrated(migrations: &Migrations) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    migrations.files.iter().for_each(|file| connection.execute_batch(file).unwrap());
    connection
}

fn explain(migrations: &Migrations, sql: &str, column: usize) -> String {
    let connection = migrated(migrations);
    let mut explain = connection.prepare(sql).unwrap();
    let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
    let rows = explain.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(column)).unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

//! How SQLite means to run a statement on a freshly migrated file.

use rusqlite::Connection;

use crate::queue::SQLITE;

/// Asserts that a statement searches `index` and sorts nothing by itself.
#[track_caller]
pub(super) fn uses(sql: &str, index: &str) {
    let connection = Connection::open_in_memory().unwrap();
    SQLITE.files.iter().for_each(|file| connection.execute_batch(file).unwrap());
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
    let steps = explain.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(3)).unwrap();
    let plan = steps.map(Result::unwrap).collect::<Vec<_>>().join("\n");
    assert!(plan.contains(&format!("INDEX {index}")) && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
}

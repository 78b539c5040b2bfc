//! How a connection is set up: durable for the writer, read-only for the rest, and small in memory.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::sqlite::work::Survives;

/// How long a statement waits for another process that has the file locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements kept by a connection: more than any one store has.
const STATEMENTS_KEPT: usize = 64;

/// The write-ahead log is cut back to this after a checkpoint, in bytes.
const LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;

/// Pages that the log holds before they are copied into the file, as many as those bytes. Most commits write the same few pages
/// again, the ends of tables and indexes, and however often they are in the log, they are copied once.
const LOG_PAGES: i64 = 4_000;

/// Page caches in KiB (SQLite counts them negative). Small, since the system caches the file as well.
const WRITER_CACHE_KIB: i64 = 4 * 1024;
const READER_CACHE_KIB: i64 = 1024;

pub(super) fn open_writer(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, WRITER_CACHE_KIB)?;
    // First the journal's mode: it answers with a row and can't be changed inside a transaction.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    set_commits(&connection, Survives::PowerCut)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    Ok(connection)
}

/// What the following commits survive. Either way the file stays whole: the log is read up to where it was synced. A synced
/// commit also syncs all commits before it.
pub(super) fn set_commits(connection: &Connection, survives: Survives) -> Result<(), rusqlite::Error> {
    let synchronous = match survives {
        Survives::PowerCut => "full",
        Survives::Process => "normal",
    };
    connection.pragma_update(None, "synchronous", synchronous)
}

pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX, READER_CACHE_KIB)
}

/// For a look at a file that another process may have open, or nobody: then the log can't be read without being able to write.
pub(super) fn open_beside(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags, cache_kib: i64) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Else a statement is planned anew with each value that a partial index or a limit could be judged by.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_values_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("test.db")).unwrap();
        let table = "CREATE TABLE seen (state TEXT, n INTEGER); CREATE INDEX some ON seen (n) WHERE state = 'waiting';";
        connection.execute_batch(table).unwrap();
        let mut select = connection.prepare("SELECT n FROM seen WHERE state = ?1 AND n > ?2 LIMIT ?3").unwrap();
        for state in ["waiting", "running", "waiting"] {
            assert!(!select.exists(rusqlite::params![state, 1, 5]).unwrap());
        }
        assert_eq!(select.get_status(StatementStatus::RePrepare), 0);
    }
}

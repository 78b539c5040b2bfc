//! The ground under every SQLite adapter: groups, savepoints, readers, a full disk, the end.

use std::sync::mpsc;

use plantain_store::DatabaseError;
use plantain_store::OpenError;
use plantain_store::migrations::Migrations;
use plantain_store::sqlite::Database;

const ITEMS: Migrations =
    Migrations { role: "items", files: &["CREATE TABLE items (name TEXT NOT NULL UNIQUE, filler BLOB) STRICT"] };

/// What SQLite calls its ways to commit.
const NORMAL: i64 = 1;
const FULL: i64 = 2;

struct Fixture {
    database: Database,
    folder: tempfile::TempDir,
}

async fn fresh() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("items.db"), &ITEMS).await.unwrap();
    Fixture { database, folder }
}

async fn add(database: &Database, name: &'static str) -> Result<(), DatabaseError> {
    let insert = move |tx: &rusqlite::Transaction<'_>| {
        tx.execute("INSERT INTO items (name) VALUES (?1)", [name])?;
        Ok(())
    };
    database.write(insert).await
}

async fn names(database: &Database) -> Vec<String> {
    let list = |tx: &rusqlite::Transaction<'_>| {
        let mut statement = tx.prepare_cached("SELECT name FROM items ORDER BY name")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<Vec<String>, _>>()?)
    };
    database.read(list).await.unwrap()
}

#[tokio::test]
async fn a_write_that_was_answered_is_there_after_the_file_is_opened_again() {
    let Fixture { database, folder } = fresh().await;
    add(&database, "chair").await.unwrap();
    drop(database);
    let again = Database::open(&folder.path().join("items.db"), &ITEMS).await.unwrap();
    assert_eq!(names(&again).await, ["chair"]);
}

#[tokio::test]
async fn a_change_that_fails_undoes_itself_and_nobody_elses_in_the_same_commit() {
    let Fixture { database, folder: _folder } = fresh().await;
    let (release, held) = mpsc::channel::<()>();
    let mut held = Some(held);
    // The writer stands still, so that the three that follow share one commit. Once: it may be part of that commit itself,
    // and run again.
    let blocked = database.write(move |_| {
        held.take().map(|held| held.recv());
        Ok(())
    });
    let broken = database.write(|tx| {
        tx.execute("INSERT INTO items (name) VALUES ('half')", [])?;
        Err::<(), _>(DatabaseError::corrupt("items", "name", "a row made up by the test"))
    });
    let go = async { release.send(()).unwrap() };
    let (_, first, broken, last, ()) =
        tokio::join!(biased; blocked, add(&database, "first"), broken, add(&database, "last"), go);
    assert!(first.is_ok() && last.is_ok());
    assert!(matches!(broken, Err(DatabaseError::Corrupt { table: "items", .. })));
    assert_eq!(names(&database).await, ["first", "last"]);
}

#[tokio::test]
async fn a_store_method_that_panics_does_not_take_the_writer_or_a_reader_with_it() {
    let Fixture { database, folder: _folder } = fresh().await;
    let panicked = database
        .write(|tx| -> Result<(), DatabaseError> {
            tx.execute("INSERT INTO items (name) VALUES ('half')", [])?;
            panic!("a bug in a store method")
        })
        .await;
    assert!(matches!(panicked, Err(DatabaseError::Corrupt { .. })));
    for _ in 0..10 {
        assert!(database.read(|_| -> Result<(), DatabaseError> { panic!("a bug in a query") }).await.is_err());
    }
    add(&database, "chair").await.unwrap();
    assert_eq!(names(&database).await, ["chair"]);
}

#[tokio::test]
async fn an_unsynced_write_is_seen_at_once_and_survives_the_process() {
    let Fixture { database, folder } = fresh().await;
    let insert = |name: &'static str| {
        move |tx: &rusqlite::Transaction<'_>| Ok(tx.execute("INSERT INTO items (name) VALUES (?1)", [name])?)
    };
    database.write_unsynced(insert("lease")).await.unwrap();
    assert_eq!(names(&database).await, ["lease"]);
    let copy = folder.path().join("copy.db");
    // The bytes that are with the system when a process is killed.
    for ending in ["db", "db-wal"] {
        std::fs::copy(folder.path().join("items.db").with_extension(ending), copy.with_extension(ending)).unwrap();
    }
    assert_eq!(names(&Database::open(&copy, &ITEMS).await.unwrap()).await, ["lease"]);
    database.write(insert("result")).await.unwrap();
    let synchronous = |tx: &rusqlite::Transaction<'_>| Ok(tx.query_row("PRAGMA synchronous", [], |row| row.get(0))?);
    assert_eq!(database.write::<i64, _>(synchronous).await.unwrap(), FULL, "whatever came before");
    assert_eq!(database.write_unsynced::<i64, _>(synchronous).await.unwrap(), NORMAL);
}

#[tokio::test]
async fn readers_answer_while_the_writer_is_busy_and_see_only_what_is_committed() {
    let Fixture { database, folder: _folder } = fresh().await;
    let (release, held) = mpsc::channel::<()>();
    let slow = database.write(move |tx| {
        tx.execute("INSERT INTO items (name) VALUES ('not yet')", [])?;
        held.recv().ok();
        Ok(())
    });
    let look = async {
        let seen = names(&database).await;
        release.send(()).unwrap();
        seen
    };
    let (written, seen) = tokio::join!(biased; slow, look);
    written.unwrap();
    assert!(seen.is_empty());
    assert_eq!(names(&database).await, ["not yet"]);
}

#[tokio::test]
async fn a_reader_can_not_write() {
    let Fixture { database, folder: _folder } = fresh().await;
    let sneaky = database.read(|tx| Ok(tx.execute("INSERT INTO items (name) VALUES ('x')", [])?)).await;
    assert!(matches!(sneaky, Err(DatabaseError::Unavailable(_))));
}

#[tokio::test]
async fn a_full_disk_is_told_keeps_what_was_acknowledged_and_heals() {
    let Fixture { database, folder: _folder } = fresh().await;
    add(&database, "kept").await.unwrap();
    let limit = |pages: i64| {
        database.write(move |tx| Ok(tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?))
    };
    limit(8).await.unwrap();
    let large = database
        .write(|tx| Ok(tx.execute("INSERT INTO items (name, filler) VALUES ('large', zeroblob(1000000))", [])?))
        .await;
    assert!(matches!(large, Err(DatabaseError::Full(_))), "{large:?}");
    assert_eq!(names(&database).await, ["kept"]);
    limit(100_000).await.unwrap();
    add(&database, "later").await.unwrap();
    assert_eq!(names(&database).await, ["kept", "later"]);
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_is_finished_before_the_file_is_closed() {
    let Fixture { database, folder } = fresh().await;
    {
        let write = add(&database, "chair");
        tokio::pin!(write);
        assert!(futures_util::poll!(&mut write).is_pending());
    }
    drop(database);
    let again = Database::open(&folder.path().join("items.db"), &ITEMS).await.unwrap();
    assert_eq!(names(&again).await, ["chair"]);
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let Fixture { database, folder: _folder } = fresh().await;
    let adds = (0..500).map(|n| {
        database.write(move |tx| Ok(tx.execute("INSERT INTO items (name) VALUES (?1)", [format!("{n:03}")])?))
    });
    assert!(futures_util::future::join_all(adds).await.into_iter().all(|added| added.is_ok()));
    assert_eq!(names(&database).await.len(), 500);
}

#[tokio::test]
async fn a_newer_database_is_left_alone_and_an_unusable_path_is_told() {
    let Fixture { database, folder } = fresh().await;
    drop(database);
    const NONE: Migrations = Migrations { role: "items", files: &[] };
    let path = folder.path().join("items.db");
    assert!(matches!(Database::open(&path, &NONE).await.err(), Some(OpenError::Newer { found: 1, known: 0, .. })));
    let nowhere = Database::open(&folder.path().join("no/such/folder.db"), &ITEMS).await.err();
    assert!(matches!(nowhere, Some(OpenError::Database(DatabaseError::Unavailable(_)))), "{nowhere:?}");
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, vec![b'x'; 8192]).unwrap();
    let opened = Database::open(&garbage, &ITEMS).await.err();
    assert!(matches!(opened, Some(OpenError::Database(DatabaseError::Corrupt { .. }))), "{opened:?}");
}

#[tokio::test]
async fn a_table_that_is_put_in_anothers_place_keeps_what_refers_to_it() {
    const ORDERS: &str = "CREATE TABLE orders (item TEXT NOT NULL REFERENCES items (name) ON DELETE CASCADE)";
    const BEFORE: Migrations = Migrations { role: "items", files: &[ITEMS.files[0], ORDERS] };
    const ANEW: &str = "CREATE TABLE anew (filler BLOB, name TEXT NOT NULL UNIQUE) STRICT;
        INSERT INTO anew (name, filler) SELECT name, filler FROM items;
        DROP TABLE items;
        ALTER TABLE anew RENAME TO items;";
    const AFTER: Migrations = Migrations { role: "items", files: &[ITEMS.files[0], ORDERS, ANEW] };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.db");
    let before = Database::open(&path, &BEFORE).await.unwrap();
    add(&before, "chair").await.unwrap();
    before.write(|tx| Ok(tx.execute("INSERT INTO orders VALUES ('chair')", [])?)).await.unwrap();
    drop(before);

    let after = Database::open(&path, &AFTER).await.unwrap();
    let orders =
        |tx: &rusqlite::Transaction<'_>| Ok(tx.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?);
    assert_eq!((names(&after).await, after.read(orders).await.unwrap()), (vec!["chair".to_owned()], 1_i64));
    // They still refer to it, and references count again.
    let wrong = after.write(|tx| Ok(tx.execute("INSERT INTO orders VALUES ('desk')", [])?)).await;
    assert!(wrong.is_err(), "nothing is called desk");
    after.write(|tx| Ok(tx.execute("DELETE FROM items", [])?)).await.unwrap();
    assert_eq!(after.read(orders).await.unwrap(), 0_i64);
}

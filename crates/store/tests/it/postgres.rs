//! A Postgres schema for each test, and the ground under every Postgres adapter.

use std::sync::Arc;

use plantain_store::migrations::Migrations;
use plantain_store::postgres::Database;
use plantain_store::{DatabaseError, OpenError};

/// The address of a server on which schemas may be made and dropped.
const SERVER: &str = "PLANTAIN_TEST_POSTGRES";

/// An empty schema, dropped with the value. Tests that use it need a runtime of several threads, since dropping waits while
/// the pool's connections still have to say goodbye.
pub struct Fresh {
    server: String,
    schema: String,
}

impl Fresh {
    /// `None`, and a line that can't be overlooked, where no server is configured.
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment where their server is")]
    pub async fn schema() -> Option<Fresh> {
        let Ok(server) = std::env::var(SERVER) else {
            eprintln!("SKIPPED: no Postgres. `cargo xtask test` starts one, or set {SERVER}=postgres://…");
            return None;
        };
        let schema = format!("test_{}", hex(&plantain_work::random::bytes::<8>()));
        execute(&server, &format!("CREATE SCHEMA {schema}")).await;
        Some(Fresh { server, schema })
    }

    /// Leads into the schema.
    pub fn url(&self) -> String {
        let join = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{join}options=-c%20search_path%3D{}", self.server, self.schema)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let (server, drop) = (self.server.clone(), format!("DROP SCHEMA {} CASCADE", self.schema));
        // A thread of its own, since a runtime can't wait inside another.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(&server, &drop));
        });
        dropped.join().ok();
    }
}

pub async fn execute(server: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.expect(SERVER);
    let asked = client.batch_execute(sql);
    tokio::pin!(connection);
    tokio::select! {
        done = asked => done.unwrap(),
        ended = &mut connection => panic!("the connection ended: {ended:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const ITEMS: Migrations =
    Migrations { role: "items", files: &["CREATE TABLE items (id BIGINT PRIMARY KEY, count BIGINT NOT NULL)"] };

async fn database() -> Option<(Fresh, Database)> {
    let fresh = Fresh::schema().await?;
    let database = Database::connect(&fresh.url(), &ITEMS).await.unwrap();
    Some((fresh, database))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_start_at_once_migrate_once() {
    let Some(fresh) = Fresh::schema().await else { return };
    let url = fresh.url();
    let starts = (0..4).map(|_| Database::connect(&url, &ITEMS));
    assert!(futures_util::future::join_all(starts).await.into_iter().all(|started| started.is_ok()));
    const NONE: Migrations = Migrations { role: "items", files: &[] };
    let older = Database::connect(&url, &NONE).await.err();
    assert!(matches!(older, Some(OpenError::Newer { role: "items", found: 1, known: 0 })), "{older:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_resolved_by_trying_again() {
    let Some((_fresh, database)) = database().await else { return };
    let client = database.client().await.unwrap();
    client.batch_execute("INSERT INTO items VALUES (1, 0), (2, 0)").await.unwrap();
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let cross = |first: i64, second: i64| {
        let (database, both) = (database.clone(), both.clone());
        async move {
            let meet = std::sync::atomic::AtomicBool::new(true);
            database.retrying(|| bump(&database, first, second, &both, &meet)).await
        }
    };
    let (one, other) = tokio::join!(cross(1, 2), cross(2, 1));
    one.unwrap();
    other.unwrap();
    let total: i64 = client.query_one("SELECT sum(count)::bigint FROM items", &[]).await.unwrap().get(0);
    assert_eq!(total, 4);
}

/// Counts both rows up; in the first round it holds the first until the other side holds the second.
async fn bump(
    database: &Database,
    first: i64,
    second: i64,
    both: &tokio::sync::Barrier,
    meet: &std::sync::atomic::AtomicBool,
) -> Result<(), DatabaseError> {
    const BUMP: &str = "UPDATE items SET count = count + 1 WHERE id = $1";
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    tx.execute(BUMP, &[&first]).await?;
    if meet.swap(false, std::sync::atomic::Ordering::SeqCst) {
        both.wait().await;
    }
    tx.execute(BUMP, &[&second]).await?;
    Ok(tx.commit().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_notify_is_heard() {
    let Some((_fresh, database)) = database().await else { return };
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    database.listen("plantain_test", move |text| heard.send(text.to_owned()).unwrap());
    assert_eq!(hears.recv().await.unwrap(), "");
    let client = database.client().await.unwrap();
    client.execute("SELECT pg_notify('plantain_test', 'a chair')", &[]).await.unwrap();
    assert_eq!(hears.recv().await.unwrap(), "a chair");
    // The callback, and with it the sender, goes away with the database.
    drop((client, database));
    assert_eq!(hears.recv().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_told_at_once() {
    let nobody = Database::connect("postgres://plantain@127.0.0.1:1/none", &ITEMS).await.err();
    assert!(matches!(nobody, Some(OpenError::Database(DatabaseError::Unavailable(_)))), "{nobody:?}");
}

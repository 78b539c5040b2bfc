//! Brings a database up to the program's schema, all steps in one transaction, one program at a time.

use deadpool_postgres::Object;

use crate::error::OpenError;
use crate::migrations::{Migrations, VERSIONS_TABLE};

/// Any number, as long as it is the same in every version of the program: "plantain" in ASCII.
const LOCK: i64 = 0x706c_616e_7461_696e;

pub(super) async fn run(client: &mut Object, migrations: &Migrations) -> Result<(), OpenError> {
    let tx = client.transaction().await?;
    // An index over a long history takes its time.
    tx.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    // Of replicas that start at once, the others wait here and then find nothing to do.
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    tx.batch_execute(VERSIONS_TABLE).await?;
    let found = tx.query_opt("SELECT version FROM schema_versions WHERE role = $1", &[&migrations.role]).await?;
    let found: i64 = found.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
    for (version, sql) in migrations.after(found)? {
        tx.batch_execute(sql).await?;
        tx.execute(
            "INSERT INTO schema_versions (role, version) VALUES ($1, $2)
             ON CONFLICT (role) DO UPDATE SET version = excluded.version",
            &[&migrations.role, &version],
        )
        .await?;
    }
    Ok(tx.commit().await?)
}

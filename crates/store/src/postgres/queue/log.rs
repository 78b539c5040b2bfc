//! Log lines of requests, in the order in which they were written.

use deadpool_postgres::Transaction;

use plantain_queue::model::{Lease, Settled};
use plantain_queue::store::Hint;
use plantain_wire::status::LogEntry;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::hint;
use crate::postgres::text::storable;
use crate::queue::request::LogRow;
use crate::time::to_micros;

pub(super) async fn append_fenced(
    database: &Database,
    lease: &Lease,
    lines: &[LogEntry],
) -> Result<Settled, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    // Locked, so that nobody takes the lease over between this check and the commit.
    let held = tx
        .prepare_cached(
            "SELECT seq FROM queue_requests WHERE id = $1 AND attempt = $2 AND state = 'running' FOR UPDATE",
        )
        .await?;
    let held = tx.query_opt(&held, &[&lease.request_id.as_str(), &i64::from(lease.attempt)]).await?;
    let Some(row) = held else { return Ok(Settled::LeaseLost) };
    append(&tx, row.try_get(0)?, lines).await?;
    hint::send(&tx, &[Hint::Changed(lease.request_id.clone())]).await?;
    tx.commit().await?;
    Ok(Settled::Done)
}

/// The caller has the request's row locked.
pub(super) async fn append(tx: &Transaction<'_>, seq: i64, lines: &[LogEntry]) -> Result<(), DatabaseError> {
    if lines.is_empty() {
        return Ok(());
    }
    let insert = tx
        .prepare_cached(
            "INSERT INTO queue_logs (request, line, at, level, source, message)
             SELECT $1, (SELECT coalesce(max(line), 0) FROM queue_logs WHERE request = $1) + n, at, level, source, message
             FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
                  AS new (at, level, source, message, n)",
        )
        .await?;
    let at: Vec<Option<i64>> = lines.iter().map(|line| line.timestamp.map(to_micros)).collect();
    let levels: Vec<&str> = lines.iter().map(|line| line.level.as_str()).collect();
    let sources: Vec<String> = lines.iter().map(|line| storable(&line.source)).collect();
    let messages: Vec<String> = lines.iter().map(|line| storable(&line.message)).collect();
    tx.execute(&insert, &[&seq, &at, &levels, &sources, &messages]).await?;
    Ok(())
}

pub(super) async fn list(tx: &Transaction<'_>, seq: i64) -> Result<Vec<LogEntry>, DatabaseError> {
    let select =
        tx.prepare_cached("SELECT at, level, source, message FROM queue_logs WHERE request = $1 ORDER BY line").await?;
    let entry = |row: &tokio_postgres::Row| -> Result<LogEntry, tokio_postgres::Error> {
        let row =
            LogRow { at: row.try_get(0)?, level: row.try_get(1)?, source: row.try_get(2)?, message: row.try_get(3)? };
        Ok(row.into())
    };
    Ok(tx.query(&select, &[&seq]).await?.iter().map(entry).collect::<Result<_, _>>()?)
}

//! Listing and counting requests.

use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use plantain_queue::history::{Counts, Filter, Page};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::queue::list::{self, Dialect, Question, SummaryRow, Value, count_max};
use crate::time::to_micros;

pub(super) async fn page(database: &Database, filter: &Filter) -> Result<Page, DatabaseError> {
    let asked = Question::new(filter, Dialect::Postgres);
    let values: Vec<&(dyn ToSql + Sync)> = asked.values.iter().map(sql).collect();
    let client = database.client().await?;
    let select = client.prepare_cached(&asked.page).await?;
    let rows = client.query(&select, &values).await?;
    let rows = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
    let looked = match rows.len() < asked.limit {
        true => {
            let looked = client.prepare_cached(&asked.looked).await?;
            let row = client.query_one(&looked, &values[..asked.narrow]).await?;
            Some((row.try_get(0)?, row.try_get(1)?))
        }
        false => None,
    };
    list::page(rows, looked)
}

pub(super) async fn counts(database: &Database, since: Timestamp) -> Result<Counts, DatabaseError> {
    let client = database.client().await?;
    let open = client
        .prepare_cached(
            "SELECT (SELECT count(*) FROM
                         (SELECT 1 FROM queue_requests WHERE state IN ('ready', 'delayed') LIMIT $1) waiting),
                    (SELECT count(*) FROM (SELECT 1 FROM queue_requests WHERE state = 'running' LIMIT $1) running)",
        )
        .await?;
    let open = client.query_one(&open, &[&count_max()]).await?;
    let ended = client
        .prepare_cached(
            "SELECT ending, count(*) FROM (SELECT ending FROM queue_requests WHERE finished_at >= $2
                 ORDER BY finished_at DESC LIMIT $1) ended GROUP BY ending",
        )
        .await?;
    let ended = client.query(&ended, &[&count_max(), &to_micros(since)]).await?;
    let ended = ended.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let ended = ended.collect::<Result<_, tokio_postgres::Error>>()?;
    Ok(list::counts(open.try_get(0)?, open.try_get(1)?, ended))
}

fn sql(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Number(number) => number,
        Value::Text(text) => text,
    }
}

fn summary(row: &Row) -> Result<SummaryRow, tokio_postgres::Error> {
    Ok(SummaryRow {
        seq: row.try_get(0)?,
        id: row.try_get(1)?,
        endpoint: row.try_get(2)?,
        user_id: row.try_get(3)?,
        key_id: row.try_get(4)?,
        state: row.try_get(5)?,
        ending: row.try_get(6)?,
        origin: row.try_get(7)?,
        attempt: row.try_get(8)?,
        failures: row.try_get(9)?,
        options: row.try_get(10)?,
        created_at: row.try_get(11)?,
        started_at: row.try_get(12)?,
        finished_at: row.try_get(13)?,
        retry_of: row.try_get(14)?,
    })
}

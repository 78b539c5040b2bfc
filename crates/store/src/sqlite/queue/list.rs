//! Listing and counting requests.

use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{Row, Transaction, params, params_from_iter};

use plantain_queue::history::{Counts, Filter, Page};

use crate::error::DatabaseError;
use crate::queue::list::{self, Dialect, Question, SummaryRow, Value, count_max};
use crate::time::to_micros;

const WAITING: &str = "SELECT count(*) FROM (SELECT 1 FROM queue_requests INDEXED BY queue_requests_waiting
    WHERE state IN ('ready', 'delayed') LIMIT ?1)";
const RUNNING: &str = "SELECT count(*) FROM (SELECT 1 FROM queue_requests INDEXED BY queue_requests_due
    WHERE state = 'running' AND due_at IS NOT NULL LIMIT ?1)";
const ENDED: &str = "SELECT ending, count(*) FROM (SELECT ending FROM queue_requests INDEXED BY queue_requests_finished
    WHERE finished_at >= ?2 ORDER BY finished_at DESC LIMIT ?1) GROUP BY ending";

pub(super) fn page(tx: &Transaction<'_>, filter: &Filter) -> Result<Page, DatabaseError> {
    let asked = Question::new(filter, Dialect::Sqlite);
    let values: Vec<Sql> = asked.values.into_iter().map(sql).collect();
    let mut select = tx.prepare_cached(&asked.page)?;
    let rows = select.query_map(params_from_iter(&values), summary)?.collect::<Result<Vec<_>, _>>()?;
    let looked = match rows.len() < asked.limit {
        true => {
            let mut looked = tx.prepare_cached(&asked.looked)?;
            Some(looked.query_row(params_from_iter(&values[..asked.narrow]), |row| Ok((row.get(0)?, row.get(1)?)))?)
        }
        false => None,
    };
    list::page(rows, looked)
}

pub(super) fn counts(tx: &Transaction<'_>, since: Timestamp) -> Result<Counts, DatabaseError> {
    let count = |sql: &str| tx.prepare_cached(sql)?.query_row([count_max()], |row| row.get(0));
    let (waiting, running) = (count(WAITING)?, count(RUNNING)?);
    let mut ended = tx.prepare_cached(ENDED)?;
    let ended = ended.query_map(params![count_max(), to_micros(since)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(list::counts(waiting, running, ended.collect::<Result<_, _>>()?))
}

fn sql(value: Value) -> Sql {
    match value {
        Value::Number(number) => Sql::Integer(number),
        Value::Text(text) => Sql::Text(text),
    }
}

fn summary(row: &Row<'_>) -> rusqlite::Result<SummaryRow> {
    Ok(SummaryRow {
        seq: row.get(0)?,
        id: row.get(1)?,
        endpoint: row.get(2)?,
        user_id: row.get(3)?,
        key_id: row.get(4)?,
        state: row.get(5)?,
        ending: row.get(6)?,
        origin: row.get(7)?,
        attempt: row.get(8)?,
        failures: row.get(9)?,
        options: row.get(10)?,
        created_at: row.get(11)?,
        started_at: row.get(12)?,
        finished_at: row.get(13)?,
        retry_of: row.get(14)?,
    })
}

#[cfg(test)]
mod tests {
    use plantain_queue::history::{Cursor, Ending, Stage};

    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn no_page_is_sorted_and_each_walks_down_an_index() {
        let stage = |stage| Filter { stage: Some(stage), ..Filter::default() };
        for (filter, index) in [
            (stage(Stage::Waiting), "queue_requests_open"),
            (stage(Stage::Ended(Ending::Failed)), "queue_requests_ending"),
            (Filter { key_id: Some("k".into()), ..Filter::default() }, "queue_requests_of_key"),
            (Filter { endpoint: Some("a/b/c".parse().unwrap()), ..Filter::default() }, "queue_requests_of_app"),
            (Filter { from: Some(Timestamp::UNIX_EPOCH), ..Filter::default() }, "queue_requests_created"),
        ] {
            let filter = Filter { before: Some(Cursor(9)), to: Some(Timestamp::UNIX_EPOCH), ..filter };
            plan::uses(&Question::new(&filter, Dialect::Sqlite).page, index);
        }
    }

    #[test]
    fn what_runs_is_found_by_its_lease() {
        let running = Filter { stage: Some(Stage::Running), ..Filter::default() };
        let steps = plan::steps(&Question::new(&running, Dialect::Sqlite).page);
        assert!(steps.contains("INDEX queue_requests_due (state=? AND due_at>?)"), "{steps}");
    }

    #[test]
    fn counts_read_an_index_alone() {
        plan::uses(WAITING, "queue_requests_waiting");
        plan::uses(RUNNING, "queue_requests_due");
    }
}

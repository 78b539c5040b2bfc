//! Putting what is over on record.

use rusqlite::{Transaction, params};

use plantain_queue::history::{Ending, FinishedRun, Payload};

use crate::error::DatabaseError;
use crate::queue::request::options_text;
use crate::sqlite::queue::{log, settle};
use crate::time::to_micros;

/// An id that is on record already is left as it is.
pub(super) fn record(tx: &Transaction<'_>, run: &FinishedRun) -> Result<(), DatabaseError> {
    let inserted = tx
        .prepare_cached(
            "INSERT INTO queue_requests (id, endpoint, app, user_id, key_id, gateway_request_id, priority, state, attempt,
                                         created_at, started_at, attempt_started_at, finished_at, options, origin,
                                         payloads, ending)
             VALUES (?1, ?2, ?3, ?4, ?5, ?1, 0, 'completed', 1, ?6, ?6, ?6, ?7, ?8, 'run', ?9, ?10)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            run.id.as_str(),
            run.endpoint.as_str(),
            run.endpoint.app(),
            run.caller.user_id.as_str(),
            run.caller.key_id,
            to_micros(run.started_at),
            to_micros(run.finished_at),
            options_text(&run.options),
            Payload::of(&run.options, &run.input).as_str(),
            Ending::of(&run.outcome).as_str(),
        ])?;
    if inserted == 0 {
        return Ok(());
    }
    let seq = tx.last_insert_rowid();
    tx.prepare_cached("INSERT INTO queue_inputs (request, input) VALUES (?1, ?2)")?
        .execute(params![seq, &run.input[..]])?;
    log::append(tx, seq, &run.logs)?;
    settle::complete(tx, seq, &run.outcome, &[], run.finished_at)
}

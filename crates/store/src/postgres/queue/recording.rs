//! Putting what is over on record.

use plantain_queue::history::{Ending, FinishedRun, Payload};

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::{log, settle};
use crate::queue::request::options_text;
use crate::time::to_micros;

/// An id that is on record already is left as it is.
pub(super) async fn record(database: &Database, run: &FinishedRun) -> Result<(), DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let insert = tx
        .prepare_cached(
            "WITH done AS (
                 INSERT INTO queue_requests (id, endpoint, app, user_id, key_id, gateway_request_id, priority, state,
                                             attempt, created_at, started_at, attempt_started_at, finished_at, options,
                                             origin, payloads, ending)
                 VALUES ($1, $2, $3, $4, $5, $1, 0, 'completed', 1, $6, $6, $6, $7, $8, 'run', $9, $10)
                 ON CONFLICT (id) DO NOTHING RETURNING seq)
             INSERT INTO queue_inputs (request, input) SELECT seq, $11 FROM done RETURNING request",
        )
        .await?;
    let inserted = tx
        .query_opt(
            &insert,
            &[
                &run.id.as_str(),
                &run.endpoint.as_str(),
                &run.endpoint.app(),
                &run.caller.user_id.as_str(),
                &run.caller.key_id,
                &to_micros(run.started_at),
                &to_micros(run.finished_at),
                &options_text(&run.options),
                &Payload::of(&run.options, &run.input).as_str(),
                &Ending::of(&run.outcome).as_str(),
                &&run.input[..],
            ],
        )
        .await?;
    let Some(row) = inserted else { return Ok(()) };
    let seq = row.try_get(0)?;
    log::append(&tx, seq, &run.logs).await?;
    settle::owe(&tx, seq, &run.outcome, &[], run.finished_at).await?;
    Ok(tx.commit().await?)
}

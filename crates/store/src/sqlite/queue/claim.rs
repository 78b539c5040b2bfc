//! Taking requests under leases, and keeping them.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_queue::model::{ClaimedRequest, Lease, Pulse};
use plantain_queue::store::Claimed;
use plantain_queue::turns::{KeyQueue, Turns};
use plantain_work::random;

use crate::error::DatabaseError;
use crate::queue::request::{ClaimedRow, LAPSED, by_rank};
use crate::sqlite::queue::{attempt, settle};
use crate::time::{from_micros, to_micros};

/// Each of these reads one partial index, none of which contains a completed request.
/// At most so many in one transaction; what is left is due at once.
const DELAYED_ONES: &str =
    "SELECT seq FROM queue_requests WHERE due_at <= ?1 AND state = 'delayed' ORDER BY due_at LIMIT 1000";
const LAPSED_ONES: &str =
    "SELECT seq FROM queue_requests WHERE due_at <= ?1 AND state = 'running' ORDER BY due_at LIMIT ?2";
const BUSY_KEYS: &str = "SELECT key_id FROM queue_requests WHERE state = 'running' AND due_at IS NOT NULL";
const NEXT_KEY: &str = "SELECT priority, key_id FROM queue_requests
    WHERE state = 'ready' AND (priority, key_id) > (?1, ?2) ORDER BY priority, key_id LIMIT 1";
const OF_KEY: &str = "SELECT seq FROM queue_requests
    WHERE state = 'ready' AND priority = ?1 AND key_id = ?2 ORDER BY seq LIMIT ?3";
const OWN_LIMIT: &str = "SELECT concurrency FROM queue_keys WHERE id = ?1";
const BEGIN: &str = "UPDATE queue_requests SET
        failures = failures + (state = 'running'), server_errors = server_errors + (state = 'running'),
        last_error = iif(state = 'running', ?5, last_error),
        gateway_request_id = iif(attempt = 0, id, ?4),
        state = 'running', attempt = attempt + 1, due_at = ?2, started_at = coalesce(started_at, ?3),
        attempt_started_at = ?3
    WHERE seq = ?1";
const NEXT_DUE: &str = "SELECT min(due) FROM (
    SELECT min(due_at) AS due FROM queue_requests WHERE state = 'running' AND due_at IS NOT NULL UNION ALL
    SELECT min(due_at) FROM queue_requests WHERE state = 'delayed' AND due_at IS NOT NULL)";
const OVERDUE_ONES: &str = "SELECT seq FROM queue_requests
    WHERE start_by <= ?1 AND state IN ('ready', 'delayed') ORDER BY start_by LIMIT ?2";
const NEXT_DEADLINE: &str = "SELECT min(start_by) FROM queue_requests
    WHERE start_by IS NOT NULL AND state IN ('ready', 'delayed')";
const RUNNING_ONES: &str = "UPDATE queue_requests SET due_at = ?1 WHERE due_at > ?1 AND state = 'running'";

pub(super) fn requests(
    tx: &Transaction<'_>,
    count: usize,
    turns: &Turns,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    promote(tx, now)?;
    let mut picked = seqs(tx, LAPSED_ONES, params![to_micros(now), limit(count)])?;
    picked.iter().try_for_each(|seq| attempt::lapsed(tx, *seq, now))?;
    let left = count - picked.len();
    let mut held_back = left == 0;
    if left > 0 {
        let keys = waiting_keys(tx, left, turns)?;
        let listed: usize = keys.iter().map(KeyQueue::waiting).sum();
        let chosen = turns.pick(keys, left);
        held_back = chosen.len() < listed;
        picked.extend(chosen);
    }
    Ok(Claimed { held_back, ..take(tx, picked, until, now, NEXT_DUE)? })
}

/// Row by row, like all of what is written here: SQLite makes a table of its own for a list in a statement, and for what a
/// statement returns, which costs more than the rest of it.
fn promote(tx: &Transaction<'_>, now: Timestamp) -> Result<(), DatabaseError> {
    for seq in seqs(tx, DELAYED_ONES, params![to_micros(now)])? {
        tx.prepare_cached("UPDATE queue_requests SET state = 'ready', due_at = NULL WHERE seq = ?1")?.execute([seq])?;
    }
    Ok(())
}

/// The keys that have something waiting and may have it run, each with as much of it as could go now and one more, which tells
/// whether any is held back. Costs a step for each such key, however much waits.
fn waiting_keys(tx: &Transaction<'_>, count: usize, turns: &Turns) -> Result<Vec<KeyQueue>, DatabaseError> {
    let busy = busy_keys(tx)?;
    let (mut keys, mut by_key): (Vec<KeyQueue>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    let mut next_key = tx.prepare_cached(NEXT_KEY)?;
    let mut last: (i64, String) = (-1, String::new());
    while let Some((priority, key_id)) =
        next_key.query_row(params![last.0, last.1], |row| Ok((row.get(0)?, row.get(1)?))).optional()?
    {
        last = (priority, key_id);
        let (priority, key_id) = (last.0, last.1.as_str());
        let index = match by_key.get(key_id) {
            Some(index) => *index,
            None => {
                let room = turns.room(own_limit(tx, key_id)?, busy.get(key_id).copied().unwrap_or(0));
                keys.push(KeyQueue { key_id: key_id.to_owned(), room, ..KeyQueue::default() });
                by_key.insert(key_id.to_owned(), keys.len() - 1);
                keys.len() - 1
            }
        };
        let key = &mut keys[index];
        let waiting = seqs(tx, OF_KEY, params![priority, key_id, limit(key.room.min(count).saturating_add(1))])?;
        key.wait(by_rank(priority), waiting);
    }
    Ok(keys)
}

/// How many requests of each key are running.
fn busy_keys(tx: &Transaction<'_>) -> Result<HashMap<String, usize>, DatabaseError> {
    let mut busy = HashMap::new();
    let mut statement = tx.prepare_cached(BUSY_KEYS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        *busy.entry(row.get(0)?).or_default() += 1;
    }
    Ok(busy)
}

fn own_limit(tx: &Transaction<'_>, key_id: &str) -> Result<Option<usize>, DatabaseError> {
    let own: Option<Option<i64>> = tx.prepare_cached(OWN_LIMIT)?.query_row([key_id], |row| row.get(0)).optional()?;
    Ok(own.flatten().and_then(|own| usize::try_from(own).ok()))
}

/// Waiting requests whose start deadline has passed.
pub(super) fn overdue(
    tx: &Transaction<'_>,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    let picked = seqs(tx, OVERDUE_ONES, params![to_micros(now), limit(count)])?;
    take(tx, picked, until, now, NEXT_DEADLINE)
}

/// A request that can't be read would come up in every claim; it is ended instead of handed out.
fn take(
    tx: &Transaction<'_>,
    picked: Vec<i64>,
    until: Timestamp,
    now: Timestamp,
    next_due: &str,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    let (mut tasks, mut given_up) = (Vec::with_capacity(picked.len()), false);
    for seq in picked {
        match begin(tx, seq, until, now) {
            Ok(task) => tasks.push(task),
            Err(error) if error.is_of_one_row() => {
                settle::give_up(tx, seq, &error, now)?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    let due: Option<i64> = tx.prepare_cached(next_due)?.query_row([], |row| row.get(0))?;
    // What was given up took the place of others, which are due as well.
    let next_due = if given_up { Some(now) } else { due.and_then(from_micros) };
    Ok(Claimed { tasks, next_due, held_back: false })
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seqs(tx: &Transaction<'_>, sql: &str, params: impl rusqlite::Params) -> Result<Vec<i64>, DatabaseError> {
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A request that is still running here is one whose lease ran out: that was a failure of whoever held it.
fn begin(tx: &Transaction<'_>, seq: i64, until: Timestamp, now: Timestamp) -> Result<ClaimedRequest, DatabaseError> {
    tx.prepare_cached(BEGIN)?.execute(params![
        seq,
        to_micros(until),
        to_micros(now),
        random::id(now).to_string(),
        LAPSED.as_str()
    ])?;
    let row = tx
        .prepare_cached(
            "SELECT id, attempt, gateway_request_id, endpoint, user_id, key_id, webhook, start_by, created_at, failures,
                    last_error, cancel_requested, (SELECT input FROM queue_inputs WHERE request = seq), options,
                    server_errors, timeouts, connection_errors, note
             FROM queue_requests WHERE seq = ?1",
        )?
        .query_row([seq], claimed_row)?;
    row.try_into()
}

fn claimed_row(row: &Row<'_>) -> rusqlite::Result<ClaimedRow> {
    Ok(ClaimedRow {
        id: row.get(0)?,
        attempt: row.get(1)?,
        gateway_request_id: row.get(2)?,
        endpoint: row.get(3)?,
        user_id: row.get(4)?,
        key_id: row.get(5)?,
        webhook: row.get(6)?,
        start_by: row.get(7)?,
        created_at: row.get(8)?,
        failures: row.get(9)?,
        last_error: row.get(10)?,
        cancel_requested: row.get(11)?,
        input: row.get(12)?,
        options: row.get(13)?,
        server_errors: row.get(14)?,
        timeouts: row.get(15)?,
        connection_errors: row.get(16)?,
        note: row.get(17)?,
    })
}

/// Lets all leases run out now.
pub(super) fn release(tx: &Transaction<'_>, now: Timestamp) -> Result<usize, DatabaseError> {
    Ok(tx.prepare_cached(RUNNING_ONES)?.execute([to_micros(now)])?)
}

pub(super) fn heartbeat(tx: &Transaction<'_>, leases: &[Lease], until: Timestamp) -> Result<Vec<Pulse>, DatabaseError> {
    let mut held = tx.prepare_cached(
        "SELECT seq, cancel_requested FROM queue_requests WHERE id = ?1 AND attempt = ?2 AND state = 'running'",
    )?;
    let mut prolong = tx.prepare_cached("UPDATE queue_requests SET due_at = ?2 WHERE seq = ?1")?;
    let mut pulse = |lease: &Lease| {
        let found: Option<(i64, bool)> = held
            .query_row(params![lease.request_id.as_str(), lease.attempt], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((seq, cancel_requested)) = found else { return Ok(Pulse::Lost) };
        prolong.execute(params![seq, to_micros(until)])?;
        Ok(if cancel_requested { Pulse::CancelRequested } else { Pulse::Held })
    };
    leases.iter().map(&mut pulse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::queue::plan;

    #[test]
    fn a_claim_never_looks_at_what_is_completed() {
        plan::uses(DELAYED_ONES, "queue_requests_due");
        plan::uses(LAPSED_ONES, "queue_requests_due");
        plan::uses(BUSY_KEYS, "queue_requests_due");
        plan::uses(NEXT_KEY, "queue_requests_turn");
        plan::uses(OF_KEY, "queue_requests_turn");
        plan::uses(NEXT_DUE, "queue_requests_due");
        plan::uses(OVERDUE_ONES, "queue_requests_deadline");
        plan::uses(NEXT_DEADLINE, "queue_requests_deadline");
        plan::uses(RUNNING_ONES, "queue_requests_due");
    }

    #[test]
    fn a_claim_fills_no_table_of_its_own() {
        for sql in [DELAYED_ONES, LAPSED_ONES, BUSY_KEYS, NEXT_KEY, OF_KEY, BEGIN, NEXT_DUE] {
            plan::fills_no_table(sql);
        }
    }
}

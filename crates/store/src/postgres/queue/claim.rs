//! Taking requests under leases, and keeping them.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use plantain_queue::model::{ClaimedRequest, Lease, Pulse};
use plantain_queue::store::Claimed;
use plantain_queue::turns::{KeyQueue, Turns};
use plantain_work::random;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::{attempt, settle};
use crate::queue::request::{ClaimedRow, LAPSED, by_rank};
use crate::time::{from_micros, to_micros};

/// One claimer at a time in a queue, so that what a key may have running holds over all processes. The plan never reads
/// the whole table, whatever the statistics say. A claim survives the process and need not survive a power cut, which ends
/// its holder too.
const BEGIN: &str = "SELECT set_config('synchronous_commit', 'off', true), set_config('enable_seqscan', 'off', true),
    pg_advisory_xact_lock($1, hashtext(current_schema()))";
const PROMOTE: &str = "UPDATE queue_requests SET state = 'ready', due_at = NULL WHERE seq IN (
    SELECT seq FROM queue_requests WHERE due_at <= $1 AND state = 'delayed' ORDER BY due_at LIMIT 1000
    FOR UPDATE SKIP LOCKED)";
const LAPSED_ONES: &str =
    "SELECT seq FROM queue_requests WHERE due_at <= $1 AND state = 'running' ORDER BY due_at LIMIT $2
     FOR UPDATE SKIP LOCKED";
/// A step for each key that has something waiting, however much waits; each with as much of it as could go now.
const WAITING_KEYS: &str = "
    WITH RECURSIVE heads AS (
        (SELECT priority, key_id FROM queue_requests WHERE state = 'ready' ORDER BY priority, key_id LIMIT 1)
        UNION ALL
        SELECT next.priority, next.key_id FROM heads CROSS JOIN LATERAL (
            SELECT priority, key_id FROM queue_requests
            WHERE state = 'ready' AND (priority, key_id) > (heads.priority, heads.key_id)
            ORDER BY priority, key_id LIMIT 1) AS next
    ), busy AS MATERIALIZED (
        SELECT key_id, count(*) AS running FROM queue_requests WHERE state = 'running' AND due_at IS NOT NULL
        GROUP BY key_id
    )
    SELECT heads.priority, heads.key_id, coalesce(busy.running, 0), queue_keys.concurrency,
           ARRAY(SELECT seq FROM queue_requests ready
                 WHERE state = 'ready' AND ready.priority = heads.priority AND ready.key_id = heads.key_id
                 ORDER BY seq LIMIT $1)
    FROM heads LEFT JOIN busy USING (key_id) LEFT JOIN queue_keys ON queue_keys.id = heads.key_id";
const TAKE: &str = "UPDATE queue_requests r SET
        failures = failures + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
        server_errors = server_errors + CASE WHEN state = 'running' THEN 1 ELSE 0 END,
        last_error = CASE WHEN state = 'running' THEN $5 ELSE last_error END,
        gateway_request_id = CASE WHEN attempt = 0 THEN id ELSE picked.gateway END,
        state = 'running', attempt = attempt + 1, due_at = $3, started_at = coalesce(started_at, $4),
        attempt_started_at = $4
    FROM unnest($1::bigint[], $2::text[]) AS picked (seq, gateway)
    WHERE r.seq = picked.seq AND (state IN ('ready', 'delayed') OR (state = 'running' AND due_at <= $4))
    RETURNING r.seq, id, attempt, gateway_request_id, endpoint, user_id, key_id, webhook, start_by, created_at,
              failures, last_error, cancel_requested, (SELECT input FROM queue_inputs WHERE request = r.seq),
              options, server_errors, timeouts, connection_errors, note";
const NEXT_DUE: &str = "SELECT least(
    (SELECT min(due_at) FROM queue_requests WHERE state = 'running' AND due_at IS NOT NULL),
    (SELECT min(due_at) FROM queue_requests WHERE state = 'delayed' AND due_at IS NOT NULL))";
const NEXT_DEADLINE: &str =
    "SELECT min(start_by) FROM queue_requests WHERE start_by IS NOT NULL AND state IN ('ready', 'delayed')";

pub(super) async fn requests(
    database: &Database,
    count: usize,
    turns: &Turns,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let (picked, held_back) = pick(&tx, count, turns, now).await?;
    Ok(Claimed { held_back, ..take(tx, &picked, until, now, NEXT_DUE).await? })
}

/// The first half of the lock of a queue's claims; the other half is its schema.
const CLAIMS: i32 = 0x706c_616e;

/// Waiting requests whose start deadline has passed.
pub(super) async fn overdue(
    database: &Database,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let select = tx
        .prepare_cached(
            "SELECT seq FROM queue_requests WHERE start_by <= $1 AND state IN ('ready', 'delayed')
             ORDER BY start_by LIMIT $2 FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let rows = tx.query(&select, &[&to_micros(now), &i64::try_from(count).unwrap_or(i64::MAX)]).await?;
    let picked = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<_>, _>>()?;
    take(tx, &picked, until, now, NEXT_DEADLINE).await
}

/// A request that can't be read would come up in every claim; it is ended instead of handed out.
async fn take(
    tx: Transaction<'_>,
    picked: &[i64],
    until: Timestamp,
    now: Timestamp,
    next_due: &str,
) -> Result<Claimed<ClaimedRequest>, DatabaseError> {
    let next_due = tx.prepare_cached(next_due).await?;
    // So that the two statements go out together, and in this order.
    tx.prepare_cached(TAKE).await?;
    let (begun, due) =
        tokio::try_join!(begin(&tx, picked, until, now), async { Ok(tx.query_one(&next_due, &[]).await?) })?;
    let (mut tasks, mut given_up) = (Vec::with_capacity(picked.len()), false);
    for (seq, row) in begun {
        match ClaimedRequest::try_from(row) {
            Ok(task) => tasks.push(task),
            Err(error) if error.is_of_one_row() => {
                settle::give_up(&tx, seq, &error, now).await?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    let due: Option<i64> = due.try_get(0)?;
    tx.commit().await?;
    // What was given up took the place of others, which are due as well.
    let next_due = if given_up { Some(now) } else { due.and_then(from_micros) };
    Ok(Claimed { tasks, next_due, held_back: false })
}

/// The statements go out together, so that all of this is one round trip. What waits is not locked here: one that
/// is cancelled before it is taken is left. Tells too whether something waits that may not begin yet.
async fn pick(
    tx: &Transaction<'_>,
    count: usize,
    turns: &Turns,
    now: Timestamp,
) -> Result<(Vec<i64>, bool), DatabaseError> {
    let (now, limit) = (to_micros(now), i64::try_from(count).unwrap_or(i64::MAX));
    let begin = tx.prepare_cached(BEGIN).await?;
    let promote = tx.prepare_cached(PROMOTE).await?;
    let lapsed = tx.prepare_cached(LAPSED_ONES).await?;
    let waiting = tx.prepare_cached(WAITING_KEYS).await?;
    let both: [&(dyn ToSql + Sync); 2] = [&now, &limit];
    let (_, _, lapsed, waiting) = tokio::try_join!(
        tx.query(&begin, &[&CLAIMS]),
        tx.execute(&promote, &both[..1]),
        tx.query(&lapsed, &both),
        tx.query(&waiting, &both[1..]),
    )?;
    attempt::lapsed(tx, &lapsed, now).await?;
    let mut picked = lapsed.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    let left = count - picked.len();
    let keys = waiting_keys(&waiting, turns)?;
    let listed: usize = keys.iter().map(KeyQueue::waiting).sum();
    let chosen = turns.pick(keys, left);
    let held_back = chosen.len() < listed;
    picked.extend(chosen);
    Ok((picked, held_back))
}

fn waiting_keys(rows: &[Row], turns: &Turns) -> Result<Vec<KeyQueue>, DatabaseError> {
    let (mut keys, mut by_key): (Vec<KeyQueue>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
    for row in rows {
        let (key_id, running): (&str, i64) = (row.try_get(1)?, row.try_get(2)?);
        let own: Option<i64> = row.try_get(3)?;
        let index = *by_key.entry(key_id).or_insert_with(|| {
            let own = own.and_then(|own| usize::try_from(own).ok());
            let room = turns.room(own, usize::try_from(running).unwrap_or(0));
            keys.push(KeyQueue { key_id: key_id.to_owned(), room, ..KeyQueue::default() });
            keys.len() - 1
        });
        keys[index].wait(by_rank(row.try_get(0)?), row.try_get::<_, Vec<i64>>(4)?);
    }
    Ok(keys)
}

/// A request that is still running here is one whose lease ran out: that was a failure of whoever held it.
async fn begin(
    tx: &Transaction<'_>,
    picked: &[i64],
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<(i64, ClaimedRow)>, DatabaseError> {
    if picked.is_empty() {
        return Ok(Vec::new());
    }
    let gateway_ids: Vec<String> = picked.iter().map(|_| random::id(now).to_string()).collect();
    let begin = tx.prepare_cached(TAKE).await?;
    let rows = tx.query(&begin, &[&picked, &gateway_ids, &to_micros(until), &to_micros(now), &LAPSED.as_str()]).await?;
    // The rows come in any order; the tasks go out in the order of the queue.
    let mut by_seq = HashMap::new();
    for row in &rows {
        by_seq.insert(row.try_get::<_, i64>(0)?, claimed_row(row)?);
    }
    Ok(picked.iter().filter_map(|seq| Some((*seq, by_seq.remove(seq)?))).collect())
}

fn claimed_row(row: &Row) -> Result<ClaimedRow, tokio_postgres::Error> {
    Ok(ClaimedRow {
        id: row.try_get(1)?,
        attempt: row.try_get(2)?,
        gateway_request_id: row.try_get(3)?,
        endpoint: row.try_get(4)?,
        user_id: row.try_get(5)?,
        key_id: row.try_get(6)?,
        webhook: row.try_get(7)?,
        start_by: row.try_get(8)?,
        created_at: row.try_get(9)?,
        failures: row.try_get(10)?,
        last_error: row.try_get(11)?,
        cancel_requested: row.try_get(12)?,
        input: row.try_get(13)?,
        options: row.try_get(14)?,
        server_errors: row.try_get(15)?,
        timeouts: row.try_get(16)?,
        connection_errors: row.try_get(17)?,
        note: row.try_get(18)?,
    })
}

pub(super) async fn heartbeat(
    database: &Database,
    leases: &[Lease],
    until: Timestamp,
) -> Result<Vec<Pulse>, DatabaseError> {
    let client = database.client().await?;
    let prolong = client
        .prepare_cached(
            "UPDATE queue_requests r SET due_at = $3
             FROM unnest($1::text[], $2::bigint[]) AS held (id, attempt)
             WHERE r.id = held.id AND r.attempt = held.attempt AND state = 'running'
             RETURNING r.id, r.attempt, cancel_requested",
        )
        .await?;
    let ids: Vec<&str> = leases.iter().map(|lease| lease.request_id.as_str()).collect();
    let attempts: Vec<i64> = leases.iter().map(|lease| lease.attempt.into()).collect();
    let rows = client.query(&prolong, &[&ids, &attempts, &to_micros(until)]).await?;
    let mut held = HashMap::new();
    for row in &rows {
        held.insert((row.try_get::<_, &str>(0)?, row.try_get::<_, i64>(1)?), row.try_get::<_, bool>(2)?);
    }
    let pulse = |lease: &Lease| match held.get(&(lease.request_id.as_str(), i64::from(lease.attempt))) {
        None => Pulse::Lost,
        Some(true) => Pulse::CancelRequested,
        Some(false) => Pulse::Held,
    };
    Ok(leases.iter().map(pulse).collect())
}

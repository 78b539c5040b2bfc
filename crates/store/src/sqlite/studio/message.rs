//! Messages: owed with what owes them, taken for attempts, settled, shown.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_inbox::store::StoreError;
use plantain_studio::bulk::batch::{Batch, BatchId, Counts, Refused};
use plantain_studio::job::{Job, JobError, JobId, Owner};
use plantain_studio::messages::hook::{Hook, HookId};
use plantain_studio::messages::message::{
    ATTEMPTS_KEPT, Attempt, Event, KEPT_FOR, Message, MessageId, MessageState, Verdict,
};
use plantain_studio::messages::owing::{self, Listeners};
use plantain_studio::messages::store::{
    A_LINE_MAX, AN_OWNER_MAX, ClaimedMessages, InHand, MessageFilter, MessageStore, SentAgain,
};
use plantain_studio::messages::view::Eyes;
use plantain_work::clock::before;

use crate::error::DatabaseError;
use crate::sqlite::studio::{SqliteStudio, account, hook, job};
use crate::studio::job::{json, limit, why_unreadable};
use crate::studio::message::{AttemptRow, MessageRow, message_columns, readable, told_state, wamid, whose};
use crate::time::{from_micros, to_micros};

#[async_trait]
impl MessageStore for SqliteStudio {
    async fn hooks(&self, owner: &Owner) -> Result<Vec<Hook>, StoreError> {
        let owner = owner.clone();
        Ok(self.0.read(move |tx| hook::of(tx, &owner)).await?)
    }

    async fn hook(&self, id: &HookId) -> Result<Option<Hook>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| hook::by_id(tx, &id)).await?)
    }

    async fn add_hook(&self, hook: &Hook, most: usize) -> Result<bool, StoreError> {
        let hook = hook.clone();
        Ok(self.0.write(move |tx| hook::add(tx, &hook, most)).await?)
    }

    async fn remove_hook(&self, id: &HookId) -> Result<bool, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| hook::remove(tx, &id)).await?)
    }

    async fn set_settings_hook(&self, hook: Option<&Hook>) -> Result<(), StoreError> {
        let hook = hook.cloned();
        Ok(self.0.write(move |tx| hook::set_settings(tx, hook.as_ref())).await?)
    }

    async fn owe(&self, message: &Message) -> Result<bool, StoreError> {
        let message = message.clone();
        Ok(self.0.write(move |tx| owe(tx, &message)).await?)
    }

    async fn owe_refused(&self, refused: &Refused, now: Timestamp) -> Result<(), StoreError> {
        let refused = refused.clone();
        Ok(self.0.write(move |tx| owe_refused(tx, &refused, now)).await?)
    }

    /// Synced, so that what a message tells is, too: some of what owes one is not synced by itself. Mostly nothing is due, as after each
    /// job of a batch, and then no commit is made that would have to sync what others write with it.
    async fn claim_messages(
        &self,
        count: usize,
        in_hand: &InHand,
        now: Timestamp,
    ) -> Result<ClaimedMessages, StoreError> {
        if let Some(next_due) = self.0.read(move |tx| at_rest(tx, now)).await? {
            return Ok(ClaimedMessages { messages: Vec::new(), next_due });
        }
        let in_hand = in_hand.clone();
        Ok(self.0.write(move |tx| claim(tx, count, &in_hand, now)).await?)
    }

    async fn settle_message(
        &self,
        id: &MessageId,
        attempt: &Attempt,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Option<Message>, StoreError> {
        let (id, attempt) = (id.clone(), attempt.clone());
        Ok(self.0.write(move |tx| settle(tx, &id, &attempt, verdict, now)).await?)
    }

    async fn messages(&self, filter: &MessageFilter) -> Result<Vec<Message>, StoreError> {
        let filter = filter.clone();
        Ok(self.0.read(move |tx| list(tx, &filter)).await?)
    }

    async fn message(&self, id: &MessageId) -> Result<Option<(Message, Vec<Attempt>)>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| with_attempts(tx, &id)).await?)
    }

    async fn attempts(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Attempt>>, StoreError> {
        let ids = ids.to_vec();
        Ok(self.0.read(move |tx| attempts(tx, &ids)).await?)
    }

    async fn send_again(&self, id: &MessageId, now: Timestamp) -> Result<SentAgain, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| send_again(tx, &id, now)).await?)
    }
}

/// What an event of a job owes, as a part of the change that it comes from.
pub(super) fn owe_by_job(tx: &Transaction<'_>, job: &Job, event: Event, now: Timestamp) -> Result<(), DatabaseError> {
    let hooks = hooks_of_job(tx, &job.id, job.owner.as_ref())?;
    let listeners = Listeners::of(hooks, account::has_left(tx, job.owner.as_ref())?);
    let owed = owing::by_job(job, event, &listeners, now);
    owed.iter().try_for_each(|message| insert(tx, message))
}

/// The same for a job that failed since its record can't be read.
pub(super) fn owe_by_lost_job(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<(), DatabaseError> {
    let Some(id) = JobId::parse(id) else { return Ok(()) };
    let owner = job::owner(tx, &id)?;
    let hooks = hooks_of_job(tx, &id, owner.as_ref())?;
    let owed = owing::by_lost_job(&id, owner.as_ref(), &why_unreadable(), &hooks, now);
    owed.iter().try_for_each(|message| insert(tx, message))
}

fn hooks_of_job(tx: &Transaction<'_>, id: &JobId, owner: Option<&Owner>) -> Result<Vec<Hook>, DatabaseError> {
    let hooks = hook::concerning(tx, owner)?;
    if hooks.iter().any(|hook| hook.channel.is_read_by_people()) && is_of_batch(tx, id)? {
        return Ok(owing::within_batch(hooks));
    }
    Ok(hooks)
}

/// What is pending outlives its job, since it says everything itself; what is settled goes with it. So does what goes to an address or
/// a number that was given with the job.
pub(super) fn outlive(tx: &Transaction<'_>, id: &JobId) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "UPDATE studio_messages SET job_id = NULL WHERE job_id = ?1 AND due_at IS NOT NULL
         AND NOT ((channel = 'mail' OR channel = 'whatsapp') AND hook_id IS NULL)",
    )?
    .execute([id.as_str()])?;
    Ok(())
}

/// The same for a batch that is thrown away. What was settled goes at once, since no row of its own takes it along.
pub(super) fn outlive_batch(tx: &Transaction<'_>, id: &BatchId) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "DELETE FROM studio_messages WHERE batch_id = ?1
         AND (due_at IS NULL OR ((channel = 'mail' OR channel = 'whatsapp') AND hook_id IS NULL))",
    )?
    .execute([id.as_str()])?;
    tx.prepare_cached("UPDATE studio_messages SET batch_id = NULL WHERE batch_id = ?1")?.execute([id.as_str()])?;
    Ok(())
}

/// An item is running until the end of its job is noted, which comes after it.
fn is_of_batch(tx: &Transaction<'_>, id: &JobId) -> Result<bool, DatabaseError> {
    let mut select = tx.prepare_cached("SELECT 1 FROM studio_batch_items WHERE job_id = ?1 AND state = 'running'")?;
    Ok(select.exists([id.as_str()])?)
}

fn listeners(tx: &Transaction<'_>, owner: Option<&Owner>) -> Result<Listeners, DatabaseError> {
    Ok(Listeners::of(hook::concerning(tx, owner)?, account::has_left(tx, owner)?))
}

/// What the end of a batch owes, as a part of it.
pub(super) fn owe_by_batch(
    tx: &Transaction<'_>,
    batch: &Batch,
    counts: Counts,
    why: Option<JobError>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let owed = owing::by_batch(batch, counts, why, &listeners(tx, batch.owner.as_ref())?, now);
    owed.iter().try_for_each(|message| insert(tx, message))?;
    // Whoever is merely named hears of one end, however often the batch is tried again.
    tx.prepare_cached("UPDATE studio_batches SET notify = NULL, whatsapp = NULL WHERE id = ?1")?
        .execute([batch.id.as_str()])?;
    Ok(())
}

fn owe_refused(tx: &Transaction<'_>, refused: &Refused, now: Timestamp) -> Result<(), DatabaseError> {
    owing::by_refused(refused, &listeners(tx, refused.owner.as_ref())?, now)
        .iter()
        .try_for_each(|message| insert(tx, message))
}

/// There is one writer, so that nobody comes between looking and keeping.
fn owe(tx: &Transaction<'_>, message: &Message) -> Result<bool, DatabaseError> {
    let pending = tx
        .prepare_cached("SELECT 1 FROM studio_messages WHERE hook_id = ?1 AND due_at IS NOT NULL AND event = ?2")?
        .exists(params![message.hook.as_ref().map(HookId::as_str), message.event.as_str()])?;
    if pending {
        return Ok(false);
    }
    insert(tx, message)?;
    Ok(true)
}

fn insert(tx: &Transaction<'_>, message: &Message) -> Result<(), DatabaseError> {
    tx.prepare_cached("DELETE FROM studio_messages WHERE due_at IS NULL AND created_at < ?1")?
        .execute([to_micros(before(message.created_at, KEPT_FOR))])?;
    let row = MessageRow::from(message);
    tx.prepare_cached(concat!(
        "INSERT INTO studio_messages (",
        message_columns!(),
        ", line, wamid)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
    ))?
    .execute(params![
        row.id,
        row.owner,
        row.job_id,
        row.batch_id,
        row.hook_id,
        row.channel,
        row.target,
        row.secret,
        row.event,
        row.body,
        row.state,
        row.attempts,
        row.earlier,
        row.in_hand,
        row.due_at,
        row.created_at,
        row.receipt,
        row.unwanted,
        message.channel.line(&message.target),
        wamid(message),
    ])?;
    Ok(())
}

/// Everything that changes.
pub(super) fn update(tx: &Transaction<'_>, message: &Message) -> Result<(), DatabaseError> {
    let row = MessageRow::from(message);
    tx.prepare_cached(
        "UPDATE studio_messages SET state = ?2, attempts = ?3, earlier = ?4, in_hand = ?5, due_at = ?6, receipt = ?7,
             wamid = ?8, unwanted = ?9
         WHERE id = ?1",
    )?
    .execute(params![
        row.id,
        row.state,
        row.attempts,
        row.earlier,
        row.in_hand,
        row.due_at,
        row.receipt,
        wamid(message),
        row.unwanted,
    ])?;
    Ok(())
}

pub(super) fn by_id(tx: &Transaction<'_>, id: &str) -> Result<Option<Message>, DatabaseError> {
    let mut select =
        tx.prepare_cached(concat!("SELECT ", message_columns!(), " FROM studio_messages WHERE id = ?1"))?;
    select.query_row([id], message_row).optional()?.map(Message::try_from).transpose()
}

fn claim(
    tx: &Transaction<'_>,
    count: usize,
    in_hand: &InHand,
    now: Timestamp,
) -> Result<ClaimedMessages, DatabaseError> {
    let (mut messages, mut given_up) = (Vec::new(), false);
    for id in due(tx, count, in_hand, now)? {
        match by_id(tx, &id) {
            Ok(Some(message)) => {
                let taken = message.taken(now);
                update(tx, &taken)?;
                messages.push(taken);
            }
            Ok(None) => {}
            Err(error) if error.is_of_one_row() => {
                give_up(tx, &id, &error)?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    // What was given up took the place of others, which are due as well.
    let next_due = if given_up { Some(now) } else { next_due(tx, now)? };
    Ok(ClaimedMessages { messages, next_due })
}

/// What can't be taken for its line or its owner takes no place in the other's row.
fn due(tx: &Transaction<'_>, count: usize, in_hand: &InHand, now: Timestamp) -> Result<Vec<String>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!(
        "SELECT id FROM (
             SELECT id, due_at, whose, row_number() OVER (PARTITION BY whose ORDER BY due_at, id) AS m FROM (
                 SELECT id, due_at, ",
        whose!(),
        " AS whose, row_number() OVER (PARTITION BY line ORDER BY due_at, id) AS n FROM studio_messages
                 WHERE due_at <= ?1 AND line NOT IN (SELECT value FROM json_each(?2)) AND ",
        whose!(),
        " NOT IN (SELECT value FROM json_each(?3)))
             WHERE n <= ?4)
         WHERE m + coalesce((SELECT value FROM json_each(?5) WHERE key = whose), 0) <= ?6
         ORDER BY due_at, id LIMIT ?7"
    ))?;
    let rows = select.query_map(
        params![
            to_micros(now),
            json(&in_hand.busy_lines()),
            json(&in_hand.busy_owners()),
            limit(A_LINE_MAX),
            json(&in_hand.owners),
            limit(AN_OWNER_MAX),
            limit(count),
        ],
        |row| row.get(0),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A message that can't be read would come up in every claim.
fn give_up(tx: &Transaction<'_>, id: &str, error: &DatabaseError) -> Result<(), DatabaseError> {
    tracing::error!(message = id, %error, "message.unreadable: it was given up, and the others go on");
    tx.prepare_cached("UPDATE studio_messages SET state = 'dead', due_at = NULL, in_hand = 0 WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Where nothing is due: when something will be.
fn at_rest(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Option<Timestamp>>, DatabaseError> {
    let mut due = tx.prepare_cached("SELECT 1 FROM studio_messages WHERE due_at <= ?1 LIMIT 1")?;
    if due.exists([to_micros(now)])? { Ok(None) } else { next_due(tx, now).map(Some) }
}

fn next_due(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>, DatabaseError> {
    let due: Option<i64> = tx
        .prepare_cached("SELECT due_at FROM studio_messages WHERE due_at > ?1 ORDER BY due_at LIMIT 1")?
        .query_row([to_micros(now)], |row| row.get(0))
        .optional()?;
    Ok(due.and_then(from_micros))
}

fn settle(
    tx: &Transaction<'_>,
    id: &MessageId,
    attempt: &Attempt,
    verdict: Verdict,
    now: Timestamp,
) -> Result<Option<Message>, DatabaseError> {
    let message = by_id(tx, id.as_str())?;
    let Some(settled) = message.and_then(|message| message.settled(attempt.number, verdict, now)) else {
        return Ok(None);
    };
    update(tx, &settled)?;
    let row = AttemptRow::from(attempt);
    tx.prepare_cached(
        "INSERT INTO studio_message_attempts (message_id, number, at, latency, status, answer, why)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![id.as_str(), row.number, row.at, row.latency, row.status, row.answer, row.why])?;
    tx.prepare_cached("DELETE FROM studio_message_attempts WHERE message_id = ?1 AND number <= ?2 - ?3")?
        .execute(params![id.as_str(), row.number, ATTEMPTS_KEPT])?;
    Ok(Some(settled))
}

/// The ways to ask have statements of their own, so that each is answered from an index.
fn list(tx: &Transaction<'_>, filter: &MessageFilter) -> Result<Vec<Message>, DatabaseError> {
    macro_rules! select {
        ($which:literal) => {
            concat!(
                "SELECT ",
                message_columns!(),
                " FROM studio_messages WHERE ",
                $which,
                " AND (?3 IS NULL OR ",
                told_state!("?6"),
                " = ?3) AND (?4 IS NULL OR id < ?4)
                  AND (?6 OR hook_id IS NULL OR hook_id <> 'settings') ORDER BY id DESC LIMIT ?5"
            )
        };
    }
    let MessageFilter { owner, job, state, before, eyes, limit: count } = filter;
    let mut select = tx.prepare_cached(match (job, owner) {
        (Some(_), _) => select!("job_id = ?1 AND (?2 IS NULL OR owner = ?2)"),
        (None, Some(_)) => select!("?1 IS NULL AND owner = ?2"),
        (None, None) => select!("?1 IS NULL AND ?2 IS NULL"),
    })?;
    let rows = select.query_map(
        params![
            job.as_ref().map(JobId::as_str),
            owner.as_ref().map(Owner::as_str),
            state.map(MessageState::as_str),
            before.as_ref().map(MessageId::as_str),
            limit(*count),
            *eyes == Eyes::Operators,
        ],
        message_row,
    )?;
    readable(rows.map(|row| Message::try_from(row?)))
}

fn with_attempts(tx: &Transaction<'_>, id: &MessageId) -> Result<Option<(Message, Vec<Attempt>)>, DatabaseError> {
    let Some(message) = by_id(tx, id.as_str())? else { return Ok(None) };
    let mut select = tx.prepare_cached(
        "SELECT number, at, latency, status, answer, why FROM studio_message_attempts WHERE message_id = ?1
         ORDER BY number",
    )?;
    let rows = select.query_map([id.as_str()], |row| attempt_row(row, 0))?;
    let attempts = rows.map(|row| row?.of(id.as_str())).collect::<Result<_, _>>()?;
    Ok(Some((message, attempts)))
}

fn attempts(tx: &Transaction<'_>, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Attempt>>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT message_id, number, at, latency, status, answer, why FROM studio_message_attempts
         WHERE message_id IN (SELECT value FROM json_each(?1)) ORDER BY message_id, number",
    )?;
    let rows = select.query_map([json(&ids)], |row| Ok((row.get::<_, String>(0)?, attempt_row(row, 1)?)))?;
    let mut all: HashMap<MessageId, Vec<Attempt>> = HashMap::new();
    for row in rows {
        let (id, row) = row?;
        if let Some(message) = MessageId::parse(&id) {
            all.entry(message).or_default().push(row.of(&id)?);
        }
    }
    Ok(all)
}

/// The columns of an attempt, from `first` on.
fn attempt_row(row: &Row<'_>, first: usize) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        number: row.get(first)?,
        at: row.get(first + 1)?,
        latency: row.get(first + 2)?,
        status: row.get(first + 3)?,
        answer: row.get(first + 4)?,
        why: row.get(first + 5)?,
    })
}

fn send_again(tx: &Transaction<'_>, id: &MessageId, now: Timestamp) -> Result<SentAgain, DatabaseError> {
    let Some(message) = by_id(tx, id.as_str())? else { return Ok(SentAgain::NotFound) };
    let Some(again) = message.sent_again(now) else { return Ok(SentAgain::InHand) };
    update(tx, &again)?;
    Ok(SentAgain::Owed)
}

/// Lets all leases end now.
pub(super) fn release_leases(tx: &Transaction<'_>) -> Result<usize, DatabaseError> {
    // Any time in the past will do.
    Ok(tx
        .prepare_cached("UPDATE studio_messages SET in_hand = 0, due_at = created_at WHERE in_hand = 1")?
        .execute([])?)
}

fn message_row(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        job_id: row.get(2)?,
        batch_id: row.get(3)?,
        hook_id: row.get(4)?,
        channel: row.get(5)?,
        target: row.get(6)?,
        secret: row.get(7)?,
        event: row.get(8)?,
        body: row.get(9)?,
        state: row.get(10)?,
        attempts: row.get(11)?,
        earlier: row.get(12)?,
        in_hand: row.get(13)?,
        due_at: row.get(14)?,
        created_at: row.get(15)?,
        receipt: row.get(16)?,
        unwanted: row.get(17)?,
    })
}

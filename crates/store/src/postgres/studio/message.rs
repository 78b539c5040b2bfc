//! Messages: owed with what owes them, taken for attempts, settled, shown. A message's row is locked before it changes.

use std::collections::HashMap;

use async_trait::async_trait;
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

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
use crate::postgres::Database;
use crate::postgres::studio::{PostgresStudio, account, hook};
use crate::postgres::text::storable;
use crate::studio::job::{limit, why_unreadable};
use crate::studio::message::{AttemptRow, MessageRow, message_columns, readable, told_state, wamid, whose};
use crate::time::{from_micros, to_micros};

#[async_trait]
impl MessageStore for PostgresStudio {
    async fn hooks(&self, owner: &Owner) -> Result<Vec<Hook>, StoreError> {
        Ok(hook::of(&self.0, owner).await?)
    }

    async fn hook(&self, id: &HookId) -> Result<Option<Hook>, StoreError> {
        Ok(hook::by_id(&self.0, id).await?)
    }

    async fn add_hook(&self, hook: &Hook, most: usize) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| hook::add(&self.0, hook, most)).await?)
    }

    async fn remove_hook(&self, id: &HookId) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| hook::remove(&self.0, id)).await?)
    }

    async fn set_settings_hook(&self, hook: Option<&Hook>) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| hook::set_settings(&self.0, hook)).await?)
    }

    async fn owe(&self, message: &Message) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| owe(&self.0, message)).await?)
    }

    async fn owe_refused(&self, refused: &Refused, now: Timestamp) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| owe_refused(&self.0, refused, now)).await?)
    }

    async fn claim_messages(
        &self,
        count: usize,
        in_hand: &InHand,
        now: Timestamp,
    ) -> Result<ClaimedMessages, StoreError> {
        Ok(self.0.retrying(|| claim(&self.0, count, in_hand, now)).await?)
    }

    async fn settle_message(
        &self,
        id: &MessageId,
        attempt: &Attempt,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Option<Message>, StoreError> {
        Ok(self.0.retrying(|| settle(&self.0, id, attempt, verdict, now)).await?)
    }

    async fn messages(&self, filter: &MessageFilter) -> Result<Vec<Message>, StoreError> {
        Ok(list(&self.0, filter).await?)
    }

    async fn message(&self, id: &MessageId) -> Result<Option<(Message, Vec<Attempt>)>, StoreError> {
        Ok(with_attempts(&self.0, id).await?)
    }

    async fn attempts(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Attempt>>, StoreError> {
        Ok(attempts(&self.0, ids).await?)
    }

    async fn send_again(&self, id: &MessageId, now: Timestamp) -> Result<SentAgain, StoreError> {
        Ok(self.0.retrying(|| send_again(&self.0, id, now)).await?)
    }
}

/// What an event of a job owes, as a part of the change that it comes from.
pub(super) async fn owe_by_job(
    tx: &Transaction<'_>,
    job: &Job,
    event: Event,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let hooks = hooks_of_job(tx, &job.id, job.owner.as_ref()).await?;
    let listeners = Listeners::of(hooks, account::has_left(tx, job.owner.as_ref()).await?);
    let owed = owing::by_job(job, event, &listeners, now);
    for message in owed {
        insert(tx, &message).await?;
    }
    Ok(())
}

/// The same for a job that failed since its record can't be read.
pub(super) async fn owe_by_lost_job(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<(), DatabaseError> {
    let Some(id) = JobId::parse(id) else { return Ok(()) };
    let select = tx.prepare_cached("SELECT owner FROM studio_jobs WHERE id = $1").await?;
    let owner: Option<String> = tx.query_one(&select, &[&id.as_str()]).await?.try_get(0)?;
    let owner = owner.map(Owner::stored);
    let hooks = hooks_of_job(tx, &id, owner.as_ref()).await?;
    for message in owing::by_lost_job(&id, owner.as_ref(), &why_unreadable(), &hooks, now) {
        insert(tx, &message).await?;
    }
    Ok(())
}

async fn hooks_of_job(tx: &Transaction<'_>, id: &JobId, owner: Option<&Owner>) -> Result<Vec<Hook>, DatabaseError> {
    let hooks = hook::concerning(tx, owner).await?;
    if hooks.iter().any(|hook| hook.channel.is_read_by_people()) && is_of_batch(tx, id).await? {
        return Ok(owing::within_batch(hooks));
    }
    Ok(hooks)
}

/// What is pending outlives its job, since it says everything itself; what is settled goes with it. So does what goes to an address or
/// a number that was given with the job.
pub(super) async fn outlive(tx: &Transaction<'_>, id: &JobId) -> Result<(), DatabaseError> {
    let outlive = "UPDATE studio_messages SET job_id = NULL WHERE job_id = $1 AND due_at IS NOT NULL
                   AND NOT ((channel = 'mail' OR channel = 'whatsapp') AND hook_id IS NULL)";
    tx.execute(&tx.prepare_cached(outlive).await?, &[&id.as_str()]).await?;
    Ok(())
}

/// The same for a batch that is thrown away. What was settled goes at once, since no row of its own takes it along.
pub(super) async fn outlive_batch(tx: &Transaction<'_>, id: &BatchId) -> Result<(), DatabaseError> {
    let forget = "DELETE FROM studio_messages WHERE batch_id = $1
                  AND (due_at IS NULL OR ((channel = 'mail' OR channel = 'whatsapp') AND hook_id IS NULL))";
    tx.execute(&tx.prepare_cached(forget).await?, &[&id.as_str()]).await?;
    let outlive = "UPDATE studio_messages SET batch_id = NULL WHERE batch_id = $1";
    tx.execute(&tx.prepare_cached(outlive).await?, &[&id.as_str()]).await?;
    Ok(())
}

/// An item is running until the end of its job is noted, which comes after it.
async fn is_of_batch(tx: &Transaction<'_>, id: &JobId) -> Result<bool, DatabaseError> {
    let select =
        tx.prepare_cached("SELECT 1 FROM studio_batch_items WHERE job_id = $1 AND state = 'running' LIMIT 1").await?;
    Ok(tx.query_opt(&select, &[&id.as_str()]).await?.is_some())
}

async fn listeners(tx: &Transaction<'_>, owner: Option<&Owner>) -> Result<Listeners, DatabaseError> {
    Ok(Listeners::of(hook::concerning(tx, owner).await?, account::has_left(tx, owner).await?))
}

/// What the end of a batch owes, as a part of it.
pub(super) async fn owe_by_batch(
    tx: &Transaction<'_>,
    batch: &Batch,
    counts: Counts,
    why: Option<JobError>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let owed = owing::by_batch(batch, counts, why, &listeners(tx, batch.owner.as_ref()).await?, now);
    for message in owed {
        insert(tx, &message).await?;
    }
    // Whoever is merely named hears of one end, however often the batch is tried again.
    let told = "UPDATE studio_batches SET notify = NULL, whatsapp = NULL WHERE id = $1";
    tx.execute(&tx.prepare_cached(told).await?, &[&batch.id.as_str()]).await?;
    Ok(())
}

async fn owe_refused(database: &Database, refused: &Refused, now: Timestamp) -> Result<(), DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let listeners = listeners(&tx, refused.owner.as_ref()).await?;
    for message in owing::by_refused(refused, &listeners, now) {
        insert(&tx, &message).await?;
    }
    Ok(tx.commit().await?)
}

/// Of two at once for one hook the later sees the earlier.
async fn owe(database: &Database, message: &Message) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    if let Some(hook) = &message.hook {
        let hook = storable(hook.as_str());
        let lock = "SELECT pg_advisory_xact_lock(hashtext('studio_messages ' || $1::text))";
        tx.query(&tx.prepare_cached(lock).await?, &[&hook]).await?;
        let pending = "SELECT 1 FROM studio_messages WHERE hook_id = $1 AND due_at IS NOT NULL AND event = $2 LIMIT 1";
        let pending = tx.prepare_cached(pending).await?;
        if tx.query_opt(&pending, &[&hook, &message.event.as_str()]).await?.is_some() {
            return Ok(false);
        }
    }
    insert(&tx, message).await?;
    tx.commit().await?;
    Ok(true)
}

async fn insert(tx: &Transaction<'_>, message: &Message) -> Result<(), DatabaseError> {
    let old = tx.prepare_cached("DELETE FROM studio_messages WHERE due_at IS NULL AND created_at < $1").await?;
    tx.execute(&old, &[&to_micros(before(message.created_at, KEPT_FOR))]).await?;
    let insert = tx
        .prepare_cached(concat!(
            "INSERT INTO studio_messages (",
            message_columns!(),
            ", line, wamid)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
        ))
        .await?;
    let row = MessageRow::from(message);
    tx.execute(
        &insert,
        &[
            &row.id,
            &row.owner,
            &row.job_id,
            &row.batch_id,
            &row.hook_id,
            &row.channel,
            &row.target,
            &row.secret,
            &row.event,
            &row.body,
            &row.state,
            &row.attempts,
            &row.earlier,
            &row.in_hand,
            &row.due_at,
            &row.created_at,
            &row.receipt,
            &row.unwanted,
            &message.channel.line(&message.target),
            &wamid(message),
        ],
    )
    .await?;
    Ok(())
}

/// Everything that changes.
pub(super) async fn update(tx: &Transaction<'_>, message: &Message) -> Result<(), DatabaseError> {
    let update = tx
        .prepare_cached(
            "UPDATE studio_messages SET state = $2, attempts = $3, earlier = $4, in_hand = $5, due_at = $6, receipt = $7,
                 wamid = $8, unwanted = $9
             WHERE id = $1",
        )
        .await?;
    let row = MessageRow::from(message);
    let MessageRow { id, state, attempts, earlier, in_hand, due_at, receipt, unwanted, .. } = &row;
    tx.execute(&update, &[id, state, attempts, earlier, in_hand, due_at, receipt, &wamid(message), unwanted]).await?;
    Ok(())
}

/// Nobody else can change the message until the transaction ends.
pub(super) async fn locked(tx: &Transaction<'_>, id: &str) -> Result<Option<Message>, DatabaseError> {
    let select = tx
        .prepare_cached(concat!("SELECT ", message_columns!(), " FROM studio_messages WHERE id = $1 FOR UPDATE"))
        .await?;
    tx.query_opt(&select, &[&id]).await?.map(|row| message(&row)).transpose()
}

async fn claim(
    database: &Database,
    count: usize,
    in_hand: &InHand,
    now: Timestamp,
) -> Result<ClaimedMessages, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let (mut messages, mut given_up) = (Vec::new(), false);
    for id in due(&tx, count, in_hand, now).await? {
        match locked(&tx, &id).await {
            Ok(Some(message)) => {
                let taken = message.taken(now);
                update(&tx, &taken).await?;
                messages.push(taken);
            }
            Ok(None) => {}
            Err(error) if error.is_of_one_row() => {
                give_up(&tx, &id, &error).await?;
                given_up = true;
            }
            Err(error) => return Err(error),
        }
    }
    // What was given up took the place of others, which are due as well.
    let next_due = if given_up { Some(now) } else { next_due(&tx, now).await? };
    tx.commit().await?;
    Ok(ClaimedMessages { messages, next_due })
}

/// Locks what it picks and skips what another claim has locked, so that no two get the same. What can't be taken for its line or
/// its owner takes no place in the other's row.
async fn due(
    tx: &Transaction<'_>,
    count: usize,
    in_hand: &InHand,
    now: Timestamp,
) -> Result<Vec<String>, DatabaseError> {
    let select = tx
        .prepare_cached(concat!(
            "SELECT id FROM studio_messages WHERE due_at <= $1 AND id = ANY (ARRAY(
                 SELECT id FROM (
                     SELECT id, due_at, whose, row_number() OVER (PARTITION BY whose ORDER BY due_at, id) AS m FROM (
                         SELECT id, due_at, ",
            whose!(),
            " AS whose, row_number() OVER (PARTITION BY line ORDER BY due_at, id) AS n FROM studio_messages
                         WHERE due_at <= $1 AND line <> ALL ($2::text[]) AND ",
            whose!(),
            " <> ALL ($3::text[])) AS due
                     WHERE n <= $4) AS fair
                 LEFT JOIN unnest($5::text[], $6::bigint[]) AS held (whose, held) USING (whose)
                 WHERE m + coalesce(held, 0) <= $7 ORDER BY due_at, id LIMIT $8))
             ORDER BY due_at, id FOR UPDATE SKIP LOCKED"
        ))
        .await?;
    let (owners, held): (Vec<&str>, Vec<i64>) =
        in_hand.owners.iter().map(|(owner, held)| (owner.as_str(), limit(*held))).unzip();
    let rows = tx
        .query(
            &select,
            &[
                &to_micros(now),
                &in_hand.busy_lines(),
                &in_hand.busy_owners(),
                &limit(A_LINE_MAX),
                &owners,
                &held,
                &limit(AN_OWNER_MAX),
                &limit(count),
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// A message that can't be read would come up in every claim.
async fn give_up(tx: &Transaction<'_>, id: &str, error: &DatabaseError) -> Result<(), DatabaseError> {
    tracing::error!(message = id, %error, "message.unreadable: it was given up, and the others go on");
    let end = "UPDATE studio_messages SET state = 'dead', due_at = NULL, in_hand = 0 WHERE id = $1";
    tx.execute(&tx.prepare_cached(end).await?, &[&id]).await?;
    Ok(())
}

async fn next_due(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>, DatabaseError> {
    let select =
        tx.prepare_cached("SELECT due_at FROM studio_messages WHERE due_at > $1 ORDER BY due_at LIMIT 1").await?;
    let due: Option<i64> = match tx.query_opt(&select, &[&to_micros(now)]).await? {
        Some(row) => row.try_get(0)?,
        None => None,
    };
    Ok(due.and_then(from_micros))
}

async fn settle(
    database: &Database,
    id: &MessageId,
    attempt: &Attempt,
    verdict: Verdict,
    now: Timestamp,
) -> Result<Option<Message>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let message = locked(&tx, id.as_str()).await?;
    let Some(settled) = message.and_then(|message| message.settled(attempt.number, verdict, now)) else {
        return Ok(None);
    };
    update(&tx, &settled).await?;
    let keep = tx
        .prepare_cached(
            "INSERT INTO studio_message_attempts (message_id, number, at, latency, status, answer, why)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .await?;
    let row = AttemptRow::from(attempt);
    let why = row.why.as_deref().map(storable);
    tx.execute(&keep, &[&id.as_str(), &row.number, &row.at, &row.latency, &row.status, &row.answer, &why]).await?;
    let old = tx.prepare_cached("DELETE FROM studio_message_attempts WHERE message_id = $1 AND number <= $2").await?;
    tx.execute(&old, &[&id.as_str(), &(row.number - i64::from(ATTEMPTS_KEPT))]).await?;
    tx.commit().await?;
    Ok(Some(settled))
}

async fn list(database: &Database, filter: &MessageFilter) -> Result<Vec<Message>, DatabaseError> {
    /// The ways to ask have statements of their own, so that each is answered from an index.
    macro_rules! select {
        ($which:literal) => {
            concat!(
                "SELECT ",
                message_columns!(),
                " FROM studio_messages WHERE ",
                $which,
                " AND ($3::text IS NULL OR ",
                told_state!("$6::boolean"),
                " = $3) AND ($4::text IS NULL OR id < $4)
                  AND ($6::boolean OR hook_id IS NULL OR hook_id <> 'settings') ORDER BY id DESC LIMIT $5"
            )
        };
    }
    let MessageFilter { owner, job, state, before, eyes, limit: count } = filter;
    let which = match (job, owner) {
        (Some(_), _) => select!("job_id = $1::text AND ($2::text IS NULL OR owner = $2)"),
        (None, Some(_)) => select!("$1::text IS NULL AND owner = $2::text"),
        (None, None) => select!("$1::text IS NULL AND $2::text IS NULL"),
    };
    let client = database.client().await?;
    let select = client.prepare_cached(which).await?;
    let rows = client
        .query(
            &select,
            &[
                &job.as_ref().map(JobId::as_str),
                &owner.as_ref().map(Owner::as_str),
                &state.map(MessageState::as_str),
                &before.as_ref().map(MessageId::as_str),
                &limit(*count),
                &(*eyes == Eyes::Operators),
            ],
        )
        .await?;
    readable(rows.iter().map(message))
}

async fn with_attempts(database: &Database, id: &MessageId) -> Result<Option<(Message, Vec<Attempt>)>, DatabaseError> {
    let client = database.client().await?;
    let select = concat!("SELECT ", message_columns!(), " FROM studio_messages WHERE id = $1");
    let Some(row) = client.query_opt(&client.prepare_cached(select).await?, &[&id.as_str()]).await? else {
        return Ok(None);
    };
    let select = client
        .prepare_cached(
            "SELECT number, at, latency, status, answer, why FROM studio_message_attempts WHERE message_id = $1
             ORDER BY number",
        )
        .await?;
    let rows = client.query(&select, &[&id.as_str()]).await?;
    let attempts = rows.iter().map(|row| attempt(row, 0)?.of(id.as_str())).collect::<Result<_, _>>()?;
    Ok(Some((message(&row)?, attempts)))
}

async fn attempts(database: &Database, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Attempt>>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT message_id, number, at, latency, status, answer, why FROM studio_message_attempts
             WHERE message_id = ANY ($1::text[]) ORDER BY message_id, number",
        )
        .await?;
    let ids: Vec<&str> = ids.iter().map(MessageId::as_str).collect();
    let mut all: HashMap<MessageId, Vec<Attempt>> = HashMap::new();
    for row in client.query(&select, &[&ids]).await? {
        let id: &str = row.try_get(0)?;
        if let Some(message) = MessageId::parse(id) {
            all.entry(message).or_default().push(attempt(&row, 1)?.of(id)?);
        }
    }
    Ok(all)
}

/// The columns of an attempt, from `first` on.
fn attempt(row: &Row, first: usize) -> Result<AttemptRow, DatabaseError> {
    Ok(AttemptRow {
        number: row.try_get(first)?,
        at: row.try_get(first + 1)?,
        latency: row.try_get(first + 2)?,
        status: row.try_get(first + 3)?,
        answer: row.try_get(first + 4)?,
        why: row.try_get(first + 5)?,
    })
}

async fn send_again(database: &Database, id: &MessageId, now: Timestamp) -> Result<SentAgain, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let Some(message) = locked(&tx, id.as_str()).await? else { return Ok(SentAgain::NotFound) };
    let Some(again) = message.sent_again(now) else { return Ok(SentAgain::InHand) };
    update(&tx, &again).await?;
    tx.commit().await?;
    Ok(SentAgain::Owed)
}

fn message(row: &Row) -> Result<Message, DatabaseError> {
    let row = MessageRow {
        id: row.try_get(0)?,
        owner: row.try_get(1)?,
        job_id: row.try_get(2)?,
        batch_id: row.try_get(3)?,
        hook_id: row.try_get(4)?,
        channel: row.try_get(5)?,
        target: row.try_get(6)?,
        secret: row.try_get(7)?,
        event: row.try_get(8)?,
        body: row.try_get(9)?,
        state: row.try_get(10)?,
        attempts: row.try_get(11)?,
        earlier: row.try_get(12)?,
        in_hand: row.try_get(13)?,
        due_at: row.try_get(14)?,
        created_at: row.try_get(15)?,
        receipt: row.try_get(16)?,
        unwanted: row.try_get(17)?,
    };
    row.try_into()
}

//! Rows of hooks, messages and attempts, and what they mean.

use plantain_studio::bulk::batch::BatchId;
use plantain_studio::job::{JobId, Owner};
use plantain_studio::messages::hook::{Hook, HookId, HookSecret};
use plantain_studio::messages::message::{Attempt, Channel, Event, Message, MessageId, MessageState};

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::studio::job::{json, read};
use crate::time::{span_from_micros, span_to_micros, to_micros};

/// The columns of a hook, in the order of [`HookRow`].
macro_rules! hook_columns {
    () => {
        "id, owner, channel, target, events, secret, created_at"
    };
}
pub(crate) use hook_columns;

/// The columns of a message, in the order of [`MessageRow`].
macro_rules! message_columns {
    () => {
        "id, owner, job_id, batch_id, hook_id, channel, target, secret, event, body, state, attempts, earlier, in_hand, \
         due_at, created_at, receipt, unwanted"
    };
}
pub(crate) use message_columns;

pub(crate) struct HookRow {
    pub id: String,
    pub owner: Option<String>,
    pub channel: String,
    pub target: String,
    pub events: String,
    pub secret: Option<String>,
    pub created_at: i64,
}

impl From<&Hook> for HookRow {
    fn from(hook: &Hook) -> HookRow {
        let events: Vec<&str> = hook.events.iter().map(|event| event.as_str()).collect();
        HookRow {
            id: hook.id.to_string(),
            owner: hook.owner.as_ref().map(ToString::to_string),
            channel: hook.channel.as_str().to_owned(),
            target: hook.target.clone(),
            events: events.join(","),
            secret: hook.secret.as_ref().map(|secret| secret.reveal().to_owned()),
            created_at: to_micros(hook.created_at),
        }
    }
}

impl TryFrom<HookRow> for Hook {
    type Error = DatabaseError;

    fn try_from(row: HookRow) -> Result<Hook, DatabaseError> {
        let place = Place { table: "studio_hooks", row: &row.id };
        let words = row.events.split(',').filter(|word| !word.is_empty());
        let events: Option<Vec<Event>> = words.map(Event::parse).collect();
        Ok(Hook {
            channel: Channel::parse(&row.channel).ok_or_else(|| place.wrong("channel"))?,
            events: events.ok_or_else(|| place.wrong("events"))?,
            created_at: place.time("created_at", row.created_at)?,
            owner: row.owner.map(Owner::stored),
            target: row.target,
            secret: row.secret.map(HookSecret::stored),
            id: HookId::stored(row.id),
        })
    }
}

/// Those that can be read: a hook that can't must not keep a job from ending, nor a message keep the others out of sight.
pub(crate) fn readable<T>(rows: impl Iterator<Item = Result<T, DatabaseError>>) -> Result<Vec<T>, DatabaseError> {
    let mut read = Vec::new();
    for row in rows {
        match row {
            Ok(row) => read.push(row),
            Err(error) if error.is_of_one_row() => tracing::error!(%error, "messages.unreadable: it is passed over"),
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// A message as it is kept, column by column.
pub(crate) struct MessageRow {
    pub id: String,
    pub owner: Option<String>,
    pub job_id: Option<String>,
    pub batch_id: Option<String>,
    pub hook_id: Option<String>,
    pub channel: String,
    pub target: String,
    pub secret: Option<String>,
    pub event: String,
    pub body: Vec<u8>,
    pub state: String,
    pub attempts: i64,
    pub earlier: i64,
    pub in_hand: i64,
    pub due_at: Option<i64>,
    pub created_at: i64,
    pub receipt: Option<String>,
    pub unwanted: i64,
}

impl From<&Message> for MessageRow {
    fn from(message: &Message) -> MessageRow {
        MessageRow {
            id: message.id.to_string(),
            owner: message.owner.as_ref().map(ToString::to_string),
            job_id: message.job.as_ref().map(ToString::to_string),
            batch_id: message.batch.as_ref().map(ToString::to_string),
            hook_id: message.hook.as_ref().map(ToString::to_string),
            channel: message.channel.as_str().to_owned(),
            target: message.target.clone(),
            secret: message.secret.as_ref().map(|secret| secret.reveal().to_owned()),
            event: message.event.as_str().to_owned(),
            body: message.body.to_vec(),
            state: message.state.as_str().to_owned(),
            attempts: message.attempts.into(),
            earlier: message.earlier.into(),
            in_hand: message.in_hand.into(),
            due_at: message.due_at.map(to_micros),
            created_at: to_micros(message.created_at),
            receipt: message.receipt.as_ref().map(json),
            unwanted: message.unwanted.into(),
        }
    }
}

impl TryFrom<MessageRow> for Message {
    type Error = DatabaseError;

    fn try_from(row: MessageRow) -> Result<Message, DatabaseError> {
        let place = Place { table: "studio_messages", row: &row.id };
        let job = |text: String| JobId::parse(&text).ok_or_else(|| place.wrong("job_id"));
        let batch = |text: String| BatchId::parse(&text).ok_or_else(|| place.wrong("batch_id"));
        Ok(Message {
            id: MessageId::parse(&row.id).ok_or_else(|| place.wrong("id"))?,
            owner: row.owner.map(Owner::stored),
            job: row.job_id.map(job).transpose()?,
            batch: row.batch_id.map(batch).transpose()?,
            hook: row.hook_id.map(HookId::stored),
            channel: Channel::parse(&row.channel).ok_or_else(|| place.wrong("channel"))?,
            target: row.target,
            secret: row.secret.map(HookSecret::stored),
            event: Event::parse(&row.event).ok_or_else(|| place.wrong("event"))?,
            body: row.body.into(),
            state: MessageState::parse(&row.state).ok_or_else(|| place.wrong("state"))?,
            attempts: place.number("attempts", row.attempts)?,
            earlier: place.number("earlier", row.earlier)?,
            in_hand: row.in_hand != 0,
            due_at: place.maybe_time("due_at", row.due_at)?,
            created_at: place.time("created_at", row.created_at)?,
            receipt: row.receipt.map(|text| read(&place, "receipt", &text)).transpose()?,
            unwanted: row.unwanted != 0,
        })
    }
}

/// Meta's name of a message, by which notices find it.
pub(crate) fn wamid(message: &Message) -> Option<&str> {
    message.receipt.as_ref()?.wamid.as_deref()
}

/// SQL for [`Message::told_state`], or for the state itself where `$all` is true.
macro_rules! told_state {
    ($all:literal) => {
        concat!(
            "CASE WHEN unwanted = 1 AND hook_id IS NULL AND (channel = 'mail' OR channel = 'whatsapp') AND NOT ",
            $all,
            " THEN 'delivered' ELSE state END"
        )
    };
}
pub(crate) use told_state;

/// SQL for [`Message::whose`].
macro_rules! whose {
    () => {
        "CASE WHEN hook_id = 'settings' THEN 'settings' ELSE coalesce(owner, '') END"
    };
}
pub(crate) use whose;

/// An attempt as it is kept, column by column.
pub(crate) struct AttemptRow {
    pub number: i64,
    pub at: i64,
    pub latency: i64,
    pub status: Option<i64>,
    pub answer: Vec<u8>,
    pub why: Option<String>,
}

impl From<&Attempt> for AttemptRow {
    fn from(attempt: &Attempt) -> AttemptRow {
        AttemptRow {
            number: attempt.number.into(),
            at: to_micros(attempt.at),
            latency: span_to_micros(attempt.latency),
            status: attempt.status.map(i64::from),
            answer: attempt.answer.to_vec(),
            why: attempt.why.clone(),
        }
    }
}

impl AttemptRow {
    pub fn of(self, message: &str) -> Result<Attempt, DatabaseError> {
        let place = Place { table: "studio_message_attempts", row: message };
        Ok(Attempt {
            number: place.number("number", self.number)?,
            at: place.time("at", self.at)?,
            latency: span_from_micros(self.latency),
            status: self.status.map(|status| place.number("status", status)).transpose()?,
            answer: self.answer.into(),
            why: self.why,
        })
    }
}

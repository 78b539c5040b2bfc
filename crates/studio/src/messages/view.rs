//! Messages and hooks as API and pages show them: never with a secret.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::bulk::batch::BatchId;
use crate::job::{JobId, Visitor};
use crate::messages::hook::{Hook, HookId};
use crate::messages::message::{Attempt, Channel, Event, Message, MessageId, MessageState};
use crate::messages::whatsapp::receipt::Receipt;

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    pub message_id: MessageId,
    pub event: Event,
    pub job_id: Option<JobId>,
    pub batch_id: Option<BatchId>,
    /// Which hook wanted it; null for the job's own callback or letter, `settings` for the one that the settings name.
    pub hook_id: Option<HookId>,
    pub channel: Channel,
    /// Where it goes. Of a letter about a job that is nobody's, the domain alone.
    #[schema(examples("https://shop.example/hooks/studio"))]
    pub target: String,
    pub state: MessageState,
    /// Attempts that were begun.
    #[schema(examples(1))]
    pub attempts: u32,
    /// When it is tried next.
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// How a message by WhatsApp fares, once it has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptView>,
    /// The newest hundred, oldest first; only where one message is asked for. Empty once a letter or a message by WhatsApp has
    /// reached whom the job's maker named: what became of it there is theirs to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Vec<AttemptView>>,
}

/// What WhatsApp tells of a message.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView {
    /// `unanswered` (it may have been sent), `accepted`, `sent`, `failed`, `delivered` or `read`.
    #[schema(examples("delivered"))]
    pub status: String,
    pub at: Timestamp,
    /// Meta's number of the error, where it failed.
    #[schema(examples(131_047))]
    pub code: Option<u32>,
    /// The same in plain words.
    pub why: Option<String>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// From 1.
    #[schema(examples(1))]
    pub number: u32,
    pub at: Timestamp,
    #[schema(examples(41))]
    pub latency_ms: u64,
    /// Of the answer, where there was one.
    #[schema(examples(500))]
    pub status: Option<u16>,
    /// How the answer began.
    #[schema(examples("no such workflow"))]
    pub answer: String,
    /// Why it failed, where the status doesn't say it.
    #[schema(examples("the receiver can't be reached: nobody answered in time"))]
    pub why: Option<String>,
}

/// A page of messages, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessagePage {
    pub messages: Vec<MessageView>,
    /// Ask for messages before this one to get the next page; null on the last.
    pub next: Option<MessageId>,
}

/// Whose eyes a message is shown to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eyes {
    Operators,
    /// Whoever made what it is about, or may look at that.
    Makers,
}

impl Eyes {
    pub fn of(visitor: &Visitor) -> Eyes {
        if *visitor == Visitor::Operator { Eyes::Operators } else { Eyes::Makers }
    }
}

/// A hook.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookView {
    pub hook_id: HookId,
    #[schema(examples("https://shop.example/hooks/studio"))]
    pub url: String,
    /// Of what it is told; empty: of everything.
    pub events: Vec<Event>,
    pub created_at: Timestamp,
}

impl MessageView {
    /// What became of a message at somebody's whom its maker named is their business: once it has arrived, or they want none, its
    /// maker is told that it was delivered, and no more. The operator is told all.
    pub fn of(message: &Message, attempts: Option<&[Attempt]>, to: Eyes) -> MessageView {
        let state = if to == Eyes::Operators { message.state } else { message.told_state() };
        let is_closed = to == Eyes::Makers && message.is_to_named() && state == MessageState::Delivered;
        let attempts = attempts.map(|attempts| if is_closed { &[] } else { attempts });
        MessageView {
            message_id: message.id.clone(),
            event: message.event,
            job_id: message.job.clone(),
            batch_id: message.batch.clone(),
            hook_id: message.hook.clone(),
            channel: message.channel,
            target: shown(message),
            state,
            attempts: message.attempts,
            due_at: message.due_at,
            created_at: message.created_at,
            receipt: message.receipt.as_ref().filter(|_| !is_closed).map(ReceiptView::from),
            log: attempts.map(|attempts| attempts.iter().map(AttemptView::from).collect()),
        }
    }

    /// It has failed and is tried again.
    pub fn is_failing(&self) -> bool {
        self.state == MessageState::Pending && self.attempts > 0 && self.receipt.is_none()
    }
}

impl From<&Receipt> for ReceiptView {
    fn from(receipt: &Receipt) -> ReceiptView {
        let status = if receipt.wamid.is_some() { receipt.standing.as_str() } else { "unanswered" };
        ReceiptView { status: status.to_owned(), at: receipt.at, code: receipt.code, why: receipt.why.clone() }
    }
}

/// Whoever knows the id of a job that is nobody's sees its messages, but no mailbox.
fn shown(message: &Message) -> String {
    match (message.channel, &message.owner, message.target.rsplit_once('@')) {
        (Channel::Mail, None, Some((_, domain))) => format!("…@{domain}"),
        _ => message.target.clone(),
    }
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> AttemptView {
        AttemptView {
            number: attempt.number,
            at: attempt.at,
            latency_ms: u64::try_from(attempt.latency.as_millis()).unwrap_or(u64::MAX),
            status: attempt.status,
            answer: String::from_utf8_lossy(&attempt.answer).into_owned(),
            why: attempt.why.clone(),
        }
    }
}

impl From<&Hook> for HookView {
    fn from(hook: &Hook) -> HookView {
        HookView {
            hook_id: hook.id.clone(),
            url: hook.target.clone(),
            events: hook.events.clone(),
            created_at: hook.created_at,
        }
    }
}

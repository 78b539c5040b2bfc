//! Where messages and hooks are kept. Each method is one whole transaction; the studio's two adapters have both.
//!
//! What the changes of jobs and batches owe is written by their own methods, in their own commits
//! ([`crate::messages::owing`]).

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_inbox::store::StoreError;

use crate::job::{JobId, Owner};
use crate::messages::hook::{Hook, HookId};
use crate::messages::message::{Attempt, Message, MessageId, MessageState, Verdict};

/// The longest page of messages.
pub const MESSAGES_A_PAGE_MAX: usize = 200;

/// Messages to one line that a claim takes, and that a process has in hand before it takes no more of it: receivers that
/// hang leave places to the others.
pub const A_LINE_MAX: usize = 8;

/// Invariant of every writing method: when it returns `Ok`, the change is durable.
#[async_trait]
pub trait MessageStore: Send + Sync + 'static {
    /// An owner's, oldest first.
    async fn hooks(&self, owner: &Owner) -> Result<Vec<Hook>, StoreError>;

    /// `None`: unknown.
    async fn hook(&self, id: &HookId) -> Result<Option<Hook>, StoreError>;

    /// False where its owner has `most` already.
    async fn add_hook(&self, hook: &Hook, most: usize) -> Result<bool, StoreError>;

    /// What is pending for it is given up. False where there is none.
    async fn remove_hook(&self, id: &HookId) -> Result<bool, StoreError>;

    /// From now on this is the hook that the settings name, or there is none.
    async fn set_settings_hook(&self, hook: Option<&Hook>) -> Result<(), StoreError>;

    /// A message that nothing else owes.
    async fn owe(&self, message: &Message) -> Result<(), StoreError>;

    /// Takes at most `count` due messages, earlier due first, at most [`A_LINE_MAX`] to a line and none to those that are
    /// busy ([`Message::taken`]).
    async fn claim_messages(
        &self,
        count: usize,
        busy: &[String],
        now: Timestamp,
    ) -> Result<ClaimedMessages, StoreError>;

    /// Keeps an attempt and what follows from it ([`Message::settled`]); the message then, `None` where the attempt is
    /// another's by now.
    async fn settle_message(
        &self,
        id: &MessageId,
        attempt: &Attempt,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Option<Message>, StoreError>;

    /// Newest first.
    async fn messages(&self, filter: &MessageFilter) -> Result<Vec<Message>, StoreError>;

    /// With its attempts, oldest first; `None`: unknown.
    async fn message(&self, id: &MessageId) -> Result<Option<(Message, Vec<Attempt>)>, StoreError>;

    /// Owes a message anew ([`Message::sent_again`]).
    async fn send_again(&self, id: &MessageId, now: Timestamp) -> Result<SentAgain, StoreError>;
}

/// Messages for attempts, and when the next one will be due.
#[derive(Debug, Default)]
pub struct ClaimedMessages {
    pub messages: Vec<Message>,
    pub next_due: Option<Timestamp>,
}

/// Which messages to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFilter {
    pub owner: Option<Owner>,
    pub job: Option<JobId>,
    pub state: Option<MessageState>,
    /// Only those made before this one.
    pub before: Option<MessageId>,
    /// Those to the hook that the settings name too, which are for the operator's eyes.
    pub settings: bool,
    /// At most [`MESSAGES_A_PAGE_MAX`].
    pub limit: usize,
}

impl Default for MessageFilter {
    fn default() -> MessageFilter {
        MessageFilter { owner: None, job: None, state: None, before: None, settings: false, limit: 50 }
    }
}

/// What became of a wish to send a message again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentAgain {
    Owed,
    /// Somebody is sending it.
    InHand,
    NotFound,
}

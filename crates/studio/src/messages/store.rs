//! Where messages and hooks are kept. Each method is one whole transaction; the studio's two adapters have both.
//!
//! What the changes of jobs and batches owe is written by their own methods, in their own commits
//! ([`crate::messages::owing`]).

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_inbox::store::StoreError;

use crate::bulk::batch::Refused;
use crate::job::{JobId, Owner};
use crate::messages::hook::{Hook, HookId};
use crate::messages::message::{Attempt, Message, MessageId, MessageState, Verdict};
use crate::messages::view::Eyes;

/// The longest page of messages.
pub const MESSAGES_A_PAGE_MAX: usize = 200;

/// Messages to one line that a claim takes, and that a process has in hand before it takes no more of it: receivers that
/// hang leave places to the others.
pub const A_LINE_MAX: usize = 8;

/// Messages of one owner ([`Message::whose`]) that a process has in hand: nobody's receivers take the places of all others.
pub const AN_OWNER_MAX: usize = 16;

/// What a process has in hand, which bounds what it takes more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InHand {
    /// How many messages to which line.
    pub lines: HashMap<String, usize>,
    /// How many of whose ([`Message::whose`]).
    pub owners: HashMap<String, usize>,
}

impl InHand {
    pub fn began(&mut self, message: &Message) {
        *self.lines.entry(message.channel.line(&message.target)).or_default() += 1;
        *self.owners.entry(message.whose().to_owned()).or_default() += 1;
    }

    pub fn ended(&mut self, message: &Message) {
        one_less(&mut self.lines, &message.channel.line(&message.target));
        one_less(&mut self.owners, message.whose());
    }

    /// To which no message is taken.
    pub fn busy_lines(&self) -> Vec<&str> {
        at_least(&self.lines, A_LINE_MAX)
    }

    /// Of whom no message is taken.
    pub fn busy_owners(&self) -> Vec<&str> {
        at_least(&self.owners, AN_OWNER_MAX)
    }
}

fn at_least(counts: &HashMap<String, usize>, most: usize) -> Vec<&str> {
    counts.iter().filter(|(_, count)| **count >= most).map(|(key, _)| key.as_str()).collect()
}

fn one_less(counts: &mut HashMap<String, usize>, key: &str) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

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

    /// A message that nothing else owes. False where the same event is pending for its hook, and nothing is owed.
    async fn owe(&self, message: &Message) -> Result<bool, StoreError>;

    /// What a batch owes that never began.
    async fn owe_refused(&self, refused: &Refused, now: Timestamp) -> Result<(), StoreError>;

    /// Takes at most `count` due messages, earlier due first ([`Message::taken`]): at most [`A_LINE_MAX`] to a line, none to those
    /// that have as many in hand, and of nobody more than make [`AN_OWNER_MAX`] with those in hand.
    async fn claim_messages(
        &self,
        count: usize,
        in_hand: &InHand,
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

    /// The attempts of several messages, each oldest first. Messages without any, and unknown ones, are left out.
    async fn attempts(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Vec<Attempt>>, StoreError>;

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
    /// What the operator may see: those to the hook that the settings name too, and each in the state that it has
    /// ([`Message::told_state`]).
    pub eyes: Eyes,
    /// At most [`MESSAGES_A_PAGE_MAX`].
    pub limit: usize,
}

impl Default for MessageFilter {
    fn default() -> MessageFilter {
        MessageFilter { owner: None, job: None, state: None, before: None, eyes: Eyes::Makers, limit: 50 }
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

//! What of WhatsApp is kept beside the messages' own ways. Each method is one whole transaction; both adapters have it.

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_inbox::store::StoreError;

use super::receipt::{Heard, Note};
use crate::messages::message::{Message, MessageId};

/// Invariant of every writing method: when it returns `Ok`, the change is durable.
#[async_trait]
pub trait WhatsappStore: Send + Sync + 'static {
    /// Keeps what a sender notes ([`Message::noted`]); `None` where the attempt is another's by now.
    async fn note_of_message(&self, id: &MessageId, note: &Note, now: Timestamp)
    -> Result<Option<Message>, StoreError>;

    /// Keeps what a notice tells ([`Message::heard`]) of the message that has Meta's name for it, or that it was sent along with;
    /// `None` where there is no such message, or nothing is new.
    async fn hear_of_message(&self, heard: &Heard, now: Timestamp) -> Result<Option<Message>, StoreError>;

    /// Somebody wrote that they want messages, or none any more; the newest word counts, and of two at one time the refusal.
    async fn keep_consent(&self, digits: &str, wants: bool, at: Timestamp) -> Result<(), StoreError>;

    /// Somebody wrote that they want no messages, and nothing else since.
    async fn has_opted_out(&self, digits: &str) -> Result<bool, StoreError>;
}

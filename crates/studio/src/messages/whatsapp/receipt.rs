//! What is known of a message that left: under which name, and how it fares. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use plantain_whatsapp::notice::{Standing, Told};
use plantain_whatsapp::trouble;
use plantain_work::clock::{after, until};

use super::Patience;
use crate::messages::message::{Message, MessageId, MessageState};

/// Attempts of one schedule after which a message that failed on its way is not sent anew.
const ANEW_MAX: u32 = 5;

/// Kept with the message from before an attempt leaves until the next one does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The attempt that sent it.
    pub attempt: u32,
    /// Meta's name of it; `None` while nobody knows whether it was accepted.
    pub wamid: Option<String>,
    pub standing: Standing,
    /// When it came to stand so.
    pub at: Timestamp,
    /// The number of the error, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// In plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What the sender has to note, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The request is about to leave.
    Leaves { attempt: u32 },
    /// The API took it.
    Accepted { attempt: u32, wamid: String },
    /// Nothing was sent.
    Refused { attempt: u32 },
}

/// What a notice tells of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub wamid: String,
    /// The message and its attempt, as they came back; Meta's name counts where both are known.
    pub about: Option<(MessageId, u32)>,
    pub standing: Standing,
    pub code: Option<u32>,
    pub why: Option<String>,
    /// It failed for something that passes, and may be sent anew after this long.
    pub again: Option<Duration>,
}

/// What is sent along with an attempt.
pub fn about(id: &MessageId, attempt: u32) -> String {
    format!("{id}.{attempt}")
}

fn read_about(text: &str) -> Option<(MessageId, u32)> {
    let (id, attempt) = text.split_once('.')?;
    Some((MessageId::parse(id)?, attempt.parse().ok()?))
}

impl From<Told> for Heard {
    fn from(told: Told) -> Heard {
        let why = told.code.map(|code| match &told.title {
            Some(title) => format!("{} ({code}: {title})", trouble::explained(code)),
            None => format!("{} ({code})", trouble::explained(code)),
        });
        Heard {
            about: told.about.as_deref().and_then(read_about),
            standing: told.standing,
            code: told.code,
            why,
            again: told.code.filter(|code| trouble::is_passing(*code)).map(|_| trouble::TOO_FAST_PAUSE),
            wamid: told.wamid,
        }
    }
}

/// What is to be done about a message that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Send,
    /// Notices may still come.
    Wait(Duration, &'static str),
    GiveUp(&'static str),
}

/// Decides from what is known so far.
pub fn turn(receipt: Option<&Receipt>, patience: &Patience, now: Timestamp) -> Turn {
    let Some(receipt) = receipt else { return Turn::Send };
    let left = |patience: Duration| {
        let end = after(receipt.at, patience);
        (end > now).then(|| until(now, end))
    };
    match (&receipt.wamid, receipt.standing) {
        (None, _) => match left(patience.unanswered) {
            Some(left) => Turn::Wait(left, "It may have been sent already, so it waits for word of it first."),
            None => Turn::Send,
        },
        (Some(_), Standing::Accepted) => match left(patience.accepted) {
            Some(left) => Turn::Wait(left, "WhatsApp accepted it; how it fares is not known yet."),
            None => Turn::GiveUp(
                "WhatsApp accepted it, and told nothing of it since: look whether its webhook is set up (docs/whatsapp.md).",
            ),
        },
        (Some(_), Standing::Sent) => match left(patience.sent) {
            Some(left) => Turn::Wait(left, "It is on its way to the phone."),
            None => Turn::GiveUp("It never reached the phone."),
        },
        // Settling says the rest.
        (Some(_), Standing::Failed | Standing::Delivered | Standing::Read) => {
            Turn::Wait(Duration::ZERO, "It has ended.")
        }
    }
}

impl Message {
    /// With what its sender notes; `None` where another attempt was begun since.
    pub fn noted(&self, note: &Note, now: Timestamp) -> Option<Message> {
        let known = self.receipt.as_ref();
        let receipt = match note {
            Note::Leaves { attempt } => {
                let holds = self.state == MessageState::Pending && self.in_hand && self.attempts == *attempt;
                let blank = |attempt| Receipt {
                    attempt,
                    wamid: None,
                    standing: Standing::Accepted,
                    at: now,
                    code: None,
                    why: None,
                };
                holds.then(|| Some(blank(*attempt)))?
            }
            Note::Accepted { attempt, wamid } => {
                let receipt = known.filter(|receipt| receipt.attempt == *attempt)?;
                // A notice may have been faster.
                let wamid = receipt.wamid.clone().unwrap_or_else(|| wamid.clone());
                Some(Receipt { wamid: Some(wamid), ..receipt.clone() })
            }
            Note::Refused { attempt } => {
                known.filter(|receipt| receipt.attempt == *attempt && receipt.wamid.is_none())?;
                None
            }
        };
        Some(Message { receipt, ..self.clone() })
    }

    /// With what a notice tells; `None` where that is about something else, or changes nothing. While somebody is at the message
    /// its state stays for them to settle.
    pub fn heard(&self, heard: &Heard, now: Timestamp) -> Option<Message> {
        let receipt = self.receipt.as_ref()?;
        let is_meant = match &receipt.wamid {
            Some(wamid) => *wamid == heard.wamid,
            None => heard.about.as_ref() == Some(&(self.id.clone(), receipt.attempt)),
        };
        let is_news = receipt.wamid.is_none() || heard.standing > receipt.standing;
        if !is_meant || !is_news {
            return None;
        }
        let Heard { wamid, standing, code, why, again, .. } = heard.clone();
        let told = Receipt { attempt: receipt.attempt, wamid: Some(wamid), standing, at: now, code, why };
        let next = Message { receipt: Some(told), ..self.clone() };
        if self.in_hand {
            return Some(next);
        }
        let anew = again.filter(|_| standing == Standing::Failed && self.state == MessageState::Pending);
        match anew.filter(|_| self.tried() < ANEW_MAX) {
            Some(pause) => Some(Message { receipt: None, due_at: Some(after(now, pause)), ..next }),
            None => Some(next.told_so()),
        }
    }

    /// In the state that its receipt says, where that says an end.
    pub(crate) fn told_so(self) -> Message {
        let standing = self.receipt.as_ref().map(|receipt| receipt.standing);
        match standing {
            Some(Standing::Delivered | Standing::Read) => {
                Message { state: MessageState::Delivered, due_at: None, ..self }
            }
            Some(Standing::Failed) => Message { state: MessageState::Dead, due_at: None, ..self },
            Some(Standing::Accepted | Standing::Sent) | None => self,
        }
    }
}

#[cfg(test)]
mod tests;

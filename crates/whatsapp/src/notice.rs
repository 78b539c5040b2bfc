//! What Meta posts to us: how messages fare, and what people write back.
//!
//! The signature covers the raw bytes and is checked before any JSON is read. Whatever is not understood is passed over: a
//! notice brings much that is none of our business, and a refused one would come again for days.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use plantain_wire::hmac;

use crate::number::Number;
use crate::secret::Secret;

/// Carries the signature: `sha256=` and the HMAC of the raw body by the app's secret.
pub const SIGNATURE_HEADER: &str = "x-hub-signature-256";

/// Bytes of a notice; Meta documents 3 MB as the most.
pub const NOTICE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Things that one notice may tell; Meta gathers at most a thousand.
pub const TOLD_MAX: usize = 1_000;

/// Characters of an id or of a reason that are kept.
const TEXT_CHARS_MAX: usize = 512;

/// How a message fares. Later ones win: what has arrived did not fail, whatever order the notices come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The API took it; nobody has heard of it since.
    Accepted,
    /// On its way to the phone.
    Sent,
    Failed,
    Delivered,
    Read,
}

impl Standing {
    pub const ALL: [Standing; 5] =
        [Standing::Accepted, Standing::Sent, Standing::Failed, Standing::Delivered, Standing::Read];

    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Accepted => "accepted",
            Standing::Sent => "sent",
            Standing::Failed => "failed",
            Standing::Delivered => "delivered",
            Standing::Read => "read",
        }
    }

    pub fn parse(word: &str) -> Option<Standing> {
        Standing::ALL.into_iter().find(|standing| standing.as_str() == word)
    }
}

/// How one message fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub wamid: String,
    /// What was sent along with it.
    pub about: Option<String>,
    pub standing: Standing,
    /// The number of the error, where it failed.
    pub code: Option<u32>,
    /// In Meta's words.
    pub title: Option<String>,
}

/// What a person wrote that concerns us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrote {
    pub from: Number,
    pub wish: Wish,
    /// Seconds since 1970.
    pub at: i64,
}

/// Whether somebody wants messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Stop,
    Start,
}

/// What a notice tells one sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    pub told: Vec<Told>,
    pub wrote: Vec<Wrote>,
}

/// Why a notice is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the signature is missing or not that of the app's secret")]
    Signature,
    #[error("the body is no JSON of a notice")]
    Unreadable,
    #[error("the notice tells more than {TOLD_MAX} things")]
    TooMany,
}

/// Verifies a notice and reads what it tells `sender`.
pub fn read(secret: &Secret, signature: Option<&str>, body: &[u8], sender: &str) -> Result<Notice, Refused> {
    let signature = signature.filter(|value| value.starts_with("sha256=")).ok_or(Refused::Signature)?;
    hmac::verify(secret.reveal().as_bytes(), signature, body).map_err(|_| Refused::Signature)?;
    let whole: Whole = serde_json::from_slice(body).map_err(|_| Refused::Unreadable)?;
    let mut notice = Notice::default();
    let changes = whole.entry.into_iter().filter_map(readable::<Entry>).flat_map(|entry| entry.changes);
    for change in changes.filter_map(readable::<Change>).filter(|change| change.field == "messages") {
        // One app may serve several senders, with the same secret.
        if change.value.metadata.phone_number_id != sender {
            continue;
        }
        notice.told.extend(change.value.statuses.into_iter().filter_map(readable::<Status>).filter_map(told));
        notice.wrote.extend(change.value.messages.into_iter().filter_map(readable::<Incoming>).filter_map(wrote));
        if notice.told.len() + notice.wrote.len() > TOLD_MAX {
            return Err(Refused::TooMany);
        }
    }
    Ok(notice)
}

#[derive(Deserialize)]
struct Whole {
    #[serde(default)]
    entry: Vec<Value>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Value>,
}

#[derive(Deserialize)]
struct Change {
    field: String,
    value: Changed,
}

#[derive(Deserialize)]
struct Changed {
    metadata: Metadata,
    #[serde(default)]
    statuses: Vec<Value>,
    #[serde(default)]
    messages: Vec<Value>,
}

#[derive(Deserialize)]
struct Metadata {
    phone_number_id: String,
}

#[derive(Deserialize)]
struct Status {
    id: String,
    status: String,
    biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    errors: Vec<Value>,
}

#[derive(Deserialize)]
struct Trouble {
    code: u32,
    title: Option<String>,
}

#[derive(Deserialize)]
struct Incoming {
    from: String,
    timestamp: String,
    text: Option<Text>,
    button: Option<Button>,
}

#[derive(Deserialize)]
struct Text {
    body: String,
}

#[derive(Deserialize)]
struct Button {
    text: String,
}

/// One thing that can't be read keeps no other one out.
fn readable<T: for<'de> Deserialize<'de>>(value: Value) -> Option<T> {
    T::deserialize(value).ok()
}

fn told(status: Status) -> Option<Told> {
    let standing = Standing::parse(&status.status).filter(|standing| *standing != Standing::Accepted)?;
    let trouble = status.errors.into_iter().find_map(readable::<Trouble>).filter(|_| standing == Standing::Failed);
    let short = |text: String| text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect::<String>();
    Some(Told {
        wamid: Some(short(status.id)).filter(|id| !id.is_empty())?,
        about: status.biz_opaque_callback_data.map(short),
        standing,
        code: trouble.as_ref().map(|trouble| trouble.code),
        title: trouble.and_then(|trouble| trouble.title).map(short),
    })
}

fn wrote(incoming: Incoming) -> Option<Wrote> {
    let said = incoming.text.map(|text| text.body).or(incoming.button.map(|button| button.text))?;
    Some(Wrote {
        from: Number::parse(&incoming.from).ok()?,
        wish: wish(&said)?,
        at: incoming.timestamp.parse().ok().filter(|at| (0..=4_102_444_800).contains(at))?,
    })
}

/// One word alone; a sentence with it in the middle may mean anything.
fn wish(said: &str) -> Option<Wish> {
    let word = said.trim().trim_end_matches(['.', '!', '।']).to_lowercase();
    match word.as_str() {
        "stop" | "unsubscribe" | "बंद" | "बंद करें" | "रोकें" => Some(Wish::Stop),
        "start" | "subscribe" | "शुरू" | "शुरू करें" => Some(Wish::Start),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

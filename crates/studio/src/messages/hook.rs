//! Who wants to be told of what: hooks of owners and of the operator, and the callback of one job. Pure.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use plantain_wire::standard;
use plantain_work::random;

use crate::job::{JobId, Owner};
use crate::messages::message::{Channel, Event};

/// Hooks of one owner.
pub const HOOKS_MAX: usize = 10;

/// Bytes of an address; callbacks of workflow tools carry a signature of their own.
pub const URL_BYTES_MAX: usize = 2_048;

/// Characters of a secret that a receiver has already.
pub const SECRET_CHARS: std::ops::RangeInclusive<usize> = 16..=200;

/// Bytes of a secret that is made here.
const SECRET_BYTES: usize = 24;

/// Names a hook.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(examples("019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"))]
pub struct HookId(String);

impl HookId {
    pub fn new(now: Timestamp) -> HookId {
        HookId(JobId::new(now).as_str().to_owned())
    }

    /// The hook that the settings name.
    pub fn settings() -> HookId {
        HookId("settings".to_owned())
    }

    /// One that was stored, or that somebody names.
    pub fn stored(text: String) -> HookId {
        HookId(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What messages are signed with. Debug output doesn't show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HookSecret(String);

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookSecret(hidden)")
    }
}

impl HookSecret {
    pub fn random() -> HookSecret {
        HookSecret(standard::secret(&random::bytes::<SECRET_BYTES>()))
    }

    /// One that a receiver has already: visible ASCII, 16 to 200 characters; after `whsec_` the base64 of 24 to 64 bytes.
    pub fn given(text: &str) -> Option<HookSecret> {
        let plain = SECRET_CHARS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let whole = !text.starts_with(standard::SECRET_PREFIX) || standard::key(text).is_some();
        (plain && whole).then(|| HookSecret(text.to_owned()))
    }

    /// One that was stored.
    pub fn stored(text: String) -> HookSecret {
        HookSecret(text)
    }

    /// For signing, the store, and whoever has just made the hook.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The key of the standard's signature: the bytes within `whsec_…`, or the text itself.
    pub fn standard_key(&self) -> Vec<u8> {
        standard::key(&self.0).unwrap_or_else(|| self.0.as_bytes().to_vec())
    }
}

/// A standing wish to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    pub id: HookId,
    /// Of whose jobs; `None`: of all.
    pub owner: Option<Owner>,
    pub channel: Channel,
    pub target: String,
    /// Of what; nothing named: of everything.
    pub events: Vec<Event>,
    pub secret: Option<HookSecret>,
    pub created_at: Timestamp,
}

impl Hook {
    pub fn wants(&self, event: Event) -> bool {
        event == Event::HookTest || self.events.is_empty() || self.events.contains(&event)
    }

    pub fn concerns(&self, owner: Option<&Owner>) -> bool {
        self.owner.is_none() || self.owner.as_ref() == owner
    }
}

/// Where one job's end is to be told, as its maker asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// As it was given: such addresses are often signed.
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<HookSecret>,
}

/// An address that can be posted to; which hosts may be reached is decided when it is.
pub fn postable(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= URL_BYTES_MAX)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    (matches!(url.scheme(), "http" | "https") && plain).then_some(url)
}

#[cfg(test)]
pub(crate) fn sample(owner: Option<Owner>, target: &str) -> Hook {
    let (id, created_at) = (HookId::new(Timestamp::UNIX_EPOCH), Timestamp::UNIX_EPOCH);
    let secret = Some(HookSecret::random());
    Hook { id, owner, channel: Channel::Webhook, target: target.to_owned(), events: Vec::new(), secret, created_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_postable_or_not() {
        let long = format!("https://a.example/{}", "x".repeat(URL_BYTES_MAX));
        for (text, is) in [
            ("https://shop.example/hook?signature=a%2Bb&x", true),
            ("http://127.0.0.1:5678/webhook-waiting/7", true),
            ("ftp://shop.example/", false),
            ("https://me:secret@shop.example/", false),
            ("shop.example/hook", false),
            ("mailto:a@b.example", false),
            ("", false),
            (&long, false),
        ] {
            assert_eq!(postable(text).is_some(), is, "{text}");
        }
    }

    #[test]
    fn secrets_are_long_enough_and_never_shown() {
        let made = HookSecret::random();
        assert!(made.reveal().starts_with("whsec_") && HookSecret::given(made.reveal()) == Some(made.clone()));
        assert!(!format!("{made:?}").contains(made.reveal()));
        assert_eq!(made.standard_key().len(), SECRET_BYTES);
        for (text, is) in [
            ("sixteen-letters!", true),
            ("fifteen-letter!", false),
            ("with a space in it", false),
            ("whsec_sixteen-letters!", false),
            ("", false),
        ] {
            assert_eq!(HookSecret::given(text).is_some(), is, "{text}");
        }
        assert_eq!(HookSecret::given("sixteen-letters!").unwrap().standard_key(), b"sixteen-letters!");
    }

    #[test]
    fn a_hook_hears_of_what_it_wants_and_whom_it_concerns() {
        let (own, other) = (Owner::session("a"), Owner::session("b"));
        let all = sample(None, "https://a.example/");
        let mine = Hook { events: vec![Event::JobFailed], ..sample(Some(own.clone()), "https://a.example/") };
        assert!(Event::ALL.into_iter().all(|event| all.wants(event)));
        assert!(mine.wants(Event::JobFailed) && mine.wants(Event::HookTest) && !mine.wants(Event::JobSucceeded));
        for (owner, concerned) in [(Some(&own), true), (Some(&other), false), (None, false)] {
            assert_eq!((all.concerns(owner), mine.concerns(owner)), (true, concerned), "{owner:?}");
        }
    }
}

//! What a key's webhooks carry beside the official form: read from what an operator wants, and shown without secrets.

use plantain_queue::keys::{
    HmacChange, HmacForm, SecretChange, StatusWords, WebhookChange, WebhookOptions, WebhookSecret,
};
use plantain_wire::standard;
use plantain_work::random;
use serde::{Deserialize, Deserializer, Serialize};

use super::filter::unreadable;
use crate::refusal::Refusal;

/// What an HMAC secret that somebody brings along may be, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 8..=256;

/// What is left out stays as it is; null ends it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Wish {
    #[serde(deserialize_with = "said")]
    hmac: Option<Option<HmacWish>>,
    words: Option<StatusWords>,
    #[serde(deserialize_with = "said")]
    standard: Option<Option<StandardWish>>,
}

/// Without a form or a secret the one before is kept; else it is plain hex, and a secret is made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HmacWish {
    form: Option<HmacForm>,
    secret: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StandardWish {
    secret: Option<String>,
}

/// Tells null from nothing.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Without secrets.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct View {
    hmac: Option<HmacForm>,
    words: StatusWords,
    standard: bool,
}

/// Shown once, when they are laid down.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Secrets {
    #[serde(skip_serializing_if = "Option::is_none")]
    hmac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    standard: Option<String>,
}

impl Secrets {
    /// Those that are new.
    pub(super) fn between(before: &WebhookOptions, after: &WebhookOptions) -> Option<Secrets> {
        let hmac = |options: &WebhookOptions| options.hmac.as_ref().map(|hmac| hmac.secret.reveal().to_owned());
        let standard = |options: &WebhookOptions| options.standard.as_ref().map(|secret| secret.reveal().to_owned());
        let fresh = Secrets {
            hmac: hmac(after).filter(|_| hmac(after) != hmac(before)),
            standard: standard(after).filter(|_| standard(after) != standard(before)),
        };
        (fresh != Secrets::default()).then_some(fresh)
    }
}

pub(super) fn view(options: &WebhookOptions) -> View {
    View {
        hmac: options.hmac.as_ref().map(|hmac| hmac.form),
        words: options.words,
        standard: options.standard.is_some(),
    }
}

impl Wish {
    pub(super) fn change(self) -> Result<WebhookChange, Refusal> {
        let hmac = self.hmac.map(|hmac| hmac.map(HmacWish::change).transpose()).transpose()?;
        let standard = self.standard.map(|standard| standard.map(StandardWish::change).transpose()).transpose()?;
        Ok(WebhookChange { hmac, words: self.words, standard })
    }
}

impl HmacWish {
    fn change(self) -> Result<HmacChange, Refusal> {
        let secret = match self.secret {
            Some(secret) if SECRET_BYTES.contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_graphic()) => {
                SecretChange::To(WebhookSecret::new(secret))
            }
            Some(_) => return Err(unreadable("hmac.secret", "8 to 256 letters, digits and signs")),
            None => SecretChange::KeepOr(WebhookSecret::new(::hex::encode(random::bytes::<32>()))),
        };
        Ok(HmacChange { form: self.form, secret })
    }
}

impl StandardWish {
    fn change(self) -> Result<SecretChange, Refusal> {
        match self.secret {
            Some(secret) if standard::key(&secret).is_some() => Ok(SecretChange::To(WebhookSecret::new(secret))),
            Some(_) => Err(unreadable("standard.secret", "whsec_ and the base64 of 24 to 64 bytes")),
            None => Ok(SecretChange::KeepOr(WebhookSecret::new(standard::secret(&random::bytes::<32>())))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(before: &WebhookOptions, wish: &str) -> Result<WebhookOptions, Refusal> {
        let wish: Wish = serde_json::from_str(wish).map_err(|_| unreadable("body", "a wish"))?;
        Ok(wish.change()?.over(before))
    }

    #[test]
    fn what_is_left_out_stays_and_null_ends_it() {
        let none = WebhookOptions::default();
        assert_eq!(over(&none, "{}").unwrap(), none);
        let all = over(&none, r#"{"hmac": {"form": "sha256"}, "words": "completed", "standard": {}}"#).unwrap();
        let shown = View { hmac: Some(HmacForm::Sha256), words: StatusWords::Completed, standard: true };
        assert_eq!(view(&all), shown);
        let made = Secrets::between(&none, &all).unwrap();
        assert_eq!(made.hmac.unwrap().len(), 64);
        assert!(standard::key(&made.standard.unwrap()).is_some());
        let changed = over(&all, r#"{"hmac": {}}"#).unwrap();
        assert_eq!(changed.hmac.as_ref().unwrap().form, HmacForm::Sha256, "the form is left out, and stays");
        assert_eq!(over(&none, r#"{"hmac": {}}"#).unwrap().hmac.unwrap().form, HmacForm::Hex);
        assert_eq!(Secrets::between(&all, &changed), None, "the secret is kept, and not shown again");
        let own = over(&all, r#"{"hmac": {"secret": "whsec_test"}}"#).unwrap();
        assert_eq!(Secrets::between(&all, &own).unwrap().hmac.as_deref(), Some("whsec_test"));
        let ended = over(&all, r#"{"hmac": null, "standard": null, "words": "official"}"#).unwrap();
        assert_eq!(ended, none);
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let long = format!(r#"{{"hmac": {{"secret": "{}"}}}}"#, "x".repeat(257));
        for bad in [
            "7",
            r#"{"hmac": true}"#,
            r#"{"hmac": {"form": "md5"}}"#,
            r#"{"hmac": {"secret": "short"}}"#,
            r#"{"hmac": {"secret": "with a space"}}"#,
            &long,
            r#"{"words": "OK"}"#,
            r#"{"standard": {"secret": "whsec_short"}}"#,
            r#"{"standart": {}}"#,
        ] {
            assert!(over(&WebhookOptions::default(), bad).is_err(), "{bad}");
        }
    }
}

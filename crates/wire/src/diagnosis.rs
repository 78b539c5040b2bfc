//! What likely happened to a webhook that was refused: a second look, beyond the first check that failed.
//!
//! Costs some dozens of verifications, so take it for what is kept for a person, not for each refused request. Nothing found
//! here makes a webhook believable.

use crate::hmac;
use crate::jwks::KeySet;
use crate::rejection::Rejection;
use crate::rewritten::{self, LOOKED_AT_BYTES_MAX, Rewriting};
use crate::signature::{self, SignedHeaders};

/// What the second look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Somebody wrote the body anew on its way.
    Rewritten(Rewriting),
    /// The sender signed the body instead of the four lines.
    BodyAlone,
    /// Nothing but the time is wrong.
    OnlyLate,
    /// The time is wrong, and the signature fits no key either.
    LateAndForeign,
    /// No usual way to write the body fits either, so it is rather the key.
    Foreign,
}

impl Finding {
    /// In full sentences, to follow [`Rejection::explain`].
    pub fn explain(&self) -> String {
        let said = match self {
            Finding::Rewritten(rewriting) => return rewriting.explain(),
            Finding::BodyAlone => {
                "The signature fits the body alone: the sender has the right key, but signs the body instead of request id, \
                 user id, timestamp and the body's SHA-256, joined by line feeds."
            }
            Finding::OnlyLate => {
                "Key and body are right, nothing but the time is wrong: a genuine webhook that was replayed or held up, or a \
                 clock that is off."
            }
            Finding::LateAndForeign => "Its signature fits none of the known keys either, so the clock is not all.",
            Finding::Foreign => {
                "No usual way to write this body fits either, so it is rather the key: a forgery, another environment's queue, \
                 or a rotation that this side hasn't seen."
            }
        };
        said.to_owned()
    }
}

/// A second look at a webhook that [`signature::verify`] refused; `None` where the refusal says it all.
pub fn look(rejection: &Rejection, headers: &SignedHeaders, body: &[u8], keys: &KeySet) -> Option<Finding> {
    match rejection {
        Rejection::Stale { .. } if signature::fits(headers, body, keys) => Some(Finding::OnlyLate),
        Rejection::Stale { .. } => Some(Finding::LateAndForeign),
        Rejection::NoKeyFits { .. } => {
            let found = rewritten::find(body, |candidate| signature::fits(headers, candidate, keys));
            if let Some(rewriting) = found {
                return Some(Finding::Rewritten(rewriting));
            }
            if signature::fits_message(headers, body, keys) {
                return Some(Finding::BodyAlone);
            }
            (body.len() <= LOOKED_AT_BYTES_MAX).then_some(Finding::Foreign)
        }
        _ => None,
    }
}

/// The same for the HMAC form.
pub fn look_hmac(rejection: &Rejection, secret: &[u8], value: &str, body: &[u8]) -> Option<Finding> {
    let Rejection::HmacMismatch = rejection else { return None };
    let found = rewritten::find(body, |candidate| hmac::verify(secret, value, candidate).is_ok());
    found.map(Finding::Rewritten)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{RequestId, UserId};
    use crate::signature::{SigningKey, sign_webhook, verify};

    const NOW: i64 = 1_795_176_000;
    const SIGNED: &[u8] = br#"{"request_id": "r", "status": "OK"}"#;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    fn headers(seed: u8) -> SignedHeaders {
        sign_webhook(&key(seed), &RequestId::parse("r").unwrap(), &UserId::parse("u").unwrap(), NOW, SIGNED)
    }

    #[track_caller]
    fn found(headers: &SignedHeaders, body: &[u8], now: i64) -> Option<Finding> {
        let keys = KeySet::new(vec![key(9).verifying_key(), key(1).verifying_key()]).unwrap();
        look(&verify(headers, body, &keys, now).unwrap_err(), headers, body, &keys)
    }

    #[test]
    fn a_second_look_names_the_cause() {
        let compact = br#"{"request_id":"r","status":"OK"}"#;
        let said = found(&headers(1), compact, NOW).unwrap().explain();
        assert!(said.contains("as Python writes it") && said.contains("raw bytes"), "{said}");
        assert_eq!(found(&headers(2), SIGNED, NOW), Some(Finding::Foreign));
        assert_eq!(found(&headers(1), b"{}", NOW), Some(Finding::Foreign));
        assert_eq!(found(&headers(1), SIGNED, NOW + 412), Some(Finding::OnlyLate));
        assert_eq!(found(&headers(2), SIGNED, NOW + 412), Some(Finding::LateAndForeign));
        assert_eq!(found(&headers(1), &vec![b' '; LOOKED_AT_BYTES_MAX + 1], NOW), None);
        let short = SignedHeaders { signature: "ab".into(), ..headers(1) };
        assert_eq!(found(&short, SIGNED, NOW), None);
        for finding in [Finding::BodyAlone, Finding::OnlyLate, Finding::LateAndForeign, Finding::Foreign] {
            assert!(finding.explain().ends_with('.'));
        }
    }

    #[test]
    fn a_sender_that_signs_the_body_alone_is_told() {
        use ed25519_dalek::Signer;
        let signature = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).sign(SIGNED);
        let headers = SignedHeaders { signature: hex::encode(signature.to_bytes()), ..headers(1) };
        assert_eq!(found(&headers, SIGNED, NOW), Some(Finding::BodyAlone));
    }

    #[test]
    fn an_hmac_over_a_rewritten_body_is_told() {
        let value = hmac::sign(b"whsec", SIGNED);
        let look = |body: &[u8]| look_hmac(&Rejection::HmacMismatch, b"whsec", &value, body);
        assert!(matches!(look(br#"{"request_id":"r","status":"OK"}"#), Some(Finding::Rewritten(_))));
        assert_eq!(look(b"{}"), None);
    }
}

//! Signs deliveries with the key whose turn it is, publishes all that may have signed what is under way.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use jiff::Timestamp;

use plantain_wire::signature::{SigningKey, sign_webhook};
use plantain_wire::webhook::WebhookBody;
use plantain_wire::{header, hmac, jwks, standard};

use crate::key_ring::KeyRing;
use crate::keys::{HmacForm, StatusWords, WebhookOptions};
use crate::model::NewDelivery;

/// Cheap to clone; clones share their keys. Debug output shows no secret.
#[derive(Clone, Debug)]
pub struct Signer(Arc<Keys>);

struct Keys {
    ring: RwLock<Arc<KeyRing>>,
    hmac_secret: Option<Vec<u8>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({} to sign with, hmac: {})", self.ring().turns().len(), self.hmac_secret.is_some())
    }
}

impl Keys {
    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Signer {
    pub fn new(current: SigningKey) -> Signer {
        Signer::with(current, Vec::new(), None)
    }

    /// With an HMAC secret every delivery also carries the `x-fal-signature` form, for receivers that know no other.
    pub fn with(current: SigningKey, retired: Vec<SigningKey>, hmac_secret: Option<Vec<u8>>) -> Signer {
        Signer::of(KeyRing::fixed(current, retired), hmac_secret)
    }

    /// With keys that take turns.
    pub fn of(ring: KeyRing, hmac_secret: Option<Vec<u8>>) -> Signer {
        Signer(Arc::new(Keys { ring: RwLock::new(Arc::new(ring)), hmac_secret }))
    }

    /// From now on these keys sign and are published; an attempt that is under way keeps its signature.
    pub fn replace(&self, ring: KeyRing) {
        *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// The JWKS document.
    pub fn jwks(&self, now: Timestamp) -> String {
        jwks::render(&self.0.ring().published(now))
    }

    /// What one attempt at a delivery consists of.
    pub fn sign(&self, delivery: &NewDelivery, options: &WebhookOptions, now: Timestamp) -> Signed {
        let ring = self.0.ring();
        let body = in_words(&delivery.body, options.words);
        let signed = sign_webhook(ring.signing(now), &delivery.request_id, &delivery.user_id, now.as_second(), &body);
        let mut headers: Vec<_> = signed.iter().map(|(name, value)| (name, value.to_owned())).collect();
        headers.push((header::WEBHOOK_DELIVERY_ID, delivery.id.clone()));
        match (&options.hmac, &self.0.hmac_secret) {
            (Some(of_key), _) => {
                let digits = hmac::sign(of_key.secret.reveal().as_bytes(), &body);
                let prefix = if of_key.form == HmacForm::Sha256 { "sha256=" } else { "" };
                headers.push((header::HMAC_SIGNATURE, format!("{prefix}{digits}")));
            }
            (None, Some(secret)) => headers.push((header::HMAC_SIGNATURE, hmac::sign(secret, &body))),
            (None, None) => {}
        }
        if let Some(key) = options.standard.as_ref().and_then(|secret| standard::key(secret.reveal())) {
            let signature = standard::sign(&key, &delivery.id, now.as_second(), &body);
            headers.push((header::STANDARD_ID, delivery.id.clone()));
            headers.push((header::STANDARD_TIMESTAMP, now.as_second().to_string()));
            headers.push((header::STANDARD_SIGNATURE, signature));
        }
        Signed { headers, body }
    }
}

/// One attempt: signed over these very bytes.
#[derive(Clone, Debug)]
pub struct Signed {
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

fn in_words(body: &Bytes, words: StatusWords) -> Bytes {
    match words {
        StatusWords::Official => body.clone(),
        StatusWords::Completed => WebhookBody::with_completed_words(body).map_or_else(|| body.clone(), Bytes::from),
    }
}

#[cfg(test)]
mod tests {
    use plantain_wire::id::{RequestId, UserId};
    use plantain_wire::jwks::KeySet;
    use plantain_wire::signature::{SignedHeaders, verify};

    use super::*;
    use crate::key_ring::Haste;
    use crate::keys::{HmacSigning, WebhookSecret};

    const NOW: i64 = 1000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn sign(signer: &Signer, body: &'static [u8], options: &WebhookOptions) -> Signed {
        let delivery = NewDelivery {
            id: "d1".into(),
            request_id: RequestId::parse("r").unwrap(),
            user_id: UserId::parse("u").unwrap(),
            target: "https://shop.example/hook".parse().unwrap(),
            body: body.into(),
            due_at: now(),
        };
        signer.sign(&delivery, options, now())
    }

    fn signed(signer: &Signer, body: &'static [u8]) -> Vec<(&'static str, String)> {
        sign(signer, body, &WebhookOptions::default()).headers
    }

    fn value<'a>(headers: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
        headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    const OK: &[u8] = br#"{"error": null, "payload": {"a": 1}, "request_id": "r", "status": "OK"}"#;

    #[test]
    fn a_key_may_ask_for_other_forms_and_always_gets_the_official_one() {
        let signer = Signer::with(SigningKey::from_seed([1; 32]), Vec::new(), Some(b"the queue's".to_vec()));
        let keys = KeySet::parse(signer.jwks(now()).as_bytes()).unwrap();
        let secret = WebhookSecret::new("the key's");
        let hmac = |form| Some(HmacSigning { form, secret: secret.clone() });
        let standard = Some(WebhookSecret::new(standard::secret(&[9; 32])));
        for (hmac, prefix, of) in [
            (None, "", &b"the queue's"[..]),
            (hmac(HmacForm::Hex), "", b"the key's"),
            (hmac(HmacForm::Sha256), "sha256=", b"the key's"),
        ] {
            let options = WebhookOptions { hmac, words: StatusWords::Completed, standard: standard.clone() };
            let Signed { headers, body } = sign(&signer, OK, &options);
            assert!(body.ends_with(br#""status": "COMPLETED"}"#), "mapped before it is signed");
            assert!(verify(&read(&headers), &body, &keys, NOW).is_ok());
            let digits = value(&headers, header::HMAC_SIGNATURE).unwrap().strip_prefix(prefix).unwrap();
            assert_eq!(digits, plantain_wire::hmac::sign(of, &body));
            assert_eq!(value(&headers, header::STANDARD_ID), Some("d1"));
            assert_eq!(value(&headers, header::STANDARD_TIMESTAMP), Some("1000"));
            let expected = standard::sign(&[9; 32], "d1", NOW, &body);
            assert_eq!(value(&headers, header::STANDARD_SIGNATURE), Some(expected.as_str()));
            assert!(!format!("{options:?}").contains("the key's"));
        }
        let plain = Signer::new(SigningKey::from_seed([1; 32]));
        let Signed { headers, body } = sign(&plain, OK, &WebhookOptions::default());
        assert_eq!((headers.len(), &body[..]), (5, OK), "four official ones, and the delivery's id");
    }

    fn read(headers: &[(&'static str, String)]) -> SignedHeaders {
        SignedHeaders::read(headers.iter().map(|(name, value)| (*name, value.as_bytes()))).unwrap()
    }

    #[test]
    fn what_is_signed_verifies_with_what_is_published() {
        let signer = Signer::with(SigningKey::from_seed([1; 32]), vec![SigningKey::from_seed([2; 32])], Some(vec![7]));
        let keys = KeySet::parse(signer.jwks(now()).as_bytes()).unwrap();
        assert_eq!(keys.len(), 2);
        let headers = signed(&signer, b"body");
        let read = read(&headers);
        assert!(verify(&read, b"body", &keys, NOW + 100).is_ok());
        assert!(verify(&read, b"another", &keys, NOW + 100).is_err());
        let hmac = headers.iter().find(|(name, _)| *name == header::HMAC_SIGNATURE).unwrap();
        assert!(plantain_wire::hmac::verify(&[7], &hmac.1, b"body").is_ok());
        assert!(!format!("{signer:?}").contains('7'));
    }

    #[test]
    fn replaced_keys_sign_and_are_published_from_the_next_call_on_in_every_clone() {
        let ring = KeyRing::fixed(SigningKey::from_seed([1; 32]), Vec::new());
        let signer = Signer::of(ring.clone(), None);
        let (clone, old) = (signer.clone(), KeySet::parse(signer.jwks(now()).as_bytes()).unwrap());
        signer.replace(ring.rotated(SigningKey::from_seed([2; 32]), now(), Haste::AtOnce).unwrap());
        let (headers, new) = (signed(&clone, b"{}"), KeySet::parse(clone.jwks(now()).as_bytes()).unwrap());
        assert!(verify(&read(&headers), b"{}", &new, NOW).is_ok() && new.len() == 2);
        assert!(verify(&read(&headers), b"{}", &old, NOW).is_err());
    }
}

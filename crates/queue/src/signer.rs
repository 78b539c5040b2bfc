//! Signs deliveries with the key whose turn it is, publishes all that may have signed what is under way.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use plantain_wire::header;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::signature::{SigningKey, sign_webhook};
use plantain_wire::{hmac, jwks};

use crate::key_ring::KeyRing;

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

    /// The headers of one attempt at a delivery, by name.
    pub fn sign(
        &self,
        request_id: &RequestId,
        user_id: &UserId,
        now: Timestamp,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let ring = self.0.ring();
        let signed = sign_webhook(ring.signing(now), request_id, user_id, now.as_second(), body);
        let mut headers: Vec<_> = signed.iter().map(|(name, value)| (name, value.to_owned())).collect();
        if let Some(secret) = &self.0.hmac_secret {
            headers.push((header::HMAC_SIGNATURE, hmac::sign(secret, body)));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use plantain_wire::jwks::KeySet;
    use plantain_wire::signature::{SignedHeaders, verify};

    use super::*;
    use crate::key_ring::Haste;

    const NOW: i64 = 1000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn signed(signer: &Signer, body: &[u8]) -> Vec<(&'static str, String)> {
        signer.sign(&RequestId::parse("r").unwrap(), &UserId::parse("u").unwrap(), now(), body)
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

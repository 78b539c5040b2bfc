//! The queue's signing keys: signs deliveries with the first, publishes all.

use std::sync::Arc;

use jiff::Timestamp;

use plantain_wire::header;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::signature::{SigningKey, sign_webhook};
use plantain_wire::{hmac, jwks};

/// Cheap to clone. Debug output shows no secret.
#[derive(Clone, Debug)]
pub struct Signer(Arc<Keys>);

struct Keys {
    current: SigningKey,
    /// Still published, so that what they signed goes on verifying.
    retired: Vec<SigningKey>,
    hmac_secret: Option<Vec<u8>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({} published, hmac: {})", self.retired.len() + 1, self.hmac_secret.is_some())
    }
}

impl Signer {
    pub fn new(current: SigningKey) -> Signer {
        Signer(Arc::new(Keys { current, retired: Vec::new(), hmac_secret: None }))
    }

    /// With an HMAC secret every delivery also carries the `x-fal-signature` form, for receivers that know no other.
    pub fn with(current: SigningKey, retired: Vec<SigningKey>, hmac_secret: Option<Vec<u8>>) -> Signer {
        Signer(Arc::new(Keys { current, retired, hmac_secret }))
    }

    /// The JWKS document.
    pub fn jwks(&self) -> String {
        let keys: Vec<_> =
            std::iter::once(&self.0.current).chain(&self.0.retired).map(SigningKey::verifying_key).collect();
        jwks::render(&keys)
    }

    /// The headers of one attempt at a delivery, by name.
    pub fn sign(
        &self,
        request_id: &RequestId,
        user_id: &UserId,
        now: Timestamp,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let signed = sign_webhook(&self.0.current, request_id, user_id, now.as_second(), body);
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

    #[test]
    fn what_is_signed_verifies_with_what_is_published() {
        let signer = Signer::with(SigningKey::from_seed([1; 32]), vec![SigningKey::from_seed([2; 32])], Some(vec![7]));
        let keys = KeySet::parse(signer.jwks().as_bytes()).unwrap();
        assert_eq!(keys.len(), 2);
        let (id, user) = (RequestId::parse("r").unwrap(), UserId::parse("u").unwrap());
        let headers = signer.sign(&id, &user, Timestamp::from_second(1000).unwrap(), b"body");
        let read = SignedHeaders::read(headers.iter().map(|(name, value)| (*name, value.as_bytes()))).unwrap();
        assert!(verify(&read, b"body", &keys, 1100).is_ok());
        assert!(verify(&read, b"another", &keys, 1100).is_err());
        let hmac = headers.iter().find(|(name, _)| *name == header::HMAC_SIGNATURE).unwrap();
        assert!(plantain_wire::hmac::verify(&[7], &hmac.1, b"body").is_ok());
        assert!(!format!("{signer:?}").contains('7'));
    }
}

//! API keys: who is calling.
//!
//! Only hashes of secrets are held. Invariant: how long a check takes says nothing about how close a guess was.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use plantain_wire::id::UserId;

/// The keys that open this gateway. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<HashMap<String, Key>>);

/// One API key. `Debug` doesn't show the hash.
#[derive(Clone)]
pub struct Key {
    /// The public half, before the colon.
    pub id: String,
    /// SHA-256 of the half after the colon.
    pub secret_sha256: [u8; 32],
    /// The account that it acts for; several keys may share one.
    pub user_id: UserId,
    pub tier: Tier,
}

/// What an account may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Free,
    Paid,
}

/// Who is calling, as the key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user_id: UserId,
    pub key_id: String,
    pub tier: Tier,
}

/// Why nobody could be recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("there is no Authorization header")]
    Missing,
    #[error("the Authorization header is not written as Key <id>:<secret>")]
    Form,
    #[error("no account has this key")]
    Unknown,
}

impl Key {
    pub fn new(id: &str, secret: &str, user_id: UserId, tier: Tier) -> Key {
        Key { id: id.to_owned(), secret_sha256: Sha256::digest(secret).into(), user_id, tier }
    }

    /// `credential` is written `<id>:<secret>`, as in `FAL_KEY`; `None` where it isn't.
    pub fn parse(credential: &str, user_id: UserId, tier: Tier) -> Option<Key> {
        let (id, secret) = split(credential)?;
        Some(Key::new(id, secret, user_id, tier))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} of {})", self.id, self.user_id)
    }
}

impl Keys {
    /// Of two keys with the same id the later one counts.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Keys {
        Keys(Arc::new(keys.into_iter().map(|key| (key.id.clone(), key)).collect()))
    }

    /// Reads the value of an Authorization header.
    pub fn check(&self, authorization: Option<&[u8]>) -> Result<Account, KeyError> {
        let value = authorization.ok_or(KeyError::Missing)?;
        let (id, secret) = std::str::from_utf8(value).ok().and_then(credential).ok_or(KeyError::Form)?;
        let key = self.0.get(id);
        // An unknown id is compared too, with a hash that no secret has.
        let expected = key.map_or([0; 32], |key| key.secret_sha256);
        let given: [u8; 32] = Sha256::digest(secret).into();
        let equal = bool::from(given.ct_eq(&expected));
        let key = key.filter(|_| equal).ok_or(KeyError::Unknown)?;
        Ok(Account { user_id: key.user_id.clone(), key_id: key.id.clone(), tier: key.tier })
    }
}

fn credential(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("key").then(|| split(rest.trim())).flatten()
}

fn split(credential: &str) -> Option<(&str, &str)> {
    credential.split_once(':').filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let user = |name| UserId::parse(name).unwrap();
        Keys::new([
            Key::new("shop", "s3cret:with:colons", user("user_shop"), Tier::Paid),
            Key::parse("bulk:other", user("user_bulk"), Tier::Free).unwrap(),
        ])
    }

    #[track_caller]
    fn says(authorization: &str, expected: Result<&str, KeyError>) {
        let found = keys().check(Some(authorization.as_bytes()));
        assert_eq!(
            found.as_ref().map(|account| account.key_id.as_str()),
            expected.as_ref().copied(),
            "{authorization}"
        );
    }

    #[test]
    fn a_key_is_recognised_and_nothing_else_is() {
        says("Key shop:s3cret:with:colons", Ok("shop"));
        says("key  bulk:other", Ok("bulk"));
        for stranger in ["Key shop:other", "Key bulk:s3cret:with:colons", "Key shop:s3cret", "Key nobody:other"] {
            says(stranger, Err(KeyError::Unknown));
        }
        for formless in
            ["", "Key", "Key ", "Key shop", "Key :x", "Key shop:", "Bearer shop:s3cret", "shop:s3cret:with:colons"]
        {
            says(formless, Err(KeyError::Form));
        }
        assert_eq!(keys().check(Some(b"Key \xff:x")), Err(KeyError::Form));
        assert_eq!(keys().check(None), Err(KeyError::Missing));
        assert_eq!(Keys::default().check(Some(b"Key a:b")), Err(KeyError::Unknown));
    }

    #[test]
    fn what_is_shown_of_keys_helps_nobody() {
        let shown = format!("{:?}", keys());
        assert!(shown.contains("shop of user_shop") && !shown.contains("s3cret"), "{shown}");
    }
}

//! The public keys of a queue, as it publishes them at `/.well-known/jwks.json`.
//!
//! Read leniently (padded and unpadded keys, foreign keys beside ours, keys without a type) but safely: a set has a bounded
//! size and never contains a weak key, for which signatures can be made without the secret.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The largest key set that is read, in bytes. A real one has a few hundred.
pub const JWKS_BYTES_MAX: usize = 64 * 1024;

/// The most different keys that are kept: each costs every forged webhook one verification.
pub const KEYS_MAX: usize = 16;

/// A public key that is safe to verify with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// `None` for bytes that are no point of the curve, and for weak points.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<VerifyingKey> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
        (!key.is_weak()).then_some(VerifyingKey(key))
    }

    pub(crate) fn of(key: &ed25519_dalek::SigningKey) -> VerifyingKey {
        VerifyingKey(key.verifying_key())
    }

    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The JWK member `x`: unpadded base64url, 43 characters.
    pub fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_bytes())
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.x())
    }
}

/// The keys that a webhook may be signed with, at least one, each once, in the order of publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet(Vec<VerifyingKey>);

/// Why a document is no key set that can be used.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    #[error("the key set has {bytes} bytes; at most {JWKS_BYTES_MAX} are read")]
    TooLarge { bytes: usize },
    #[error("the key set is not the JSON that it should be: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("the key set has no usable Ed25519 key: {foreign} of another kind, {unusable} malformed or weak")]
    NoUsableKey { foreign: usize, unusable: usize },
    #[error("the key set has more than {KEYS_MAX} keys")]
    TooManyKeys,
}

impl KeySet {
    /// Reads a published document. Keys of another type are skipped; so are malformed and weak ones, and a document in which
    /// nothing is left is an error.
    pub fn parse(document: &[u8]) -> Result<KeySet, JwksError> {
        if document.len() > JWKS_BYTES_MAX {
            return Err(JwksError::TooLarge { bytes: document.len() });
        }
        let read: Document = serde_json::from_slice(document)?;
        let (ours, foreign): (Vec<_>, Vec<_>) = read.keys.into_iter().partition(Jwk::may_be_ours);
        let mut keys = Vec::new();
        let mut unusable = 0;
        for jwk in ours {
            match jwk.key() {
                Some(key) if !keys.contains(&key) => keys.push(key),
                Some(_) => {}
                None => unusable += 1,
            }
        }
        if keys.is_empty() {
            return Err(JwksError::NoUsableKey { foreign: foreign.len(), unusable });
        }
        KeySet::new(keys)
    }

    /// For keys that are known already.
    pub fn new(keys: Vec<VerifyingKey>) -> Result<KeySet, JwksError> {
        match keys.len() {
            0 => Err(JwksError::NoUsableKey { foreign: 0, unusable: 0 }),
            count if count > KEYS_MAX => Err(JwksError::TooManyKeys),
            _ => Ok(KeySet(keys)),
        }
    }

    pub fn iter(&self) -> std::slice::Iter<'_, VerifyingKey> {
        self.0.iter()
    }

    /// How many keys; never zero.
    #[expect(clippy::len_without_is_empty, reason = "a key set is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The document to publish. Each key is in it twice, without and with padding: RFC 7517 asks for the one, and the official
/// Python sample can only decode the other.
pub fn render(keys: &[VerifyingKey]) -> String {
    let entry = |x: String| format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","x":"{x}"}}"#);
    let entries: Vec<String> =
        keys.iter().flat_map(|key| [key.x(), URL_SAFE.encode(key.to_bytes())]).map(entry).collect();
    format!(r#"{{"keys":[{}]}}"#, entries.join(","))
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

/// Members are read as any JSON, so that one foreign key can't make the whole set unreadable.
#[derive(Deserialize)]
struct Jwk {
    kty: Option<serde_json::Value>,
    crv: Option<serde_json::Value>,
    x: Option<serde_json::Value>,
}

impl Jwk {
    /// fal's page promises only `x`, so a key that doesn't say its type is tried.
    fn may_be_ours(&self) -> bool {
        let is = |member: &Option<serde_json::Value>, word: &str| member.as_ref().is_none_or(|value| value == word);
        is(&self.kty, "OKP") && is(&self.crv, "Ed25519")
    }

    fn key(&self) -> Option<VerifyingKey> {
        let x = self.x.as_ref()?.as_str()?.trim_end_matches('=');
        let bytes = URL_SAFE_NO_PAD.decode(x).ok()?;
        VerifyingKey::from_bytes(&bytes.try_into().ok()?)
    }
}

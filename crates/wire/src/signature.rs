//! The four signed headers of a webhook: made by the sender, checked by the receiver.
//!
//! Signed are four lines joined by line feeds: request id, user id, timestamp, and the hex SHA-256 of the raw body. The
//! algorithm is plain Ed25519 over that text. No key id is sent, so every known key is tried. Verification is strict
//! (small-order points and malleable signatures are refused) and never looks at the body's meaning.

use std::fmt;

use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};

use crate::header;
use crate::id::{RequestId, UserId};
use crate::jwks::{KeySet, VerifyingKey};
use crate::rejection::{Rejection, TimestampForm};

/// How far the sender's clock may be from ours, either way.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Hex digits of an Ed25519 signature.
pub const SIGNATURE_HEX_DIGITS: usize = 128;

/// The longest header value that is looked at, in bytes: ids have 128, signatures 128 digits, and a wrong signature is to be
/// described by its length.
const VALUE_BYTES_MAX: usize = 256;

/// Digits of the largest timestamp in seconds that is worth reading (the year 33658).
const TIMESTAMP_DIGITS_MAX: usize = 12;

/// Digits of today's Unix time in milliseconds.
const MILLISECOND_DIGITS: usize = 13;

/// The sender's secret. Debug output doesn't show it.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// `seed` is the secret itself: 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> SigningKey {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The secret again, to be kept where nobody else can read it.
    pub fn to_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// What to publish.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::of(&self.0)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(secret)")
    }
}

/// The four headers as text, exactly as they are on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders {
    pub request_id: String,
    pub user_id: String,
    pub timestamp: String,
    pub signature: String,
}

impl SignedHeaders {
    /// Name and value of each header.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            (header::WEBHOOK_REQUEST_ID, self.request_id.as_str()),
            (header::WEBHOOK_USER_ID, self.user_id.as_str()),
            (header::WEBHOOK_TIMESTAMP, self.timestamp.as_str()),
            (header::WEBHOOK_SIGNATURE, self.signature.as_str()),
        ]
        .into_iter()
    }

    /// Picks the four out of a request's headers, whose names may be in any case. A header that is repeated is refused
    /// even where both values are equal, since somebody on the way added it.
    pub fn read<'h>(headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Result<SignedHeaders, Rejection> {
        let mut found: [Option<&[u8]>; 4] = [None; 4];
        let mut hmac_sent = false;
        for (name, value) in headers {
            hmac_sent |= name.eq_ignore_ascii_case(header::HMAC_SIGNATURE);
            let Some(place) = SIGNED.iter().position(|signed| name.eq_ignore_ascii_case(signed)) else { continue };
            if found[place].replace(value).is_some() {
                return Err(Rejection::Repeated { header: SIGNED[place] });
            }
        }
        let missing: Vec<_> =
            SIGNED.into_iter().zip(found).filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        if !missing.is_empty() {
            return Err(Rejection::Missing { headers: missing, hmac_sent });
        }
        let text = |place: usize| text_of(SIGNED[place], found[place].unwrap_or_default());
        Ok(SignedHeaders { request_id: text(0)?, user_id: text(1)?, timestamp: text(2)?, signature: text(3)? })
    }
}

const SIGNED: [&str; 4] =
    [header::WEBHOOK_REQUEST_ID, header::WEBHOOK_USER_ID, header::WEBHOOK_TIMESTAMP, header::WEBHOOK_SIGNATURE];

fn text_of(header: &'static str, value: &[u8]) -> Result<String, Rejection> {
    let printable = value.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(value) {
        Ok(text) if printable && !text.is_empty() && text.len() <= VALUE_BYTES_MAX => Ok(text.to_owned()),
        _ => Err(Rejection::Malformed { header }),
    }
}

/// Signs one attempt at a delivery. Sign again for every attempt: a signature is good for [`TOLERANCE_SECONDS`] only.
pub fn sign_webhook(
    key: &SigningKey,
    request_id: &RequestId,
    user_id: &UserId,
    timestamp_unix: i64,
    body: &[u8],
) -> SignedHeaders {
    let timestamp = timestamp_unix.to_string();
    let message = message(request_id.as_str(), user_id.as_str(), &timestamp, body);
    SignedHeaders {
        request_id: request_id.to_string(),
        user_id: user_id.to_string(),
        timestamp,
        signature: hex::encode(key.0.sign(message.as_bytes()).to_bytes()),
    }
}

/// Whether one of the keys made these headers' signature over `body`, whatever the time. For a diagnosis, never for belief.
pub(crate) fn fits(headers: &SignedHeaders, body: &[u8], keys: &KeySet) -> bool {
    let message = message(&headers.request_id, &headers.user_id, &headers.timestamp, body);
    fits_message(headers, message.as_bytes(), keys)
}

/// Like [`fits`], over a text that is signed as it stands.
pub(crate) fn fits_message(headers: &SignedHeaders, message: &[u8], keys: &KeySet) -> bool {
    signature_bytes(&headers.signature).is_ok_and(|signature| keys.iter().any(|key| key.verifies(message, &signature)))
}

fn message(request_id: &str, user_id: &str, timestamp: &str, body: &[u8]) -> String {
    format!("{request_id}\n{user_id}\n{timestamp}\n{}", hex::encode(Sha256::digest(body)))
}

/// A webhook that was signed by the holder of one of the keys. Whether that account may say what it says is another
/// question: fal signs for all its customers with the same keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub request_id: RequestId,
    pub user_id: UserId,
    /// When this attempt was signed, Unix seconds.
    pub timestamp_unix: i64,
    pub key: VerifyingKey,
}

/// What signed headers say, in the right form and at the right time. Nothing of it is proven yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'h> {
    headers: &'h SignedHeaders,
    request_id: RequestId,
    user_id: UserId,
    timestamp_unix: i64,
    signature: [u8; 64],
}

impl<'h> Claim<'h> {
    /// All that can be refused without a key, so that keys are fetched for what may be genuine alone.
    pub fn read(headers: &'h SignedHeaders, now_unix: i64) -> Result<Claim<'h>, Rejection> {
        let request_id = RequestId::parse(&headers.request_id)
            .map_err(|_| Rejection::Malformed { header: header::WEBHOOK_REQUEST_ID })?;
        let user_id =
            UserId::parse(&headers.user_id).map_err(|_| Rejection::Malformed { header: header::WEBHOOK_USER_ID })?;
        let timestamp_unix = seconds(&headers.timestamp)?;
        let offset_seconds = timestamp_unix.saturating_sub(now_unix);
        if offset_seconds.saturating_abs() > TOLERANCE_SECONDS {
            return Err(Rejection::Stale { offset_seconds });
        }
        let signature = signature_bytes(&headers.signature)?;
        Ok(Claim { headers, request_id, user_id, timestamp_unix, signature })
    }

    /// Holds it and the raw body against every key.
    pub fn prove(&self, body: &[u8], keys: &KeySet) -> Result<Verified, Rejection> {
        let message = message(&self.headers.request_id, &self.headers.user_id, &self.headers.timestamp, body);
        let key = keys.iter().find(|key| key.verifies(message.as_bytes(), &self.signature));
        let key = *key.ok_or(Rejection::NoKeyFits { keys: keys.len(), body_bytes: body.len() })?;
        let (request_id, user_id) = (self.request_id.clone(), self.user_id.clone());
        Ok(Verified { request_id, user_id, timestamp_unix: self.timestamp_unix, key })
    }
}

/// Checks headers and raw body against every key, at the receiver's own time.
///
/// Upper-case hex digits are accepted, as the official samples do. The order of the checks is that of their cost, so that
/// garbage is refused without cryptography.
pub fn verify(headers: &SignedHeaders, body: &[u8], keys: &KeySet, now_unix: i64) -> Result<Verified, Rejection> {
    Claim::read(headers, now_unix)?.prove(body, keys)
}

fn seconds(text: &str) -> Result<i64, Rejection> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if digits && text.len() <= TIMESTAMP_DIGITS_MAX => Ok(seconds),
        _ => {
            let looks_like = match text.len() {
                MILLISECOND_DIGITS if digits => TimestampForm::Milliseconds,
                10.. if text.contains('-') && text.starts_with("20") => TimestampForm::Date,
                _ => TimestampForm::Other,
            };
            Err(Rejection::TimestampNotSeconds { looks_like })
        }
    }
}

fn signature_bytes(text: &str) -> Result<[u8; 64], Rejection> {
    if text.len() != SIGNATURE_HEX_DIGITS {
        return Err(Rejection::SignatureLength { digits: text.len() });
    }
    let mut bytes = [0; 64];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Rejection::SignatureNotHex)?;
    Ok(bytes)
}

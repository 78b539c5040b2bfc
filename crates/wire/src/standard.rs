//! The form of standardwebhooks.com: `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,<base64>`.
//!
//! fal never sends it; libraries that verify it exist for every language. The signature is an HMAC-SHA256 over id, timestamp
//! and body with dots between, so that it covers the time and an old delivery can't be replayed.

use ::hmac::{Hmac, KeyInit, Mac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Sha256;

/// What such a secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";

/// How many bytes a secret has, as the specification lays down.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key within a secret; `None` where it is not `whsec_` and the base64 of as many bytes as it should have.
pub fn key(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    SECRET_BYTES.contains(&key.len()).then_some(key)
}

/// The secret of a key.
pub fn secret(key: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(key))
}

/// The value of `webhook-signature`.
pub fn sign(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_published_vector_signs() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_read_and_written() {
        assert_eq!(key(&secret(&[7; 32])), Some(vec![7; 32]));
        for bad in ["", "whsec_", "whsec_x!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &secret(&[7; 23]), &secret(&[7; 65])]
        {
            assert_eq!(key(bad), None, "{bad}");
        }
    }
}

//! The HMAC form of a signature: `x-fal-signature: hex(hmac_sha256(secret, body))`.
//!
//! fal never sends it, but many hand-written receivers expect it, so Plantain can send and accept it beside the official form.
//! It carries no time and therefore gives no protection against replays. Comparison takes the same time for every value.

use ::hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::rejection::Rejection;

/// Hex digits of an HMAC-SHA256.
pub const HMAC_HEX_DIGITS: usize = 64;

/// What some senders write before the digits.
const PREFIX: &str = "sha256=";

fn mac_of(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
    mac.update(body);
    mac
}

/// The header's value: 64 lower-case hex digits, without a prefix.
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    hex::encode(mac_of(secret, body).finalize().into_bytes())
}

/// Checks a header's value: 64 hex digits of either case, with or without `sha256=` before them, and nothing else.
pub fn verify(secret: &[u8], value: &str, body: &[u8]) -> Result<(), Rejection> {
    let digits = value.strip_prefix(PREFIX).unwrap_or(value);
    if digits.len() != HMAC_HEX_DIGITS {
        return Err(Rejection::HmacLength { digits: digits.len() });
    }
    let claimed = hex::decode(digits).map_err(|_| Rejection::HmacNotHex)?;
    mac_of(secret, body).verify_slice(&claimed).map_err(|_| Rejection::HmacMismatch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = include_bytes!("../tests/data/webhook_ok.json");
    const MAC: &str = "4b171420a536feddd1882fe139c328f6ff45927ce319905aa1f9d6159239f944";

    #[test]
    fn the_published_vector_signs_and_verifies() {
        assert_eq!(sign(b"whsec_test", BODY), MAC);
        assert_eq!(verify(b"whsec_test", MAC, BODY), Ok(()));
        assert_eq!(verify(b"whsec_test", &format!("sha256={MAC}"), BODY), Ok(()));
        assert_eq!(verify(b"whsec_test", &MAC.to_uppercase(), BODY), Ok(()));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(verify(b"other", MAC, BODY), Err(Rejection::HmacMismatch));
        assert_eq!(verify(b"whsec_test", MAC, b"{}"), Err(Rejection::HmacMismatch));
        assert_eq!(verify(b"whsec_test", &MAC.replace('4', "g"), BODY), Err(Rejection::HmacNotHex));
        assert_eq!(verify(b"whsec_test", "", BODY), Err(Rejection::HmacLength { digits: 0 }));
        assert_eq!(verify(b"whsec_test", "whsec_test", BODY), Err(Rejection::HmacLength { digits: 10 }));
        assert_eq!(verify(b"whsec_test", &format!(" {MAC}"), BODY), Err(Rejection::HmacLength { digits: 65 }));
    }
}

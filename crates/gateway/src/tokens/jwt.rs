//! The one form of JSON Web Token that is written and read here: HS256 with a fixed header.
//!
//! A header that says anything else is no token of ours, so that no field of it is ever obeyed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The longest token that is looked at, in bytes: every one that is handed out is shorter.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The account.
    pub(crate) sub: String,
    /// The key that asked for it.
    pub(crate) key_id: String,
    /// Aliases of the applications that it is good for.
    pub(crate) allowed_apps: Vec<String>,
    /// Unix seconds.
    pub(crate) iat: i64,
    /// Unix seconds; no longer valid then.
    pub(crate) exp: i64,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    #[error("Invalid token")]
    Forged,
    #[error("Token has expired")]
    Expired,
    #[error("Token is not valid for this application")]
    OtherApp,
}

pub(crate) fn write(claims: &Claims, key: &[u8]) -> String {
    let claims = serde_json::to_vec(claims).expect("strings and numbers always serialise");
    let said = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(mac(key, &said).finalize().into_bytes());
    format!("{said}.{signature}")
}

/// Believes nothing of a token before its signature is checked.
pub(crate) fn read(token: &str, key: &[u8], now: Timestamp) -> Result<Claims, TokenFault> {
    let (said, signature) =
        token.rsplit_once('.').filter(|_| token.len() <= TOKEN_BYTES_MAX).ok_or(TokenFault::Forged)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenFault::Forged)?;
    mac(key, said).verify_slice(&signature).map_err(|_| TokenFault::Forged)?;
    let claims = said.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('.')).ok_or(TokenFault::Forged)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| TokenFault::Forged)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenFault::Forged)?;
    if now.as_second() >= claims.exp { Err(TokenFault::Expired) } else { Ok(claims) }
}

fn mac(key: &[u8], said: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(said.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key of thirty-two bytes or more";

    fn claims() -> Claims {
        Claims { sub: "user".into(), key_id: "shop".into(), allowed_apps: vec!["nano-banana".into()], iat: 0, exp: 120 }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signed(header: &str, claims: &str) -> String {
        let said = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(mac(KEY, &said).finalize().into_bytes()))
    }

    #[test]
    fn a_token_says_what_was_written_until_it_expires() {
        let token = write(&claims(), KEY);
        assert_eq!(read(&token, KEY, at(119)), Ok(claims()));
        assert_eq!(read(&token, KEY, at(120)), Err(TokenFault::Expired));
        assert_eq!(read(&token, b"another key", at(0)), Err(TokenFault::Forged));
        assert_eq!(URL_SAFE_NO_PAD.decode(HEADER).unwrap(), br#"{"alg":"HS256","typ":"JWT"}"#);
    }

    #[test]
    fn a_header_cannot_choose_how_it_is_checked() {
        let said = serde_json::to_string(&claims()).unwrap();
        assert_eq!(read(&signed(r#"{"alg":"HS256","typ":"JWT"}"#, &said), KEY, at(0)), Ok(claims()));
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"typ":"JWT","alg":"HS256"}"#,
            r#"{"alg":"HS512","typ":"JWT"}"#,
            "",
        ] {
            assert_eq!(read(&signed(header, &said), KEY, at(0)), Err(TokenFault::Forged), "{header}");
        }
        for claims in ["", "{}", "null", r#"{"sub":"u","key_id":"k","allowed_apps":"all","iat":0,"exp":9}"#] {
            assert_eq!(
                read(&signed(r#"{"alg":"HS256","typ":"JWT"}"#, claims), KEY, at(0)),
                Err(TokenFault::Forged),
                "{claims}"
            );
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let token = write(&claims(), KEY);
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character of a signature has bits that mean nothing; strict decoding refuses those.
            assert_eq!(read(&changed, KEY, at(0)), Err(TokenFault::Forged), "{place}");
        }
        let (said, _) = token.rsplit_once('.').unwrap();
        let long = "x".repeat(TOKEN_BYTES_MAX + 1);
        for bad in
            ["", ".", "..", "a.b.c", said, &format!("{said}."), &format!("{token}="), &format!("{token}.x"), &long]
        {
            assert_eq!(read(bad, KEY, at(0)), Err(TokenFault::Forged), "{bad}");
        }
    }
}

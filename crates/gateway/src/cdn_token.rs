//! `POST /storage/auth/token`: short-lived tokens for the CDN, as fal's Python client uploads with; and who is uploading or
//! reading there.
//!
//! Nothing is stored: a token says itself whose it is and until when it is good, signed. It opens the CDN alone, and nothing
//! once the key that asked for it is revoked.

use axum::Extension;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::Timestamp;
use plantain_wire::id::UserId;
use plantain_work::clock;

use crate::account::{self, Authenticated};
use crate::bases::Bases;
use crate::keys::Account;
use crate::refusal::Refusal;
use crate::secret::CdnSecret;
use crate::{Gateway, reply};

/// Sets these signatures apart from whatever else the secret signs.
const PURPOSE: &[u8] = b"cdn token";

/// What every token begins with, so that it is told apart from other bearers' tokens.
const PREFIX: &str = "cdn.";

/// The body of the call is not read: nothing that it could say is known.
pub(crate) async fn mint(
    State(gateway): State<Gateway>,
    Authenticated(account): Authenticated,
    Extension(bases): Extension<Bases>,
) -> Response {
    let expires = clock::after(gateway.clock.now(), gateway.limits.cdn_token_valid);
    let said = serde_json::json!({
        "token": write(&account, expires, &gateway.cdn_secret),
        "token_type": "Bearer",
        // Clients paste paths that begin with a slash behind it.
        "base_url": bases.cdn.as_str().trim_end_matches('/'),
        "expires_at": with_offset(expires),
    });
    reply::json(200, said.to_string())
}

/// An offset is written instead of `Z`, which Python before 3.11 can't read, and whole seconds.
fn with_offset(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// Key ids may have dots in them, so they are written in another alphabet.
fn write(account: &Account, expires: Timestamp, secret: &CdnSecret) -> String {
    let (user, key, expires) = (&account.user_id, hex::encode(&account.key_id), expires.as_second());
    let signature = secret.sign(&[PURPOSE, key.as_bytes(), user.as_str().as_bytes(), &expires.to_be_bytes()]);
    format!("{PREFIX}{expires}.{signature}.{key}.{user}")
}

/// Whose a token is that was made here and has not expired.
pub(crate) fn read(token: &str, secret: &CdnSecret, now: Timestamp) -> Option<Holder> {
    let mut parts = token.strip_prefix(PREFIX)?.splitn(4, '.');
    let (expires, signature, key, user) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let expires: i64 = expires.parse().ok()?;
    let genuine = secret.verifies(&[PURPOSE, key.as_bytes(), user.as_bytes(), &expires.to_be_bytes()], signature);
    if !genuine || now.as_second() >= expires {
        return None;
    }
    let key_id = String::from_utf8(hex::decode(key).ok()?).ok()?;
    Some(Holder { user_id: UserId::parse(user).ok()?, key_id })
}

/// Of a token: an account, and the key by which it asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    user_id: UserId,
    key_id: String,
}

/// Who uploads: the account of a CDN token or of a key.
pub(crate) struct Uploader(pub(crate) UserId);

impl FromRequestParts<Gateway> for Uploader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Uploader, Refusal> {
        match bearer(parts).filter(|token| token.starts_with(PREFIX)) {
            Some(token) => {
                let held = read(token, &gateway.cdn_secret, gateway.clock.now()).ok_or(Refusal::CdnToken)?;
                let account = account::behind(gateway, &held.key_id, held.user_id.as_str()).await?;
                Ok(Uploader(account.ok_or(Refusal::CdnToken)?.user_id))
            }
            None => Ok(Uploader(Authenticated::from_request_parts(parts, gateway).await?.0.user_id)),
        }
    }
}

/// Who reads: an account, or anybody. Credentials that open nothing make nobody's file unreadable; where they can't be looked
/// up, nothing is said about the file.
pub(crate) struct Reader(pub(crate) Option<UserId>);

impl FromRequestParts<Gateway> for Reader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Reader, Refusal> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(Reader(None));
        }
        match Uploader::from_request_parts(parts, gateway).await {
            Ok(Uploader(user)) => Ok(Reader(Some(user))),
            Err(Refusal::Store(error)) => Err(Refusal::Store(error)),
            Err(_) => Ok(Reader(None)),
        }
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use plantain_queue::keys::{KeyLimits, Scope};

    use super::*;

    fn secret() -> CdnSecret {
        CdnSecret::new(&[1; 32])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_account_until_it_expires() {
        let (user_id, key_id) = (UserId::parse("user_a.b:c").unwrap(), "shop.no.7".to_owned());
        let account = Account {
            user_id: user_id.clone(),
            key_id: key_id.clone(),
            scope: Scope::Api,
            limits: KeyLimits::default(),
        };
        let token = write(&account, at(60), &secret());
        assert_eq!(read(&token, &secret(), at(59)), Some(Holder { user_id, key_id }));
        assert_eq!(read(&token, &secret(), at(60)), None);
        assert_eq!(read(&token, &CdnSecret::new(&[2; 32]), at(0)), None);
        for forged in [
            token.replace("user_a", "user_b"),
            token.replace(&hex::encode("shop"), &hex::encode("bulk")),
            token.replace("cdn.60", "cdn.61"),
            token.replace("cdn.", ""),
            token[..token.len() - 3].to_owned(),
            "cdn.".into(),
            "cdn.60...user".into(),
            String::new(),
        ] {
            assert_eq!(read(&forged, &secret(), at(0)), None, "{forged}");
        }
    }

    #[test]
    fn times_are_written_as_every_python_reads_them() {
        assert_eq!(with_offset(at(1_763_640_000)), "2025-11-20T12:00:00+00:00");
        let fraction: Timestamp = "2026-11-20T12:00:00.123456Z".parse().unwrap();
        assert_eq!(with_offset(fraction), "2026-11-20T12:00:00+00:00");
    }
}

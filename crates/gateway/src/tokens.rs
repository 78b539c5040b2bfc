//! `POST /tokens`: temporary tokens, which a server gives to a browser so that its key stays at home.
//!
//! Nothing is stored: a token says itself for whom, for which applications and until when it is good, signed with a key
//! derived from the gateway's secret. Invariant: a token never opens more than calls about its applications; with one,
//! neither files are uploaded nor further tokens made.

pub(crate) mod jwt;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use plantain_wire::endpoint::EndpointId;
use serde::Deserialize;
use url::form_urlencoded;

use self::jwt::Claims;
pub(crate) use self::jwt::TokenFault;
use crate::account::{self, Authenticated};
use crate::address::RequestAddress;
use crate::keys::Account;
use crate::refusal::Refusal;
use crate::secret::CdnSecret;
use crate::{Gateway, body, reply};

/// Sets the key of these signatures apart from whatever else the secret signs.
const PURPOSE: &[u8] = b"temporary tokens";

/// What fal's clients pass where they pass it anywhere else than in the header.
const QUERY_NAME: &str = "fal_jwt_token";

/// Applications of one token; clients name one.
const APPS_MAX: usize = 32;
/// The longest alias, in bytes: an endpoint id has no more.
const APP_BYTES_MAX: usize = plantain_wire::endpoint::ENDPOINT_ID_BYTES_MAX;

/// Seconds. What fal's clients ask for, and an hour, so that a token is no second key.
const SECONDS_USUAL: i64 = 120;
const SECONDS_MAX: i64 = 3600;

#[derive(Debug, Deserialize)]
struct Wish {
    allowed_apps: Vec<String>,
    #[serde(default)]
    token_expiration: Option<i64>,
}

/// The answer is a bare JSON string, the one form that every client understands.
pub(crate) async fn mint(
    State(gateway): State<Gateway>,
    Authenticated(account): Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (allowed_apps, seconds) = read(&body::json_input(&gateway, account.user_id.as_str(), &headers, body).await?)?;
    let iat = gateway.clock.now().as_second();
    let sub = account.user_id.to_string();
    let claims = Claims { sub, key_id: account.key_id, allowed_apps, iat, exp: iat + seconds };
    Ok(reply::json(200, format!("\"{}\"", jwt::write(&claims, &key(&gateway.cdn_secret)))))
}

fn read(body: &[u8]) -> Result<(Vec<String>, i64), Refusal> {
    let expected = "an object with 'allowed_apps', a list of strings, and perhaps the whole number 'token_expiration'";
    let wish: Wish = serde_json::from_slice(body).map_err(|_| Refusal::Unreadable { name: "body", expected })?;
    let plain = |app: &String| (1..=APP_BYTES_MAX).contains(&app.len()) && app.bytes().all(|b| b.is_ascii_graphic());
    if !(1..=APPS_MAX).contains(&wish.allowed_apps.len()) || !wish.allowed_apps.iter().all(plain) {
        let expected = "a list of 1 to 32 names of applications, such as nano-banana";
        return Err(Refusal::Unreadable { name: "allowed_apps", expected });
    }
    let seconds = wish.token_expiration.unwrap_or(SECONDS_USUAL);
    if !(1..=SECONDS_MAX).contains(&seconds) {
        return Err(Refusal::Unreadable { name: "token_expiration", expected: "1 to 3600 seconds" });
    }
    Ok((wish.allowed_apps, seconds))
}

/// The token that a call came with: in the header, or, without one, in the query.
pub(crate) fn of_call(authorization: Option<&[u8]>, query: Option<&str>) -> Option<String> {
    match authorization {
        Some(value) => bearer(std::str::from_utf8(value).ok()?).map(str::to_owned),
        None => {
            let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
            pairs.find_map(|(name, value)| (name == QUERY_NAME).then(|| value.into_owned()))
        }
    }
}

/// What has not even the shape of a token is left to be judged as a key.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let shaped = token.bytes().filter(|byte| *byte == b'.').count() == 2;
    (shaped && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}

/// Who is calling with this token. The key that asked for it must still be good, and its limits hold.
pub(crate) async fn open(gateway: &Gateway, token: &str, parts: &Parts) -> Result<Account, Refusal> {
    let claims = jwt::read(token, &key(&gateway.cdn_secret), gateway.clock.now())?;
    let endpoint = endpoint(parts).filter(|endpoint| allows(&claims.allowed_apps, endpoint));
    endpoint.ok_or(TokenFault::OtherApp)?;
    Ok(account::behind(gateway, &claims.key_id, &claims.sub).await?.ok_or(TokenFault::Forged)?)
}

/// What the call is about, as the door noted it.
fn endpoint(parts: &Parts) -> Option<&EndpointId> {
    let asked = parts.extensions.get::<RequestAddress>().map(|asked| &asked.endpoint);
    asked.or_else(|| parts.extensions.get())
}

/// Clients name applications by their alias, without the owner.
fn allows(allowed: &[String], endpoint: &EndpointId) -> bool {
    let app = endpoint.app();
    let alias = app.rsplit('/').next().unwrap_or(app);
    allowed.iter().any(|allowed| allowed == alias || allowed == app)
}

fn key(secret: &CdnSecret) -> Vec<u8> {
    secret.sign(&[PURPOSE]).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_names_applications_and_perhaps_a_time() {
        let found = |body: &str| read(body.as_bytes()).ok();
        let apps = || vec!["nano-banana".to_owned()];
        assert_eq!(found(r#"{"allowed_apps":["nano-banana"]}"#), Some((apps(), 120)));
        assert_eq!(found(r#"{"allowed_apps":["nano-banana"],"token_expiration":3600,"more":1}"#), Some((apps(), 3600)));
        assert_eq!(found(r#"{"allowed_apps":["nano-banana"],"token_expiration":null}"#), Some((apps(), 120)));
        let many = format!(r#"{{"allowed_apps":[{}"x"]}}"#, r#""x","#.repeat(32));
        let long = format!(r#"{{"allowed_apps":["{}"]}}"#, "x".repeat(201));
        for bad in [
            "{}",
            "[]",
            r#"{"allowed_apps":[]}"#,
            r#"{"allowed_apps":"nano-banana"}"#,
            r#"{"allowed_apps":[""]}"#,
            r#"{"allowed_apps":["a b"]}"#,
            r#"{"allowed_apps":["x"],"token_expiration":0}"#,
            r#"{"allowed_apps":["x"],"token_expiration":3601}"#,
            r#"{"allowed_apps":["x"],"token_expiration":-1}"#,
            r#"{"allowed_apps":["x"],"token_expiration":1.5}"#,
            r#"{"allowed_apps":["x"],"token_expiration":"60"}"#,
            &many,
            &long,
        ] {
            assert_eq!(found(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_comes_in_the_header_or_in_the_query() {
        let found = |header: Option<&str>, query| of_call(header.map(str::as_bytes), query);
        assert_eq!(found(Some("Bearer a.b.c"), None).as_deref(), Some("a.b.c"));
        assert_eq!(found(Some("bearer  a.b.c "), Some("fal_jwt_token=x")).as_deref(), Some("a.b.c"));
        assert_eq!(found(None, Some("logs=1&fal_jwt_token=a.b%2Ec")).as_deref(), Some("a.b.c"));
        assert_eq!(found(Some("Key a:b"), Some("fal_jwt_token=x")), None, "a key that was sent is the one that counts");
        assert_eq!(found(Some("Bearer abc"), None), None);
        assert_eq!(found(None, Some("jwt=x")), None);
        assert_eq!(found(None, None), None);
    }

    #[test]
    fn an_application_is_allowed_by_its_alias_or_whole() {
        let allowed = |list: &[&str], id: &str| {
            allows(&list.iter().map(|app| (*app).to_owned()).collect::<Vec<_>>(), &id.parse().unwrap())
        };
        assert!(allowed(&["nano-banana"], "fal-ai/nano-banana"));
        assert!(allowed(&["x", "nano-banana"], "fal-ai/nano-banana/edit"));
        assert!(allowed(&["fal-ai/nano-banana"], "fal-ai/nano-banana/edit"));
        assert!(allowed(&["flow"], "workflows/me/flow"));
        for (list, id) in [
            (&["nano"][..], "fal-ai/nano-banana"),
            (&["edit"], "fal-ai/nano-banana/edit"),
            (&["fal-ai"], "fal-ai/nano-banana"),
            (&["fal-ai/nano-banana/edit"], "fal-ai/nano-banana"),
            (&["*"], "fal-ai/nano-banana"),
            (&[], "fal-ai/nano-banana"),
        ] {
            assert!(!allowed(list, id), "{list:?} {id}");
        }
    }
}

//! API keys: list, create, change, revoke. A secret is shown once, when its key is made.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use jiff::Timestamp;
use plantain_queue::keys::{ApiKey, KeyLimits, Scope, WebhookOptions, WebhooksChanged};
use plantain_wire::id::UserId;
use plantain_work::random;
use serde::{Deserialize, Serialize};

use super::{OPERATOR, answer, webhooks};
use crate::account::Operator;
use crate::path::Path;
use crate::proxy::Visitor;
use crate::refusal::Refusal;
use crate::{Gateway, body, keys};

/// The longest name of a key, in characters.
const NAME_CHARS_MAX: usize = 100;

/// What a key may do at once or in a minute, at most.
const LIMIT_MAX: u32 = 1_000_000;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Wish {
    name: String,
    /// Keys that share an account share their requests; without one, the key gets an account of its own.
    user_id: Option<String>,
    scope: Option<String>,
    concurrency: Option<u32>,
    per_minute: Option<u32>,
    webhooks: Option<webhooks::Wish>,
}

/// What may change about a key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    webhooks: webhooks::Wish,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyView {
    id: String,
    name: String,
    user_id: UserId,
    scope: &'static str,
    concurrency: Option<u32>,
    per_minute: Option<u32>,
    /// Null for one that configuration gives.
    created_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    /// Given by configuration: only configuration can end it.
    configured: bool,
    /// `id:secret`, in the answer that creates the key and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    webhooks: webhooks::View,
    /// In the answer that lays them down and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_secrets: Option<webhooks::Secrets>,
}

#[derive(Serialize)]
struct KeyList {
    keys: Vec<KeyView>,
}

pub(super) async fn list(State(gateway): State<Gateway>, _operator: Operator) -> Result<Response, Refusal> {
    let keys = gateway.keys.list().await?.into_iter();
    Ok(answer(200, &KeyList { keys: keys.map(|key| view(&gateway, key, None)).collect() }))
}

pub(super) async fn create(
    State(gateway): State<Gateway>,
    _operator: Operator,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let mut wish = read(&body::json_input(&gateway, OPERATOR, &headers, body).await?)?;
    let (id, secret) = (hex::encode(random::bytes::<8>()), hex::encode(random::bytes::<24>()));
    let none = WebhookOptions::default();
    let webhooks = wish.webhooks.take().unwrap_or_default().change()?.over(&none);
    let key = ApiKey { webhooks, ..made(&wish, &id, &secret, gateway.clock.now())? };
    let secrets = webhooks::Secrets::between(&none, &key.webhooks);
    if !gateway.keys.add(key.clone()).await? {
        return Err(Refusal::Unreadable { name: "id", expected: "free; try again" });
    }
    let shown = view(&gateway, key, Some(format!("{id}:{secret}")));
    Ok(answer(201, &KeyView { webhook_secrets: secrets, ..shown }))
}

/// Applies from the next attempt on, to what is under way too.
pub(super) async fn change(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let expected = "an object with 'webhooks'";
    let change: Change = serde_json::from_slice(&body::json_input(&gateway, OPERATOR, &headers, body).await?)
        .map_err(|_| Refusal::Unreadable { name: "body", expected })?;
    if gateway.keys.is_configured(&id) {
        return Err(Refusal::ConfiguredKey);
    }
    match gateway.keys.change_webhooks(&id, change.webhooks.change()?).await? {
        WebhooksChanged::Unknown => Err(Refusal::UnknownKey { id }),
        WebhooksChanged::Revoked => Err(Refusal::RevokedKey),
        WebhooksChanged::Done { key, before } => {
            let secrets = webhooks::Secrets::between(&before, &key.webhooks);
            Ok(answer(200, &KeyView { webhook_secrets: secrets, ..view(&gateway, *key, None) }))
        }
    }
}

pub(super) async fn revoke(
    State(gateway): State<Gateway>,
    _operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    if gateway.keys.is_configured(&id) {
        return Err(Refusal::ConfiguredKey);
    }
    if !gateway.keys.revoke(&id).await? {
        return Err(Refusal::UnknownKey { id });
    }
    let key = gateway.keys.list().await?.into_iter().find(|key| key.id == id);
    let key = key.ok_or(Refusal::UnknownKey { id })?;
    Ok(answer(200, &view(&gateway, key, None)))
}

fn read(body: &[u8]) -> Result<Wish, Refusal> {
    let expected = "an object with 'name' and perhaps 'userId', 'scope', 'concurrency', 'perMinute' and 'webhooks'";
    serde_json::from_slice(body).map_err(|_| Refusal::Unreadable { name: "body", expected })
}

fn made(wish: &Wish, id: &str, secret: &str, now: Timestamp) -> Result<ApiKey, Refusal> {
    let name = wish.name.trim();
    if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Refusal::Unreadable { name: "name", expected: "1 to 100 characters on one line" });
    }
    let user = wish.user_id.clone().unwrap_or_else(|| format!("user_{id}"));
    let user_id = UserId::parse(&user)
        .map_err(|_| Refusal::Unreadable { name: "userId", expected: "the user id of an account" })?;
    if user_id == Visitor::local().0.user_id {
        return Err(Refusal::Unreadable {
            name: "userId",
            expected: "another one: calls without a key share that account",
        });
    }
    let scope = wish.scope.as_deref().map_or(Some(Scope::Api), Scope::parse);
    let scope = scope.ok_or(Refusal::Unreadable { name: "scope", expected: "API or ADMIN" })?;
    let limits = KeyLimits { concurrency: wish.concurrency, per_minute: wish.per_minute };
    let sane = |limit: Option<u32>| limit.is_none_or(|limit| (1..=LIMIT_MAX).contains(&limit));
    if !sane(limits.concurrency) || !sane(limits.per_minute) {
        return Err(Refusal::Unreadable { name: "concurrency or perMinute", expected: "1 to 1000000" });
    }
    Ok(ApiKey {
        id: id.to_owned(),
        name: name.to_owned(),
        secret_sha256: keys::hash(secret),
        user_id,
        scope,
        limits,
        webhooks: WebhookOptions::default(),
        created_at: now,
        revoked_at: None,
    })
}

fn view(gateway: &Gateway, key: ApiKey, shown: Option<String>) -> KeyView {
    let configured = gateway.keys.is_configured(&key.id);
    KeyView {
        configured,
        webhooks: webhooks::view(&key.webhooks),
        webhook_secrets: None,
        id: key.id,
        name: key.name,
        user_id: key.user_id,
        scope: key.scope.as_str(),
        concurrency: key.limits.concurrency,
        per_minute: key.limits.per_minute,
        created_at: (!configured).then_some(key.created_at),
        revoked_at: key.revoked_at,
        key: shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(body: &str) -> Result<ApiKey, Refusal> {
        made(&read(body.as_bytes())?, "k1", "s1", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_key_needs_a_name_and_may_have_limits() {
        let key = make(r#"{"name":" shop "}"#).unwrap();
        assert_eq!((key.name.as_str(), key.user_id.as_str(), key.scope), ("shop", "user_k1", Scope::Api));
        let key = make(r#"{"name":"ops","userId":"user_2","scope":"admin","concurrency":3,"perMinute":60}"#).unwrap();
        assert_eq!((key.user_id.as_str(), key.scope), ("user_2", Scope::Admin));
        assert_eq!(key.limits, KeyLimits { concurrency: Some(3), per_minute: Some(60) });
        let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(101));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"name":" "}"#,
            r#"{"name":"a\nb"}"#,
            &long,
            r#"{"name":"a","scope":"ROOT"}"#,
            r#"{"name":"a","concurrency":0}"#,
            r#"{"name":"a","perMinute":1000001}"#,
            r#"{"name":"a","perMinute":-1}"#,
            r#"{"name":"a","tier":"paid"}"#,
            r#"{"name":"a","userId":"a b"}"#,
            r#"{"name":"a","userId":"user_keyless"}"#,
        ] {
            assert!(make(bad).is_err(), "{bad}");
        }
    }
}

//! Takes the caller's account out of a request, before its body is read.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use plantain_queue::keys::Scope;

use crate::Gateway;
use crate::keys::{Account, KeyError};
use crate::proxy::{Keyless, Visitor};
use crate::refusal::Refusal;
use crate::tokens;

/// A caller whose key was checked.
pub(crate) struct Authenticated(pub(crate) Account);

/// A caller whose key was checked, and who may make work now.
pub(crate) struct Admitted(pub(crate) Account);

/// Somebody who may look after the whole queue: the operator's token, or a key of scope `ADMIN`.
pub(crate) struct Operator;

impl FromRequestParts<Gateway> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Authenticated, Refusal> {
        let header = parts.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        if let Some(token) = tokens::of_call(header, parts.uri.query()) {
            return Ok(Authenticated(tokens::open(gateway, &token, parts).await?));
        }
        match parts.extensions.get::<Visitor>() {
            Some(Visitor(account)) if header.is_none() => Ok(Authenticated(account.clone())),
            _ => Ok(Authenticated(gateway.keys.check(header).await?)),
        }
    }
}

impl FromRequestParts<Gateway> for Admitted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Admitted, Refusal> {
        let Authenticated(account) = Authenticated::from_request_parts(parts, gateway).await?;
        gateway.keys.admit(&account).map_err(|wait| Refusal::TooFast { wait })?;
        Ok(Admitted(account))
    }
}

impl FromRequestParts<Gateway> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Operator, Refusal> {
        if bearer(parts).is_some_and(|token| gateway.keys.is_operator(token)) {
            return Ok(Operator);
        }
        let Authenticated(account) = Authenticated::from_request_parts(parts, gateway).await?;
        if account.scope == Scope::Admin { Ok(Operator) } else { Err(Refusal::NotOperator) }
    }
}

/// The account in whose name something was signed earlier, if the key that was used then is still good, or calls without a
/// key are still let in.
pub(crate) async fn behind(gateway: &Gateway, key_id: &str, user_id: &str) -> Result<Option<Account>, KeyError> {
    let visitor = Visitor::local().0;
    if key_id == visitor.key_id && user_id == visitor.user_id.as_str() {
        return Ok(Some(visitor).filter(|_| gateway.keyless == Keyless::Local));
    }
    let account = gateway.keys.account(key_id).await?;
    Ok(account.filter(|account| account.user_id.as_str() == user_id))
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

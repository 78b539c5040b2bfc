//! Takes the caller's account out of a request, before its body is read.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::Gateway;
use crate::keys::Account;
use crate::refusal::Refusal;

/// A caller whose key was checked.
pub(crate) struct Authenticated(pub(crate) Account);

impl FromRequestParts<Gateway> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Authenticated, Refusal> {
        let header = parts.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        Ok(Authenticated(gateway.keys.check(header)?))
    }
}

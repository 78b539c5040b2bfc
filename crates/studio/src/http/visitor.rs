//! Who asks, and the door before each job: the operator sees all jobs, a seller their own.
//!
//! A seller is a browser that the first page has given a signed cookie; programs send none, and what they make is open to whoever
//! knows its id. On a machine of one's own, where only loopback reaches the studio, whoever asks is the operator.

use std::fmt::Display;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{FORWARDED, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

use plantain_work::random;

use crate::accounts::account::AccountId;
use crate::http::error::ApiError;
use crate::http::guard::{self, AdminToken};
use crate::http::{App, jobs, page, share};
use crate::job::key::{StudioKey, Tier};
use crate::job::{JobId, Owner, Visitor};

/// The cookie that tells a seller from others.
pub const SELLER_COOKIE: &str = "plantain_seller";

/// Bytes of randomness in a seller's cookie.
const SECRET_BYTES: usize = 16;

/// Seconds that a browser keeps the cookie: as long as browsers keep any.
pub const SELLER_SECONDS: u32 = 400 * 24 * 60 * 60;

/// A new cookie's value: a secret, and the proof that it is one of ours.
pub fn new_cookie(token: &AdminToken) -> String {
    let secret = hex::encode(random::bytes::<SECRET_BYTES>());
    let proof = hex::encode(signature(token, &secret).finalize().into_bytes());
    format!("{secret}.{proof}")
}

/// Begins the secret of a cookie that names an account; no session's does.
const ACCOUNT: &str = "account-";

/// The cookie of a browser that is signed in to an account: another one each time.
pub fn account_cookie(token: &AdminToken, id: &AccountId) -> String {
    let secret = format!("{ACCOUNT}{}-{}", id.as_str(), hex::encode(random::bytes::<SECRET_BYTES>()));
    let proof = hex::encode(signature(token, &secret).finalize().into_bytes());
    format!("{secret}.{proof}")
}

/// Whose cookie this is; `None` where it is none of ours.
pub fn owner_of(token: &AdminToken, cookie: &str) -> Option<Owner> {
    let (secret, proof) = cookie.split_once('.')?;
    let proof = hex::decode(proof).ok()?;
    signature(token, secret).verify_slice(&proof).ok()?;
    match secret.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once('-')) {
        Some((id, _)) => Some(Owner::account(&AccountId::stored(id.to_owned()))),
        None => Some(Owner::session(secret)),
    }
}

fn signature(token: &AdminToken, secret: &str) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(&token.seller_key()).expect("any key will do").chain_update(secret.as_bytes())
}

impl App {
    /// Who asks.
    pub fn visitor(&self, headers: &HeaderMap) -> Visitor {
        // A key counts wherever it is used: its budget is its owner's, on this machine too.
        if let Some(key) = self.key(headers) {
            return Visitor::Seller(key.owner());
        }
        // Another's secret is nobody's, on this machine too.
        if guard::secret(headers).is_some_and(|given| !self.config.admin_token.is(given)) {
            return Visitor::Anybody;
        }
        if self.is_own_machine(headers) || self.config.admin_token.admits(headers) {
            return Visitor::Operator;
        }
        self.cookie_owner(headers).map_or(Visitor::Anybody, Visitor::Seller)
    }

    /// Whom the seller's cookie names, whoever asks.
    pub fn cookie_owner(&self, headers: &HeaderMap) -> Option<Owner> {
        let cookie = guard::cookie(headers, SELLER_COOKIE)?;
        owner_of(&self.config.admin_token, cookie)
    }

    /// A browser that is its own seller, or is about to become one.
    pub fn is_nameless(&self, headers: &HeaderMap) -> bool {
        match self.visitor(headers) {
            Visitor::Seller(owner) => owner.is_session(),
            Visitor::Anybody => true,
            Visitor::Operator => false,
        }
    }

    /// The request carries a secret that is neither the token nor a key's, or no longer: nobody's, rather than no secret.
    pub fn is_mistaken(&self, headers: &HeaderMap) -> bool {
        guard::secret(headers).is_some_and(|given| !self.config.admin_token.is(given)) && self.key(headers).is_none()
    }

    /// The key whose secret the request carries.
    pub fn key(&self, headers: &HeaderMap) -> Option<StudioKey> {
        guard::secret(headers).and_then(|secret| self.studio.key(secret))
    }

    /// How many pictures the asker gets at once: the operator as many as the model makes, a key and an account what the operator
    /// gave them.
    pub async fn tier(&self, headers: &HeaderMap) -> Result<Tier, ApiError> {
        let account = self.visitor(headers).owner().and_then(Owner::as_account);
        match account {
            Some(id) => Ok(self.studio.tier_of(&id).await?.unwrap_or_default()),
            None => Ok(self.key_tier(headers)),
        }
    }

    /// Whether the asker may choose what is asked and paid for: the operator and paid keys. An account gets pictures, no endpoints.
    pub fn key_tier(&self, headers: &HeaderMap) -> Tier {
        match (self.visitor(headers), self.key(headers)) {
            (Visitor::Operator, _) => Tier::Paid,
            (Visitor::Seller(_) | Visitor::Anybody, key) => key.map_or(Tier::Free, |key| key.tier),
        }
    }

    /// Only this machine reaches the studio, no proxy brings others, and no page of another site makes a browser ask.
    fn is_own_machine(&self, headers: &HeaderMap) -> bool {
        let public = self.studio.config().public_url.host_str().unwrap_or_default();
        let brought = headers.contains_key(FORWARDED) || headers.contains_key("x-forwarded-for");
        let foreign = guard::is_foreign(headers, &self.studio.config().public_url);
        self.config.open && self.config.loopback && guard::is_loopback_name(public) && !brought && !foreign
    }

    /// The line that sets a cookie for the whole studio, out of scripts' sight, and only over TLS where the studio is so reached.
    pub fn cookie(&self, name: &str, value: &str, seconds: impl Display, same_site: &str) -> String {
        let secure = if self.studio.config().public_url.scheme() == "https" { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}")
    }

    /// The answer, with the seller's cookie where the asker is to become or to stay one.
    pub fn remembering(&self, headers: &HeaderMap, mut answer: Response) -> Response {
        let cookie = match self.visitor(headers) {
            Visitor::Operator => return answer,
            Visitor::Seller(_) if self.key(headers).is_some() => return answer,
            Visitor::Seller(_) => guard::cookie(headers, SELLER_COOKIE).unwrap_or_default().to_owned(),
            Visitor::Anybody => new_cookie(&self.config.admin_token),
        };
        let line = self.cookie(SELLER_COOKIE, &cookie, SELLER_SECONDS, "Lax");
        if let Ok(line) = HeaderValue::from_str(&line) {
            answer.headers_mut().append(SET_COOKIE, line);
        }
        answer
    }
}

/// The request, without the cookie of an account that was closed or never was: whoever sends it is a stranger.
pub async fn of_open_accounts(app: &App, mut request: Request) -> Result<Request, ApiError> {
    if let Some(id) = app.cookie_owner(request.headers()).as_ref().and_then(Owner::as_account)
        && app.studio.tier_of(&id).await?.is_none()
    {
        guard::forget_cookie(request.headers_mut(), SELLER_COOKIE);
    }
    Ok(request)
}

/// Marks a request of somebody who follows a shared link: they look, and do nothing.
#[derive(Clone, Copy)]
pub struct Guest;

/// Answers whoever may not see a job as if there were none. Every route with a job's `{id}` lies behind it.
pub async fn door(
    State(app): State<App>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    // Bytes that are no text.
    let Ok(params) = params else { return ApiError::no_route().into_response() };
    let visitor = app.visitor(request.headers());
    let id = params.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| JobId::parse(id));
    let (Some(id), false) = (id, visitor == Visitor::Operator) else { return next.run(request).await };
    let looks = request.method().is_safe() && share::may_look(&app, request.headers(), request.uri().query(), &id);
    match app.studio.may_see(&visitor, &id).await {
        Ok(false) if looks => {
            request.extensions_mut().insert(Guest);
            next.run(request).await
        }
        Ok(true) => next.run(request).await,
        Ok(false) if request.uri().path().starts_with("/api/") => jobs::not_found(),
        Ok(false) => page::no_job(&app, request.headers()).into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_an_account_names_it_and_no_session_can_pass_for_one() {
        let (token, id) = (AdminToken::new("s3cret"), AccountId::random());
        let cookie = account_cookie(&token, &id);
        assert_eq!(owner_of(&token, &cookie), Some(Owner::account(&id)));
        assert_ne!(account_cookie(&token, &id), cookie, "another one for each browser");
        let other = cookie.replace(id.as_str(), AccountId::random().as_str());
        assert_eq!(owner_of(&token, &other), None, "nobody else's is made of it");
        assert!(owner_of(&token, &new_cookie(&token)).is_some_and(|owner| owner.is_session()));
    }

    #[test]
    fn a_sellers_cookie_is_ours_or_nobodys() {
        let token = AdminToken::new("s3cret");
        let cookie = new_cookie(&token);
        let owner = owner_of(&token, &cookie).unwrap();
        assert_eq!(owner_of(&token, &cookie), Some(owner.clone()), "the same seller every time");
        assert_ne!(owner_of(&token, &new_cookie(&token)), Some(owner));
        assert_eq!(owner_of(&AdminToken::new("other"), &cookie), None);
        let (secret, proof) = cookie.split_once('.').unwrap();
        let turned: String = secret.chars().rev().collect();
        for wrong in ["", ".", secret, &format!("{secret}."), &format!("{secret}.zz"), &format!("{turned}.{proof}")] {
            if turned != secret {
                assert_eq!(owner_of(&token, wrong), None, "{wrong}");
            }
        }
    }
}

//! Verifies webhooks: strictly, over the raw bytes, before anything is parsed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use plantain_wire::diagnosis::{self, Finding};
use plantain_wire::header;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::rejection::Rejection;
use plantain_wire::signature::{Claim, SignedHeaders, Verified};
use plantain_work::Clock;

use crate::capture::{self, REFUSED_BODY_BYTES_MAX};
use crate::jwks::JwksCache;
use crate::refusal::Refusal;
use crate::rejected::{KEPT_MAX, Throttle};
use crate::store::{InboxStore, RejectedEvent, StoreError};

/// Whose webhooks are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    Known(UserId),
    /// Not known yet: whoever takes the webhook must hold its account against what they learnt.
    Unknown,
}

/// The secret of the HMAC form. Debug output doesn't show it.
#[derive(Clone)]
pub struct HmacSecret(String);

impl HmacSecret {
    /// `None` for an empty text, which would sign nothing.
    pub fn new(secret: impl Into<String>) -> Option<HmacSecret> {
        Some(secret.into()).filter(|secret| !secret.is_empty()).map(HmacSecret)
    }
}

impl fmt::Debug for HmacSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSecret(secret)")
    }
}

/// A webhook whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentic {
    /// fal's own form.
    Signed {
        request_id: RequestId,
        /// Set where [`Account::Unknown`] left the account unchecked.
        unchecked: Option<UserId>,
    },
    /// The shared secret vouches for the body alone: no account, no time, no request id outside it.
    Hmac,
}

/// A request's headers and raw body, as they came.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'r> {
    pub headers: &'r [(&'r str, &'r [u8])],
    pub body: &'r Bytes,
}

/// Verifies and records. Cheap to clone.
#[derive(Clone)]
pub struct Receiver(Arc<Inner>);

struct Inner {
    keys: JwksCache,
    account: Account,
    hmac: Option<HmacSecret>,
    store: Arc<dyn InboxStore>,
    clock: Clock,
    throttle: Throttle,
}

impl Receiver {
    /// With a secret, the HMAC form is accepted beside fal's own.
    pub fn new(
        keys: JwksCache,
        account: Account,
        hmac: Option<HmacSecret>,
        store: Arc<dyn InboxStore>,
        clock: Clock,
    ) -> Receiver {
        Receiver(Arc::new(Inner { keys, account, hmac, store, clock, throttle: Throttle::default() }))
    }

    /// Checks a webhook, and records it where it is refused. The caller has bounded the body.
    pub async fn verify(&self, raw: Raw<'_>) -> Result<Authentic, Refusal> {
        let verdict = match self.hmac_value(raw.headers) {
            Some((secret, value)) => value.and_then(|value| hmac(secret, value, raw.body)).map_err(Refusal::from),
            None => self.signed(raw).await,
        };
        if let Err(refusal) = &verdict
            && self.admits(refusal.code(), raw.body.len() as u64)
        {
            // The second look costs much more than the first, so it is taken for what is kept alone.
            let finding = self.diagnosis(refusal, raw);
            let explanation = [Some(refusal.explain()), finding.map(|finding| finding.explain())];
            let explanation: Vec<String> = explanation.into_iter().flatten().collect();
            self.keep(raw, raw.body.len() as u64, refusal.code(), explanation.join(" ")).await;
        }
        verdict
    }

    /// Records a webhook that was refused by the caller. Best effort, and no more often than a flood should write.
    pub async fn record(&self, raw: Raw<'_>, code: &str, explanation: &str) {
        if self.admits(code, raw.body.len() as u64) {
            self.keep(raw, raw.body.len() as u64, code, explanation.to_owned()).await;
        }
    }

    /// The same for one whose body was not read: it has so many bytes, as far as that is known.
    pub async fn record_unread(&self, headers: &[(&str, &[u8])], body_bytes: u64, code: &str, explanation: &str) {
        if self.admits(code, body_bytes) {
            self.keep(Raw { headers, body: &Bytes::new() }, body_bytes, code, explanation.to_owned()).await;
        }
    }

    /// What was refused lately, newest first, each under its number; only what has a smaller one than `before`.
    pub async fn rejected(&self, before: Option<u64>, limit: usize) -> Result<Vec<(u64, RejectedEvent)>, StoreError> {
        self.0.store.rejected_before(before, limit).await
    }

    /// Sees to it that keys are here when the next webhook comes, without waiting for them.
    pub fn expect_webhooks(&self) {
        self.0.keys.prepare();
    }

    fn admits(&self, code: &str, bytes: u64) -> bool {
        tracing::info!(code, bytes, "inbox.refused {code}");
        self.0.throttle.admits(self.0.clock.now())
    }

    fn diagnosis(&self, refusal: &Refusal, raw: Raw<'_>) -> Option<Finding> {
        let Refusal::Signature(rejection) = refusal else { return None };
        if let Some((secret, Ok(value))) = self.hmac_value(raw.headers) {
            return diagnosis::look_hmac(rejection, secret.0.as_bytes(), value, raw.body);
        }
        let headers = SignedHeaders::read(raw.headers.iter().copied()).ok()?;
        let keys = self.0.keys.known()?;
        diagnosis::look(rejection, &headers, raw.body, &keys)
    }

    async fn keep(&self, raw: Raw<'_>, body_bytes: u64, code: &str, explanation: String) {
        let event = RejectedEvent {
            received_at: self.0.clock.now(),
            code: code.to_owned(),
            explanation,
            headers: capture::headers(raw.headers.iter().copied()),
            body: raw.body.slice(..raw.body.len().min(REFUSED_BODY_BYTES_MAX)),
            body_bytes,
        };
        if let Err(error) = self.0.store.record_rejected(&event, KEPT_MAX).await {
            tracing::warn!(%error, "inbox.refused: the event could not be kept");
        }
    }

    /// The HMAC form is looked at only where a secret is set.
    fn hmac_value<'r>(&self, headers: &'r [(&'r str, &'r [u8])]) -> Option<(&HmacSecret, Result<&'r str, Rejection>)> {
        Some((self.0.hmac.as_ref()?, hmac_value(headers)?))
    }

    async fn signed(&self, raw: Raw<'_>) -> Result<Authentic, Refusal> {
        let headers = SignedHeaders::read(raw.headers.iter().copied())?;
        let claim = Claim::read(&headers, self.0.clock.now().as_second())?;
        let keys = self.0.keys.keys().await?;
        let verified = match claim.prove(raw.body, &keys) {
            // The sender may have a key that is newer than ours.
            Err(rejection) if rejection.keys_may_be_old() => match self.0.keys.newer_than(&keys).await? {
                Some(newer) => claim.prove(raw.body, &newer)?,
                None => return Err(rejection.into()),
            },
            verdict => verdict?,
        };
        self.of_our_account(verified)
    }

    fn of_our_account(&self, verified: Verified) -> Result<Authentic, Refusal> {
        let Verified { request_id, user_id, .. } = verified;
        match &self.0.account {
            Account::Known(ours) if *ours == user_id => Ok(Authentic::Signed { request_id, unchecked: None }),
            Account::Known(_) => Err(Refusal::OtherAccount { named: user_id }),
            Account::Unknown => Ok(Authentic::Signed { request_id, unchecked: Some(user_id) }),
        }
    }
}

/// The value of `x-fal-signature`. `None` where it didn't come, or any of fal's own headers did, which then count alone. Like
/// these, it must come once.
pub fn hmac_value<'r>(headers: &[(&str, &'r [u8])]) -> Option<Result<&'r str, Rejection>> {
    let own =
        [header::WEBHOOK_REQUEST_ID, header::WEBHOOK_USER_ID, header::WEBHOOK_TIMESTAMP, header::WEBHOOK_SIGNATURE];
    if headers.iter().any(|(given, _)| own.into_iter().any(|name| given.eq_ignore_ascii_case(name))) {
        return None;
    }
    let mut values = headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(header::HMAC_SIGNATURE));
    let (_, value) = values.next()?;
    Some(match values.next() {
        Some(_) => Err(Rejection::Repeated { header: header::HMAC_SIGNATURE }),
        None => std::str::from_utf8(value).map_err(|_| Rejection::HmacNotHex),
    })
}

fn hmac(secret: &HmacSecret, value: &str, body: &[u8]) -> Result<Authentic, Rejection> {
    plantain_wire::hmac::verify(secret.0.as_bytes(), value, body)?;
    Ok(Authentic::Hmac)
}

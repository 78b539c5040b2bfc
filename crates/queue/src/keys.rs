//! API keys as the queue keeps them: who may call, for which account, and how much at once.
//!
//! Only the hash of a key's own secret is kept. A key that was revoked stays, so that what was done with it can still be told.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use plantain_wire::id::UserId;

use crate::store::StoreError;

/// One API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The public half, before the colon.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the half after the colon.
    pub secret_sha256: [u8; 32],
    /// The account that it acts for; several keys may share one.
    pub user_id: UserId,
    pub scope: Scope,
    pub limits: KeyLimits,
    /// Of the requests that came under this key.
    pub webhooks: WebhookOptions,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// What a key may do; the words are fal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Submit, follow and fetch its own account's requests.
    Api,
    /// That, and everything that the console can do, for all accounts.
    Admin,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Api => "API",
            Scope::Admin => "ADMIN",
        }
    }

    pub fn parse(word: &str) -> Option<Scope> {
        [Scope::Api, Scope::Admin].into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(word))
    }
}

/// What is special about a key; `None` means the queue's own setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// Requests that run at the same time.
    pub concurrency: Option<u32>,
    /// Calls that make work, in a minute.
    pub per_minute: Option<u32>,
}

/// What webhooks carry beside the official form, for receivers that know another one. The official headers are always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WebhookOptions {
    /// `x-fal-signature`, in place of the one that the queue's own setting may ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hmac: Option<HmacSigning>,
    pub words: StatusWords,
    /// Key of the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, as standardwebhooks.com has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard: Option<WebhookSecret>,
}

/// What is to change about [`WebhookOptions`]: what is left out stays, and `Some(None)` ends it. Whoever stores it applies it to
/// what is there in that moment, so that of two changes none is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookChange {
    pub hmac: Option<Option<HmacChange>>,
    pub words: Option<StatusWords>,
    pub standard: Option<Option<SecretChange>>,
}

/// Without a form the one before is kept, else it is plain hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HmacChange {
    pub form: Option<HmacForm>,
    pub secret: SecretChange,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretChange {
    To(WebhookSecret),
    /// The one before is kept; this one counts where there is none.
    KeepOr(WebhookSecret),
}

impl WebhookChange {
    pub fn over(&self, before: &WebhookOptions) -> WebhookOptions {
        let hmac = |change: &HmacChange| HmacSigning {
            form: change.form.or(before.hmac.as_ref().map(|before| before.form)).unwrap_or(HmacForm::Hex),
            secret: change.secret.over(before.hmac.as_ref().map(|before| &before.secret)),
        };
        let standard = |change: &SecretChange| change.over(before.standard.as_ref());
        WebhookOptions {
            hmac: self.hmac.as_ref().map_or_else(|| before.hmac.clone(), |change| change.as_ref().map(hmac)),
            words: self.words.unwrap_or(before.words),
            standard: self.standard.as_ref().map_or_else(|| before.standard.clone(), |it| it.as_ref().map(standard)),
        }
    }
}

impl SecretChange {
    fn over(&self, before: Option<&WebhookSecret>) -> WebhookSecret {
        match (self, before) {
            (SecretChange::KeepOr(_), Some(before)) => before.clone(),
            (SecretChange::To(secret) | SecretChange::KeepOr(secret), _) => secret.clone(),
        }
    }
}

/// What became of a change of a key's webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhooksChanged {
    /// The key as it is now, and its options before.
    Done {
        key: Box<ApiKey>,
        before: WebhookOptions,
    },
    /// Nothing comes under it any more.
    Revoked,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HmacSigning {
    pub form: HmacForm,
    pub secret: WebhookSecret,
}

/// How the header `x-fal-signature` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HmacForm {
    /// 64 hex digits.
    Hex,
    /// The same after `sha256=`.
    Sha256,
}

/// By which words a webhook says how its request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusWords {
    /// `OK` and `ERROR`, which are fal's.
    #[default]
    Official,
    /// `COMPLETED` and `FAILED`.
    Completed,
}

/// A secret that a receiver shares. Kept as it is, since it signs; debug output doesn't show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    pub fn new(secret: impl Into<String>) -> WebhookSecret {
        WebhookSecret(secret.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// Where keys are kept. Invariant as in [`crate::store::QueueStore`]: what returned `Ok` is durable.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Keeps a new key; false where the id is taken, by a revoked key too.
    async fn add_key(&self, key: ApiKey) -> Result<bool, StoreError>;

    async fn key(&self, id: &str) -> Result<Option<ApiKey>, StoreError>;

    /// All of them, newest first.
    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// Changes what a key's webhooks carry, of those under way from their next attempt on. Changes of one key take place one
    /// after the other, each over what the one before left.
    async fn change_key_webhooks(&self, id: &str, change: WebhookChange) -> Result<WebhooksChanged, StoreError>;

    /// False where there is no such key. One that was revoked before keeps its time.
    async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError>;
}

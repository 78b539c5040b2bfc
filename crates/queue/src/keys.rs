//! API keys as the queue keeps them: who may call, for which account, and how much at once.
//!
//! Only the hash of a secret is kept. A key that was revoked stays, so that what was done with it can still be told.

use async_trait::async_trait;
use jiff::Timestamp;

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

/// Where keys are kept. Invariant as in [`crate::store::QueueStore`]: what returned `Ok` is durable.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Keeps a new key; false where the id is taken, by a revoked key too.
    async fn add_key(&self, key: ApiKey) -> Result<bool, StoreError>;

    async fn key(&self, id: &str) -> Result<Option<ApiKey>, StoreError>;

    /// All of them, newest first.
    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// False where there is no such key. One that was revoked before keeps its time.
    async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError>;
}

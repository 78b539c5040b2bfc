//! The studio's API keys: made, listed, revoked, and known by heart, so that a request is judged without asking the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;

use plantain_work::Shutdown;

use crate::error::StudioError;
use crate::job::key::{SecretDigest, StudioKey, Tier};
use crate::service::{Inner, Studio};

/// How soon a process hears of keys that another one made or revoked, and tells when its own were used.
const REFRESH_EVERY: Duration = Duration::from_secs(5);

/// The keys that are valid, by the digests of their secrets, and when they were used since the store was told.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    valid: RwLock<HashMap<SecretDigest, StudioKey>>,
    used: Mutex<HashMap<String, Timestamp>>,
}

impl Keys {
    fn get(&self, secret: &str, now: Timestamp) -> Option<StudioKey> {
        let keys = self.valid.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.get(&SecretDigest::of(secret)).cloned()?;
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key.id.clone(), now);
        Some(key)
    }

    fn replace(&self, all: Vec<StudioKey>) {
        let valid = all.into_iter().filter(|key| key.revoked_at.is_none());
        let valid = valid.map(|key| (key.secret.clone(), key)).collect();
        *self.valid.write().unwrap_or_else(PoisonError::into_inner) = valid;
    }

    fn take_uses(&self) -> Vec<(String, Timestamp)> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}

impl Studio {
    /// Whose secret this is; `None` where it is nobody's, or no longer.
    pub fn key(&self, secret: &str) -> Option<StudioKey> {
        self.0.keys.get(secret, self.0.clock.now())
    }

    /// All keys, revoked ones too, newest first.
    pub async fn keys(&self) -> Result<Vec<StudioKey>, StudioError> {
        self.note_key_uses().await?;
        Ok(self.0.store.keys().await?)
    }

    /// A new key and its secret, which nobody can be told again.
    pub async fn create_key(
        &self,
        name: &str,
        tier: Tier,
        budget_micro_usd: Option<u64>,
        per_minute: Option<u32>,
    ) -> Result<(StudioKey, String), StudioError> {
        let (key, secret) = StudioKey::new(name, tier, budget_micro_usd, self.0.clock.now());
        let key = key.paced(per_minute);
        self.0.store.add_key(&key).await?;
        self.refresh_keys().await?;
        tracing::info!(key = key.id, tier = tier.as_str(), "key.created {}", key.id);
        Ok((key, secret))
    }

    /// False where there is no such key. Its jobs stay.
    pub async fn revoke_key(&self, id: &str) -> Result<bool, StudioError> {
        let known = self.0.store.revoke_key(id, self.0.clock.now()).await?;
        self.refresh_keys().await?;
        if known {
            tracing::info!(key = id, "key.revoked {id}");
        }
        Ok(known)
    }

    /// Learns which keys are valid. [`Studio::start`] keeps doing so.
    pub async fn refresh_keys(&self) -> Result<(), StudioError> {
        self.0.keys.replace(self.0.store.keys().await?);
        Ok(())
    }

    /// Tells the store which keys were used. What a process has not told when it dies is forgotten.
    async fn note_key_uses(&self) -> Result<(), StudioError> {
        let uses = self.0.keys.take_uses();
        if !uses.is_empty() {
            self.0.store.note_key_uses(&uses).await?;
        }
        Ok(())
    }
}

/// Keeps learning and telling until `shutdown` begins.
pub(crate) async fn run(inner: Arc<Inner>, shutdown: Shutdown) {
    let studio = Studio(inner);
    loop {
        if let Err(error) = studio.note_key_uses().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "keys.uses_lost: when they were used is not kept");
        }
        if let Err(error) = studio.refresh_keys().await {
            tracing::error!(error = &error as &dyn std::error::Error, "keys.unread: those known before stay valid");
        }
        if shutdown.has_begun() {
            return;
        }
        tokio::select! {
            biased;
            // Once more, so that an orderly stop forgets nothing.
            () = shutdown.begun() => {}
            () = studio.0.clock.sleep(REFRESH_EVERY) => {}
        }
    }
}

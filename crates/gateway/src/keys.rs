//! API keys: who is calling.
//!
//! Keys come from the configuration and from the store; those of the store are remembered for a few seconds, so that status
//! polls cost no query. Only hashes of secrets are held. Invariant: how long a check takes says nothing about how close a
//! guess was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use plantain_queue::keys::{ApiKey, KeyLimits, KeyStore, Scope, WebhookChange, WebhookOptions, WebhooksChanged};
use plantain_queue::store::StoreError;
use plantain_wire::id::UserId;
use plantain_work::Clock;
use plantain_work::clock::after;
use plantain_work::rate::Rates;

/// How long a key of the store is believed before it is read again: a revoked one works for no longer than this on another
/// replica, and not at all on the one that revoked it.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Key ids that are remembered, guessed ones included. Beyond it all are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// The longest key id that is looked for, in bytes: those that are made have 16. What is remembered of guesses is as long as
/// they are.
const ID_BYTES_MAX: usize = 256;

/// The keys that open this gateway. Cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    configured: HashMap<String, ApiKey>,
    operator: Option<[u8; 32]>,
    store: Arc<dyn KeyStore>,
    clock: Clock,
    remembered: Mutex<Memory>,
    rates: Rates,
    usual_per_minute: Option<u32>,
}

#[derive(Default)]
struct Memory {
    keys: HashMap<String, Remembered>,
    /// How often something was forgotten: what was read before that is not remembered after it.
    forgotten: u64,
}

#[derive(Clone)]
struct Remembered {
    key: Option<ApiKey>,
    until: Timestamp,
}

/// What the operator laid down.
#[derive(Clone, Debug, Default)]
pub struct KeySettings {
    /// Of two keys with the same id the later one counts; they win over those of the store.
    pub keys: Vec<ApiKey>,
    /// SHA-256 of the operator's own token, which may do what an `ADMIN` key may.
    pub operator_sha256: Option<[u8; 32]>,
    /// For keys without a rate of their own; `None`: no limit.
    pub per_minute: Option<u32>,
}

/// Who is calling, as the key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user_id: UserId,
    pub key_id: String,
    pub scope: Scope,
    pub limits: KeyLimits,
}

/// Why nobody could be recognised.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("there is no Authorization header")]
    Missing,
    #[error("the Authorization header is not written as Key <id>:<secret>")]
    Form,
    #[error("no account has this key")]
    Unknown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A configured key. `credential` is written `<id>:<secret>`, as in `FAL_KEY`; `None` where it isn't.
pub fn configured(credential: &str, user_id: UserId, scope: Scope) -> Option<ApiKey> {
    let (id, secret) = split(credential)?;
    Some(ApiKey {
        id: id.to_owned(),
        name: "configured".to_owned(),
        secret_sha256: hash(secret),
        user_id,
        scope,
        limits: KeyLimits::default(),
        webhooks: WebhookOptions::default(),
        created_at: Timestamp::UNIX_EPOCH,
        revoked_at: None,
    })
}

/// How secrets are kept. They are random and long, so that a slow hash would protect nothing.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

impl Keys {
    pub fn new(settings: KeySettings, store: Arc<dyn KeyStore>, clock: Clock) -> Keys {
        let configured = settings.keys.into_iter().map(|key| (key.id.clone(), key)).collect();
        let rates = Rates::new(clock.clone());
        Keys(Arc::new(Inner {
            configured,
            operator: settings.operator_sha256,
            store,
            clock,
            remembered: Mutex::default(),
            rates,
            usual_per_minute: settings.per_minute,
        }))
    }

    /// Reads the value of an Authorization header.
    pub async fn check(&self, authorization: Option<&[u8]>) -> Result<Account, KeyError> {
        let value = authorization.ok_or(KeyError::Missing)?;
        let (id, secret) = std::str::from_utf8(value).ok().and_then(credential).ok_or(KeyError::Form)?;
        let key = self.find(id).await?.filter(|key| key.revoked_at.is_none());
        // An unknown id is compared too, with a hash that no secret has.
        let expected = key.as_ref().map_or([0; 32], |key| key.secret_sha256);
        let equal = bool::from(hash(secret).ct_eq(&expected));
        let key = key.filter(|_| equal).ok_or(KeyError::Unknown)?;
        Ok(Account { user_id: key.user_id, key_id: key.id, scope: key.scope, limits: key.limits })
    }

    /// The account of a key that is still good, for what was signed in its name.
    pub async fn account(&self, id: &str) -> Result<Option<Account>, KeyError> {
        let key = self.find(id).await?.filter(|key| key.revoked_at.is_none());
        Ok(key.map(|key| Account { user_id: key.user_id, key_id: key.id, scope: key.scope, limits: key.limits }))
    }

    /// Whether a bearer token is the operator's.
    pub fn is_operator(&self, token: &str) -> bool {
        let given = hash(token);
        self.0.operator.is_some_and(|expected| bool::from(given.ct_eq(&expected)))
    }

    /// Counts one call that makes work against the key's rate, or says how long to wait.
    pub fn admit(&self, account: &Account) -> Result<(), Duration> {
        match account.limits.per_minute.or(self.0.usual_per_minute) {
            None => Ok(()),
            Some(per_minute) => self.0.rates.admit(&account.key_id, per_minute).map(|_| ()),
        }
    }

    /// Adds a key to the store; false where its id is taken.
    pub async fn add(&self, key: ApiKey) -> Result<bool, StoreError> {
        if self.0.configured.contains_key(&key.id) {
            return Ok(false);
        }
        let id = key.id.clone();
        let added = self.0.store.add_key(key).await?;
        self.forget(&id);
        Ok(added)
    }

    /// Ends a key of the store; false where there is none of this id.
    pub async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let known = self.0.store.revoke_key(id, self.0.clock.now()).await?;
        self.forget(id);
        Ok(known)
    }

    /// Changes what the webhooks of a key of the store carry.
    pub async fn change_webhooks(&self, id: &str, change: WebhookChange) -> Result<WebhooksChanged, StoreError> {
        let changed = self.0.store.change_key_webhooks(id, change).await?;
        self.forget(id);
        Ok(changed)
    }

    /// Those of the configuration first.
    pub async fn list(&self) -> Result<Vec<ApiKey>, StoreError> {
        let mut keys: Vec<_> = self.0.configured.values().cloned().collect();
        keys.sort_by(|one, other| one.id.cmp(&other.id));
        keys.extend(self.0.store.keys().await?);
        Ok(keys)
    }

    /// Whether the key was given by configuration, so that only configuration can end it.
    pub fn is_configured(&self, id: &str) -> bool {
        self.0.configured.contains_key(id)
    }

    async fn find(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        if let Some(key) = self.0.configured.get(id) {
            return Ok(Some(key.clone()));
        }
        if id.len() > ID_BYTES_MAX {
            return Ok(None);
        }
        let now = self.0.clock.now();
        let forgotten = {
            let memory = self.remembered();
            match memory.keys.get(id).filter(|remembered| remembered.until > now) {
                Some(remembered) => return Ok(remembered.key.clone()),
                None => memory.forgotten,
            }
        };
        let key = self.0.store.key(id).await?;
        let mut memory = self.remembered();
        if memory.keys.len() >= REMEMBERED_MAX {
            memory.keys.clear();
        }
        if memory.forgotten == forgotten {
            memory.keys.insert(id.to_owned(), Remembered { key: key.clone(), until: after(now, REMEMBERED) });
        }
        Ok(key)
    }

    fn forget(&self, id: &str) {
        let mut memory = self.remembered();
        memory.keys.remove(id);
        memory.forgotten += 1;
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn credential(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("key").then(|| split(rest.trim())).flatten()
}

fn split(credential: &str) -> Option<(&str, &str)> {
    credential.split_once(':').filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn keys(folder: &tempfile::TempDir, clock: Clock) -> Keys {
        let store = plantain_store::queue::SqliteQueue::open(&folder.path().join("queue.db")).await.unwrap();
        let user = |name| UserId::parse(name).unwrap();
        let keys = vec![
            configured("shop:s3cret:with:colons", user("user_shop"), Scope::Api).unwrap(),
            configured("bulk:other", user("user_bulk"), Scope::Admin).unwrap(),
        ];
        let settings = KeySettings { keys, operator_sha256: Some(hash("token")), per_minute: None };
        Keys::new(settings, Arc::new(store), clock)
    }

    async fn says(keys: &Keys, authorization: &[u8]) -> String {
        match keys.check(Some(authorization)).await {
            Ok(account) => account.key_id,
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_key_is_recognised_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder, Clock::system()).await;
        assert_eq!(says(&keys, b"Key shop:s3cret:with:colons").await, "shop");
        assert_eq!(says(&keys, b"key  bulk:other").await, "bulk");
        for stranger in ["Key shop:other", "Key bulk:s3cret:with:colons", "Key shop:s3cret", "Key nobody:other"] {
            assert_eq!(says(&keys, stranger.as_bytes()).await, KeyError::Unknown.to_string(), "{stranger}");
        }
        for formless in
            ["", "Key", "Key ", "Key shop", "Key :x", "Key shop:", "Bearer shop:s3cret", "shop:s3cret:with:colons"]
        {
            assert_eq!(says(&keys, formless.as_bytes()).await, KeyError::Form.to_string(), "{formless}");
        }
        assert_eq!(says(&keys, b"Key \xff:x").await, KeyError::Form.to_string());
        assert!(matches!(keys.check(None).await, Err(KeyError::Missing)));
        assert!(keys.is_operator("token") && !keys.is_operator("Token"));
    }

    #[tokio::test]
    async fn a_key_of_the_store_works_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let keys = keys(&folder, clock.clone()).await;
        let key = configured("new:secret", UserId::parse("user_new").unwrap(), Scope::Api).unwrap();
        assert_eq!(says(&keys, b"Key new:secret").await, KeyError::Unknown.to_string());
        assert!(keys.add(key.clone()).await.unwrap() && !keys.add(key.clone()).await.unwrap());
        assert_eq!(says(&keys, b"Key new:secret").await, "new");
        assert!(keys.revoke("new").await.unwrap());
        assert_eq!(says(&keys, b"Key new:secret").await, KeyError::Unknown.to_string());
        let listed: Vec<_> = keys.list().await.unwrap().into_iter().map(|key| key.id).collect();
        assert_eq!(listed, ["bulk", "shop", "new"]);
        assert!(!keys.add(ApiKey { id: "shop".into(), ..key }).await.unwrap());
    }

    #[tokio::test]
    async fn what_another_replica_changed_is_seen_after_a_few_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let (here, there) = (keys(&folder, clock.clone()).await, keys(&folder, clock.clone()).await);
        let key = configured("new:secret", UserId::parse("user_new").unwrap(), Scope::Api).unwrap();
        assert!(here.add(key).await.unwrap());
        assert_eq!(says(&there, b"Key new:secret").await, "new");
        assert!(here.revoke("new").await.unwrap());
        assert_eq!(says(&there, b"Key new:secret").await, "new");
        clock.advance(REMEMBERED);
        assert_eq!(says(&there, b"Key new:secret").await, KeyError::Unknown.to_string());
    }

    #[tokio::test]
    async fn guesses_of_any_length_cost_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(&folder, Clock::system()).await;
        let (longest, longer) = ("x".repeat(ID_BYTES_MAX), "x".repeat(ID_BYTES_MAX + 1));
        for (id, remembered) in [(longer, 0), (longest, 1)] {
            assert_eq!(says(&keys, format!("Key {id}:guess").as_bytes()).await, KeyError::Unknown.to_string());
            assert_eq!(keys.remembered().keys.len(), remembered, "{}", id.len());
        }
    }

    /// Whose one key is revoked just when it has been read.
    struct RevokedMeanwhile {
        key: Mutex<ApiKey>,
        keys: std::sync::OnceLock<Keys>,
    }

    #[async_trait::async_trait]
    impl KeyStore for RevokedMeanwhile {
        async fn add_key(&self, _key: ApiKey) -> Result<bool, StoreError> {
            Ok(false)
        }

        async fn key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
            let read = self.key.lock().unwrap().clone();
            if read.revoked_at.is_none() {
                assert!(self.keys.get().unwrap().revoke(id).await.unwrap());
            }
            Ok(Some(read))
        }

        async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
            Ok(vec![self.key.lock().unwrap().clone()])
        }

        async fn change_key_webhooks(&self, _id: &str, _: WebhookChange) -> Result<WebhooksChanged, StoreError> {
            Ok(WebhooksChanged::Unknown)
        }

        async fn revoke_key(&self, _id: &str, now: Timestamp) -> Result<bool, StoreError> {
            self.key.lock().unwrap().revoked_at = Some(now);
            Ok(true)
        }
    }

    #[tokio::test]
    async fn a_key_that_is_revoked_while_it_is_read_is_not_remembered() {
        let key = configured("new:secret", UserId::parse("user_new").unwrap(), Scope::Api).unwrap();
        let store = Arc::new(RevokedMeanwhile { key: Mutex::new(key), keys: std::sync::OnceLock::new() });
        let keys = Keys::new(KeySettings::default(), store.clone(), Clock::manual(Timestamp::UNIX_EPOCH));
        assert!(store.keys.set(keys.clone()).is_ok());
        assert_eq!(says(&keys, b"Key new:secret").await, "new");
        assert_eq!(says(&keys, b"Key new:secret").await, KeyError::Unknown.to_string());
    }
}

//! The keys that a system makes for itself on first start, a file each.

use plantain_queue::key_ring::KeyRing;
use plantain_wire::id::UserId;
use plantain_work::random;

use super::{DataError, DataFolder, signing};
use crate::config::secret::Secret;

/// What `plantain serve` keeps from its first start on.
#[derive(Debug)]
pub struct Keys {
    /// Sign webhooks, one at a time.
    pub signing: KeyRing,
    /// The studio's own key for the embedded queue, `id:secret`.
    pub api_key: Secret,
    /// Signs addresses of files on the queue's CDN and its upload tokens.
    pub cdn: Secret,
    pub admin_token: Secret,
    /// The embedded queue's account.
    pub user_id: UserId,
    /// Whether the admin token was made just now, so that the operator is told.
    pub first_start: bool,
}

/// The file of the admin token.
pub(super) const ADMIN_TOKEN: &str = "admin-token";

impl Keys {
    /// Reads the key files; makes those that are missing.
    pub fn of(data: &DataFolder) -> Result<Keys, DataError> {
        let admin = data.keep(ADMIN_TOKEN, || hex::encode(random::bytes::<24>()))?;
        let api_key = data.keep("api-key", || {
            format!("{}:{}", hex::encode(random::bytes::<8>()), hex::encode(random::bytes::<24>()))
        })?;
        let cdn = data.keep("cdn-secret", || hex::encode(random::bytes::<32>()))?;
        Ok(Keys {
            signing: signing_keys(data)?,
            api_key: Secret::new(api_key.text),
            cdn: Secret::new(cdn.text),
            admin_token: Secret::new(admin.text),
            user_id: user_id(data)?,
            first_start: admin.new,
        })
    }
}

fn signing_keys(data: &DataFolder) -> Result<KeyRing, DataError> {
    let kept = data.keep(signing::FILE, || hex::encode(random::bytes::<32>()))?;
    signing::parse(&kept.text).ok_or_else(|| DataError::Damaged { file: data.path(signing::FILE) })
}

fn user_id(data: &DataFolder) -> Result<UserId, DataError> {
    let kept = data.keep("user-id", || format!("user_{}", hex::encode(random::bytes::<8>())))?;
    UserId::parse(&kept.text).map_err(|_| DataError::Damaged { file: data.path("user-id") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_outlive_the_process_and_damage_is_not_papered_over() {
        let root = tempfile::tempdir().unwrap();
        let data = DataFolder::open(root.path()).unwrap();
        let (first, second) = (Keys::of(&data).unwrap(), Keys::of(&data).unwrap());
        assert!(first.first_start && !second.first_start);
        let at = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!(first.signing.published(at), second.signing.published(at));
        assert_eq!((&first.api_key, &first.user_id), (&second.api_key, &second.user_id));
        for bad in ["", "abcd", "not hex"] {
            std::fs::write(data.path("signing-key"), bad).unwrap();
            let said = Keys::of(&data).unwrap_err().to_string();
            assert!(said.contains("signing-key"), "{said}");
        }
    }
}

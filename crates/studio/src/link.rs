//! Proofs that whoever carries one may look at one job for a while. Nothing is kept: a proof ends by itself.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::job::JobId;

/// What proofs are made with. Debug output doesn't show it.
#[derive(Clone)]
pub struct LinkKey([u8; 32]);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(hidden)")
    }
}

impl LinkKey {
    pub fn new(key: [u8; 32]) -> LinkKey {
        LinkKey(key)
    }

    /// `until` in seconds since 1970, and the proof.
    pub fn token(&self, id: &JobId, until: i64) -> String {
        format!("{until}.{}", hex::encode(self.signature(id, until).finalize().into_bytes()))
    }

    /// Seconds that a proof still has; `None` where it is over or none of ours.
    pub fn left(&self, id: &JobId, token: &str, now: i64) -> Option<i64> {
        let (until, proof) = token.split_once('.')?;
        let until: i64 = until.parse().ok()?;
        self.signature(id, until).verify_slice(&hex::decode(proof).ok()?).ok()?;
        until.checked_sub(now).filter(|left| *left > 0)
    }

    fn signature(&self, id: &JobId, until: i64) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key will do");
        mac.chain_update(format!("share\n{id}\n{until}"))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_link_opens_its_own_job_until_it_ends() {
        let (key, id) = (LinkKey::new([1; 32]), JobId::new(Timestamp::UNIX_EPOCH));
        let link = key.token(&id, 1_000);
        assert_eq!(key.left(&id, &link, 400), Some(600));
        for now in [1_000, 1_001, i64::MAX] {
            assert_eq!(key.left(&id, &link, now), None, "{now}");
        }
        let other = JobId::new("2026-11-29T00:00:00Z".parse().unwrap());
        assert_eq!(key.left(&other, &link, 0), None);
        assert_eq!(LinkKey::new([2; 32]).left(&id, &link, 0), None);
        let longer = link.replace("1000.", "9999.");
        for wrong in ["", ".", "1000", "1000.", "1000.00", "x.00", longer.as_str(), &link[..link.len() - 2]] {
            assert_eq!(key.left(&id, wrong, 0), None, "{wrong}");
        }
    }
}

//! Keys of the studio's API: who a program is, how many pictures it gets at once, and what it may spend in a month. Pure.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use plantain_work::random;

use crate::job::Owner;

/// What a secret begins with, so that one that leaked is recognised.
pub const MARK: &str = "plantain_";

/// Bytes of randomness in an id and in a secret.
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 24;

/// Characters of a key's name.
pub const NAME_CHARS_MAX: usize = 80;

/// Calls a minute that a key may be allowed at most.
pub const PER_MINUTE_MAX: u32 = 1_000_000;

/// How much a seller gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Whoever is not known, too.
    #[default]
    Free,
    Paid,
}

impl Tier {
    /// Pictures of one job; `None`: as many as the model makes.
    pub fn pictures_max(self) -> Option<u8> {
        match self {
            Tier::Free => Some(1),
            Tier::Paid => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Free => "free",
            Tier::Paid => "paid",
        }
    }

    pub fn parse(word: &str) -> Option<Tier> {
        [Tier::Free, Tier::Paid].into_iter().find(|tier| tier.as_str() == word)
    }
}

/// A key, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudioKey {
    pub id: String,
    pub name: String,
    pub secret: SecretDigest,
    pub tier: Tier,
    /// Millionths of a US dollar in a calendar month, by UTC; `None`: no bound.
    pub budget_micro_usd: Option<u64>,
    /// Calls that make something, in a minute; `None`: as many as everybody's.
    pub per_minute: Option<u32>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// Seconds late; `None`: not yet.
    pub used_at: Option<Timestamp>,
}

/// What is kept of a secret, which has too much chance in it to be guessed from that.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretDigest(String);

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(hidden)")
    }
}

impl SecretDigest {
    pub fn of(secret: &str) -> SecretDigest {
        SecretDigest(hex::encode(Sha256::digest(secret.as_bytes())))
    }

    /// One that was stored.
    pub fn stored(text: String) -> SecretDigest {
        SecretDigest(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a key's owner may spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub key: String,
    pub owner: Owner,
    /// What was asked for since then counts.
    pub since: Timestamp,
    pub budget_micro_usd: u64,
}

/// Whether another job fits into a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    Yes,
    /// So much of it is spent or about to be.
    Spent(u64),
}

impl Allowance {
    /// Jobs that run count as if they would succeed.
    pub fn judge(&self, spent: u64, cost: u64) -> Allowed {
        if spent.saturating_add(cost) <= self.budget_micro_usd { Allowed::Yes } else { Allowed::Spent(spent) }
    }
}

impl StudioKey {
    /// A new key, and its secret, which nobody can be told again.
    pub fn new(name: &str, tier: Tier, budget_micro_usd: Option<u64>, now: Timestamp) -> (StudioKey, String) {
        let secret = format!("{MARK}{}", hex::encode(random::bytes::<SECRET_BYTES>()));
        let key = StudioKey {
            id: hex::encode(random::bytes::<ID_BYTES>()),
            name: name.to_owned(),
            secret: SecretDigest::of(&secret),
            tier,
            budget_micro_usd,
            per_minute: None,
            created_at: now,
            revoked_at: None,
            used_at: None,
        };
        (key, secret)
    }

    /// As before, with a number of calls a minute of its own.
    pub fn paced(self, per_minute: Option<u32>) -> StudioKey {
        StudioKey { per_minute, ..self }
    }

    /// Whose the jobs are that it makes.
    pub fn owner(&self) -> Owner {
        Owner::key(&self.id)
    }

    pub fn allowance(&self, now: Timestamp) -> Option<Allowance> {
        let budget_micro_usd = self.budget_micro_usd?;
        Some(Allowance { key: self.id.clone(), owner: self.owner(), since: month_of(now), budget_micro_usd })
    }
}

/// The beginning of the calendar month, by UTC.
pub fn month_of(now: Timestamp) -> Timestamp {
    let date = now.to_zoned(TimeZone::UTC).date().first_of_month();
    date.to_zoned(TimeZone::UTC).map_or(now, |first| first.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_kept_nor_shown() {
        let (key, secret) = StudioKey::new("shop", Tier::Paid, Some(5), Timestamp::UNIX_EPOCH);
        assert!(secret.starts_with("plantain_") && secret.len() == 57, "{secret}");
        assert_eq!(key.secret, SecretDigest::of(&secret));
        assert!(!format!("{key:?}").contains(&secret[9..]) && !format!("{key:?}").contains(key.secret.as_str()));
        assert_eq!(key.owner(), Owner::key(&key.id));
        let (other, another) = StudioKey::new("shop", Tier::Paid, Some(5), Timestamp::UNIX_EPOCH);
        assert!(other.id != key.id && another != secret);
    }

    #[test]
    fn a_month_begins_by_utc() {
        for (now, month) in [
            ("2026-11-29T09:00:00Z", "2026-11-01T00:00:00Z"),
            ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-11-30T23:59:59.999Z", "2026-11-01T00:00:00Z"),
        ] {
            assert_eq!(month_of(now.parse().unwrap()), month.parse().unwrap(), "{now}");
        }
    }

    #[test]
    fn a_budget_holds_what_fits_into_it() {
        let (key, _) = StudioKey::new("shop", Tier::Free, Some(100), Timestamp::UNIX_EPOCH);
        let allowance = key.allowance(Timestamp::UNIX_EPOCH).unwrap();
        for (spent, cost, allowed) in [
            (0, 100, Allowed::Yes),
            (60, 40, Allowed::Yes),
            (60, 41, Allowed::Spent(60)),
            (100, 0, Allowed::Yes),
            (200, 0, Allowed::Spent(200)),
            (u64::MAX, 1, Allowed::Spent(u64::MAX)),
        ] {
            assert_eq!(allowance.judge(spent, cost), allowed, "{spent} {cost}");
        }
        assert!(StudioKey { budget_micro_usd: None, ..key }.allowance(Timestamp::UNIX_EPOCH).is_none());
    }
}

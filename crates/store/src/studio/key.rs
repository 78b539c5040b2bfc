//! Rows of keys, and what they mean.

use plantain_studio::job::key::{SecretDigest, StudioKey, Tier};

use crate::error::DatabaseError;
use crate::queue::place::Place;

/// The columns of a key, in the order of [`KeyRow`].
macro_rules! key_columns {
    () => {
        "id, name, secret_sha256, tier, budget, created_at, revoked_at, per_minute, used_at"
    };
}
pub(crate) use key_columns;

/// A key as it is kept, column by column.
pub(crate) struct KeyRow {
    pub id: String,
    pub name: String,
    pub secret_sha256: String,
    pub tier: String,
    pub budget: Option<i64>,
    pub created_at: i64,
    pub revoked_at: Option<i64>,
    pub per_minute: Option<i64>,
    pub used_at: Option<i64>,
}

impl TryFrom<KeyRow> for StudioKey {
    type Error = DatabaseError;

    fn try_from(row: KeyRow) -> Result<StudioKey, DatabaseError> {
        let place = Place { table: "studio_keys", row: &row.id };
        Ok(StudioKey {
            tier: Tier::parse(&row.tier).ok_or_else(|| place.wrong("tier"))?,
            budget_micro_usd: row.budget.map(|budget| place.number("budget", budget)).transpose()?,
            per_minute: row.per_minute.map(|most| place.number("per_minute", most)).transpose()?,
            created_at: place.time("created_at", row.created_at)?,
            used_at: place.maybe_time("used_at", row.used_at)?,
            revoked_at: place.maybe_time("revoked_at", row.revoked_at)?,
            secret: SecretDigest::stored(row.secret_sha256),
            name: row.name,
            id: row.id.clone(),
        })
    }
}

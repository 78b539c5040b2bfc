//! Rows of API keys, and what they mean.

use plantain_queue::keys::{ApiKey, KeyLimits, Scope, WebhookChange, WebhookOptions};

use crate::error::DatabaseError;
use crate::queue::place::Place;

/// The columns of a key, in the order in which [`KeyRow`] names them.
pub(crate) const COLUMNS: &str =
    "id, name, secret_sha256, user_id, scope, concurrency, per_minute, created_at, revoked_at, webhooks";

/// A key's row, column by column in the order of [`COLUMNS`].
pub(crate) struct KeyRow {
    pub id: String,
    pub name: String,
    pub secret_sha256: Vec<u8>,
    pub user_id: String,
    pub scope: String,
    pub concurrency: Option<i64>,
    pub per_minute: Option<i64>,
    pub created_at: i64,
    pub revoked_at: Option<i64>,
    pub webhooks: Option<String>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = DatabaseError;

    fn try_from(row: KeyRow) -> Result<ApiKey, DatabaseError> {
        let place = Place { table: "queue_keys", row: &row.id };
        let number = |column, number: Option<i64>| number.map(|number| place.number(column, number)).transpose();
        Ok(ApiKey {
            secret_sha256: row.secret_sha256.try_into().map_err(|_| place.wrong("secret_sha256"))?,
            user_id: place.parse("user_id", &row.user_id)?,
            scope: Scope::parse(&row.scope).ok_or_else(|| place.wrong("scope"))?,
            limits: KeyLimits {
                concurrency: number("concurrency", row.concurrency)?,
                per_minute: number("per_minute", row.per_minute)?,
            },
            webhooks: webhooks(&row.id, row.webhooks.as_deref()),
            created_at: place.time("created_at", row.created_at)?,
            revoked_at: place.maybe_time("revoked_at", row.revoked_at)?,
            id: row.id,
            name: row.name,
        })
    }
}

/// Options that can't be read, such as those of a newer program, are none: a webhook in the official form alone is better
/// than one that is given up, and a key without them better than one that opens nothing. `row` is whose they are.
pub(crate) fn webhooks(row: &str, json: Option<&str>) -> WebhookOptions {
    let Some(json) = json else { return WebhookOptions::default() };
    serde_json::from_str(json).unwrap_or_else(|_| {
        tracing::warn!(
            row,
            "webhooks.unreadable: the options of this row's key can't be read; the official form is sent"
        );
        WebhookOptions::default()
    })
}

/// A key under this change, and its options before; `None` where it is revoked.
pub(crate) fn changed(key: ApiKey, change: &WebhookChange) -> Option<(ApiKey, WebhookOptions)> {
    let webhooks = change.over(&key.webhooks);
    key.revoked_at.is_none().then(|| (ApiKey { webhooks, ..key.clone() }, key.webhooks))
}

/// `None` where nothing is special.
pub(crate) fn webhooks_json(options: &WebhookOptions) -> Option<String> {
    let special = *options != WebhookOptions::default();
    special.then(|| serde_json::to_string(options).expect("words and strings always serialise"))
}

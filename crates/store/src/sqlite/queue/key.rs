//! API keys.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use plantain_queue::keys::{ApiKey, KeyStore, WebhookChange, WebhooksChanged};
use plantain_queue::store::StoreError;

use crate::error::DatabaseError;
use crate::queue::key::{COLUMNS, KeyRow, changed, webhooks_json};
use crate::sqlite::queue::SqliteQueue;
use crate::time::to_micros;

#[async_trait]
impl KeyStore for SqliteQueue {
    async fn add_key(&self, key: ApiKey) -> Result<bool, StoreError> {
        Ok(self.database().write(move |tx| add(tx, &key)).await?)
    }

    async fn key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let id = id.to_owned();
        Ok(self.database().read(move |tx| get(tx, &id)).await?)
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.database().read(list).await?)
    }

    async fn change_key_webhooks(&self, id: &str, change: WebhookChange) -> Result<WebhooksChanged, StoreError> {
        let id = id.to_owned();
        Ok(self.database().write(move |tx| change_webhooks(tx, &id, &change)).await?)
    }

    async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.to_owned();
        Ok(self.database().write(move |tx| revoke(tx, &id, now)).await?)
    }
}

fn add(tx: &Transaction<'_>, key: &ApiKey) -> Result<bool, DatabaseError> {
    let sql = format!(
        "INSERT INTO queue_keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING"
    );
    let added = tx.prepare_cached(&sql)?.execute(params![
        key.id,
        key.name,
        &key.secret_sha256[..],
        key.user_id.as_str(),
        key.scope.as_str(),
        key.limits.concurrency,
        key.limits.per_minute,
        to_micros(key.created_at),
        key.revoked_at.map(to_micros),
        webhooks_json(&key.webhooks),
    ])?;
    Ok(added == 1)
}

fn get(tx: &Transaction<'_>, id: &str) -> Result<Option<ApiKey>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} FROM queue_keys WHERE id = ?1");
    let found = tx.prepare_cached(&sql)?.query_row([id], row).optional()?;
    found.map(ApiKey::try_from).transpose()
}

fn list(tx: &Transaction<'_>) -> Result<Vec<ApiKey>, DatabaseError> {
    let mut select = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM queue_keys ORDER BY created_at DESC, id"))?;
    let rows = select.query_map([], row)?;
    rows.map(|row| ApiKey::try_from(row?)).collect()
}

fn change_webhooks(tx: &Transaction<'_>, id: &str, change: &WebhookChange) -> Result<WebhooksChanged, DatabaseError> {
    let Some(key) = get(tx, id)? else { return Ok(WebhooksChanged::Unknown) };
    let Some((key, before)) = changed(key, change) else { return Ok(WebhooksChanged::Revoked) };
    let sql = "UPDATE queue_keys SET webhooks = ?2 WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![id, webhooks_json(&key.webhooks)])?;
    Ok(WebhooksChanged::Done { key: Box::new(key), before })
}

fn revoke(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<bool, DatabaseError> {
    let sql = "UPDATE queue_keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1";
    Ok(tx.prepare_cached(sql)?.execute(params![id, to_micros(now)])? == 1)
}

fn row(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        id: row.get(0)?,
        name: row.get(1)?,
        secret_sha256: row.get(2)?,
        user_id: row.get(3)?,
        scope: row.get(4)?,
        concurrency: row.get(5)?,
        per_minute: row.get(6)?,
        created_at: row.get(7)?,
        revoked_at: row.get(8)?,
        webhooks: row.get(9)?,
    })
}

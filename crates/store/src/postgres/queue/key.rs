//! API keys.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_queue::keys::{ApiKey, KeyStore, WebhookChange, WebhooksChanged};
use plantain_queue::store::StoreError;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::queue::PostgresQueue;
use crate::postgres::text::storable;
use crate::queue::key::{COLUMNS, KeyRow, changed, webhooks_json};
use crate::time::to_micros;

#[async_trait]
impl KeyStore for PostgresQueue {
    async fn add_key(&self, key: ApiKey) -> Result<bool, StoreError> {
        Ok(add(self.database(), &key).await?)
    }

    async fn key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        Ok(get(self.database(), id).await?)
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        Ok(list(self.database()).await?)
    }

    async fn change_key_webhooks(&self, id: &str, change: WebhookChange) -> Result<WebhooksChanged, StoreError> {
        Ok(change_webhooks(self.database(), id, &change).await?)
    }

    async fn revoke_key(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        Ok(revoke(self.database(), id, now).await?)
    }
}

async fn add(database: &Database, key: &ApiKey) -> Result<bool, DatabaseError> {
    let client = database.client().await?;
    let sql = format!(
        "INSERT INTO queue_keys ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"
    );
    let insert = client.prepare_cached(&sql).await?;
    let added = client
        .execute(
            &insert,
            &[
                &storable(&key.id),
                &storable(&key.name),
                &&key.secret_sha256[..],
                &key.user_id.as_str(),
                &key.scope.as_str(),
                &key.limits.concurrency.map(i64::from),
                &key.limits.per_minute.map(i64::from),
                &to_micros(key.created_at),
                &key.revoked_at.map(to_micros),
                &webhooks_json(&key.webhooks).as_deref().map(storable),
            ],
        )
        .await?;
    Ok(added == 1)
}

async fn get(database: &Database, id: &str) -> Result<Option<ApiKey>, DatabaseError> {
    let client = database.client().await?;
    let select = client.prepare_cached(&format!("SELECT {COLUMNS} FROM queue_keys WHERE id = $1")).await?;
    client.query_opt(&select, &[&storable(id)]).await?.map(|row| key(&row)).transpose()
}

async fn list(database: &Database) -> Result<Vec<ApiKey>, DatabaseError> {
    let client = database.client().await?;
    let sql = format!("SELECT {COLUMNS} FROM queue_keys ORDER BY created_at DESC, id");
    let select = client.prepare_cached(&sql).await?;
    client.query(&select, &[]).await?.iter().map(key).collect()
}

async fn change_webhooks(
    database: &Database,
    id: &str,
    change: &WebhookChange,
) -> Result<WebhooksChanged, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let select = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM queue_keys WHERE id = $1 FOR UPDATE")).await?;
    let Some(row) = tx.query_opt(&select, &[&storable(id)]).await? else { return Ok(WebhooksChanged::Unknown) };
    let Some((key, before)) = changed(key(&row)?, change) else { return Ok(WebhooksChanged::Revoked) };
    let update = tx.prepare_cached("UPDATE queue_keys SET webhooks = $2 WHERE id = $1").await?;
    tx.execute(&update, &[&storable(id), &webhooks_json(&key.webhooks).as_deref().map(storable)]).await?;
    tx.commit().await?;
    Ok(WebhooksChanged::Done { key: Box::new(key), before })
}

async fn revoke(database: &Database, id: &str, now: Timestamp) -> Result<bool, DatabaseError> {
    let client = database.client().await?;
    let sql = "UPDATE queue_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1";
    let update = client.prepare_cached(sql).await?;
    Ok(client.execute(&update, &[&storable(id), &to_micros(now)]).await? == 1)
}

fn key(row: &Row) -> Result<ApiKey, DatabaseError> {
    let row = KeyRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        secret_sha256: row.try_get(2)?,
        user_id: row.try_get(3)?,
        scope: row.try_get(4)?,
        concurrency: row.try_get(5)?,
        per_minute: row.try_get(6)?,
        created_at: row.try_get(7)?,
        revoked_at: row.try_get(8)?,
        webhooks: row.try_get(9)?,
    };
    row.try_into()
}

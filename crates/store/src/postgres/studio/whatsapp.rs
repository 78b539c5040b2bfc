//! What of WhatsApp is kept: how messages fare that left, and who wants none. A message's row is locked before it changes.

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_inbox::store::StoreError;
use plantain_studio::messages::message::{Message, MessageId};
use plantain_studio::messages::whatsapp::receipt::{Heard, Note};
use plantain_studio::messages::whatsapp::store::WhatsappStore;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::studio::{PostgresStudio, message};
use crate::postgres::text::storable;
use crate::time::to_micros;

#[async_trait]
impl WhatsappStore for PostgresStudio {
    async fn note_of_message(
        &self,
        id: &MessageId,
        note: &Note,
        now: Timestamp,
    ) -> Result<Option<Message>, StoreError> {
        let note = |message: &Message| message.noted(note, now);
        Ok(self.0.retrying(|| changed(&self.0, id.as_str(), note)).await?)
    }

    async fn hear_of_message(&self, heard: &Heard, now: Timestamp) -> Result<Option<Message>, StoreError> {
        Ok(self.0.retrying(|| hear(&self.0, heard, now)).await?)
    }

    async fn keep_consent(&self, digits: &str, wants: bool, at: Timestamp) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| keep_consent(&self.0, digits, wants, at)).await?)
    }

    async fn has_opted_out(&self, digits: &str) -> Result<bool, StoreError> {
        Ok(has_opted_out(&self.0, digits).await?)
    }
}

async fn hear(database: &Database, heard: &Heard, now: Timestamp) -> Result<Option<Message>, DatabaseError> {
    let by_name: Option<String> = {
        let client = database.client().await?;
        let select = client.prepare_cached("SELECT id FROM studio_messages WHERE wamid = $1 LIMIT 1").await?;
        let row = client.query_opt(&select, &[&storable(&heard.wamid)]).await?;
        row.map(|row| row.try_get(0)).transpose()?
    };
    let by_what_came_along = || heard.about.as_ref().map(|(id, _)| id.to_string());
    match by_name.or_else(by_what_came_along) {
        Some(id) => changed(database, &id, |message| message.heard(heard, now)).await,
        None => Ok(None),
    }
}

async fn changed(
    database: &Database,
    id: &str,
    change: impl Fn(&Message) -> Option<Message>,
) -> Result<Option<Message>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let next = message::locked(&tx, id).await?.and_then(|message| change(&message));
    if let Some(next) = &next {
        message::update(&tx, next).await?;
        tx.commit().await?;
    }
    Ok(next)
}

async fn keep_consent(database: &Database, digits: &str, wants: bool, at: Timestamp) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let keep = client
        .prepare_cached(
            "INSERT INTO studio_whatsapp_consents AS known (number, wants, at) VALUES ($1, $2, $3)
             ON CONFLICT (number) DO UPDATE SET wants = excluded.wants, at = excluded.at
             WHERE excluded.at > known.at OR (excluded.at = known.at AND excluded.wants = 0)",
        )
        .await?;
    client.execute(&keep, &[&digits, &i64::from(wants), &to_micros(at)]).await?;
    Ok(())
}

async fn has_opted_out(database: &Database, digits: &str) -> Result<bool, DatabaseError> {
    let client = database.client().await?;
    let select = "SELECT 1 FROM studio_whatsapp_consents WHERE number = $1 AND wants = 0";
    Ok(client.query_opt(&client.prepare_cached(select).await?, &[&digits]).await?.is_some())
}

//! What of WhatsApp is kept: how messages fare that left, and who wants none.

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use plantain_inbox::store::StoreError;
use plantain_studio::messages::message::{Message, MessageId};
use plantain_studio::messages::whatsapp::receipt::{Heard, Note};
use plantain_studio::messages::whatsapp::store::WhatsappStore;

use crate::error::DatabaseError;
use crate::sqlite::studio::{SqliteStudio, message};
use crate::time::to_micros;

#[async_trait]
impl WhatsappStore for SqliteStudio {
    async fn note_of_message(
        &self,
        id: &MessageId,
        note: &Note,
        now: Timestamp,
    ) -> Result<Option<Message>, StoreError> {
        let (id, note) = (id.clone(), note.clone());
        Ok(self.0.write(move |tx| changed(tx, id.as_str(), |message| message.noted(&note, now))).await?)
    }

    async fn hear_of_message(&self, heard: &Heard, now: Timestamp) -> Result<Option<Message>, StoreError> {
        let heard = heard.clone();
        Ok(self.0.write(move |tx| hear(tx, &heard, now)).await?)
    }

    async fn keep_consent(&self, digits: &str, wants: bool, at: Timestamp) -> Result<(), StoreError> {
        let digits = digits.to_owned();
        Ok(self.0.write(move |tx| keep_consent(tx, &digits, wants, at)).await?)
    }

    async fn has_opted_out(&self, digits: &str) -> Result<bool, StoreError> {
        let digits = digits.to_owned();
        Ok(self.0.read(move |tx| has_opted_out(tx, &digits)).await?)
    }
}

fn hear(tx: &Transaction<'_>, heard: &Heard, now: Timestamp) -> Result<Option<Message>, DatabaseError> {
    let by_name: Option<String> = tx
        .prepare_cached("SELECT id FROM studio_messages WHERE wamid = ?1")?
        .query_row([&heard.wamid], |row| row.get(0))
        .optional()?;
    let by_what_came_along = || heard.about.as_ref().map(|(id, _)| id.to_string());
    match by_name.or_else(by_what_came_along) {
        Some(id) => changed(tx, &id, |message| message.heard(heard, now)),
        None => Ok(None),
    }
}

fn changed(
    tx: &Transaction<'_>,
    id: &str,
    change: impl FnOnce(&Message) -> Option<Message>,
) -> Result<Option<Message>, DatabaseError> {
    let next = message::by_id(tx, id)?.and_then(|message| change(&message));
    if let Some(next) = &next {
        message::update(tx, next)?;
    }
    Ok(next)
}

fn keep_consent(tx: &Transaction<'_>, digits: &str, wants: bool, at: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "INSERT INTO studio_whatsapp_consents (number, wants, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (number) DO UPDATE SET wants = excluded.wants, at = excluded.at
         WHERE excluded.at > at OR (excluded.at = at AND excluded.wants = 0)",
    )?
    .execute(params![digits, i64::from(wants), to_micros(at)])?;
    Ok(())
}

fn has_opted_out(tx: &Transaction<'_>, digits: &str) -> Result<bool, DatabaseError> {
    let mut select = tx.prepare_cached("SELECT 1 FROM studio_whatsapp_consents WHERE number = ?1 AND wants = 0")?;
    Ok(select.exists([digits])?)
}

//! Accounts, and the links that lead to them.

use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;

use plantain_inbox::store::StoreError;
use plantain_mail::address::MailAddress;
use plantain_studio::accounts::account::{
    Account, AccountFilter, AccountId, Closed, Followed, Link, LinkBounds, LinkId, Posted,
};
use plantain_studio::accounts::silence::Mailbox;
use plantain_studio::accounts::store::AccountStore;
use plantain_studio::job::Owner;
use plantain_studio::job::key::Tier;
use plantain_studio::messages::hook::HOOKS_MAX;
use plantain_work::clock::after;

use crate::error::DatabaseError;
use crate::postgres::Database;
use crate::postgres::studio::{PostgresStudio, hook};
use crate::postgres::text::storable;
use crate::studio::account::{AccountRow, LinkRow, account_columns, letters, link_columns};
use crate::studio::job::limit;
use crate::time::to_micros;

#[async_trait]
impl AccountStore for PostgresStudio {
    async fn ask(&self, link: &Link, bounds: &LinkBounds, since: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| ask(&self.0, link, bounds, since)).await?)
    }

    async fn claim_letters(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Vec<Link>, StoreError> {
        let until = after(now, lease);
        Ok(self.0.retrying(|| claim(&self.0, count, until, now)).await?)
    }

    async fn posted(&self, id: &LinkId, posted: Posted) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| keep_posted(&self.0, id, posted)).await?)
    }

    async fn link(&self, digest: &str, now: Timestamp) -> Result<Option<Link>, StoreError> {
        Ok(working(&self.0, digest, now).await?)
    }

    async fn follow(
        &self,
        digest: &str,
        browser: Option<&Owner>,
        new: &AccountId,
        now: Timestamp,
    ) -> Result<Option<Followed>, StoreError> {
        Ok(self.0.retrying(|| follow(&self.0, digest, browser, new, now)).await?)
    }

    async fn account_of(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        Ok(by_id(&self.0, id).await?)
    }

    async fn set_notify(&self, id: &AccountId, notify: bool) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| set_notify(&self.0, id, notify)).await?)
    }

    async fn accounts(&self, filter: &AccountFilter) -> Result<Vec<Account>, StoreError> {
        Ok(list(&self.0, filter).await?)
    }

    async fn set_tier(&self, mailbox: &MailAddress, tier: Tier) -> Result<Option<Account>, StoreError> {
        Ok(self.0.retrying(|| set_tier(&self.0, mailbox, tier)).await?)
    }

    async fn close(&self, id: &AccountId, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| close(&self.0, id, now)).await?)
    }

    async fn closed(&self, count: usize, now: Timestamp) -> Result<Vec<Closed>, StoreError> {
        Ok(closed(&self.0, count, now).await?)
    }

    async fn put_off(&self, id: &AccountId, failures: u32, at: Timestamp) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| put_off(&self.0, id, failures, at)).await?)
    }

    async fn silence(&self, mailbox: &Mailbox, now: Timestamp) -> Result<(), StoreError> {
        Ok(self.0.retrying(|| silence(&self.0, mailbox, now)).await?)
    }

    async fn is_silent(&self, mailbox: &Mailbox) -> Result<bool, StoreError> {
        Ok(is_silent(&self.0, mailbox).await?)
    }

    async fn clear(&self, id: &AccountId) -> Result<bool, StoreError> {
        Ok(self.0.retrying(|| clear(&self.0, id)).await?)
    }
}

/// One at a time: whoever counts holds the lock until the new link is there to be counted. It is a number that nobody else takes.
const COUNTING: i64 = 0x706c_616e_6c69_6e6b;

async fn ask(database: &Database, link: &Link, bounds: &LinkBounds, since: Timestamp) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let lock = tx.prepare_cached("SELECT pg_advisory_xact_lock($1)").await?;
    tx.query_one(&lock, &[&COUNTING]).await?;
    let since = to_micros(since);
    let forget = tx.prepare_cached("DELETE FROM studio_links WHERE created_at < $1").await?;
    tx.execute(&forget, &[&since]).await?;
    let (mailbox, asker) = (link.address.key(), link.asker.as_ref().map(Owner::as_str));
    let count = tx
        .prepare_cached(
            "SELECT count(*), count(*) FILTER (WHERE mailbox = $2),
                    count(*) FILTER (WHERE asker IS NOT DISTINCT FROM $3::text)
             FROM studio_links WHERE created_at >= $1",
        )
        .await?;
    let row = tx.query_one(&count, &[&since, &mailbox, &asker]).await?;
    let most = [bounds.all, bounds.mailbox, bounds.asker].map(i64::from);
    for (at, most) in most.into_iter().enumerate() {
        if row.try_get::<_, i64>(at)? >= most {
            tx.commit().await?;
            return Ok(false);
        }
    }
    let insert = tx
        .prepare_cached(
            "INSERT INTO studio_links (id, digest, address, mailbox, language, asker, created_at, expires_at, due_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7)",
        )
        .await?;
    tx.execute(
        &insert,
        &[
            &link.id.as_str(),
            &link.digest,
            &link.address.to_string(),
            &mailbox,
            &link.language,
            &asker,
            &to_micros(link.created_at),
            &to_micros(link.expires_at),
        ],
    )
    .await?;
    tx.commit().await?;
    Ok(true)
}

async fn claim(
    database: &Database,
    count: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<Link>, DatabaseError> {
    let client = database.client().await?;
    let claim = client
        .prepare_cached(concat!(
            "UPDATE studio_links SET due_at = $2, tries = tries + 1 WHERE id IN (
                 SELECT id FROM studio_links WHERE due_at <= $1 AND expires_at > $1 AND followed_at IS NULL
                 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             RETURNING ",
            link_columns!()
        ))
        .await?;
    let rows = client.query(&claim, &[&to_micros(now), &to_micros(until), &limit(count)]).await?;
    rows.iter().map(link).collect()
}

async fn keep_posted(database: &Database, id: &LinkId, posted: Posted) -> Result<(), DatabaseError> {
    let due = match posted {
        Posted::Again(at) => Some(to_micros(at)),
        Posted::Sent | Posted::Never => None,
    };
    let client = database.client().await?;
    let keep = client.prepare_cached("UPDATE studio_links SET due_at = $2 WHERE id = $1").await?;
    client.execute(&keep, &[&id.as_str(), &due]).await?;
    Ok(())
}

async fn working(database: &Database, digest: &str, now: Timestamp) -> Result<Option<Link>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(concat!(
            "SELECT ",
            link_columns!(),
            " FROM studio_links WHERE digest = $1 AND followed_at IS NULL AND expires_at > $2"
        ))
        .await?;
    let row = client.query_opt(&select, &[&storable(digest), &to_micros(now)]).await?;
    row.map(|row| link(&row)).transpose()
}

/// Of two at once, the second one waits for the first one's row and then finds it followed.
async fn follow(
    database: &Database,
    digest: &str,
    browser: Option<&Owner>,
    new: &AccountId,
    now: Timestamp,
) -> Result<Option<Followed>, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let take = tx
        .prepare_cached(concat!(
            "UPDATE studio_links SET followed_at = $2, due_at = NULL
             WHERE digest = $1 AND followed_at IS NULL AND expires_at > $2 RETURNING ",
            link_columns!()
        ))
        .await?;
    let Some(row) = tx.query_opt(&take, &[&storable(digest), &to_micros(now)]).await? else { return Ok(None) };
    let link = link(&row)?;
    let keep = tx
        .prepare_cached(concat!(
            "INSERT INTO studio_accounts (id, address, mailbox, language, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (mailbox) DO UPDATE SET language = excluded.language RETURNING ",
            account_columns!()
        ))
        .await?;
    let (address, mailbox) = (link.address.to_string(), link.address.key());
    let row = tx.query_one(&keep, &[&new.as_str(), &address, &mailbox, &link.language, &to_micros(now)]).await?;
    let account = account(&row)?;
    let brings = browser.filter(|browser| browser.is_session() && link.asker.as_ref() == Some(*browser));
    let moved = match brings {
        Some(browser) => hand_over(&tx, browser, &Owner::account(&account.id)).await?,
        None => 0,
    };
    tx.commit().await?;
    Ok(Some(Followed { account, moved }))
}

/// Whatever belongs to one is the other's; what was spent too, and which wishes were sent. Of more hooks than one may have the
/// newest stay.
async fn hand_over(tx: &Transaction<'_>, from: &Owner, to: &Owner) -> Result<u64, DatabaseError> {
    let mut moved = 0;
    for hand_over in [
        "UPDATE studio_batches SET owner = $2 WHERE owner = $1",
        "UPDATE studio_hooks SET owner = $2 WHERE owner = $1",
        "UPDATE studio_messages SET owner = $2 WHERE owner = $1",
        "UPDATE studio_spent SET owner = $2 WHERE owner = $1",
        "UPDATE studio_wishes SET whose = $2 WHERE whose = $1
         AND NOT EXISTS (SELECT 1 FROM studio_wishes own WHERE own.whose = $2 AND own.word = studio_wishes.word)",
        "UPDATE studio_jobs SET owner = $2 WHERE owner = $1",
    ] {
        let hand_over = tx.prepare_cached(hand_over).await?;
        moved = tx.execute(&hand_over, &[&from.as_str(), &to.as_str()]).await?;
    }
    hook::keep_newest(tx, to, HOOKS_MAX).await?;
    Ok(moved)
}

async fn by_id(database: &Database, id: &AccountId) -> Result<Option<Account>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(concat!(
            "SELECT ",
            account_columns!(),
            " FROM studio_accounts WHERE id = $1 AND closed_at IS NULL"
        ))
        .await?;
    let row = client.query_opt(&select, &[&storable(id.as_str())]).await?;
    row.map(|row| account(&row)).transpose()
}

async fn set_notify(database: &Database, id: &AccountId, notify: bool) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let set = tx
        .prepare_cached(concat!(
            "UPDATE studio_accounts SET notify = $2 WHERE id = $1 AND closed_at IS NULL RETURNING ",
            account_columns!()
        ))
        .await?;
    let row = tx.query_opt(&set, &[&storable(id.as_str()), &i64::from(notify)]).await?;
    let Some(account) = row.map(|row| account(&row)).transpose()? else { return Ok(false) };
    let letters = letters(&account);
    match notify {
        true => {
            let heard = tx.prepare_cached("DELETE FROM studio_silent WHERE mailbox = $1").await?;
            tx.execute(&heard, &[&Mailbox::of(&account.address).as_str()]).await?;
            hook::insert(&tx, &letters).await?;
        }
        false => hook::remove_in(&tx, &letters.id).await.map(drop)?,
    }
    tx.commit().await?;
    Ok(true)
}

async fn list(database: &Database, filter: &AccountFilter) -> Result<Vec<Account>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(concat!(
            "SELECT ",
            account_columns!(),
            " FROM studio_accounts
             WHERE closed_at IS NULL AND mailbox > coalesce((SELECT mailbox FROM studio_accounts WHERE id = $1), '')
               AND ($2::text IS NULL OR tier = $2)
             ORDER BY mailbox LIMIT $3"
        ))
        .await?;
    let after = filter.after.as_ref().map(|id| storable(id.as_str()));
    let tier = filter.tier.map(Tier::as_str);
    let rows = client.query(&select, &[&after, &tier, &limit(filter.limit)]).await?;
    rows.iter().map(account).collect()
}

async fn set_tier(database: &Database, mailbox: &MailAddress, tier: Tier) -> Result<Option<Account>, DatabaseError> {
    let client = database.client().await?;
    let set = client
        .prepare_cached(concat!(
            "UPDATE studio_accounts SET tier = $2 WHERE mailbox = $1 AND closed_at IS NULL RETURNING ",
            account_columns!()
        ))
        .await?;
    let row = client.query_opt(&set, &[&mailbox.key(), &tier.as_str()]).await?;
    row.map(|row| account(&row)).transpose()
}

async fn close(database: &Database, id: &AccountId, now: Timestamp) -> Result<bool, DatabaseError> {
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    // Whoever owes them something right now is waited for, so that it is forgotten as well; see [`has_left`].
    let lock = tx.prepare_cached("SELECT 1 FROM studio_accounts WHERE id = $1 FOR UPDATE").await?;
    tx.query_opt(&lock, &[&storable(id.as_str())]).await?;
    let forget = tx
        .prepare_cached(
            "DELETE FROM studio_links
             WHERE mailbox = (SELECT mailbox FROM studio_accounts WHERE id = $1 AND closed_at IS NULL)",
        )
        .await?;
    tx.execute(&forget, &[&storable(id.as_str())]).await?;
    // Nobody is told anything any more, and where they would have been told it is forgotten.
    let owner = Owner::account(id);
    for forget in [
        "DELETE FROM studio_hooks WHERE owner = $1",
        "DELETE FROM studio_messages WHERE owner = $1",
        "UPDATE studio_batches SET notify = NULL, whatsapp = NULL WHERE owner = $1",
    ] {
        tx.execute(&tx.prepare_cached(forget).await?, &[&owner.as_str()]).await?;
    }
    let close = tx
        .prepare_cached(
            "UPDATE studio_accounts SET address = '', mailbox = id, notify = 0, closed_at = $2, clear_at = $2
             WHERE id = $1 AND closed_at IS NULL",
        )
        .await?;
    let closed = tx.execute(&close, &[&storable(id.as_str()), &to_micros(now)]).await?;
    tx.commit().await?;
    Ok(closed == 1)
}

async fn closed(database: &Database, count: usize, now: Timestamp) -> Result<Vec<Closed>, DatabaseError> {
    let client = database.client().await?;
    let select = client
        .prepare_cached(
            "SELECT id, clear_failures FROM studio_accounts WHERE closed_at IS NOT NULL AND clear_at <= $2
             ORDER BY clear_at, id LIMIT $1",
        )
        .await?;
    let mut all = Vec::new();
    for row in client.query(&select, &[&limit(count), &to_micros(now)]).await? {
        let failures: i64 = row.try_get(1)?;
        all.push(Closed {
            id: AccountId::stored(row.try_get(0)?),
            failures: u32::try_from(failures).unwrap_or(u32::MAX),
        });
    }
    Ok(all)
}

async fn put_off(database: &Database, id: &AccountId, failures: u32, at: Timestamp) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let put_off = client
        .prepare_cached(
            "UPDATE studio_accounts SET clear_at = $2, clear_failures = $3 WHERE id = $1 AND closed_at IS NOT NULL",
        )
        .await?;
    client.execute(&put_off, &[&id.as_str(), &to_micros(at), &i64::from(failures)]).await?;
    Ok(())
}

/// An account whose owner has left: nobody is told anything of what it made. Until the transaction ends nobody leaves, so that a
/// message is owed before its owner leaves, and forgotten then, or not at all.
pub(super) async fn has_left(tx: &Transaction<'_>, owner: Option<&Owner>) -> Result<bool, DatabaseError> {
    let Some(id) = owner.and_then(Owner::as_account) else { return Ok(false) };
    let account = "SELECT closed_at IS NOT NULL FROM studio_accounts WHERE id = $1 FOR SHARE";
    let account = tx.query_opt(&tx.prepare_cached(account).await?, &[&id.as_str()]).await?;
    Ok(account.map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
}

async fn silence(database: &Database, mailbox: &Mailbox, now: Timestamp) -> Result<(), DatabaseError> {
    let client = database.client().await?;
    let silence = "INSERT INTO studio_silent (mailbox, since) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    client.execute(&client.prepare_cached(silence).await?, &[&mailbox.as_str(), &to_micros(now)]).await?;
    Ok(())
}

async fn is_silent(database: &Database, mailbox: &Mailbox) -> Result<bool, DatabaseError> {
    let client = database.client().await?;
    let select = client.prepare_cached("SELECT 1 FROM studio_silent WHERE mailbox = $1").await?;
    Ok(client.query_opt(&select, &[&mailbox.as_str()]).await?.is_some())
}

async fn clear(database: &Database, id: &AccountId) -> Result<bool, DatabaseError> {
    let owner = Owner::account(id);
    let mut client = database.client().await?;
    let tx = client.transaction().await?;
    let busy = tx
        .prepare_cached(
            "SELECT 1 FROM studio_jobs WHERE owner = $1
             UNION ALL SELECT 1 FROM studio_batches WHERE owner = $1 AND state IN ('OPEN', 'PAUSED') LIMIT 1",
        )
        .await?;
    if tx.query_opt(&busy, &[&owner.as_str()]).await?.is_some() {
        return Ok(false);
    }
    for delete in [
        "DELETE FROM studio_batch_items WHERE batch_id IN (SELECT id FROM studio_batches WHERE owner = $1)",
        "DELETE FROM studio_batches WHERE owner = $1",
        "DELETE FROM studio_spent WHERE owner = $1",
        "DELETE FROM studio_messages WHERE owner = $1",
        "DELETE FROM studio_hooks WHERE owner = $1",
        "DELETE FROM studio_wishes WHERE whose = $1",
    ] {
        let delete = tx.prepare_cached(delete).await?;
        tx.execute(&delete, &[&owner.as_str()]).await?;
    }
    let delete = tx.prepare_cached("DELETE FROM studio_accounts WHERE id = $1 AND closed_at IS NOT NULL").await?;
    let gone = tx.execute(&delete, &[&id.as_str()]).await?;
    tx.commit().await?;
    Ok(gone == 1)
}

fn account(row: &Row) -> Result<Account, DatabaseError> {
    let row = AccountRow {
        id: row.try_get(0)?,
        address: row.try_get(1)?,
        language: row.try_get(2)?,
        notify: row.try_get(3)?,
        created_at: row.try_get(4)?,
        tier: row.try_get(5)?,
    };
    row.try_into()
}

fn link(row: &Row) -> Result<Link, DatabaseError> {
    let row = LinkRow {
        id: row.try_get(0)?,
        digest: row.try_get(1)?,
        address: row.try_get(2)?,
        language: row.try_get(3)?,
        asker: row.try_get(4)?,
        created_at: row.try_get(5)?,
        expires_at: row.try_get(6)?,
        tries: row.try_get(7)?,
    };
    row.try_into()
}

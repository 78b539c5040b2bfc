//! Accounts, and the links that lead to them.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

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
use crate::sqlite::studio::{SqliteStudio, hook};
use crate::studio::account::{AccountRow, LinkRow, account_columns, letters, link_columns};
use crate::studio::job::limit;
use crate::time::to_micros;

#[async_trait]
impl AccountStore for SqliteStudio {
    async fn ask(&self, link: &Link, bounds: &LinkBounds, since: Timestamp) -> Result<bool, StoreError> {
        let (link, bounds) = (link.clone(), *bounds);
        Ok(self.0.write(move |tx| ask(tx, &link, &bounds, since)).await?)
    }

    async fn claim_letters(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Vec<Link>, StoreError> {
        let until = after(now, lease);
        Ok(self.0.write(move |tx| claim(tx, count, until, now)).await?)
    }

    async fn posted(&self, id: &LinkId, posted: Posted) -> Result<(), StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| keep_posted(tx, &id, posted)).await?)
    }

    async fn link(&self, digest: &str, now: Timestamp) -> Result<Option<Link>, StoreError> {
        let digest = digest.to_owned();
        Ok(self.0.read(move |tx| working(tx, &digest, now)).await?)
    }

    async fn follow(
        &self,
        digest: &str,
        browser: Option<&Owner>,
        new: &AccountId,
        now: Timestamp,
    ) -> Result<Option<Followed>, StoreError> {
        let (digest, browser, new) = (digest.to_owned(), browser.cloned(), new.clone());
        Ok(self.0.write(move |tx| follow(tx, &digest, browser.as_ref(), &new, now)).await?)
    }

    async fn account_of(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        Ok(self.0.read(move |tx| by_id(tx, &id)).await?)
    }

    async fn set_notify(&self, id: &AccountId, notify: bool) -> Result<bool, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| set_notify(tx, &id, notify)).await?)
    }

    async fn accounts(&self, filter: &AccountFilter) -> Result<Vec<Account>, StoreError> {
        let filter = filter.clone();
        Ok(self.0.read(move |tx| list(tx, &filter)).await?)
    }

    async fn set_tier(&self, mailbox: &MailAddress, tier: Tier) -> Result<Option<Account>, StoreError> {
        let mailbox = mailbox.key();
        Ok(self.0.write(move |tx| set_tier(tx, &mailbox, tier)).await?)
    }

    async fn close(&self, id: &AccountId, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| close(tx, &id, now)).await?)
    }

    async fn closed(&self, count: usize, now: Timestamp) -> Result<Vec<Closed>, StoreError> {
        Ok(self.0.read(move |tx| closed(tx, count, now)).await?)
    }

    async fn put_off(&self, id: &AccountId, failures: u32, at: Timestamp) -> Result<(), StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| put_off(tx, &id, failures, at)).await?)
    }

    async fn silence(&self, mailbox: &Mailbox, now: Timestamp) -> Result<(), StoreError> {
        let mailbox = mailbox.clone();
        Ok(self.0.write(move |tx| silence(tx, &mailbox, now)).await?)
    }

    async fn is_silent(&self, mailbox: &Mailbox) -> Result<bool, StoreError> {
        let mailbox = mailbox.clone();
        Ok(self.0.read(move |tx| is_silent(tx, &mailbox)).await?)
    }

    async fn clear(&self, id: &AccountId) -> Result<bool, StoreError> {
        let id = id.clone();
        Ok(self.0.write(move |tx| clear(tx, &id)).await?)
    }
}

fn ask(tx: &Transaction<'_>, link: &Link, bounds: &LinkBounds, since: Timestamp) -> Result<bool, DatabaseError> {
    let since = to_micros(since);
    tx.prepare_cached("DELETE FROM studio_links WHERE created_at < ?1")?.execute([since])?;
    let (mailbox, asker) = (link.address.key(), link.asker.as_ref().map(Owner::as_str));
    let counted = tx
        .prepare_cached(
            "SELECT count(*), coalesce(sum(mailbox = ?2), 0), coalesce(sum(asker IS ?3), 0) FROM studio_links
             WHERE created_at >= ?1",
        )?
        .query_row(params![since, mailbox, asker], |row| {
            Ok([row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?])
        })?;
    let most = [bounds.all, bounds.mailbox, bounds.asker].map(i64::from);
    if counted.iter().zip(most).any(|(counted, most)| *counted >= most) {
        return Ok(false);
    }
    tx.prepare_cached(
        "INSERT INTO studio_links (id, digest, address, mailbox, language, asker, created_at, expires_at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7)",
    )?
    .execute(params![
        link.id.as_str(),
        link.digest,
        link.address.to_string(),
        mailbox,
        link.language,
        asker,
        to_micros(link.created_at),
        to_micros(link.expires_at),
    ])?;
    Ok(true)
}

fn claim(tx: &Transaction<'_>, count: usize, until: Timestamp, now: Timestamp) -> Result<Vec<Link>, DatabaseError> {
    let mut claim = tx.prepare_cached(concat!(
        "UPDATE studio_links SET due_at = ?2, tries = tries + 1 WHERE id IN (
             SELECT id FROM studio_links WHERE due_at <= ?1 AND expires_at > ?1 AND followed_at IS NULL
             ORDER BY due_at LIMIT ?3)
         RETURNING ",
        link_columns!()
    ))?;
    let rows = claim.query_map(params![to_micros(now), to_micros(until), limit(count)], link_row)?;
    rows.map(|row| Link::try_from(row?)).collect()
}

fn keep_posted(tx: &Transaction<'_>, id: &LinkId, posted: Posted) -> Result<(), DatabaseError> {
    let due = match posted {
        Posted::Again(at) => Some(to_micros(at)),
        Posted::Sent | Posted::Never => None,
    };
    tx.prepare_cached("UPDATE studio_links SET due_at = ?2 WHERE id = ?1")?.execute(params![id.as_str(), due])?;
    Ok(())
}

fn working(tx: &Transaction<'_>, digest: &str, now: Timestamp) -> Result<Option<Link>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!(
        "SELECT ",
        link_columns!(),
        " FROM studio_links WHERE digest = ?1 AND followed_at IS NULL AND expires_at > ?2"
    ))?;
    select.query_row(params![digest, to_micros(now)], link_row).optional()?.map(Link::try_from).transpose()
}

fn follow(
    tx: &Transaction<'_>,
    digest: &str,
    browser: Option<&Owner>,
    new: &AccountId,
    now: Timestamp,
) -> Result<Option<Followed>, DatabaseError> {
    let Some(link) = working(tx, digest, now)? else { return Ok(None) };
    tx.prepare_cached("UPDATE studio_links SET followed_at = ?2, due_at = NULL WHERE id = ?1")?
        .execute(params![link.id.as_str(), to_micros(now)])?;
    let row = tx
        .prepare_cached(concat!(
            "INSERT INTO studio_accounts (id, address, mailbox, language, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (mailbox) DO UPDATE SET language = excluded.language RETURNING ",
            account_columns!()
        ))?
        .query_row(
            params![new.as_str(), link.address.to_string(), link.address.key(), link.language, to_micros(now)],
            account_row,
        )?;
    let account = Account::try_from(row)?;
    let brings = browser.filter(|browser| browser.is_session() && link.asker.as_ref() == Some(*browser));
    let moved = brings.map_or(Ok(0), |browser| hand_over(tx, browser, &Owner::account(&account.id)))?;
    Ok(Some(Followed { account, moved }))
}

/// Whatever belongs to one is the other's; what was spent too, and which wishes were sent. Of more hooks than one may have the
/// newest stay.
fn hand_over(tx: &Transaction<'_>, from: &Owner, to: &Owner) -> Result<u64, DatabaseError> {
    let both = [from.as_str(), to.as_str()];
    tx.prepare_cached("UPDATE studio_batches SET owner = ?2 WHERE owner = ?1")?.execute(both)?;
    tx.prepare_cached("UPDATE studio_hooks SET owner = ?2 WHERE owner = ?1")?.execute(both)?;
    hook::keep_newest(tx, to, HOOKS_MAX)?;
    tx.prepare_cached("UPDATE studio_messages SET owner = ?2 WHERE owner = ?1")?.execute(both)?;
    tx.prepare_cached("UPDATE studio_spent SET owner = ?2 WHERE owner = ?1")?.execute(both)?;
    tx.prepare_cached("UPDATE OR IGNORE studio_wishes SET whose = ?2 WHERE whose = ?1")?.execute(both)?;
    let moved = tx.prepare_cached("UPDATE studio_jobs SET owner = ?2 WHERE owner = ?1")?.execute(both)?;
    Ok(u64::try_from(moved).unwrap_or(u64::MAX))
}

fn by_id(tx: &Transaction<'_>, id: &AccountId) -> Result<Option<Account>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!(
        "SELECT ",
        account_columns!(),
        " FROM studio_accounts WHERE id = ?1 AND closed_at IS NULL"
    ))?;
    select.query_row([id.as_str()], account_row).optional()?.map(Account::try_from).transpose()
}

fn set_notify(tx: &Transaction<'_>, id: &AccountId, notify: bool) -> Result<bool, DatabaseError> {
    let Some(account) = by_id(tx, id)? else { return Ok(false) };
    tx.prepare_cached("UPDATE studio_accounts SET notify = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), i64::from(notify)])?;
    let letters = letters(&account);
    match notify {
        true => {
            tx.prepare_cached("DELETE FROM studio_silent WHERE mailbox = ?1")?
                .execute([Mailbox::of(&account.address).as_str()])?;
            hook::insert(tx, &letters)?;
        }
        false => hook::remove(tx, &letters.id).map(drop)?,
    }
    Ok(true)
}

fn list(tx: &Transaction<'_>, filter: &AccountFilter) -> Result<Vec<Account>, DatabaseError> {
    let mut select = tx.prepare_cached(concat!(
        "SELECT ",
        account_columns!(),
        " FROM studio_accounts
         WHERE closed_at IS NULL AND mailbox > coalesce((SELECT mailbox FROM studio_accounts WHERE id = ?1), '')
           AND (?2 IS NULL OR tier = ?2)
         ORDER BY mailbox LIMIT ?3"
    ))?;
    let (after, tier) = (filter.after.as_ref().map(AccountId::as_str), filter.tier.map(Tier::as_str));
    let rows = select.query_map(params![after, tier, limit(filter.limit)], account_row)?;
    rows.map(|row| Account::try_from(row?)).collect()
}

fn set_tier(tx: &Transaction<'_>, mailbox: &str, tier: Tier) -> Result<Option<Account>, DatabaseError> {
    let mut set = tx.prepare_cached(concat!(
        "UPDATE studio_accounts SET tier = ?2 WHERE mailbox = ?1 AND closed_at IS NULL RETURNING ",
        account_columns!()
    ))?;
    set.query_row([mailbox, tier.as_str()], account_row).optional()?.map(Account::try_from).transpose()
}

fn close(tx: &Transaction<'_>, id: &AccountId, now: Timestamp) -> Result<bool, DatabaseError> {
    tx.prepare_cached(
        "DELETE FROM studio_links WHERE mailbox = (SELECT mailbox FROM studio_accounts WHERE id = ?1 AND closed_at IS NULL)",
    )?
    .execute([id.as_str()])?;
    // Nobody is told anything any more, and where they would have been told it is forgotten.
    let owner = Owner::account(id);
    tx.prepare_cached("DELETE FROM studio_hooks WHERE owner = ?1")?.execute([owner.as_str()])?;
    tx.prepare_cached("DELETE FROM studio_messages WHERE owner = ?1")?.execute([owner.as_str()])?;
    tx.prepare_cached("UPDATE studio_batches SET notify = NULL, whatsapp = NULL WHERE owner = ?1")?
        .execute([owner.as_str()])?;
    let closed = tx
        .prepare_cached(
            "UPDATE studio_accounts SET address = '', mailbox = id, notify = 0, closed_at = ?2, clear_at = ?2
             WHERE id = ?1 AND closed_at IS NULL",
        )?
        .execute(params![id.as_str(), to_micros(now)])?;
    Ok(closed == 1)
}

fn closed(tx: &Transaction<'_>, count: usize, now: Timestamp) -> Result<Vec<Closed>, DatabaseError> {
    let mut select = tx.prepare_cached(
        "SELECT id, clear_failures FROM studio_accounts WHERE closed_at IS NOT NULL AND clear_at <= ?2
         ORDER BY clear_at, id LIMIT ?1",
    )?;
    let rows = select.query_map(params![limit(count), to_micros(now)], |row| {
        Ok(Closed { id: AccountId::stored(row.get(0)?), failures: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn put_off(tx: &Transaction<'_>, id: &AccountId, failures: u32, at: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached(
        "UPDATE studio_accounts SET clear_at = ?2, clear_failures = ?3 WHERE id = ?1 AND closed_at IS NOT NULL",
    )?
    .execute(params![id.as_str(), to_micros(at), failures])?;
    Ok(())
}

/// An account whose owner has left: nobody is told anything of what it made. There is one writer, so that nobody leaves meanwhile.
pub(super) fn has_left(tx: &Transaction<'_>, owner: Option<&Owner>) -> Result<bool, DatabaseError> {
    let Some(id) = owner.and_then(Owner::as_account) else { return Ok(false) };
    let mut left = tx.prepare_cached("SELECT 1 FROM studio_accounts WHERE id = ?1 AND closed_at IS NOT NULL")?;
    Ok(left.exists([id.as_str()])?)
}

fn silence(tx: &Transaction<'_>, mailbox: &Mailbox, now: Timestamp) -> Result<(), DatabaseError> {
    tx.prepare_cached("INSERT INTO studio_silent (mailbox, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![mailbox.as_str(), to_micros(now)])?;
    Ok(())
}

fn is_silent(tx: &Transaction<'_>, mailbox: &Mailbox) -> Result<bool, DatabaseError> {
    Ok(tx.prepare_cached("SELECT 1 FROM studio_silent WHERE mailbox = ?1")?.exists([mailbox.as_str()])?)
}

fn clear(tx: &Transaction<'_>, id: &AccountId) -> Result<bool, DatabaseError> {
    let owner = Owner::account(id);
    let busy = tx
        .prepare_cached(
            "SELECT 1 FROM studio_jobs WHERE owner = ?1
         UNION ALL SELECT 1 FROM studio_batches WHERE owner = ?1 AND state IN ('OPEN', 'PAUSED') LIMIT 1",
        )?
        .exists([owner.as_str()])?;
    if busy {
        return Ok(false);
    }
    tx.prepare_cached(
        "DELETE FROM studio_batch_items WHERE batch_id IN (SELECT id FROM studio_batches WHERE owner = ?1)",
    )?
    .execute([owner.as_str()])?;
    for delete in [
        "DELETE FROM studio_batches WHERE owner = ?1",
        "DELETE FROM studio_spent WHERE owner = ?1",
        "DELETE FROM studio_messages WHERE owner = ?1",
        "DELETE FROM studio_hooks WHERE owner = ?1",
        "DELETE FROM studio_wishes WHERE whose = ?1",
    ] {
        tx.prepare_cached(delete)?.execute([owner.as_str()])?;
    }
    let gone = tx
        .prepare_cached("DELETE FROM studio_accounts WHERE id = ?1 AND closed_at IS NOT NULL")?
        .execute([id.as_str()])?;
    Ok(gone == 1)
}

fn account_row(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        id: row.get(0)?,
        address: row.get(1)?,
        language: row.get(2)?,
        notify: row.get(3)?,
        created_at: row.get(4)?,
        tier: row.get(5)?,
    })
}

fn link_row(row: &Row<'_>) -> rusqlite::Result<LinkRow> {
    Ok(LinkRow {
        id: row.get(0)?,
        digest: row.get(1)?,
        address: row.get(2)?,
        language: row.get(3)?,
        asker: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        tries: row.get(7)?,
    })
}

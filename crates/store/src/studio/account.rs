//! Rows of accounts and links, and what they mean.

use plantain_mail::address::MailAddress;
use plantain_studio::accounts::account::{Account, AccountId, Link, LinkId};
use plantain_studio::job::Owner;
use plantain_studio::job::key::Tier;
use plantain_studio::messages::hook::{Hook, HookId};
use plantain_studio::messages::message::{Channel, Event};

use crate::error::DatabaseError;
use crate::queue::place::Place;

/// The columns of an account, in the order of [`AccountRow`].
macro_rules! account_columns {
    () => {
        "id, address, language, notify, created_at, tier"
    };
}
pub(crate) use account_columns;

/// What an account that wants letters is told of, as a hook.
pub(crate) fn letters(account: &Account) -> Hook {
    Hook {
        id: HookId::stored(format!("mail-{}", account.id.as_str())),
        owner: Some(Owner::account(&account.id)),
        channel: Channel::Mail,
        target: account.address.to_string(),
        events: vec![Event::JobSucceeded, Event::JobFailed, Event::BatchDone],
        secret: None,
        created_at: account.created_at,
    }
}

/// The columns of a link, in the order of [`LinkRow`].
macro_rules! link_columns {
    () => {
        "id, digest, address, language, asker, created_at, expires_at, tries"
    };
}
pub(crate) use link_columns;

/// An account as it is kept, column by column.
pub(crate) struct AccountRow {
    pub id: String,
    pub address: String,
    pub language: String,
    pub notify: i64,
    pub created_at: i64,
    pub tier: String,
}

impl TryFrom<AccountRow> for Account {
    type Error = DatabaseError;

    fn try_from(row: AccountRow) -> Result<Account, DatabaseError> {
        let place = Place { table: "studio_accounts", row: &row.id };
        Ok(Account {
            address: MailAddress::parse(&row.address).map_err(|_| place.wrong("address"))?,
            notify: row.notify != 0,
            tier: Tier::parse(&row.tier).ok_or_else(|| place.wrong("tier"))?,
            created_at: place.time("created_at", row.created_at)?,
            language: row.language,
            id: AccountId::stored(row.id.clone()),
        })
    }
}

/// A link as it is kept, column by column.
pub(crate) struct LinkRow {
    pub id: String,
    pub digest: String,
    pub address: String,
    pub language: String,
    pub asker: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
    pub tries: i64,
}

impl TryFrom<LinkRow> for Link {
    type Error = DatabaseError;

    fn try_from(row: LinkRow) -> Result<Link, DatabaseError> {
        let place = Place { table: "studio_links", row: &row.id };
        Ok(Link {
            address: MailAddress::parse(&row.address).map_err(|_| place.wrong("address"))?,
            created_at: place.time("created_at", row.created_at)?,
            expires_at: place.time("expires_at", row.expires_at)?,
            tries: place.number("tries", row.tries)?,
            digest: row.digest,
            language: row.language,
            asker: row.asker.map(Owner::stored),
            id: LinkId::stored(row.id.clone()),
        })
    }
}

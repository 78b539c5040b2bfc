//! Accounts, and the links that lead to them, as values.

use std::time::Duration;

use jiff::Timestamp;

use plantain_mail::address::MailAddress;
use plantain_work::random;

use crate::job::Owner;
use crate::job::key::Tier;

/// How long a link works.
pub const LINK_TIME: Duration = Duration::from_secs(15 * 60);

/// Within which time links are counted.
pub const COUNTED_TIME: Duration = Duration::from_secs(60 * 60);

/// Bytes of randomness in an account's id.
const ID_BYTES: usize = 16;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            pub fn random() -> $name {
                $name(hex::encode(random::bytes::<ID_BYTES>()))
            }

            /// One that was stored.
            pub fn stored(text: String) -> $name {
                $name(text)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// Names an account, and says nothing of its mailbox. Whoever leaves and comes back has another one.
    AccountId
}

text_id! {
    /// Names a link.
    LinkId
}

/// A seller with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub address: MailAddress,
    /// The tag of the language that they are written to in.
    pub language: String,
    /// They want a letter when a job or a batch is done.
    pub notify: bool,
    /// How much they get, as the operator says.
    pub tier: Tier,
    pub created_at: Timestamp,
}

/// Which accounts to list, in the order of their mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFilter {
    /// Only those after this one; from the beginning where it is not there any more.
    pub after: Option<AccountId>,
    pub tier: Option<Tier>,
    /// At most [`ACCOUNTS_A_PAGE_MAX`].
    pub limit: usize,
}

/// The longest page of accounts.
pub const ACCOUNTS_A_PAGE_MAX: usize = 200;

impl Default for AccountFilter {
    fn default() -> AccountFilter {
        AccountFilter { after: None, tier: None, limit: 50 }
    }
}

/// A link that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub id: LinkId,
    /// Of its word.
    pub digest: String,
    pub address: MailAddress,
    pub language: String,
    /// The session of the browser that asked.
    pub asker: Option<Owner>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// Attempts to hand its letter in.
    pub tries: u32,
}

/// How many links may be asked for within [`COUNTED_TIME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkBounds {
    /// Into one mailbox.
    pub mailbox: u32,
    /// By one browser; by all programs without a cookie together.
    pub asker: u32,
    /// By all.
    pub all: u32,
}

impl Default for LinkBounds {
    fn default() -> LinkBounds {
        LinkBounds { mailbox: 5, asker: 10, all: 300 }
    }
}

/// What becomes of a letter after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    Sent,
    Again(Timestamp),
    Never,
}

/// An account whose owner has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    pub id: AccountId,
    /// How often in a row it could not be cleared.
    pub failures: u32,
}

/// A link was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    pub account: Account,
    /// Jobs that were the browser's and are the account's now.
    pub moved: u64,
}

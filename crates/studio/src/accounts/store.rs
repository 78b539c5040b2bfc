//! Where accounts and links are kept. Each method is one whole transaction; the studio's two adapters have both.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use plantain_inbox::store::StoreError;
use plantain_mail::address::MailAddress;

use crate::accounts::account::{Account, AccountFilter, AccountId, Closed, Followed, Link, LinkBounds, LinkId, Posted};
use crate::accounts::silence::Mailbox;
use crate::job::Owner;
use crate::job::key::Tier;

/// Invariant of every writing method: when it returns `Ok`, the change is durable.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Keeps a link whose letter is owed, unless there are as many as there may be: then false. Those from before `since` are
    /// forgotten.
    async fn ask(&self, link: &Link, bounds: &LinkBounds, since: Timestamp) -> Result<bool, StoreError>;

    /// Takes at most `count` links whose letters are owed and that still work; nobody else gets them for `lease`.
    async fn claim_letters(&self, count: usize, lease: Duration, now: Timestamp) -> Result<Vec<Link>, StoreError>;

    /// What became of a letter.
    async fn posted(&self, id: &LinkId, posted: Posted) -> Result<(), StoreError>;

    /// The link with this digest, where it works: it has not expired, and nobody has followed it.
    async fn link(&self, digest: &str, now: Timestamp) -> Result<Option<Link>, StoreError>;

    /// Follows a link, once: of many at the same time, one does. The mailbox's account is made where it has none, under the id
    /// `new`. Where the browser's session is the one that asked, its jobs and batches are the account's from now on, in the
    /// same commit. `None` where the link doesn't work.
    async fn follow(
        &self,
        digest: &str,
        browser: Option<&Owner>,
        new: &AccountId,
        now: Timestamp,
    ) -> Result<Option<Followed>, StoreError>;

    /// `None`: unknown, or its owner has left.
    async fn account_of(&self, id: &AccountId) -> Result<Option<Account>, StoreError>;

    /// False where there is no such account.
    async fn set_notify(&self, id: &AccountId, notify: bool) -> Result<bool, StoreError>;

    /// By their mailboxes, without those whose owners have left.
    async fn accounts(&self, filter: &AccountFilter) -> Result<Vec<Account>, StoreError>;

    /// The account of this mailbox, as it is then; `None` where it has none.
    async fn set_tier(&self, mailbox: &MailAddress, tier: Tier) -> Result<Option<Account>, StoreError>;

    /// Its owner leaves: the address is forgotten at once, with every link into its mailbox. False where there is none.
    async fn close(&self, id: &AccountId, now: Timestamp) -> Result<bool, StoreError>;

    /// Accounts whose owners have left, of which something is still kept, and whose turn it is: whoever waits longest first.
    async fn closed(&self, count: usize, now: Timestamp) -> Result<Vec<Closed>, StoreError>;

    /// It is a closed account's turn again at `at`, after so many failures in a row.
    async fn put_off(&self, id: &AccountId, failures: u32, at: Timestamp) -> Result<(), StoreError>;

    /// Forgets a closed account that has no job any more, with its batches and what it spent. False where a job is left.
    async fn clear(&self, id: &AccountId) -> Result<bool, StoreError>;

    /// A mailbox wants no letters about pictures. Twice is once; wishing for letters in its account ends it.
    async fn silence(&self, mailbox: &Mailbox, now: Timestamp) -> Result<(), StoreError>;

    async fn is_silent(&self, mailbox: &Mailbox) -> Result<bool, StoreError>;
}

//! Asking for a link, looking at one, following it; and what an account can be told.

use plantain_mail::address::MailAddress;
use plantain_work::clock::{after, before};

use crate::accounts::LinkToken;
use crate::accounts::account::{
    ACCOUNTS_A_PAGE_MAX, Account, AccountFilter, AccountId, COUNTED_TIME, Followed, LINK_TIME, Link, LinkBounds, LinkId,
};
use crate::accounts::silence::Mailbox;
use crate::error::StudioError;
use crate::job::Owner;
use crate::job::key::Tier;
use crate::paging;
use crate::service::Studio;

/// What the page of a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLook {
    pub address: String,
    /// This browser asked for it, so what it made goes along.
    pub brings_jobs: bool,
}

/// An account as its owner is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLook {
    pub account: Account,
    /// Letters into its mailbox were stopped.
    pub is_silent: bool,
}

impl Studio {
    /// Letters can be sent, so sellers can have a name.
    pub fn has_accounts(&self) -> bool {
        self.0.config.post.is_some()
    }

    /// Owes a letter with a link. Whoever asks is told nothing: not whether the mailbox has an account, nor whether it was
    /// written to too often.
    pub async fn ask_link(
        &self,
        address: MailAddress,
        language: &str,
        asker: Option<&Owner>,
    ) -> Result<(), StudioError> {
        let inner = &self.0;
        let Some(post) = &inner.config.post else { return Ok(()) };
        let (id, now) = (LinkId::random(), inner.clock.now());
        let link = Link {
            digest: post.token(&id).digest(),
            id,
            address,
            language: language.to_owned(),
            asker: asker.filter(|asker| asker.is_session()).cloned(),
            created_at: now,
            expires_at: after(now, LINK_TIME),
            tries: 0,
        };
        let kept = inner.store.ask(&link, &LinkBounds::default(), before(now, COUNTED_TIME)).await?;
        let domain = &link.address;
        match kept {
            true => tracing::info!(address = ?domain, "account.link_asked for {domain:?}"),
            false => tracing::warn!(address = ?domain, "account.link_refused: too many within an hour, {domain:?}"),
        }
        inner.post.wake();
        Ok(())
    }

    /// Where a link leads; `None` where it doesn't work, or no longer.
    pub async fn look_at_link(
        &self,
        token: &LinkToken,
        browser: Option<&Owner>,
    ) -> Result<Option<LinkLook>, StudioError> {
        let link = self.0.store.link(&token.digest(), self.0.clock.now()).await?;
        Ok(link.map(|link| LinkLook {
            address: link.address.to_string(),
            brings_jobs: browser.is_some() && link.asker.as_ref() == browser,
        }))
    }

    /// Signs a browser in; `None` where the link doesn't work, or no longer.
    pub async fn follow_link(
        &self,
        token: &LinkToken,
        browser: Option<&Owner>,
    ) -> Result<Option<Followed>, StudioError> {
        let inner = &self.0;
        let (new, now) = (AccountId::random(), inner.clock.now());
        let followed = inner.store.follow(&token.digest(), browser, &new, now).await?;
        if let Some(Followed { account, moved }) = &followed {
            tracing::info!(account = account.id.as_str(), moved, "account.signed_in {}", account.id.as_str());
        }
        Ok(followed)
    }

    /// Whoever stopped letters into its mailbox wants none, whatever was wished for before.
    pub async fn account(&self, id: &AccountId) -> Result<Option<AccountLook>, StudioError> {
        let store = &self.0.store;
        let Some(account) = store.account_of(id).await? else { return Ok(None) };
        let is_silent = store.is_silent(&Mailbox::of(&account.address)).await?;
        let account = Account { notify: account.notify && !is_silent, ..account };
        Ok(Some(AccountLook { account, is_silent }))
    }

    /// False where there is no such account.
    pub async fn set_notify(&self, id: &AccountId, notify: bool) -> Result<bool, StudioError> {
        Ok(self.0.store.set_notify(id, notify).await?)
    }

    /// A page of accounts by their mailboxes, and the cursor of the next.
    pub async fn accounts(&self, filter: AccountFilter) -> Result<(Vec<Account>, Option<AccountId>), StudioError> {
        let limit = filter.limit.clamp(1, ACCOUNTS_A_PAGE_MAX);
        let mut accounts = self.0.store.accounts(&AccountFilter { limit: limit + 1, ..filter }).await?;
        let next = paging::cut(&mut accounts, limit, |account| account.id.clone());
        Ok((accounts, next))
    }

    /// How much the seller with this mailbox gets from now on; `None` where nobody has signed in by it.
    pub async fn set_tier(&self, mailbox: &MailAddress, tier: Tier) -> Result<Option<Account>, StudioError> {
        let account = self.0.store.set_tier(mailbox, tier).await?;
        if let Some(Account { id, .. }) = &account {
            self.0.known.forget(id);
            tracing::info!(account = id.as_str(), tier = tier.as_str(), "account.tier_set {}", id.as_str());
        }
        Ok(account)
    }

    /// Forgets the address at once, and everything else as soon as running jobs have ended. False where there is no such
    /// account.
    pub async fn close_account(&self, id: &AccountId) -> Result<bool, StudioError> {
        let closed = self.0.store.close(id, self.0.clock.now()).await?;
        self.0.known.forget(id);
        if closed {
            tracing::info!(account = id.as_str(), "account.closed {}", id.as_str());
        }
        Ok(closed)
    }
}

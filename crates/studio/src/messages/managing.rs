//! Hooks made and removed, messages looked at and sent again: what pages and API can do.

use plantain_mail::address::MailAddress;
use url::Url;

use crate::error::StudioError;
use crate::job::{Owner, Visitor};
use crate::messages::hook::{self, HOOKS_MAX, Hook, HookId, HookSecret};
use crate::messages::letter;
use crate::messages::message::{Channel, Event, Message, MessageId};
use crate::messages::owing;
use crate::messages::store::{MESSAGES_A_PAGE_MAX, MessageFilter, SentAgain};
use crate::messages::view::{Eyes, HookView, MessagePage, MessageView};
use crate::messages::whatsapp::wish;
use crate::paging;
use crate::service::Studio;

/// A wish to be told, not yet checked.
#[derive(Clone, Debug)]
pub struct NewHook {
    pub url: String,
    pub events: Vec<Event>,
    /// `None`: one is made.
    pub secret: Option<String>,
    pub owner: Owner,
}

/// Why a hook or a callback can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookRefused {
    #[error("the address can't be posted to")]
    Address,
    #[error("the address may not be reached: {0}")]
    NotReachable(String),
    #[error("the secret can't be used")]
    Secret,
    #[error("its owner has as many as there may be")]
    TooMany,
}

/// What became of a wish to test a hook.
#[derive(Clone, Debug)]
pub enum Tested {
    /// On its way.
    Owed(Box<MessageView>),
    /// The one before still is.
    Pending,
    NotFound,
}

impl Studio {
    /// Keeps a hook, and tells its secret, which nobody is told again.
    pub async fn add_hook(&self, new: NewHook) -> Result<Result<(HookView, HookSecret), HookRefused>, StudioError> {
        let inner = &self.0;
        let secret = match self.judged(&new.url, new.secret.as_deref()) {
            Ok((_, secret)) => secret.unwrap_or_else(HookSecret::random),
            Err(why) => return Ok(Err(why)),
        };
        let now = inner.clock.now();
        let hook = Hook {
            id: HookId::new(now),
            owner: Some(new.owner),
            channel: Channel::Webhook,
            target: new.url,
            events: new.events,
            secret: Some(secret.clone()),
            created_at: now,
        };
        if !inner.store.add_hook(&hook, HOOKS_MAX).await? {
            return Ok(Err(HookRefused::TooMany));
        }
        tracing::info!(hook = %hook.id, "hook.added {}", hook.id);
        Ok(Ok((HookView::from(&hook), secret)))
    }

    /// Whether messages may go to an address; names are judged when it is posted to.
    pub fn judged(&self, url: &str, secret: Option<&str>) -> Result<(Url, Option<HookSecret>), HookRefused> {
        let url = hook::postable(url).ok_or(HookRefused::Address)?;
        let policy = self.0.messages.outbound.policy();
        policy.judge_url(&url).map_err(|why| HookRefused::NotReachable(why.to_string()))?;
        let secret = secret.map(|text| HookSecret::given(text).ok_or(HookRefused::Secret)).transpose()?;
        Ok((url, secret))
    }

    pub async fn hooks(&self, owner: &Owner) -> Result<Vec<HookView>, StudioError> {
        let hooks = self.0.store.hooks(owner).await?;
        // Letters are wished for in the account.
        Ok(hooks.iter().filter(|hook| hook.channel == Channel::Webhook).map(HookView::from).collect())
    }

    /// False where there is none, or it is somebody else's.
    pub async fn remove_hook(&self, id: &HookId, visitor: &Visitor) -> Result<bool, StudioError> {
        if self.hook_of(id, visitor).await?.is_none() {
            return Ok(false);
        }
        let removed = self.0.store.remove_hook(id).await?;
        tracing::info!(hook = %id, "hook.removed {id}");
        Ok(removed)
    }

    /// Owes a message about nothing; `None` where there is no such hook.
    pub async fn test_hook(&self, id: &HookId, visitor: &Visitor) -> Result<Tested, StudioError> {
        let Some(hook) = self.hook_of(id, visitor).await? else { return Ok(Tested::NotFound) };
        let message = owing::test(&hook, self.0.clock.now());
        if !self.0.store.owe(&message).await? {
            return Ok(Tested::Pending);
        }
        self.0.outbox.wake();
        Ok(Tested::Owed(Box::new(MessageView::of(&message, None, Eyes::Makers))))
    }

    async fn hook_of(&self, id: &HookId, visitor: &Visitor) -> Result<Option<Hook>, StudioError> {
        let hook = self.0.store.hook(id).await?;
        // The one of the settings is changed there.
        let own = hook.filter(|hook| {
            hook.channel == Channel::Webhook && hook.owner.is_some() && visitor.may_see(hook.owner.as_ref())
        });
        Ok(own)
    }

    /// A page of messages, newest first.
    pub async fn messages(&self, filter: MessageFilter) -> Result<MessagePage, StudioError> {
        self.page_of(filter, false).await
    }

    /// The same, each with its attempts.
    pub async fn messages_with_attempts(&self, filter: MessageFilter) -> Result<MessagePage, StudioError> {
        self.page_of(filter, true).await
    }

    async fn page_of(&self, filter: MessageFilter, with_attempts: bool) -> Result<MessagePage, StudioError> {
        let (limit, eyes) = (filter.limit.clamp(1, MESSAGES_A_PAGE_MAX), filter.eyes);
        let mut messages = self.0.store.messages(&MessageFilter { limit: limit + 1, ..filter }).await?;
        let next = paging::cut(&mut messages, limit, |message| message.id.clone());
        let mut attempts = match with_attempts {
            true => {
                let ids: Vec<MessageId> = messages.iter().map(|message| message.id.clone()).collect();
                Some(self.0.store.attempts(&ids).await?)
            }
            false => None,
        };
        let view = |message: &Message| {
            let own = attempts.as_mut().map(|all| all.remove(&message.id).unwrap_or_default());
            MessageView::of(message, own.as_deref(), eyes)
        };
        Ok(MessagePage { messages: messages.iter().map(view).collect(), next })
    }

    /// A message with its attempts; `None` where it is unknown or not the visitor's.
    pub async fn message(&self, id: &MessageId, visitor: &Visitor) -> Result<Option<MessageView>, StudioError> {
        let known = self.0.store.message(id).await?.filter(|(message, _)| is_theirs(message, visitor));
        Ok(known.map(|(message, attempts)| MessageView::of(&message, Some(&attempts), Eyes::of(visitor))))
    }

    /// Whom a message goes to that its maker named and nobody asked for letters or messages themselves, as a count knows them;
    /// `None` for any other message, and for one that is not the visitor's.
    pub async fn named_receiver(
        &self,
        id: &MessageId,
        visitor: &Visitor,
    ) -> Result<Option<(Channel, String)>, StudioError> {
        let message = self.0.store.message(id).await?.map(|(message, _)| message);
        let named = message.filter(|message| message.hook.is_none() && is_theirs(message, visitor));
        let receiver = |message: &Message| match message.channel {
            Channel::Mail => Some(letter::receiver(&MailAddress::parse(&message.target).ok()?)),
            Channel::Whatsapp => Some(wish::receiver(&message.target)),
            Channel::Webhook => None,
        };
        Ok(named.and_then(|message| Some((message.channel, receiver(&message)?))))
    }

    /// Owes a message anew.
    pub async fn redeliver(&self, id: &MessageId, visitor: &Visitor) -> Result<SentAgain, StudioError> {
        let known = self.0.store.message(id).await?;
        if !known.is_some_and(|(message, _)| is_theirs(&message, visitor)) {
            return Ok(SentAgain::NotFound);
        }
        let again = self.0.store.send_again(id, self.0.clock.now()).await?;
        if again == SentAgain::Owed {
            self.0.outbox.wake();
            tracing::info!(message = %id, "message.redelivered {id}");
        }
        Ok(again)
    }
}

/// Receivers learn a message's id, so that knowing it gives nobody a right.
fn is_theirs(message: &Message, visitor: &Visitor) -> bool {
    match visitor {
        Visitor::Operator => true,
        Visitor::Seller(own) => message.owner.as_ref() == Some(own),
        Visitor::Anybody => false,
    }
}

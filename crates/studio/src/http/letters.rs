//! Letters about one job or batch: who may wish for them, and how many go to an address or a number that somebody merely names.

use axum::extract::Request;
use http::{HeaderMap, StatusCode};

use crate::http::error::ApiError;
use crate::http::{App, address, language};
use crate::job::{Owner, Visitor};
use crate::messages::letter::{self, LetterTo};
use crate::messages::message::Channel;
use crate::messages::naming::Naming;
use crate::messages::whatsapp::wish::{self, WhatsappWish};

/// Whose jobs and batches may be told by letter, where letters are sent at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writers {
    Nobody,
    /// The operator, keys, and sellers with an account.
    Known,
    #[default]
    Everybody,
}

/// Messages into one mailbox or to one number within an hour: a drop of photos is a job each.
const A_RECEIVER_MAX: u32 = 30;

/// Messages of one browser, and of all browsers and programs without a key at one address of the network.
const A_HOUSEHOLD_MAX: u32 = 60;

/// Messages of all whom nobody knows.
const ALL_MAX: u32 = 600;

/// Who wishes, read of a request before its body is.
pub(super) struct Wisher {
    visitor: Visitor,
    household: String,
    pub(super) language: &'static str,
}

impl Wisher {
    pub(super) fn of(app: &App, request: &Request) -> Wisher {
        let (headers, proxies) = (request.headers(), &app.config.limits.proxies);
        let client = address::client(address::peer(request.extensions()), headers, proxies);
        Wisher {
            visitor: app.visitor(headers),
            household: address::household(client),
            language: language::of(headers).lang,
        }
    }

    /// Who answers to the operator for what they send.
    fn is_trusted(&self) -> bool {
        match &self.visitor {
            Visitor::Operator => true,
            Visitor::Seller(owner) => owner.is_key(),
            Visitor::Anybody => false,
        }
    }
}

impl App {
    /// Whether a letter may be wished for.
    pub(super) fn offers_letters(&self, headers: &HeaderMap) -> bool {
        self.studio.has_accounts() && may_wish(self.config.writers, &self.visitor(headers))
    }

    /// The letter that is wished for, in the wisher's language.
    pub(super) fn letter(&self, wisher: &Wisher, wanted: Option<LetterTo>) -> Result<Option<LetterTo>, ApiError> {
        let Some(wanted) = wanted else { return Ok(None) };
        if !self.studio.has_accounts() || self.config.writers == Writers::Nobody {
            return Err(no_letters());
        }
        if !may_wish(self.config.writers, &wisher.visitor) {
            return Err(unknown());
        }
        Ok(Some(LetterTo { language: wisher.language.to_owned(), ..wanted }))
    }

    /// Those whom a wish names, to be counted once it is kept.
    pub(super) fn naming(&self, wisher: &Wisher, letter: Option<&LetterTo>, number: Option<&WhatsappWish>) -> Naming {
        let mailbox = letter.map(|to| (Channel::Mail, letter::receiver(&to.address)));
        let number = number.map(|wish| (Channel::Whatsapp, wish::receiver(wish.digits())));
        let named = mailbox.into_iter().chain(number);
        named.fold(Naming::counted_in(&self.named), |naming, (channel, to)| wisher.naming(naming, channel, &to))
    }

    /// One who was named before, and is to be told again.
    pub(super) fn naming_again(&self, wisher: &Wisher, (channel, receiver): &(Channel, String)) -> Naming {
        wisher.naming(Naming::counted_in(&self.named), *channel, receiver)
    }
}

impl Wisher {
    fn naming(&self, naming: Naming, channel: Channel, receiver: &str) -> Naming {
        if self.is_trusted() {
            return naming;
        }
        let seller = self.visitor.owner().map(|owner| (format!("seller {owner}"), A_HOUSEHOLD_MAX));
        let others = [
            (format!("household {}", self.household), A_HOUSEHOLD_MAX),
            (receiver.to_owned(), A_RECEIVER_MAX),
            ("all".to_owned(), ALL_MAX),
        ];
        naming.and(channel, seller.into_iter().chain(others).collect())
    }
}

fn may_wish(writers: Writers, visitor: &Visitor) -> bool {
    match (writers, visitor) {
        (Writers::Nobody, _) => false,
        (Writers::Everybody, _) | (Writers::Known, Visitor::Operator) => true,
        (Writers::Known, Visitor::Seller(owner)) => owner.is_key() || Owner::as_account(owner).is_some(),
        (Writers::Known, Visitor::Anybody) => false,
    }
}

/// What was given is no address.
pub(super) fn unusable() -> ApiError {
    ApiError::unprocessable(
        "notify_email_unusable",
        "The address for a letter is no mail address.",
        "Give one such as asha@shop.example, or leave notifyEmail out.",
    )
}

fn no_letters() -> ApiError {
    ApiError::unprocessable(
        "no_letters",
        "This studio sends no letters about jobs.",
        "Leave notifyEmail out. Whoever runs the studio can set SMTP_URL, MAIL_FROM and NOTIFY_EMAIL.",
    )
}

fn unknown() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "letters_for_accounts",
        "Letters about jobs are for sellers with an account here.",
        "Sign in by a link in a letter, or leave notifyEmail out.",
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::accounts::account::AccountId;
    use crate::hourly::Hourly;
    use crate::messages::naming::Counted;

    #[test]
    fn who_may_wish_is_the_operators_choice() {
        let account = Visitor::Seller(Owner::account(&AccountId::random()));
        let (key, session) = (Visitor::Seller(Owner::key("shop")), Visitor::Seller(Owner::session("a")));
        for (visitor, known) in
            [(Visitor::Operator, true), (account, true), (key, true), (session, false), (Visitor::Anybody, false)]
        {
            let may = [Writers::Nobody, Writers::Known, Writers::Everybody].map(|writers| may_wish(writers, &visitor));
            assert_eq!(may, [false, known, true], "{visitor:?}");
        }
    }

    #[test]
    fn a_mailbox_a_household_and_all_together_have_their_bounds() {
        let wisher = |session: usize, household: &str| Wisher {
            visitor: Visitor::Seller(Owner::session(&session.to_string())),
            household: household.to_owned(),
            language: "en",
        };
        let to = |name: usize| format!("mailbox {name}@shop.example");
        let now = Timestamp::UNIX_EPOCH;
        let passed = |tries: &mut dyn Iterator<Item = (Wisher, String)>| {
            let named = Hourly::default();
            let count = |(wisher, to): &(Wisher, String)| {
                let naming = wisher.naming(Naming::counted_in(&named), Channel::Mail, to);
                naming.count(now).map(Counted::keep).is_ok()
            };
            tries.filter(count).count()
        };
        assert_eq!(passed(&mut (0..99).map(|n| (wisher(n, &n.to_string()), to(7)))), 30, "one mailbox");
        assert_eq!(passed(&mut (0..99).map(|n| (wisher(7, &n.to_string()), to(n)))), 60, "one browser");
        assert_eq!(passed(&mut (0..99).map(|n| (wisher(n, "203.0.113.9"), to(n)))), 60, "one household");
        assert_eq!(passed(&mut (0..999).map(|n| (wisher(n, &n.to_string()), to(n)))), 600, "all");
        let key = |n: usize| (Wisher { visitor: Visitor::Seller(Owner::key("shop")), ..wisher(n, "") }, to(7));
        assert_eq!(passed(&mut (0..99).map(key)), 99, "keys answer for what they send");
    }
}

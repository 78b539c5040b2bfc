//! Letters about one job or batch: who may wish for them, and how many go to an address or a number that somebody merely names.

use axum::extract::Request;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use crate::http::error::ApiError;
use crate::http::hourly::Hourly;
use crate::http::{App, address, language};
use crate::job::{Owner, Visitor};
use crate::messages::letter::{self, LetterTo};

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

    /// The letter that is wished for, counted and in the wisher's language.
    pub(super) fn letter(&self, wisher: &Wisher, wanted: Option<LetterTo>) -> Result<Option<LetterTo>, ApiError> {
        let Some(wanted) = wanted else { return Ok(None) };
        if !self.studio.has_accounts() || self.config.writers == Writers::Nobody {
            return Err(no_letters());
        }
        if !may_wish(self.config.writers, &wisher.visitor) {
            return Err(unknown());
        }
        if !self.may_tell(wisher, &letter::receiver(&wanted.address)) {
            tracing::warn!(address = ?wanted.address, "mail.too_many: a letter about a job was refused");
            return Err(too_many());
        }
        Ok(Some(LetterTo { language: wisher.language.to_owned(), ..wanted }))
    }

    /// Whether one more message may go to a receiver whom this wisher names; counts it.
    pub(super) fn may_tell(&self, wisher: &Wisher, receiver: &str) -> bool {
        wisher.is_trusted() || counted(&self.letters, wisher, receiver, self.config.clock.now())
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

/// The narrower counts first, so that whoever is refused uses up little of what others may have.
fn counted(letters: &Hourly, wisher: &Wisher, receiver: &str, now: Timestamp) -> bool {
    let seller = wisher.visitor.owner().map(|owner| format!("seller {owner}"));
    seller.is_none_or(|seller| letters.may(&seller, A_HOUSEHOLD_MAX, now))
        && letters.may(&format!("household {}", wisher.household), A_HOUSEHOLD_MAX, now)
        && letters.may(receiver, A_RECEIVER_MAX, now)
        && letters.may("all", ALL_MAX, now)
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

fn too_many() -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_letters",
        "Too many letters were asked for within an hour.",
        "Leave notifyEmail out, or try again in an hour. Sellers with an account can wish for all letters there.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::account::AccountId;

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
            let letters = Hourly::default();
            tries.filter(|(wisher, to)| counted(&letters, wisher, to, now)).count()
        };
        assert_eq!(passed(&mut (0..99).map(|n| (wisher(n, &n.to_string()), to(7)))), 30, "one mailbox");
        assert_eq!(passed(&mut (0..99).map(|n| (wisher(7, &n.to_string()), to(n)))), 60, "one browser");
        assert_eq!(passed(&mut (0..99).map(|n| (wisher(n, "203.0.113.9"), to(n)))), 60, "one household");
        assert_eq!(passed(&mut (0..999).map(|n| (wisher(n, &n.to_string()), to(n)))), 600, "all");
    }
}

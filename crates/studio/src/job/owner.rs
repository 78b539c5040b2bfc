//! Whose a job is, and who may have to do with it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::accounts::account::AccountId;

/// Whose a job is: a browser's session, a seller's account or a key's account, as a text that says nothing of either's secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(String);

/// Bytes of the digest that stands for a session.
const DIGEST_BYTES: usize = 16;

const SESSION: &str = "session:";
const ACCOUNT: &str = "account:";

impl Owner {
    /// The seller who sits before a browser; `secret` is what the browser's cookie holds.
    pub fn session(secret: &str) -> Owner {
        let digest = Sha256::digest(secret.as_bytes());
        Owner(format!("{SESSION}{}", hex::encode(&digest[..DIGEST_BYTES])))
    }

    /// A seller with a name.
    pub fn account(id: &AccountId) -> Owner {
        Owner(format!("{ACCOUNT}{}", id.as_str()))
    }

    /// The account that this is.
    pub fn as_account(&self) -> Option<AccountId> {
        self.0.strip_prefix(ACCOUNT).map(|id| AccountId::stored(id.to_owned()))
    }

    /// A browser that has no name.
    pub fn is_session(&self) -> bool {
        self.0.starts_with(SESSION)
    }

    /// A program with a key of the studio's API.
    pub fn key(id: &str) -> Owner {
        Owner(format!("key:{id}"))
    }

    /// Whoever runs the studio.
    pub fn operator() -> Owner {
        Owner("operator".to_owned())
    }

    /// Whether it is a program with a key.
    pub fn is_key(&self) -> bool {
        self.0.starts_with("key:")
    }

    /// One that was stored.
    pub fn stored(text: String) -> Owner {
        Owner(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// Runs the studio: all jobs are open to them.
    Operator,
    Seller(Owner),
    /// Says nothing of themselves.
    Anybody,
}

impl Visitor {
    /// A job that belongs to nobody is open to whoever knows its id, which can't be guessed.
    pub fn may_see(&self, owner: Option<&Owner>) -> bool {
        match (self, owner) {
            (Visitor::Operator, _) | (_, None) => true,
            (Visitor::Seller(own), Some(owner)) => own == owner,
            (Visitor::Anybody, Some(_)) => false,
        }
    }

    /// Whose the jobs are that they make.
    pub fn maker(&self) -> Option<Owner> {
        match self {
            Visitor::Operator => Some(Owner::operator()),
            Visitor::Seller(owner) => Some(owner.clone()),
            Visitor::Anybody => None,
        }
    }

    /// Whose jobs they are shown alone; `None`: all, or none at all.
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Visitor::Seller(owner) => Some(owner),
            Visitor::Operator | Visitor::Anybody => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_open_to_its_owner_and_the_operator() {
        let (own, other) = (Owner::session("a"), Owner::session("b"));
        let seller = Visitor::Seller(own.clone());
        for (visitor, owner, open) in [
            (&Visitor::Operator, Some(&other), true),
            (&Visitor::Operator, None, true),
            (&seller, Some(&own), true),
            (&seller, Some(&other), false),
            (&seller, None, true),
            (&Visitor::Anybody, Some(&own), false),
            (&Visitor::Anybody, None, true),
        ] {
            assert_eq!(visitor.may_see(owner), open, "{visitor:?} {owner:?}");
        }
    }

    #[test]
    fn what_is_kept_of_a_session_does_not_tell_its_cookie() {
        let owner = Owner::session("s3cret");
        assert!(!owner.as_str().contains("s3cret") && owner.as_str().len() == "session:".len() + 2 * DIGEST_BYTES);
        assert_ne!(owner, Owner::session("s3cre"));
        assert_eq!(Owner::stored(owner.to_string()), owner);
    }
}

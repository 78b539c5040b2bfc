//! Why a webhook was refused, for the sender, for the log and for the person who has to repair the cause.

use plantain_wire::id::UserId;
use plantain_wire::rejection::Rejection;

use crate::jwks::KeysUnavailable;

/// A refused webhook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the signature doesn't hold: {0}")]
    Signature(#[from] Rejection),
    /// Authentic, but signed for somebody else: fal signs for all its customers with the same keys.
    #[error("the webhook is for another account")]
    OtherAccount { named: UserId },
    /// The keys can't be had at the moment, or not the newest ones, while no older one fits. The sender should come again.
    #[error("the keys to check with can't be fetched")]
    KeysUnavailable,
}

impl From<KeysUnavailable> for Refusal {
    fn from(_: KeysUnavailable) -> Refusal {
        Refusal::KeysUnavailable
    }
}

/// What the sender can do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing but being somebody else, or having another clock, key or body.
    None,
    /// Send the same later.
    Later,
}

impl Refusal {
    /// A stable word for logs, metrics and JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Signature(rejection) => rejection.code(),
            Refusal::OtherAccount { .. } => "other_account",
            Refusal::KeysUnavailable => "keys_unavailable",
        }
    }

    /// What was wrong and what likely caused it, in full sentences.
    pub fn explain(&self) -> String {
        match self {
            Refusal::Signature(rejection) => rejection.explain(),
            Refusal::OtherAccount { named } => format!(
                "The signature is right, but it was made for the account {named}, which is not ours. Whoever has an account at \
                 the same queue can send such a webhook. If the account is yours, set FAL_USER_ID to it."
            ),
            Refusal::KeysUnavailable => {
                "The queue's public keys can't be fetched at the moment, or come too slowly to be waited for, so the \
                 signature can't be checked. The sender was asked to come again."
                    .to_owned()
            }
        }
    }

    pub fn remedy(&self) -> Remedy {
        match self {
            Refusal::Signature(_) | Refusal::OtherAccount { .. } => Remedy::None,
            Refusal::KeysUnavailable => Remedy::Later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_to_do() {
        let named = UserId::parse("somebody_else").unwrap();
        for (refusal, code, remedy, word) in [
            (Refusal::OtherAccount { named }, "other_account", Remedy::None, "somebody_else"),
            (Refusal::KeysUnavailable, "keys_unavailable", Remedy::Later, "come again"),
            (Refusal::Signature(Rejection::SignatureNotHex), "signature_not_hex", Remedy::None, "hexadecimal"),
        ] {
            assert_eq!((refusal.code(), refusal.remedy()), (code, remedy));
            assert!(refusal.explain().contains(word), "{refusal:?}");
        }
    }
}

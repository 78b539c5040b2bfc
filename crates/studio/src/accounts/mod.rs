//! Sellers with a name: an account is a mailbox that somebody has shown to be theirs by following a link in a letter.
//!
//! [`account`] holds the values, [`store`] says how they are kept, [`asking`] is what pages and API can do, [`posting`] hands
//! the letters in, [`leaving`] clears up after those who left, and [`silence`] heeds mailboxes that want no letters about pictures. Invariants: there are no passwords; a link works once, for a
//! quarter of an hour, and is kept as a digest only; what a browser made before belongs to an account only if that browser
//! both asked for the link and followed it; no answer tells who has an account; a cookie of a closed one is nobody's.

pub mod account;
pub mod asking;
pub(crate) mod known;
pub mod leaving;
pub mod letter;
pub mod posting;
pub mod silence;
pub mod store;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest, Sha256};

use plantain_mail::Mailer;

use crate::accounts::account::LinkId;

/// What letters need: somebody who hands them in, and the key that links are made with.
#[derive(Clone)]
pub struct Post {
    pub mailer: Mailer,
    key: [u8; 32],
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Post({:?})", self.mailer)
    }
}

impl Post {
    /// `secret`: the operator's; with another one, links that are under way lead nowhere.
    pub fn new(mailer: Mailer, secret: &str) -> Post {
        Post { mailer, key: Sha256::digest(format!("plantain sign-in links\n{secret}")).into() }
    }

    /// The word of a link: 32 bytes that nobody can tell from chance without the key. Made anew each time the letter is sent,
    /// so that it needn't be kept.
    pub(crate) fn token(&self, link: &LinkId) -> LinkToken {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key will do").chain_update(link.as_str());
        LinkToken(hex::encode(mac.finalize().into_bytes()))
    }
}

/// The word of a link. Debug output doesn't show it.
pub struct LinkToken(String);

/// Characters of a link's word.
const TOKEN_CHARS: usize = 64;

impl LinkToken {
    /// `None` for what can't be one.
    pub fn parse(text: &str) -> Option<LinkToken> {
        let is = text.len() == TOKEN_CHARS && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is.then(|| LinkToken(text.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkToken(hidden)")
    }
}

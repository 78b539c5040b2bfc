//! Mailboxes that want no letters about pictures: said by a link in each letter without signing in, and kept as digests.
//!
//! Links that sign somebody in are sent all the same, since whoever has the mailbox asks for them; so there is a way back,
//! which is the account's page.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest, Sha256};
use url::Url;

use plantain_mail::address::MailAddress;

use crate::accounts::Post;
use crate::error::StudioError;
use crate::service::Studio;

/// Characters of a mailbox's digest.
const DIGEST_CHARS: usize = 64;

/// A mailbox by its digest, which is the same for every way to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox(String);

impl Mailbox {
    pub fn of(address: &MailAddress) -> Mailbox {
        Mailbox(hex::encode(Sha256::digest(format!("plantain mailbox\n{}", address.key()))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Post {
    /// Where whoever has the mailbox says that they want no more letters. It tells nobody the address, and nobody can make one
    /// without the operator's secret.
    pub(crate) fn stop_url(&self, mailbox: &Mailbox, public: &Url) -> Option<Url> {
        let proof = hex::encode(self.proof(&mailbox.0).finalize().into_bytes());
        public.join(&format!("unsubscribe/{}.{proof}", mailbox.0)).ok()
    }

    /// Whose mailbox the word of such an address stands for; `None` where it is none of ours.
    fn stopped_by(&self, token: &str) -> Option<Mailbox> {
        let (digest, proof) = token.split_once('.')?;
        let proof = hex::decode(proof).ok().filter(|_| digest.len() == DIGEST_CHARS)?;
        self.proof(digest).verify_slice(&proof).ok()?;
        Some(Mailbox(digest.to_owned()))
    }

    fn proof(&self, digest: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key will do");
        mac.chain_update(format!("unsubscribe\n{digest}"))
    }
}

impl Studio {
    /// Whether the word of an address is one of ours. Looking at it changes nothing.
    pub fn can_stop_letters(&self, token: &str) -> bool {
        self.0.config.post.as_ref().is_some_and(|post| post.stopped_by(token).is_some())
    }

    /// From now on its mailbox gets no letters about pictures; twice is once. False where the word is none of ours.
    pub async fn stop_letters(&self, token: &str) -> Result<bool, StudioError> {
        let Some(mailbox) = self.0.config.post.as_ref().and_then(|post| post.stopped_by(token)) else {
            return Ok(false);
        };
        self.0.store.silence(&mailbox, self.0.clock.now()).await?;
        tracing::info!("mail.unsubscribed: a mailbox gets no more letters about pictures");
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use plantain_mail::Mailer;
    use plantain_mail::address::Sender;
    use plantain_mail::server::MailServer;

    use super::*;

    #[test]
    fn a_word_stands_for_one_mailbox_and_can_not_be_made_by_others() {
        let post = |secret| {
            let server = MailServer::parse("smtps://mail.example", None).unwrap();
            Post::new(Mailer::new(server, Sender::parse("photos@studio.example").unwrap()), secret)
        };
        let (own, other) = (post("a secret"), post("another"));
        let [asha, again, ravi] = ["Asha@Shop.example", "asha@shop.EXAMPLE", "ravi@shop.example"]
            .map(|text| Mailbox::of(&MailAddress::parse(text).unwrap()));
        assert!(asha == again && asha != ravi);
        let url = own.stop_url(&asha, &"https://studio.example/".parse().unwrap()).unwrap();
        let token = url.as_str().strip_prefix("https://studio.example/unsubscribe/").unwrap().to_owned();
        assert!(!token.contains("asha") && !token.contains("shop"));
        assert_eq!(own.stopped_by(&token), Some(asha.clone()));
        let proof = token.split_once('.').unwrap().1;
        for wrong in [
            "",
            ".",
            asha.as_str(),
            &format!("{}.{proof}", ravi.as_str()),
            &token[..token.len() - 2],
            &format!(".{proof}"),
        ] {
            assert_eq!(own.stopped_by(wrong), None, "{wrong}");
        }
        assert_eq!(other.stopped_by(&token), None);
    }
}

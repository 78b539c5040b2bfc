//! Upload addresses that authorise themselves: what may be put where, until when, signed.

use std::time::Duration;

use jiff::Timestamp;
use plantain_work::{clock, random};
use serde::Deserialize;
use url::Url;

use crate::refusal::Refusal;
use crate::secret::CdnSecret;

/// Sets these signatures apart from whatever else the secret may sign one day.
const PURPOSE: &[u8] = b"upload";

/// A place for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Unguessable; part of the address under which the file can be read.
    pub(crate) id: String,
    pub(crate) name: String,
    /// As the uploader declares it.
    pub(crate) content_type: String,
    /// Unix seconds.
    pub(crate) expires: i64,
}

/// The query of an upload address.
#[derive(Debug, Deserialize)]
pub(crate) struct TicketQuery {
    #[serde(rename = "type")]
    content_type: String,
    expires: i64,
    signature: String,
}

impl Ticket {
    pub(crate) fn issue(name: String, content_type: String, now: Timestamp, valid: Duration) -> Ticket {
        let expires = clock::after(now, valid).as_second();
        Ticket { id: hex::encode(random::bytes::<16>()), name, content_type, expires }
    }

    fn sign(&self, secret: &CdnSecret) -> String {
        let expires = self.expires.to_be_bytes();
        secret.sign(&self.parts(&expires))
    }

    fn parts<'t>(&'t self, expires: &'t [u8]) -> [&'t [u8]; 5] {
        [PURPOSE, self.id.as_bytes(), self.name.as_bytes(), self.content_type.as_bytes(), expires]
    }

    /// Where the file will be read.
    pub(crate) fn file_url(&self, cdn: &Url) -> Url {
        let mut url = cdn.clone();
        url.set_path(&format!("{}/files/b/{}/{}", cdn.path().trim_end_matches('/'), self.id, self.name));
        url
    }

    /// Where it is put: the same address with the right to do so.
    pub(crate) fn upload_url(&self, cdn: &Url, secret: &CdnSecret) -> Url {
        let mut url = self.file_url(cdn);
        url.query_pairs_mut()
            .append_pair("type", &self.content_type)
            .append_pair("expires", &self.expires.to_string())
            .append_pair("signature", &self.sign(secret));
        url
    }

    /// Believes an address only if it was signed here and is still valid.
    pub(crate) fn read(
        id: String,
        name: String,
        query: TicketQuery,
        secret: &CdnSecret,
        now: Timestamp,
    ) -> Result<Ticket, Refusal> {
        let ticket = Ticket { id, name, content_type: query.content_type, expires: query.expires };
        let expires = ticket.expires.to_be_bytes();
        if !secret.verifies(&ticket.parts(&expires), &query.signature) {
            return Err(Refusal::Ticket);
        }
        if now.as_second() >= ticket.expires {
            return Err(Refusal::TicketExpired);
        }
        Ok(ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn secret() -> CdnSecret {
        CdnSecret::new(&[1; 32])
    }

    fn issued() -> (Ticket, String) {
        let ticket = Ticket::issue("a.png".into(), "image/png".into(), NOW, Duration::from_secs(60));
        let signature = ticket.sign(&secret());
        (ticket, signature)
    }

    fn read(ticket: Ticket, signature: &str, at: i64) -> Result<Ticket, Refusal> {
        let query =
            TicketQuery { content_type: ticket.content_type, expires: ticket.expires, signature: signature.to_owned() };
        Ticket::read(ticket.id, ticket.name, query, &secret(), Timestamp::from_second(at).unwrap())
    }

    #[test]
    fn a_ticket_is_good_until_it_expires() {
        let (ticket, signature) = issued();
        assert_eq!(read(ticket.clone(), &signature, 59).unwrap(), ticket);
        assert!(matches!(read(ticket, &signature, 60), Err(Refusal::TicketExpired)));
    }

    #[test]
    fn a_changed_ticket_is_no_ticket() {
        let (ticket, signature) = issued();
        let changes: [fn(&mut Ticket); 4] = [
            |ticket| ticket.id = "0".repeat(32),
            |ticket| ticket.name = "b.png".into(),
            |ticket| ticket.content_type = "text/html".into(),
            |ticket| ticket.expires += 1,
        ];
        for change in changes {
            let mut changed = ticket.clone();
            change(&mut changed);
            assert!(matches!(read(changed, &signature, 0), Err(Refusal::Ticket)));
        }
        for forged in ["", "00", &"0".repeat(64), &signature.replace(&signature[..1], "x")] {
            assert!(matches!(read(ticket.clone(), forged, 0), Err(Refusal::Ticket)), "{forged}");
        }
    }

    #[test]
    fn the_two_addresses_differ_in_the_query_alone() {
        let (ticket, signature) = issued();
        let cdn = "http://a.test/cdn".parse().unwrap();
        let (file, upload) = (ticket.file_url(&cdn), ticket.upload_url(&cdn, &secret()));
        assert_eq!(file.as_str(), format!("http://a.test/cdn/files/b/{}/a.png", ticket.id));
        assert_eq!(upload.as_str(), format!("{file}?type=image%2Fpng&expires=60&signature={signature}"));
    }
}

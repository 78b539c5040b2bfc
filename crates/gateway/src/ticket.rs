//! Upload addresses that authorise themselves: what may be put where, by whom, until when, signed.

use std::time::Duration;

use jiff::Timestamp;
use plantain_wire::id::UserId;
use plantain_wire::options::Lifecycle;
use plantain_work::clock;
use serde::Deserialize;
use url::Url;

use crate::place::Place;
use crate::refusal::Refusal;
use crate::secret::CdnSecret;

/// Sets these signatures apart from whatever else the secret signs.
const PURPOSE: &[u8] = b"upload";

/// A place for one file, and how long it is held free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) place: Place,
    /// Unix seconds.
    pub(crate) expires: i64,
}

/// The query of an upload address.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TicketQuery {
    #[serde(rename = "type")]
    content_type: String,
    expires: i64,
    owner: String,
    #[serde(default)]
    lifecycle: String,
    signature: String,
}

impl Ticket {
    pub(crate) fn issue(place: Place, now: Timestamp, valid: Duration) -> Ticket {
        Ticket { place, expires: clock::after(now, valid).as_second() }
    }

    fn sign(&self, secret: &CdnSecret) -> String {
        let (expires, lifecycle) = (self.expires.to_be_bytes(), self.lifecycle());
        let place = &self.place;
        secret.sign(&parts(&place.id, &place.name, &place.content_type, &expires, place.owner.as_str(), &lifecycle))
    }

    fn lifecycle(&self) -> String {
        self.place.lifecycle.as_ref().map(Lifecycle::to_json).unwrap_or_default()
    }

    /// Where the file is put: its own address with the right to do so.
    pub(crate) fn upload_url(&self, cdn: &Url, secret: &CdnSecret) -> Url {
        let mut url = self.place.file_url(cdn);
        url.query_pairs_mut()
            .append_pair("type", &self.place.content_type)
            .append_pair("expires", &self.expires.to_string())
            .append_pair("owner", self.place.owner.as_str());
        let lifecycle = self.lifecycle();
        if !lifecycle.is_empty() {
            url.query_pairs_mut().append_pair("lifecycle", &lifecycle);
        }
        url.query_pairs_mut().append_pair("signature", &self.sign(secret));
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
        let TicketQuery { content_type, expires, owner, lifecycle, signature } = query;
        let at = expires.to_be_bytes();
        if !secret.verifies(&parts(&id, &name, &content_type, &at, &owner, &lifecycle), &signature) {
            return Err(Refusal::Ticket);
        }
        if now.as_second() >= expires {
            return Err(Refusal::TicketExpired);
        }
        let owner = UserId::parse(&owner).map_err(|_| Refusal::Ticket)?;
        let lifecycle = Lifecycle::parse(&lifecycle);
        Ok(Ticket { place: Place { id, name, content_type, owner, lifecycle }, expires })
    }
}

fn parts<'t>(
    id: &'t str,
    name: &'t str,
    content_type: &'t str,
    expires: &'t [u8],
    owner: &'t str,
    lifecycle: &'t str,
) -> [&'t [u8]; 7] {
    let [id, name, content_type, owner, lifecycle] = [id, name, content_type, owner, lifecycle].map(str::as_bytes);
    [PURPOSE, id, name, content_type, expires, owner, lifecycle]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const HIDDEN: &str = r#"{"initial_acl":{"default":"hide"}}"#;

    fn secret() -> CdnSecret {
        CdnSecret::new(&[1; 32])
    }

    fn issued(lifecycle: &str) -> Ticket {
        let owner = UserId::parse("user_shop").unwrap();
        let place = Place::new("a.png".into(), "image/png".into(), owner, Lifecycle::parse(lifecycle));
        Ticket::issue(place, NOW, Duration::from_secs(60))
    }

    /// What is read of the address of a ticket that was changed after it was signed.
    fn read(url: &Url, at: i64) -> Result<Ticket, Refusal> {
        let mut segments = url.path_segments().unwrap().rev();
        let (name, id) = (segments.next().unwrap().to_owned(), segments.next().unwrap().to_owned());
        let query = serde_urlencoded(url.query().unwrap_or_default()).ok_or(Refusal::Ticket)?;
        Ticket::read(id, name, query, &secret(), Timestamp::from_second(at).unwrap())
    }

    fn serde_urlencoded(query: &str) -> Option<TicketQuery> {
        let uri: http::Uri = format!("/?{query}").parse().ok()?;
        axum::extract::Query::try_from_uri(&uri).ok().map(|axum::extract::Query(read)| read)
    }

    fn url(ticket: &Ticket) -> Url {
        ticket.upload_url(&"http://a.test/cdn".parse().unwrap(), &secret())
    }

    #[test]
    fn a_ticket_is_good_until_it_expires() {
        for lifecycle in ["", HIDDEN, r#"{"expiration_duration_seconds":null}"#] {
            let ticket = issued(lifecycle);
            // An unsaid expiry and `null` come to the same.
            assert_eq!(read(&url(&ticket), 59).unwrap().place.id, ticket.place.id);
            assert_eq!(
                read(&url(&ticket), 59).unwrap().place.lifecycle.map(|l| l.access),
                ticket.place.lifecycle.clone().map(|l| l.access)
            );
            assert!(matches!(read(&url(&ticket), 60), Err(Refusal::TicketExpired)));
        }
    }

    #[test]
    fn a_changed_ticket_is_no_ticket() {
        let address = url(&issued(HIDDEN)).to_string();
        for (from, to) in [
            ("/a.png", "/b.png"),
            ("type=image%2Fpng", "type=text%2Fhtml"),
            ("expires=60", "expires=61"),
            ("owner=user_shop", "owner=user_rival"),
            ("hide", "allow"),
            ("&lifecycle=", "&lifestyle="),
            ("signature=", "signature=0"),
            ("signature=", "signature=00&x="),
            ("/files/b/", "/files/b/0"),
        ] {
            let changed = address.replacen(from, to, 1);
            assert_ne!(changed, address, "{from}");
            assert!(read(&changed.parse().unwrap(), 0).is_err(), "{changed}");
        }
        assert!(read(&address.parse().unwrap(), 0).is_ok());
    }

    #[test]
    fn the_two_addresses_differ_in_the_query_alone() {
        let ticket = issued("");
        let cdn = "http://a.test/cdn".parse().unwrap();
        let (file, upload) = (ticket.place.file_url(&cdn), ticket.upload_url(&cdn, &secret()));
        assert_eq!(file.as_str(), format!("http://a.test/cdn/files/b/{}/a.png", ticket.place.id));
        let signature = ticket.sign(&secret());
        let query = format!("type=image%2Fpng&expires=60&owner=user_shop&signature={signature}");
        assert_eq!(upload.as_str(), format!("{file}?{query}"));
    }

    proptest::proptest! {
        #[test]
        fn no_query_opens_anything(id in ".{0,40}", name in ".{0,40}", content_type in ".{0,40}", owner in ".{0,40}",
                                   lifecycle in ".{0,40}", signature in "[0-9a-f]{0,64}|.{0,40}", expires: i64) {
            let query = TicketQuery { content_type, expires, owner, lifecycle, signature };
            proptest::prop_assert!(Ticket::read(id, name, query, &secret(), NOW).is_err());
        }
    }
}

//! Addresses that can be written to.

use std::fmt;
use std::str::FromStr;

use lettre::Address;
use lettre::message::Mailbox;

/// Bytes of an address; RFC 5321 allows no more.
pub const ADDRESS_BYTES_MAX: usize = 254;

/// A mail address in ASCII, with its domain in small letters and in the form that is asked of name servers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MailAddress(Address);

/// The text is no address that mail can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no mail address")]
pub struct NoAddress;

impl MailAddress {
    /// As somebody typed it, with spaces around it at most.
    pub fn parse(text: &str) -> Result<MailAddress, NoAddress> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(NoAddress)?;
        let tame = |c: char| c.is_ascii_graphic() && !"\"(),:;<>[]\\".contains(c);
        if text.len() > ADDRESS_BYTES_MAX || !local.chars().all(tame) {
            return Err(NoAddress);
        }
        let Ok(url::Host::Domain(domain)) = url::Host::parse(domain) else { return Err(NoAddress) };
        if !domain.contains('.') && domain != "localhost" {
            return Err(NoAddress);
        }
        Address::new(local, &domain).map(MailAddress).map_err(|_| NoAddress)
    }

    /// The same for every way to write the same mailbox: providers take capitals for small letters.
    pub fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }

    pub(crate) fn inner(&self) -> &Address {
        &self.0
    }
}

impl FromStr for MailAddress {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<MailAddress, NoAddress> {
        MailAddress::parse(text)
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.0.user(), self.0.domain())
    }
}

/// Logs say whose mailbox it is by its domain alone.
impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailAddress(…@{})", self.0.domain())
    }
}

/// Who letters come from: an address, with a name or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: MailAddress,
}

/// Characters of a sender's name.
const NAME_CHARS_MAX: usize = 100;

impl Sender {
    /// `photos@example.com`, or `Photo studio <photos@example.com>`.
    pub fn parse(text: &str) -> Result<Sender, NoAddress> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('<') else {
            return Ok(Sender { name: None, address: MailAddress::parse(text)? });
        };
        let address = MailAddress::parse(rest.strip_suffix('>').ok_or(NoAddress)?)?;
        let name = name.trim().trim_matches('"').trim();
        if name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
            return Err(NoAddress);
        }
        Ok(Sender { name: Some(name.to_owned()).filter(|name| !name.is_empty()), address })
    }

    /// The part of the address after the `@`: it also names letters.
    pub fn domain(&self) -> &str {
        self.address.0.domain()
    }

    pub(crate) fn mailbox(&self) -> Mailbox {
        Mailbox::new(self.name.clone(), self.address.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_an_address_or_is_refused() {
        for (text, meant) in [
            ("asha@example.com", Some("asha@example.com")),
            ("  Asha.K+photos@Shop.Example ", Some("Asha.K+photos@shop.example")),
            ("asha@bücher.example", Some("asha@xn--bcher-kva.example")),
            ("root@localhost", Some("root@localhost")),
            ("asha", None),
            ("@example.com", None),
            ("asha@", None),
            ("asha@example", None),
            ("asha@127.0.0.1", None),
            ("asha@[127.0.0.1]", None),
            ("a b@example.com", None),
            ("a@b@example.com", None),
            ("asha@example.com\r\nBcc: all@example.com", None),
            ("asha@example.com,other@example.com", None),
            ("<asha@example.com>", None),
            ("आशा@example.com", None),
        ] {
            let read = MailAddress::parse(text).ok().map(|address| address.to_string());
            assert_eq!(read.as_deref(), meant, "{text}");
        }
        assert!(MailAddress::parse(&format!("{}@example.com", "a".repeat(300))).is_err());
    }

    #[test]
    fn one_mailbox_has_one_key_and_logs_do_not_tell_it() {
        let key = |text| MailAddress::parse(text).unwrap().key();
        assert_eq!(key("ASHA@Example.COM"), key("asha@example.com"));
        assert_ne!(key("asha@example.com"), key("asha@example.org"));
        assert_eq!(format!("{:?}", MailAddress::parse("asha@example.com").unwrap()), "MailAddress(…@example.com)");
    }

    #[test]
    fn a_sender_may_have_a_name() {
        for (text, domain) in [
            ("photos@example.com", Some("example.com")),
            ("Photo studio <photos@example.com>", Some("example.com")),
            ("\"आशा की दुकान\" <photos@example.com>", Some("example.com")),
            ("Photo studio <photos@example.com", None),
            ("Photo\nstudio <photos@example.com>", None),
            ("Photo studio", None),
        ] {
            assert_eq!(Sender::parse(text).ok().as_ref().map(Sender::domain), domain, "{text}");
        }
    }
}

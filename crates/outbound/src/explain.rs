//! What would happen to a request to an address, and why: the policy's own judgements, laid open for an operator.
//!
//! Nothing is decided here. URLs are judged by [`Policy::judge_url`] and names resolved as for a request, so that what is said
//! is what would be done; only how the address was written is looked at once more, for people who wonder.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::{Host, ParseError, Url};

use crate::address::{Embedding, embedded_v4};
use crate::policy::{Policy, Refusal, Rule};
use crate::resolve::{self, NameUnknown};

/// Longer than any resolver waits for one server, shorter than a person's patience.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most addresses of one name that are shown.
const SHOWN_MAX: usize = 32;

/// The answer to "what would happen?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// As it was understood, without user name and password. `None`: it is no URL.
    pub url: Option<Url>,
    /// What is unusual about how it was written.
    pub notes: Vec<Note>,
    /// Every address that the host stands for at this moment, as far as it was looked up.
    pub addresses: Vec<Judged>,
    pub outcome: Outcome,
}

/// One address and the rule that it falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub ip: IpAddr,
    pub rule: Rule,
    /// The IPv4 address that it carries, by which it is judged.
    pub inside: Option<(Embedding, Ipv4Addr)>,
}

/// What would become of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It would be made, to the allowed ones among the addresses.
    Requested,
    Refused(Refusal),
    /// No URL; with a hint, where there is one.
    Unreadable(ParseError, Option<&'static str>),
    NameUnknown,
    /// The name's servers did not answer in time.
    NameUnanswered,
}

/// Something unusual about how an address was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Decimal, octal, hexadecimal, shortened, percent-encoded, full-width or mapped forms.
    Host {
        written: String,
        means: String,
    },
    /// A name with letters beyond ASCII, which are compared and resolved in another form.
    International {
        written: String,
        ascii: String,
    },
    /// A dot at the end, which changes nothing about what a name means.
    TrailingDot,
    /// Spaces around it, or line breaks and tabs within, which are dropped.
    Trimmed,
    /// Read as slashes, as browsers do.
    Backslashes,
    Credentials,
    /// What stands after `#` is not sent.
    Fragment,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Host { written, means } => write!(f, "the host is written `{written}` and means {means}"),
            Note::International { written, ascii } => write!(f, "the name `{written}` is looked up as {ascii}"),
            Note::TrailingDot => f.write_str("the host ends with a dot, which changes nothing"),
            Note::Trimmed => f.write_str("spaces around it, tabs and line breaks are dropped"),
            Note::Backslashes => f.write_str("backslashes are read as slashes"),
            Note::Credentials => {
                f.write_str("it contains a user name or a password; the host is what follows the last @")
            }
            Note::Fragment => f.write_str("what follows # is not sent"),
        }
    }
}

/// Asks the resolver, and makes no connection.
pub async fn explain(policy: &Policy, text: &str) -> Explanation {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            let outcome = Outcome::Unreadable(error, hint(text, error));
            return Explanation { url: None, notes: Vec::new(), addresses: Vec::new(), outcome };
        }
    };
    let (addresses, outcome) = match policy.judge_url(&url) {
        // A literal is shown with its rule; nothing is looked up for what is refused anyway.
        Err(refusal) => (literal(policy, &url).into_iter().collect(), Outcome::Refused(refusal)),
        Ok(()) => match literal(policy, &url) {
            Some(address) => (vec![address], Outcome::Requested),
            None => resolved(policy, &url).await,
        },
    };
    Explanation { notes: notes(text, &url), url: Some(without_credentials(url)), addresses, outcome }
}

fn literal(policy: &Policy, url: &Url) -> Option<Judged> {
    let ip: IpAddr = match url.host()? {
        Host::Ipv4(ip) => ip.into(),
        Host::Ipv6(ip) => ip.into(),
        Host::Domain(_) => return None,
    };
    let rule = match policy.is_configured(url) {
        true => Rule::Configured,
        false => policy.rule_at(SocketAddr::new(ip, url.port_or_known_default().unwrap_or(0))),
    };
    Some(judged(ip, rule))
}

fn judged(ip: IpAddr, rule: Rule) -> Judged {
    let inside = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => embedded_v4(ip),
    };
    Judged { ip, rule, inside }
}

async fn resolved(policy: &Policy, url: &Url) -> (Vec<Judged>, Outcome) {
    let looking = tokio::net::lookup_host((url.host_str().unwrap_or_default(), 0));
    let found: Vec<SocketAddr> = match tokio::time::timeout(RESOLVE_TIMEOUT, looking).await {
        Ok(Ok(found)) => found.take(SHOWN_MAX).collect(),
        Ok(Err(_)) => return (Vec::new(), Outcome::NameUnknown),
        Err(_) => return (Vec::new(), Outcome::NameUnanswered),
    };
    among(policy, url, &found)
}

/// The judgement over what a name stands for.
fn among(policy: &Policy, url: &Url, found: &[SocketAddr]) -> (Vec<Judged>, Outcome) {
    if policy.is_configured(url) {
        let addresses = found.iter().map(|found| judged(found.ip(), Rule::Configured)).collect();
        return (addresses, Outcome::Requested);
    }
    let addresses = found.iter().map(|found| judged(found.ip(), policy.rule(found.ip()))).collect();
    let outcome = match resolve::allowed(policy, found.iter().copied()) {
        Ok(_) => Outcome::Requested,
        Err(error) => match error.downcast::<Refusal>() {
            Ok(refusal) => Outcome::Refused(*refusal),
            Err(other) => {
                debug_assert!(other.is::<NameUnknown>());
                Outcome::NameUnknown
            }
        },
    };
    (addresses, outcome)
}

fn without_credentials(mut url: Url) -> Url {
    // Fails for URLs that can't have any.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url
}

fn hint(text: &str, error: ParseError) -> Option<&'static str> {
    match error {
        ParseError::RelativeUrlWithoutBase => Some("begin it with https:// or http://"),
        ParseError::InvalidIpv6Address if written_host(text).contains('%') => {
            Some("zone ids name a network card of one machine and are not accepted")
        }
        ParseError::InvalidIpv4Address => Some("a host whose last part is a number has to be an IPv4 address"),
        _ => None,
    }
}

fn notes(text: &str, url: &Url) -> Vec<Note> {
    let written = written_host(text);
    let ascii = url.host_str().unwrap_or_default();
    let mut notes = Vec::new();
    let mut note = |said: bool, note: Note| notes.extend(said.then_some(note));
    note(text != stripped(text), Note::Trimmed);
    note(text.split(['?', '#']).next().is_some_and(|start| start.contains('\\')), Note::Backslashes);
    note(!url.username().is_empty() || url.password().is_some(), Note::Credentials);
    let bare = written.trim_end_matches('.');
    note(bare.len() < written.len(), Note::TrailingDot);
    if !matches!(url.host(), Some(Host::Domain(_))) {
        note(!bare.eq_ignore_ascii_case(ascii), Note::Host { written: written.clone(), means: ascii.to_owned() });
    } else if !written.eq_ignore_ascii_case(ascii) {
        note(true, Note::International { written: written.clone(), ascii: ascii.to_owned() });
    }
    note(url.fragment().is_some(), Note::Fragment);
    notes
}

/// Without what every URL parser drops first.
fn stripped(text: &str) -> String {
    text.trim_matches(|c: char| c <= ' ').replace(['\t', '\n', '\r'], "")
}

/// The host as it was typed, brackets included.
fn written_host(text: &str) -> String {
    let text = stripped(text);
    let after_scheme = text.split_once(':').map_or(text.as_str(), |(_, rest)| rest).trim_start_matches(['/', '\\']);
    let authority = after_scheme.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let host = match place.find(']') {
        Some(end) => &place[..=end],
        None => place.split(':').next().unwrap_or_default(),
    };
    host.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Special;

    fn address(ip: &str, kind: Special) -> Outcome {
        Outcome::Refused(Refusal::Address { ip: ip.parse().unwrap(), kind })
    }

    fn host(written: &str, means: &str) -> Note {
        Note::Host { written: written.to_owned(), means: means.to_owned() }
    }

    #[tokio::test]
    async fn every_trick_is_named_and_judged_as_a_request_would_be() {
        let (loopback, metadata) = (address("127.0.0.1", Special::Loopback), Special::CloudMetadata);
        let refused = Outcome::Refused;
        for (text, notes, outcome) in [
            ("https://1.1.1.1/hook", vec![], Outcome::Requested),
            ("http://127.0.0.1/", vec![], loopback.clone()),
            ("http://2130706433/", vec![host("2130706433", "127.0.0.1")], loopback.clone()),
            ("http://0x7f.1/", vec![host("0x7f.1", "127.0.0.1")], loopback.clone()),
            ("http://0177.0.0.01/", vec![host("0177.0.0.01", "127.0.0.1")], loopback.clone()),
            ("http://%31%32%37.0.0.1/", vec![host("%31%32%37.0.0.1", "127.0.0.1")], loopback.clone()),
            ("http://\u{ff11}27.0.0.1/", vec![host("\u{ff11}27.0.0.1", "127.0.0.1")], loopback.clone()),
            ("http://127.0.0.1./", vec![Note::TrailingDot], loopback.clone()),
            (" http:\\\\127.0.0.1\\x\n", vec![Note::Trimmed, Note::Backslashes], loopback.clone()),
            ("http://0xa9fea9fe/", vec![host("0xa9fea9fe", "169.254.169.254")], address("169.254.169.254", metadata)),
            (
                "http://[::ffff:10.0.0.1]:8080/",
                vec![host("[::ffff:10.0.0.1]", "[::ffff:a00:1]")],
                address("::ffff:10.0.0.1", Special::Private),
            ),
            ("http://[64:ff9b::a00:1]/", vec![], address("64:ff9b::a00:1", Special::Private)),
            ("http://[2002:a9fe:a9fe::]/", vec![], address("2002:a9fe:a9fe::", metadata)),
            ("http://[fe80::1]/", vec![], address("fe80::1", Special::LinkLocal)),
            ("http://a:b@1.1.1.1/", vec![Note::Credentials], refused(Refusal::Credentials)),
            ("http://1.1.1.1:6379/#x", vec![Note::Fragment], refused(Refusal::Port(6379))),
            ("ftp://1.1.1.1/", vec![], refused(Refusal::Scheme)),
        ] {
            let said = explain(&Policy::public(), text).await;
            assert_eq!((&said.notes, &said.outcome), (&notes, &outcome), "{text}");
            let url = Url::parse(text).unwrap();
            assert_eq!(outcome == Outcome::Requested, Policy::public().judge_url(&url).is_ok(), "{text}");
            assert!(!said.url.unwrap().as_str().contains('@'), "passwords are not repeated");
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_explained() {
        for (text, hinted) in
            [("shop.example/hook", "https://"), ("http://[fe80::1%25eth0]/", "zone ids"), ("http://256.0.0.1/", "IPv4")]
        {
            let Outcome::Unreadable(_, Some(hint)) = explain(&Policy::public(), text).await.outcome else {
                panic!("{text}")
            };
            assert!(hint.contains(hinted), "{text}: {hint}");
        }
        assert!(matches!(explain(&Policy::public(), "http://").await.outcome, Outcome::Unreadable(_, None)));
    }

    #[tokio::test]
    async fn a_name_is_shown_with_every_address_and_its_rule() {
        let said = explain(&Policy::public(), "http://localhost:8787/").await;
        assert!(!said.addresses.is_empty());
        assert!(said.addresses.iter().all(|a| a.rule == Rule::Special(Special::Loopback)), "{said:?}");
        assert!(matches!(said.outcome, Outcome::Refused(Refusal::Address { kind: Special::Loopback, .. })));
        let said = explain(&Policy::loopback(), "http://localhost:8787/").await;
        assert!(said.addresses.iter().all(|a| matches!(a.rule, Rule::Network(_))), "{said:?}");
        assert_eq!(said.outcome, Outcome::Requested);
        let configured = Policy::public().and_configured(&"http://localhost:8787".parse().unwrap());
        assert_eq!(explain(&configured, "http://localhost:8787/x").await.outcome, Outcome::Requested);
    }

    #[test]
    fn a_name_with_mixed_addresses_is_requested_at_the_allowed_ones() {
        let url: Url = "https://mixed.test/".parse().unwrap();
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 0);
        let (addresses, outcome) =
            among(&Policy::public(), &url, &[at("10.0.0.1"), at("1.1.1.1"), at("64:ff9b::7f00:1")]);
        let rules: Vec<_> = addresses.iter().map(|address| address.rule).collect();
        assert_eq!(rules, [Rule::Special(Special::Private), Rule::Public, Rule::Special(Special::Loopback)]);
        assert_eq!(addresses[2].inside, Some((Embedding::Nat64, Ipv4Addr::LOCALHOST)));
        assert_eq!(outcome, Outcome::Requested);
        assert!(matches!(among(&Policy::public(), &url, &[at("10.0.0.1")]).1, Outcome::Refused(_)));
        assert_eq!(among(&Policy::public(), &url, &[]).1, Outcome::NameUnknown);
    }

    #[test]
    fn international_names_and_dots_are_noted() {
        let noted = |text: &str| notes(text, &Url::parse(text).unwrap());
        let name = Note::International { written: "bücher.test".into(), ascii: "xn--bcher-kva.test".into() };
        assert_eq!(noted("https://bücher.test/"), [name]);
        assert_eq!(noted("https://Shop.test./"), [Note::TrailingDot]);
        assert_eq!(noted("https://shop.test:8443/a?b=c\\d"), []);
    }
}

//! Which addresses may be reached: pure judgements over an IP address or a URL.
//!
//! A URL is judged before a request is made, an IP address once more when it is about to be connected to. Both are needed:
//! HTTP clients don't ask the resolver about IP literals, and a name means something else a second later.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

use crate::address::{Cidr, Special, special};

/// Ports of text protocols that could be made to execute lines of an HTTP request, and of databases that listen without a
/// password. Browsers refuse most of these too.
const REFUSED_PORTS: [u16; 22] =
    [0, 7, 9, 19, 21, 22, 23, 25, 53, 110, 119, 135, 143, 389, 445, 465, 587, 993, 995, 3306, 6379, 11211];

/// What is allowed beyond the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    allow: Vec<Cidr>,
    own: Vec<SocketAddr>,
    /// Host and port, as a URL writes them.
    configured: Vec<(String, u16)>,
}

/// A judgement about one IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Refused(Special),
}

/// Why an IP address is judged as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Public,
    /// In a network that the configuration allows.
    Network(Cidr),
    /// The other half of this system.
    Own,
    /// A server that the operator configured, by exactly this host and port.
    Configured,
    /// Refused.
    Special(Special),
}

/// Why a request won't be made. Retrying can't help; changing the address or the configuration can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("only http and https addresses are reached")]
    Scheme,
    #[error("an address that contains a user name or password is not reached")]
    Credentials,
    #[error("the address has no host")]
    NoHost,
    #[error("port {0} is not reached")]
    Port(u16),
    #[error("{ip} is a {kind} address, which is not reached unless the configuration allows it")]
    Address { ip: IpAddr, kind: Special },
}

impl Policy {
    /// Only the public internet.
    pub fn public() -> Policy {
        Policy::default()
    }

    /// The public internet and this machine itself: for a laptop on which everything listens on loopback.
    pub fn loopback() -> Policy {
        Policy::allowing([Cidr::new(Ipv4Addr::new(127, 0, 0, 0).into(), 8), Cidr::new(Ipv6Addr::LOCALHOST.into(), 128)])
    }

    /// The public internet and these networks.
    pub fn allowing(networks: impl IntoIterator<Item = Cidr>) -> Policy {
        Policy { allow: networks.into_iter().collect(), own: Vec::new(), configured: Vec::new() }
    }

    /// Lets URLs through that name exactly this address and port, without a name to resolve: the other half of the same
    /// system, which may listen on loopback while nothing else there may be reached.
    pub fn and_own(mut self, server: SocketAddr) -> Policy {
        self.own.push(server);
        self
    }

    /// Lets URLs through that name exactly this URL's host and port, whatever address that is: a server that the operator
    /// configured. Give such a policy only to what reads answers of that server, never to what users give addresses to.
    pub fn and_configured(mut self, server: &Url) -> Policy {
        self.configured.extend(host_and_port(server));
        self
    }

    /// The operator named this very host and port, so that its address needs no judging.
    pub(crate) fn is_configured(&self, url: &Url) -> bool {
        host_and_port(url).is_some_and(|server| self.configured.contains(&server))
    }

    pub(crate) fn has_configured(&self) -> bool {
        !self.configured.is_empty()
    }

    /// May this address be connected to? An address in IPv6 clothes (`::ffff:10.0.0.1`) is the IPv4 address it maps to.
    pub fn judge(&self, ip: IpAddr) -> Verdict {
        match self.rule(ip) {
            Rule::Special(kind) => Verdict::Refused(kind),
            Rule::Public | Rule::Network(_) | Rule::Own | Rule::Configured => Verdict::Allowed,
        }
    }

    /// By which rule [`Policy::judge`] judges an address that a name stands for.
    pub fn rule(&self, ip: IpAddr) -> Rule {
        let ip = ip.to_canonical();
        match self.allow.iter().find(|network| network.contains(ip)) {
            Some(network) => Rule::Network(*network),
            None => special(ip).map_or(Rule::Public, Rule::Special),
        }
    }

    /// The same for an address that a URL names itself.
    pub fn rule_at(&self, named: SocketAddr) -> Rule {
        if self.own.contains(&named) { Rule::Own } else { self.rule(named.ip()) }
    }

    /// May this URL be requested, as far as can be told without resolving its name?
    ///
    /// The `url` crate has already turned decimal, octal, hexadecimal and shortened IPv4 hosts into addresses, as every
    /// browser does, and refuses IPv6 zone ids.
    pub fn judge_url(&self, url: &Url) -> Result<(), Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        if self.is_configured(url) {
            return Ok(());
        }
        if let Some(port) = url.port().filter(|port| REFUSED_PORTS.contains(port)) {
            return Err(Refusal::Port(port));
        }
        let port = url.port_or_known_default().unwrap_or(0);
        let own = |ip: IpAddr| self.rule_at(SocketAddr::new(ip, port)) == Rule::Own;
        match url.host().ok_or(Refusal::NoHost)? {
            Host::Ipv4(ip) if own(ip.into()) => Ok(()),
            Host::Ipv6(ip) if own(ip.into()) => Ok(()),
            Host::Ipv4(ip) => self.require(ip.into()),
            Host::Ipv6(ip) => self.require(ip.into()),
            // A root label (`localhost.`) changes nothing about what the name resolves to.
            Host::Domain(name) if name.trim_matches('.').is_empty() => Err(Refusal::NoHost),
            Host::Domain(_) => Ok(()),
        }
    }

    pub(crate) fn require(&self, ip: IpAddr) -> Result<(), Refusal> {
        match self.judge(ip) {
            Verdict::Allowed => Ok(()),
            Verdict::Refused(kind) => Err(Refusal::Address { ip, kind }),
        }
    }
}

fn host_and_port(url: &Url) -> Option<(String, u16)> {
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn judged(policy: &Policy, url: &str) -> Result<(), Refusal> {
        policy.judge_url(&Url::parse(url).expect(url))
    }

    #[track_caller]
    fn refuses_address(url: &str, kind: Special) {
        match judged(&Policy::public(), url) {
            Err(Refusal::Address { kind: found, .. }) => assert_eq!(found, kind, "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn a_configured_server_is_reached_by_its_exact_host_and_port_alone() {
        let server = |url: &str| Policy::public().and_configured(&Url::parse(url).unwrap());
        let policy = server("http://10.0.0.5:8788/queue");
        assert_eq!(judged(&policy, "http://10.0.0.5:8788/cdn/x"), Ok(()));
        for url in ["http://10.0.0.5/", "http://10.0.0.6:8788/", "http://10.0.0.5:6379/"] {
            assert!(judged(&policy, url).is_err(), "{url}");
        }
        assert_eq!(
            policy.judge("10.0.0.5".parse().unwrap()),
            Verdict::Refused(Special::Private),
            "not by another name"
        );
        assert!(
            judged(&policy, "ftp://10.0.0.5:8788/").is_err() && judged(&policy, "http://a@10.0.0.5:8788/").is_err()
        );
        assert!(
            server("http://queue.internal:8788").is_configured(&Url::parse("http://Queue.Internal:8788/x").unwrap())
        );
        assert!(!server("https://queue.internal").is_configured(&Url::parse("http://queue.internal/").unwrap()));
    }

    #[test]
    fn the_other_half_of_the_system_is_reached_and_no_other_port_beside_it() {
        let policy = Policy::public().and_own("127.0.0.1:8788".parse().unwrap());
        assert_eq!(judged(&policy, "http://127.0.0.1:8788/cdn/x"), Ok(()));
        for url in ["http://127.0.0.1:8787/", "http://127.0.0.1/", "http://127.0.0.2:8788/", "http://[::1]:8788/"] {
            assert!(judged(&policy, url).is_err(), "{url}");
        }
        assert_eq!(policy.judge("127.0.0.1".parse().unwrap()), Verdict::Refused(Special::Loopback), "not by name");
    }

    #[test]
    fn every_way_to_write_an_internal_address_is_seen_through() {
        for url in [
            "http://127.0.0.1/",
            "http://127.0.0.1./",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.000.000.001/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[0:0:0:0:0:ffff:127.0.0.1]:8080/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://0177.1/",
            "http://0x7f000001./",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "http://127\u{3002}0.0.1/",
            "http:\\\\127.0.0.1\\",
        ] {
            refuses_address(url, Special::Loopback);
        }
        refuses_address("http://169.254.169.254/latest/meta-data/", Special::CloudMetadata);
        refuses_address("http://0xa9fea9fe/", Special::CloudMetadata);
        refuses_address("http://0/", Special::Unspecified);
        refuses_address("http://[fd00:ec2::254]/", Special::CloudMetadata);
        refuses_address("https://192.168.1.1/", Special::Private);
    }

    #[test]
    fn only_plain_web_addresses_are_requested() {
        let policy = Policy::public();
        for url in ["ftp://a.test/", "file:///etc/passwd", "gopher://a.test/", "data:text/plain,a", "unix:/a"] {
            assert_eq!(judged(&policy, url), Err(Refusal::Scheme), "{url}");
        }
        for url in ["http://user@a.test/", "http://:secret@a.test/", "http://a.test@127.0.0.1/"] {
            assert_eq!(judged(&policy, url), Err(Refusal::Credentials), "{url}");
        }
        for port in [22, 25, 6379, 11211] {
            assert_eq!(judged(&policy, &format!("http://a.test:{port}/")), Err(Refusal::Port(port)));
        }
        for url in
            ["http://a.test", "https://a.test:8443/x?y#z", "http://a.test:80", "http://localhost./", "http://1.1.1.1/"]
        {
            assert_eq!(judged(&policy, url), Ok(()), "{url}");
        }
        assert_eq!(judged(&policy, "http://./"), Err(Refusal::NoHost));
    }

    #[test]
    fn what_is_no_address_at_all_is_no_url() {
        for text in
            ["http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://", "http://256.0.0.1/", "http://a b/"]
        {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_allowed_network_opens_itself_and_nothing_else() {
        let policy = Policy::loopback();
        for url in ["http://127.0.0.1:8787/", "http://[::1]/", "http://[::ffff:127.0.0.1]/"] {
            assert_eq!(judged(&policy, url), Ok(()), "{url}");
        }
        for url in ["http://10.0.0.1/", "http://169.254.169.254/", "http://0.0.0.0/", "http://[64:ff9b::7f00:1]/"] {
            assert!(judged(&policy, url).is_err(), "{url}");
        }
        let office = Policy::allowing(["10.1.0.0/16".parse().unwrap()]);
        assert_eq!(office.judge("10.1.9.9".parse().unwrap()), Verdict::Allowed);
        assert_eq!(office.judge("10.2.0.1".parse().unwrap()), Verdict::Refused(Special::Private));
        assert_eq!(office.judge("127.0.0.1".parse().unwrap()), Verdict::Refused(Special::Loopback));
    }
}

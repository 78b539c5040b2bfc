//! Whom a request comes from: the peer of its connection, or whom a proxy names that the operator trusts. Pure.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, HeaderName};

use plantain_outbound::address::Cidr;

/// Each proxy appends whom it was asked by.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Bits of an IPv6 address that one household or machine is given; it may take any of the addresses below.
const HOUSEHOLD_BITS: u32 = 64;

/// The address that the connection comes from, where the listener has told it.
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical())
}

/// Whom the request comes from. What a stranger writes into the header is not heeded: it is read from its end, for as long as
/// those who wrote it are trusted.
pub fn client(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Cidr]) -> Option<IpAddr> {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|network| network.contains(*ip));
    let mut client = peer?;
    if !is_trusted(&client) {
        return peer;
    }
    let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    for named in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        // What no proxy writes ends the chain.
        let Some(ip) = address(named.trim()) else { break };
        client = ip;
        if !is_trusted(&ip) {
            break;
        }
    }
    Some(client)
}

/// With a port, as some proxies write it, or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(IpAddr::to_canonical(&ip))
}

/// What stands for everybody who can have this address.
pub fn household(ip: Option<IpAddr>) -> String {
    match ip {
        Some(IpAddr::V6(ip)) => {
            let network = ip.to_bits() >> (Ipv6Addr::BITS - HOUSEHOLD_BITS) << (Ipv6Addr::BITS - HOUSEHOLD_BITS);
            format!("{}/{HOUSEHOLD_BITS}", Ipv6Addr::from_bits(network))
        }
        Some(ip) => ip.to_string(),
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_who_asks() {
        let proxy: Vec<Cidr> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        for (peer, lines, trusted, told) in [
            ("203.0.113.9", &[][..], &proxy[..], "203.0.113.9"),
            ("203.0.113.9", &["1.1.1.1"], &proxy, "203.0.113.9"),
            ("10.0.0.1", &["1.1.1.1"], &[], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1"], &proxy, "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1"], &proxy, "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6", "1.1.1.1, 10.2.3.4"], &proxy, "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, nonsense"], &proxy, "10.0.0.1"),
            ("10.0.0.1", &["6.6.6.6, nonsense, 10.9.9.9"], &proxy, "10.9.9.9"),
            ("10.0.0.1", &[""], &proxy, "10.0.0.1"),
            ("fd00::1", &["[2001:db8::7]:4711"], &proxy, "2001:db8::7"),
            ("10.0.0.1", &["1.1.1.1:8080"], &proxy, "1.1.1.1"),
            ("10.0.0.1", &["::ffff:1.1.1.1"], &proxy, "1.1.1.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            let found = client(Some(peer.parse().unwrap()), &headers, trusted);
            assert_eq!(found, Some(told.parse().unwrap()), "{peer} {lines:?}");
        }
        assert_eq!(client(None, &HeaderMap::new(), &proxy), None);
    }

    #[test]
    fn a_household_is_one_whatever_addresses_it_takes() {
        for (ip, told) in [
            ("203.0.113.9", "203.0.113.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ] {
            assert_eq!(household(Some(ip.parse().unwrap())), told);
        }
        assert_eq!(household(None), "unknown");
    }
}

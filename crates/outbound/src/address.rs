//! Which IP addresses belong to nobody on the public internet, and why.
//!
//! Pure tables from the registries of special-purpose addresses (RFC 6890 and its updates as of 2026). Addresses that carry
//! an IPv4 address inside are judged by what is inside, since a gateway on the way would unpack it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Why an address isn't public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Special {
    /// `0.0.0.0`, `::` and the rest of network 0, which many systems connect to themselves.
    Unspecified,
    Loopback,
    Private,
    /// Shared by a carrier's customers, RFC 6598.
    CarrierNat,
    LinkLocal,
    /// Where clouds hand out machine credentials.
    CloudMetadata,
    UniqueLocal,
    Multicast,
    Broadcast,
    Documentation,
    /// Reserved, for tests between networks, or outside what is routed at all.
    Reserved,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Special::Unspecified => "unspecified",
            Special::Loopback => "loopback",
            Special::Private => "private",
            Special::CarrierNat => "carrier-internal",
            Special::LinkLocal => "link-local",
            Special::CloudMetadata => "cloud metadata",
            Special::UniqueLocal => "unique local",
            Special::Multicast => "multicast",
            Special::Broadcast => "broadcast",
            Special::Documentation => "documentation",
            Special::Reserved => "reserved",
        })
    }
}

/// Metadata services of AWS, Google, Azure, Oracle and others; Azure's wire server, which has a public address; Alibaba's.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200)];

/// The metadata service of AWS over IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// First match wins.
const SPECIAL_V4: [(Ipv4Addr, u8, Special); 17] = [
    (Ipv4Addr::new(255, 255, 255, 255), 32, Special::Broadcast),
    (Ipv4Addr::new(0, 0, 0, 0), 8, Special::Unspecified),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Special::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Special::CarrierNat),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Special::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Special::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Special::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Special::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Special::Documentation),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Special::Reserved),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Special::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Special::Reserved),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Special::Documentation),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Special::Documentation),
    (Ipv4Addr::new(233, 252, 0, 0), 24, Special::Documentation),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Special::Multicast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Special::Reserved),
];

/// First match wins. The last line leaves only 2000::/3, which is all that is routed.
const SPECIAL_V6: [(Ipv6Addr, u8, Special); 14] = [
    (Ipv6Addr::UNSPECIFIED, 128, Special::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, Special::Loopback),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Special::Private),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, Special::Reserved),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Special::UniqueLocal),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Special::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Special::Private),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Special::Multicast),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Special::Documentation),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Special::Documentation),
    // Teredo, benchmarks and other protocol assignments.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Special::Reserved),
    (Ipv6Addr::UNSPECIFIED, 3, Special::Reserved),
    (Ipv6Addr::new(0x4000, 0, 0, 0, 0, 0, 0, 0), 2, Special::Reserved),
    (Ipv6Addr::new(0x8000, 0, 0, 0, 0, 0, 0, 0), 1, Special::Reserved),
];

/// `None` for an address of the public internet.
pub fn special(ip: IpAddr) -> Option<Special> {
    match ip {
        IpAddr::V4(ip) => special_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            // What stands before such an interface id is an address of its own.
            Some((Embedding::Isatap, inside)) => special_v6(ip).or_else(|| special_v4(inside)),
            Some((_, inside)) => special_v4(inside),
            None => special_v6(ip),
        },
    }
}

fn special_v4(ip: Ipv4Addr) -> Option<Special> {
    if METADATA_V4.contains(&ip) {
        return Some(Special::CloudMetadata);
    }
    let found =
        SPECIAL_V4.iter().find(|(network, prefix, _)| Cidr::new((*network).into(), *prefix).contains(ip.into()));
    found.map(|(_, _, kind)| *kind)
}

fn special_v6(ip: Ipv6Addr) -> Option<Special> {
    if ip == METADATA_V6 {
        return Some(Special::CloudMetadata);
    }
    let found =
        SPECIAL_V6.iter().find(|(network, prefix, _)| Cidr::new((*network).into(), *prefix).contains(ip.into()));
    found.map(|(_, _, kind)| *kind)
}

/// How an IPv6 address carries an IPv4 address, which a gateway on the way would unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Embedding {
    Mapped,
    Nat64,
    SixToFour,
    Isatap,
}

impl fmt::Display for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Embedding::Mapped => "IPv4-mapped",
            Embedding::Nat64 => "NAT64",
            Embedding::SixToFour => "6to4",
            Embedding::Isatap => "ISATAP",
        })
    }
}

/// The IPv4 address inside an address, and in which form.
pub fn embedded_v4(ip: Ipv6Addr) -> Option<(Embedding, Ipv4Addr)> {
    let v4 = |form, high: u16, low: u16| Some((form, Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(Embedding::Mapped, high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(Embedding::Nat64, high, low),
        [0x2002, high, low, ..] => v4(Embedding::SixToFour, high, low),
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => v4(Embedding::Isatap, high, low),
        _ => None,
    }
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// The text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is written like 10.0.0.0/8, fd00::/8, or as a single address")]
pub struct CidrError;

impl Cidr {
    /// A prefix longer than the address counts as the whole address.
    pub const fn new(network: IpAddr, prefix: u8) -> Cidr {
        Cidr { network, prefix }
    }

    /// Bits after the prefix are ignored on both sides. An IPv4 network never contains an IPv6 address, nor the reverse.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let bits = 32 - u32::from(self.prefix.min(32));
                (network.to_bits() ^ ip.to_bits()).checked_shr(bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let bits = 128 - u32::from(self.prefix.min(128));
                (network.to_bits() ^ ip.to_bits()).checked_shr(bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Cidr, CidrError> {
        let (address, prefix) = text.trim().split_once('/').map_or((text.trim(), None), |(a, p)| (a, Some(p)));
        let network: IpAddr = address.parse().map_err(|_| CidrError)?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |prefix| prefix.parse().map_err(|_| CidrError))?;
        if prefix > longest { Err(CidrError) } else { Ok(Cidr { network, prefix }) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(kind: Option<Special>, addresses: &[&str]) {
        for text in addresses {
            assert_eq!(special(text.parse().expect(text)), kind, "{text}");
        }
    }

    #[test]
    fn every_special_network_is_known_at_both_its_ends() {
        is(Some(Special::Unspecified), &["0.0.0.0", "0.255.255.255", "::"]);
        is(Some(Special::Loopback), &["127.0.0.1", "127.255.255.255", "::1"]);
        is(
            Some(Special::Private),
            &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1", "fec0::1"],
        );
        is(Some(Special::CarrierNat), &["100.64.0.0", "100.127.255.255"]);
        is(Some(Special::LinkLocal), &["169.254.0.1", "169.254.255.255", "fe80::1", "febf::1"]);
        is(Some(Special::CloudMetadata), &["169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"]);
        is(Some(Special::UniqueLocal), &["fc00::", "fdff:ffff::1"]);
        is(Some(Special::Multicast), &["224.0.0.1", "239.255.255.255", "ff02::1"]);
        is(Some(Special::Broadcast), &["255.255.255.255"]);
        is(Some(Special::Documentation), &["192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "3fff::1"]);
        is(Some(Special::Reserved), &["192.0.0.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "240.0.0.1"]);
        is(
            Some(Special::Reserved),
            &["100::1", "2001::1", "2001:1ff::1", "5f00::1", "4000::1", "8000::1", "::2", "1::1"],
        );
    }

    #[test]
    fn addresses_beside_a_special_network_are_public() {
        is(
            None,
            &["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1"],
        );
        is(None, &["169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.1.1", "192.169.1.1"]);
        is(None, &["198.17.255.255", "198.20.0.0", "223.255.255.255", "34.123.59.101"]);
        is(None, &["2606:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860:4860::8888", "3ffe::1"]);
    }

    #[test]
    fn an_address_inside_another_is_judged_by_what_is_inside() {
        is(Some(Special::Loopback), &["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]);
        is(Some(Special::CloudMetadata), &["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"]);
        is(Some(Special::Private), &["::ffff:10.0.0.1", "2002:c0a8:101::", "64:ff9b:1::a00:1"]);
        is(Some(Special::Loopback), &["2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:127.0.0.1"]);
        is(Some(Special::LinkLocal), &["fe80::5efe:808:808"]);
        is(None, &["2a00:1450::5efe:808:808"]);
        // The deprecated IPv4-compatible form isn't routed at all.
        is(Some(Special::Reserved), &["::127.0.0.1", "::8.8.8.8"]);
        is(None, &["::ffff:1.1.1.1", "64:ff9b::808:808", "2002:808:808::1"]);
    }

    #[test]
    fn networks_are_read_and_contain_what_they_should() {
        let contains = |network: &str, ip: &str| network.parse::<Cidr>().expect(network).contains(ip.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.9.9.9") && !contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("10.1.2.3", "10.1.2.3") && !contains("10.1.2.3", "10.1.2.4"));
        assert!(contains("10.1.2.3/8", "10.200.0.1"));
        assert!(contains("0.0.0.0/0", "255.1.1.1") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "ff::1") && contains("fd00::/8", "fd12::1") && !contains("fd00::/8", "fc00::1"));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "a/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert_eq!(bad.parse::<Cidr>(), Err(CidrError), "{bad:?}");
        }
        assert_eq!("10.0.0.0/8".parse::<Cidr>().unwrap().to_string(), "10.0.0.0/8");
    }
}

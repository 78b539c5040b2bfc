//! Where the two servers listen, how they are reached from outside, and which private addresses they may reach.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use plantain_outbound::address::Cidr;
use plantain_outbound::policy::Policy;
use url::Url;

use super::error::ConfigError;
use super::source::{Sources, Written};

const STUDIO: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8787);
const GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8788);

/// `STUDIO_LISTEN`, `GATEWAY_LISTEN`, `PUBLIC_BASE_URL`, `GATEWAY_PUBLIC_URL`, `WEBHOOK_ALLOW_PRIVATE`.
#[derive(Clone, Debug)]
pub struct Network {
    pub studio_listen: SocketAddr,
    pub gateway_listen: SocketAddr,
    /// `None`: the studio's own address.
    pub public_base_url: Option<Url>,
    /// `None`: each request says how it reached the queue.
    pub gateway_public_url: Option<Url>,
    /// What outgoing requests may reach beyond the public internet.
    pub outbound: Policy,
}

impl Network {
    pub fn parse(sources: &Sources) -> Result<Network, ConfigError> {
        let studio_listen = listen(sources, "STUDIO_LISTEN", STUDIO)?;
        let gateway_listen = listen(sources, "GATEWAY_LISTEN", GATEWAY)?;
        let public = sources.get("PUBLIC_BASE_URL").or_else(|| sources.get("NEXT_PUBLIC_BASE_URL"));
        Ok(Network {
            studio_listen,
            gateway_listen,
            public_base_url: public.map(base_url).transpose()?,
            gateway_public_url: sources.get("GATEWAY_PUBLIC_URL").map(base_url).transpose()?,
            outbound: match sources.get("WEBHOOK_ALLOW_PRIVATE") {
                Some(written) => allow(written)?,
                // A machine that others can reach must not fetch from its own services for them.
                None if studio_listen.ip().is_loopback() && gateway_listen.ip().is_loopback() => Policy::loopback(),
                None => Policy::public(),
            },
        })
    }
}

fn listen(sources: &Sources, name: &'static str, default: SocketAddr) -> Result<SocketAddr, ConfigError> {
    let Some(written) = sources.get(name) else { return Ok(default) };
    let text = written.text.trim().replace("localhost:", "127.0.0.1:");
    let fix = "write an address and a port, for example 127.0.0.1:8787, or 0.0.0.0:8787 for every network";
    text.parse().map_err(|_| written.invalid(format!("`{text}` is not an address with a port"), fix))
}

/// An address that paths are appended to.
pub(super) fn base_url(written: &Written) -> Result<Url, ConfigError> {
    let fix = "write a full address without a query, for example https://studio.example.com";
    let url = Url::parse(written.text.trim()).map_err(|e| written.invalid(e.to_string(), fix))?;
    let usable = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !usable || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(written.invalid(format!("`{url}` can't be the start of other addresses"), fix));
    }
    Ok(url)
}

fn allow(written: &Written) -> Result<Policy, ConfigError> {
    match written.text.trim() {
        "none" => Ok(Policy::public()),
        "loopback" => Ok(Policy::loopback()),
        list => {
            let fix = "write CIDRs with commas between, for example 10.0.0.0/8,fd00::/8, or `loopback` or `none`";
            let networks = list
                .split(',')
                .map(|cidr| cidr.parse().map_err(|e| written.invalid(format!("`{}`: {e}", cidr.trim()), fix)))
                .collect::<Result<Vec<Cidr>, ConfigError>>()?;
            Ok(Policy::allowing(networks))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(pairs: &[(&'static str, &str)]) -> Result<Network, ConfigError> {
        let pairs = pairs.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Network::parse(&Sources::of(pairs).unwrap())
    }

    #[test]
    fn private_addresses_are_open_only_while_nobody_else_can_ask() {
        assert_eq!(network(&[]).unwrap().outbound, Policy::loopback());
        assert_eq!(network(&[("STUDIO_LISTEN", "0.0.0.0:80")]).unwrap().outbound, Policy::public());
        assert_eq!(network(&[("GATEWAY_LISTEN", "[::]:80")]).unwrap().outbound, Policy::public());
        assert_eq!(network(&[("WEBHOOK_ALLOW_PRIVATE", "none")]).unwrap().outbound, Policy::public());
        let ten = Policy::allowing(["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(network(&[("WEBHOOK_ALLOW_PRIVATE", "10.0.0.0/8")]).unwrap().outbound, ten);
    }

    #[test]
    fn the_seeds_name_of_the_public_address_is_an_alias() {
        let url = |pairs| network(pairs).unwrap().public_base_url.map(String::from);
        assert_eq!(url(&[("NEXT_PUBLIC_BASE_URL", "https://b.test")]), Some("https://b.test/".into()));
        let both = [("NEXT_PUBLIC_BASE_URL", "https://b.test"), ("PUBLIC_BASE_URL", "https://a.test/x")];
        assert_eq!(url(&both), Some("https://a.test/x".into()));
    }

    #[test]
    fn a_fault_names_the_setting_and_the_fix() {
        for (name, value, says) in [
            (
                "STUDIO_LISTEN",
                "8787",
                "STUDIO_LISTEN (from the command line): `8787` is not an address with a port; write",
            ),
            ("GATEWAY_LISTEN", "host:1", "GATEWAY_LISTEN"),
            ("PUBLIC_BASE_URL", "studio.example.com", "PUBLIC_BASE_URL"),
            ("PUBLIC_BASE_URL", "ftp://a.test", "can't be the start of other addresses"),
            ("PUBLIC_BASE_URL", "https://a.test/?x=1", "can't be the start of other addresses"),
            ("GATEWAY_PUBLIC_URL", "https://u@a.test/", "GATEWAY_PUBLIC_URL"),
            ("WEBHOOK_ALLOW_PRIVATE", "10.0.0.0/8,lan", "`lan`: a network is written like"),
        ] {
            let said = network(&[(name, value)]).unwrap_err().to_string();
            assert!(said.contains(says), "{name}={value} said: {said}");
        }
    }

    #[test]
    fn localhost_is_understood() {
        let network = network(&[("STUDIO_LISTEN", "localhost:0")]).unwrap();
        assert_eq!(network.studio_listen, "127.0.0.1:0".parse().unwrap());
    }
}

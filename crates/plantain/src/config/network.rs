//! Where the two servers listen, how they are reached from outside, and which private addresses they may reach.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use plantain_gateway::Keyless;
use plantain_outbound::address::Cidr;
use plantain_outbound::policy::Policy;
use url::Url;

use super::error::ConfigError;
use super::source::{Sources, Written};

const STUDIO: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8787);
const GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8788);

/// As unmodified programs would find it on 443, for which most users have no right.
const GATEWAY_TLS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

/// `STUDIO_LISTEN`, `GATEWAY_LISTEN`, `GATEWAY_TLS…`, `GATEWAY_KEYLESS`, `PUBLIC_BASE_URL`, `GATEWAY_PUBLIC_URL`,
/// `WEBHOOK_ALLOW_PRIVATE`.
#[derive(Clone, Debug)]
pub struct Network {
    pub studio_listen: SocketAddr,
    pub gateway_listen: SocketAddr,
    /// `None`: the queue speaks plain HTTP alone.
    pub gateway_tls: Option<Tls>,
    pub keyless: Keyless,
    /// `None`: the studio's own address.
    pub public_base_url: Option<Url>,
    /// `None`: each request says how it reached the queue.
    pub gateway_public_url: Option<Url>,
    /// What outgoing requests may reach beyond the public internet.
    pub outbound: Policy,
}

/// The queue's second listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub listen: SocketAddr,
    pub certificate: Certificate,
}

/// What the TLS listener shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// One for fal's hosts, from an authority of our own that is kept in the data folder.
    Local,
    /// The operator's: files in PEM form.
    Given { chain: PathBuf, key: PathBuf },
}

impl Network {
    pub fn parse(sources: &Sources) -> Result<Network, ConfigError> {
        let studio_listen = listen(sources, "STUDIO_LISTEN", STUDIO)?;
        let gateway_listen = listen(sources, "GATEWAY_LISTEN", GATEWAY)?;
        let gateway_tls = tls(sources)?;
        let gateway_public_url = sources.get("GATEWAY_PUBLIC_URL").map(base_url).transpose()?;
        let public = sources.get("PUBLIC_BASE_URL").or_else(|| sources.get("NEXT_PUBLIC_BASE_URL"));
        Ok(Network {
            studio_listen,
            gateway_listen,
            public_base_url: public.map(base_url).transpose()?,
            keyless: match sources.get("GATEWAY_KEYLESS") {
                Some(written) if yes(written)? => Keyless::Local,
                Some(_) => Keyless::Refused,
                None => {
                    let tls = gateway_tls.as_ref().map(|tls| tls.listen);
                    let listens = [Some(studio_listen), Some(gateway_listen), tls];
                    let local = listens.into_iter().flatten().all(|listen| listen.ip().is_loopback());
                    let closed = sources.get("PLANTAIN_OPEN").is_some_and(|open| matches!(yes(open), Ok(false)));
                    // A public address means that something forwards to here from outside.
                    match local && !closed && gateway_public_url.is_none() {
                        true => Keyless::Local,
                        false => Keyless::Refused,
                    }
                }
            },
            gateway_tls,
            gateway_public_url,
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

/// On where it is asked for: by the flag, or by naming an address or a certificate.
fn tls(sources: &Sources) -> Result<Option<Tls>, ConfigError> {
    let (chain, key) = (sources.get("GATEWAY_TLS_CERT"), sources.get("GATEWAY_TLS_KEY"));
    let certificate = match (chain, key) {
        (None, None) => Certificate::Local,
        (Some(chain), Some(key)) => {
            let path = |written: &Written| PathBuf::from(written.text.trim());
            Certificate::Given { chain: path(chain), key: path(key) }
        }
        (Some(alone), None) | (None, Some(alone)) => {
            let fix = "name both files, GATEWAY_TLS_CERT and GATEWAY_TLS_KEY, or neither";
            return Err(alone.invalid("a certificate and its key belong together", fix));
        }
    };
    let asked = match sources.get("GATEWAY_TLS") {
        Some(written) => yes(written)?,
        None => sources.get("GATEWAY_TLS_LISTEN").is_some() || certificate != Certificate::Local,
    };
    let listen = listen(sources, "GATEWAY_TLS_LISTEN", GATEWAY_TLS)?;
    Ok(asked.then_some(Tls { listen, certificate }))
}

pub(super) fn yes(written: &Written) -> Result<bool, ConfigError> {
    match written.text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        other => Err(written.invalid(format!("`{other}` is neither yes nor no"), "write 1 or 0")),
    }
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
    fn calls_without_a_key_are_for_a_queue_that_only_this_machine_reaches() {
        let keyless = |pairs: &[(&'static str, &str)]| network(pairs).unwrap().keyless;
        assert_eq!(keyless(&[]), Keyless::Local);
        for outside in [
            ("STUDIO_LISTEN", "0.0.0.0:80"),
            ("GATEWAY_LISTEN", "192.168.1.5:80"),
            ("GATEWAY_TLS_LISTEN", "0.0.0.0:443"),
            ("GATEWAY_PUBLIC_URL", "https://queue.example.com"),
            ("PLANTAIN_OPEN", "0"),
            ("GATEWAY_KEYLESS", "0"),
        ] {
            assert_eq!(keyless(&[outside]), Keyless::Refused, "{outside:?}");
        }
        assert_eq!(keyless(&[("GATEWAY_LISTEN", "0.0.0.0:80"), ("GATEWAY_KEYLESS", "1")]), Keyless::Local);
        assert!(network(&[("GATEWAY_KEYLESS", "perhaps")]).is_err());
    }

    #[test]
    fn tls_is_there_where_it_is_asked_for() {
        let tls = |pairs: &[(&'static str, &str)]| network(pairs).unwrap().gateway_tls;
        let local = |listen: &str| Some(Tls { listen: listen.parse().unwrap(), certificate: Certificate::Local });
        assert_eq!(tls(&[]), None);
        assert_eq!(tls(&[("GATEWAY_TLS", "1")]), local("127.0.0.1:8443"));
        assert_eq!(tls(&[("GATEWAY_TLS_LISTEN", "127.0.0.1:443")]), local("127.0.0.1:443"));
        assert_eq!(tls(&[("GATEWAY_TLS", "0"), ("GATEWAY_TLS_LISTEN", "127.0.0.1:443")]), None);
        let given = Certificate::Given { chain: "a.pem".into(), key: "b.pem".into() };
        let files = [("GATEWAY_TLS_CERT", "a.pem"), ("GATEWAY_TLS_KEY", "b.pem")];
        assert_eq!(tls(&files).map(|tls| tls.certificate), Some(given));
        for alone in files {
            let said = network(&[alone]).unwrap_err().to_string();
            assert!(said.contains(alone.0) && said.contains("belong together"), "{said}");
        }
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

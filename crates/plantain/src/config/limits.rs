//! How often others may call the studio, and which proxies say for whom they ask.

use plantain_outbound::address::Cidr;
use plantain_studio::http::limits::Limits;
use url::Host;

use super::error::ConfigError;
use super::network::Network;
use super::source::{Sources, Written};

/// A drop of 24 photos and some second thoughts.
const MAKE: u32 = 60;

/// A page of jobs with all its small pictures, opened every few seconds.
const API: u32 = 1_200;

const PER_MINUTE_MAX: u32 = 1_000_000;

/// `RATE_LIMIT_MAKE`, `RATE_LIMIT_API`, `TRUSTED_PROXIES`.
pub fn parse(sources: &Sources, network: &Network) -> Result<Limits, ConfigError> {
    let reached = is_reached_by_others(network);
    let usual = |number: u32| reached.then_some(number);
    let limit = |name, number| sources.get(name).map(per_minute).unwrap_or_else(|| Ok(usual(number)));
    Ok(Limits {
        make: limit("RATE_LIMIT_MAKE", MAKE)?,
        api: limit("RATE_LIMIT_API", API)?,
        proxies: sources.get("TRUSTED_PROXIES").map(proxies).transpose()?.unwrap_or_default(),
    })
}

/// By its listener, or by a public address that leads to it.
fn is_reached_by_others(network: &Network) -> bool {
    let public = network.public_base_url.as_ref().and_then(|url| url.host()).is_some_and(|host| match host {
        Host::Domain(name) => !name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => !ip.is_loopback(),
        Host::Ipv6(ip) => !ip.is_loopback(),
    });
    public || !network.studio_listen.ip().is_loopback()
}

fn per_minute(written: &Written) -> Result<Option<u32>, ConfigError> {
    let text = written.text.trim();
    if text == "none" {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| (1..=PER_MINUTE_MAX).contains(number));
    let problem = || format!("`{text}` is not a number from 1 to {PER_MINUTE_MAX}");
    number.map(Some).ok_or_else(|| written.invalid(problem(), "write how many calls a minute may hold, or none"))
}

fn proxies(written: &Written) -> Result<Vec<Cidr>, ConfigError> {
    let fix = "write addresses or CIDRs with commas between, for example 127.0.0.1,10.0.0.0/8";
    match written.text.trim() {
        "" | "none" => Ok(Vec::new()),
        list => list
            .split(',')
            .map(|one| one.parse().map_err(|e| written.invalid(format!("`{}`: {e}", one.trim()), fix)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(pairs: &[(&'static str, &str)]) -> Result<Limits, ConfigError> {
        let pairs = pairs.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let sources = Sources::of(pairs).unwrap();
        parse(&sources, &Network::parse(&sources)?)
    }

    #[test]
    fn who_is_alone_on_a_machine_is_not_counted() {
        let (usual, none) = ((Some(MAKE), Some(API)), (None, None));
        for (pairs, told) in [
            (&[][..], none),
            (&[("STUDIO_LISTEN", "0.0.0.0:80")], usual),
            (&[("PUBLIC_BASE_URL", "https://studio.example")], usual),
            (&[("PUBLIC_BASE_URL", "http://localhost:8787")], none),
            (&[("PUBLIC_BASE_URL", "http://[::1]:8787")], none),
            (&[("RATE_LIMIT_MAKE", "7")], (Some(7), None)),
            (&[("STUDIO_LISTEN", "0.0.0.0:80"), ("RATE_LIMIT_API", "none")], (Some(MAKE), None)),
        ] {
            let limits = limits(pairs).unwrap();
            assert_eq!((limits.make, limits.api), told, "{pairs:?}");
        }
        assert_eq!(limits(&[("TRUSTED_PROXIES", "127.0.0.1, fd00::/8")]).unwrap().proxies.len(), 2);
    }

    #[test]
    fn a_slip_is_told_with_its_fix() {
        for (name, value) in [
            ("RATE_LIMIT_MAKE", "0"),
            ("RATE_LIMIT_API", "-1"),
            ("RATE_LIMIT_API", "many"),
            ("TRUSTED_PROXIES", "nginx"),
        ] {
            let said = limits(&[(name, value)]).unwrap_err().to_string();
            assert!(said.contains(name) && said.contains(value) && said.contains("write"), "{said}");
        }
    }
}

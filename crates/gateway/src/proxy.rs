//! The route of `@fal-ai/client`'s `proxyUrl`: one address for all hosts, the wanted one in a header.
//!
//! Nothing is forwarded. The header says which of this gateway's own routes is meant, so a host that isn't fal's is
//! refused and no request leaves. Behind a proxy that client sends no key; a gateway that serves its own machine alone can
//! let such calls in. Invariant: a web page from elsewhere never gets in that way, neither by asking across origins nor by
//! a name of its own that leads to this machine.

use std::net::IpAddr;

use http::header::ORIGIN;
use http::{HeaderMap, Uri};
use plantain_queue::keys::{KeyLimits, Scope};
use plantain_wire::header;
use plantain_wire::id::UserId;
use url::{Host, Url};

use crate::face::{self, Face};
use crate::keys::Account;

/// Where fal's own server-side proxies are mounted by custom.
const ROUTE: &str = "/api/fal/proxy";

/// Whether a proxied call may come without a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keyless {
    #[default]
    Refused,
    /// From programs on this machine and pages that this machine serves.
    Local,
}

/// What a proxied call is after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) face: Face,
    /// Path and query, as they were written.
    pub(crate) uri: Uri,
}

/// Why a proxied call leads nowhere. The codes are those of fal's own proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProxyFault {
    #[error("the header 'x-fal-target-url' is missing: it says which address of fal is meant")]
    Missing,
    #[error("the header 'x-fal-target-url' was sent more than once")]
    Repeated,
    #[error("'x-fal-target-url' must be an absolute address such as https://queue.fal.run/fal-ai/nano-banana")]
    Form,
    #[error("'x-fal-target-url' must name one of fal's hosts, without a user name or another port")]
    Elsewhere,
}

/// The account of calls without a key, which extractors read where the call may be one.
#[derive(Clone, Debug)]
pub(crate) struct Visitor(pub(crate) Account);

impl Visitor {
    /// The account that all of them share. No API key can act for it, so they see nobody's requests but each other's.
    pub(crate) fn local() -> Visitor {
        let user_id = UserId::parse("user_keyless").expect("a constant of letters and an underscore is an id");
        Visitor(Account { user_id, key_id: "keyless".to_owned(), scope: Scope::Api, limits: KeyLimits::default() })
    }
}

/// `None` where the request is not a proxied one.
pub(crate) fn wanted(path: &str, headers: &HeaderMap) -> Result<Option<Wanted>, ProxyFault> {
    let mut named = headers.get_all(header::TARGET_URL).iter();
    let first = named.next();
    let mounted = path.strip_suffix('/').unwrap_or(path) == ROUTE;
    if !mounted && (path != "/" || first.is_none()) {
        return Ok(None);
    }
    let value = first.ok_or(ProxyFault::Missing)?;
    if named.next().is_some() {
        return Err(ProxyFault::Repeated);
    }
    read(value.to_str().map_err(|_| ProxyFault::Form)?).map(Some)
}

fn read(address: &str) -> Result<Wanted, ProxyFault> {
    // URL parsers of browsers take these for slashes; nobody means them.
    if address.contains('\\') {
        return Err(ProxyFault::Form);
    }
    let uri: Uri = address.trim().parse().map_err(|_| ProxyFault::Form)?;
    let port = match uri.scheme_str() {
        Some("https") => 443,
        Some("http") => 80,
        _ => return Err(ProxyFault::Form),
    };
    let authority = uri.authority().ok_or(ProxyFault::Form)?;
    let (host, said) = match authority.as_str().split_once(':') {
        Some((host, said)) => (host, Some(said)),
        None => (authority.as_str(), None),
    };
    if said.is_some_and(|said| said.parse() != Ok(port)) {
        return Err(ProxyFault::Elsewhere);
    }
    let face = face::of_host(host).ok_or(ProxyFault::Elsewhere)?;
    let path = uri.into_parts().path_and_query.ok_or(ProxyFault::Form)?;
    Ok(Wanted { face, uri: Uri::from(path) })
}

/// Whether a call certainly comes from this machine, and from no page but its own.
///
/// `origin` is how the caller reached us. A page of another site that calls here says so in `Origin`; one whose name was
/// made to lead here (DNS rebinding) still has that name in `Host`; what a proxy let in from outside, it says in its headers.
pub(crate) fn is_local(origin: &Url, headers: &HeaderMap) -> bool {
    let mut pages = headers.get_all(ORIGIN).iter();
    is_loopback(origin) && !is_forwarded(headers) && pages.all(|page| page.to_str().is_ok_and(is_local_page))
}

/// Not `*.localhost`, since resolvers don't agree that those names are local.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).to_canonical().is_loopback(),
        None => false,
    }
}

fn is_local_page(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|page| matches!(page.scheme(), "http" | "https") && is_loopback(&page))
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    let known = ["forwarded", "via", "x-real-ip", "cf-connecting-ip"];
    headers.keys().any(|name| name.as_str().starts_with("x-forwarded") || known.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str, addresses: &[&str]) -> Result<Option<Wanted>, ProxyFault> {
        let mut headers = HeaderMap::new();
        for address in addresses {
            headers.append(header::TARGET_URL, address.parse().unwrap());
        }
        wanted(path, &headers)
    }

    #[track_caller]
    fn leads(address: &str, face: Face, uri: &str) {
        let expected = Wanted { face, uri: uri.parse().unwrap() };
        assert_eq!(target("/api/fal/proxy", &[address]), Ok(Some(expected)), "{address}");
    }

    #[test]
    fn a_target_is_one_of_fals_addresses_and_stays_as_written() {
        leads("https://queue.fal.run/fal-ai/x", Face::Queue, "/fal-ai/x");
        leads(
            "https://queue.fal.run/a/b?fal_webhook=https://c.test/?d=1%20",
            Face::Queue,
            "/a/b?fal_webhook=https://c.test/?d=1%20",
        );
        leads("http://QUEUE.falrun.com:80/a/b", Face::Queue, "/a/b");
        leads("https://fal.run:443", Face::Run, "/");
        leads("https://rest.fal.ai./tokens/", Face::Rest, "/tokens/");
        leads("https://v3b.fal.media/files/b/1/a.png", Face::Cdn, "/files/b/1/a.png");
        leads("https://queue.fal.run/a%2fb/../c", Face::Queue, "/a%2fb/../c");
        leads(" https://queue.fal.run/a/b#part ", Face::Queue, "/a/b");
    }

    #[test]
    fn anything_else_leads_nowhere() {
        for (address, fault) in [
            ("", ProxyFault::Form),
            ("/fal-ai/x", ProxyFault::Form),
            ("queue.fal.run", ProxyFault::Form),
            ("queue.fal.run/fal-ai/x", ProxyFault::Form),
            ("ftp://queue.fal.run/a", ProxyFault::Form),
            ("wss://fal.run/a/b/realtime", ProxyFault::Form),
            ("javascript:alert(1)", ProxyFault::Form),
            ("https:\\\\queue.fal.run\\a", ProxyFault::Form),
            ("https://queue.fal.run/a\\b", ProxyFault::Form),
            ("https://queue.fal.run/a b", ProxyFault::Form),
            ("https://queue.fal.run/a, https://queue.fal.run/b", ProxyFault::Form),
            ("https:///a/b", ProxyFault::Form),
            ("https://evil.test/a", ProxyFault::Elsewhere),
            ("https://queue.fal.run.evil.test/a", ProxyFault::Elsewhere),
            ("https://queue.fal.run@evil.test/a", ProxyFault::Elsewhere),
            ("https://user:pw@queue.fal.run/a", ProxyFault::Elsewhere),
            ("https://user@queue.fal.run/a", ProxyFault::Elsewhere),
            ("https://queue.fal.run:8443/a", ProxyFault::Elsewhere),
            ("https://queue.fal.run:80/a", ProxyFault::Elsewhere),
            ("https://queue.fal.run:/a", ProxyFault::Elsewhere),
            ("https://[::1]/a", ProxyFault::Elsewhere),
            ("https://[::1]:443/a", ProxyFault::Elsewhere),
            ("https://127.0.0.1/a", ProxyFault::Elsewhere),
            ("https://queue%2efal.run/a", ProxyFault::Elsewhere),
        ] {
            let found = target("/api/fal/proxy/", &[address]);
            assert!(
                found == Err(fault) || (fault == ProxyFault::Elsewhere && found == Err(ProxyFault::Form)),
                "{address}: {found:?}"
            );
        }
        let once = "https://queue.fal.run/a/b";
        assert_eq!(target("/", &[once, once]), Err(ProxyFault::Repeated));
        assert_eq!(target("/api/fal/proxy", &[]), Err(ProxyFault::Missing));
    }

    #[test]
    fn other_paths_are_no_proxy_whatever_the_header_says() {
        let once = "https://queue.fal.run/a/b";
        assert!(target("/", &[once]).unwrap().is_some());
        for (path, addresses) in
            [("/", &[][..]), ("/fal-ai/x", &[once]), ("/api/fal/proxy/x", &[once]), ("/api/fal", &[])]
        {
            assert_eq!(target(path, addresses), Ok(None), "{path}");
        }
    }

    #[test]
    fn only_this_machine_and_its_own_pages_are_local() {
        let local = |origin: &str, pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            is_local(&origin.parse().unwrap(), &headers)
        };
        for origin in [
            "http://localhost:8788",
            "http://127.0.0.1:8788",
            "https://127.3.2.1",
            "http://[::1]:8788",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(local(origin, &[]), "{origin}");
        }
        for origin in [
            "http://localhost.evil.test",
            "http://evil.test:8788",
            "http://192.168.1.5",
            "http://0.0.0.0:8788",
            "http://a.localhost",
            "https://queue.fal.run",
        ] {
            assert!(!local(origin, &[]), "{origin}");
        }
        let here = "http://127.0.0.1:8788";
        for page in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173"] {
            assert!(local(here, &[("origin", page)]), "{page}");
        }
        for page in
            ["https://evil.test", "null", "", "file://", "http://localhost.evil.test", "chrome-extension://localhost"]
        {
            assert!(!local(here, &[("origin", page)]), "{page}");
        }
        assert!(!local(here, &[("origin", "http://localhost:3000"), ("origin", "https://evil.test")]));
        for name in ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "cf-connecting-ip"] {
            assert!(!local(here, &[(name, "127.0.0.1")]), "{name}");
        }
    }
}

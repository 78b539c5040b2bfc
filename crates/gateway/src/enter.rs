//! The door: says which face a request goes to, what its address means, and where answers lead back to.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use tower::ServiceExt;
use url::Url;

use crate::Proxy;
use crate::address::Address;
use crate::bases::Bases;
use crate::face::{self, Face, Told};
use crate::proxy::{self, Keyless, Visitor};
use crate::refusal::Refusal;
use crate::run;

/// The routes of each face.
#[derive(Clone)]
pub(crate) struct Faces {
    pub(crate) queue: Router,
    pub(crate) run: Router,
    pub(crate) rest: Router,
    pub(crate) cdn: Router,
    pub(crate) site: Router,
    pub(crate) public_url: Option<Url>,
    pub(crate) proxy: Proxy,
    pub(crate) keyless: Keyless,
}

/// Part of a request that came over TLS by way of this process's own listener, which only the listener can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted;

/// All header lines together, in bytes. The longest that are meant have some kilobytes: labels, retry rules, a webhook.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// A host's name in the domain name system has at most 253 bytes; a port and brackets come to it.
const HOST_BYTES_MAX: usize = 253 + 8;

pub(crate) async fn enter(State(faces): State<Faces>, request: Request) -> Response {
    match faces.direct(request) {
        Ok((routes, request)) => routes.oneshot(request).await.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

impl Faces {
    fn direct(self, mut request: Request) -> Result<(Router, Request), Refusal> {
        if header_bytes(request.headers()) > HEADER_BYTES_MAX {
            return Err(Refusal::HeadersTooLarge { limit_bytes: HEADER_BYTES_MAX });
        }
        let origin = origin(&request, self.proxy).ok_or(Refusal::Host)?;
        let arrival = Arrival::of(&request, &origin)?;
        if arrival.proxied && self.keyless == Keyless::Local && proxy::is_local(&origin, request.headers()) {
            request.extensions_mut().insert(Visitor::local());
        }
        let bases = match &self.public_url {
            Some(public) => Bases::under(public),
            None => Bases::of_request(&origin, arrival.face, arrival.told).ok_or(Refusal::Host)?,
        };
        request.extensions_mut().insert(bases);
        let (routes, path) = self.route(&mut request, &arrival)?;
        *request.uri_mut() = with_path(request.uri(), &path, arrival.query.as_deref()).ok_or(Refusal::Host)?;
        Ok((routes, request))
    }

    /// The routes of the face, and the path in which they know what is asked for.
    fn route(self, request: &mut Request, arrival: &Arrival) -> Result<(Router, String), Refusal> {
        let path = arrival.path.as_str();
        // Clients that end every path with a slash follow no redirect.
        let plain = || path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path).to_owned();
        Ok(match arrival.face {
            Face::Queue => {
                let unknown = || Refusal::UnknownPath { path: path.to_owned() };
                let address = Address::parse(path).ok_or_else(unknown)?;
                let path = address.route().to_owned();
                note(request, address);
                (self.queue, path)
            }
            Face::Run => {
                let asked = run::read(&arrival.path)?;
                request.extensions_mut().insert(asked.endpoint.clone());
                request.extensions_mut().insert(asked);
                (self.run, "/run".to_owned())
            }
            Face::Rest => (self.rest, plain()),
            Face::Cdn => (self.cdn, path.to_owned()),
            Face::Site => (self.site, plain()),
        })
    }
}

/// What a request asks for, whichever way it came.
struct Arrival {
    face: Face,
    told: Told,
    path: String,
    query: Option<String>,
    proxied: bool,
}

impl Arrival {
    fn of(request: &Request, origin: &Url) -> Result<Arrival, Refusal> {
        let uri = request.uri();
        if let Some(wanted) = proxy::wanted(uri.path(), request.headers())? {
            let path = wanted.uri.path().to_owned();
            let face = if face::is_site(&path) { Face::Site } else { wanted.face };
            let query = wanted.uri.query().map(str::to_owned);
            // Addresses that are handed out must be reachable without the proxy: uploads go around it.
            return Ok(Arrival { face, told: Told::ByRoot, path, query, proxied: true });
        }
        let target = face::target(&authority(origin), uri.path());
        Ok(Arrival {
            face: target.face,
            told: target.told,
            path: target.path.to_owned(),
            query: uri.query().map(str::to_owned),
            proxied: false,
        })
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn note(request: &mut Request, address: Address) {
    match address {
        Address::Submit(endpoint) => request.extensions_mut().insert(endpoint).map(drop),
        Address::Request { request: asked, .. } => request.extensions_mut().insert(asked).map(drop),
    };
}

/// Scheme and authority under which the caller reached us. HTTP/2 says both, HTTP/1 the authority alone.
fn origin(request: &Request, proxy: Proxy) -> Option<Url> {
    let forwarded = |name| first_of(request.headers(), name).filter(|_| proxy == Proxy::Trusted);
    let encrypted = request.extensions().get::<Encrypted>().map(|_| "https");
    let scheme = forwarded("x-forwarded-proto").or(encrypted).or(request.uri().scheme_str());
    let scheme = if scheme == Some("https") { "https" } else { "http" };
    let named = request.uri().authority().map(|authority| authority.as_str());
    let host = forwarded("x-forwarded-host").or(named).or_else(|| only_host(request.headers()))?;
    // Strict, since URL parsers make a host of almost anything, not always of the one that was written.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if host.len() > HOST_BYTES_MAX || !host.bytes().all(plain) {
        return None;
    }
    let url = Url::parse(&format!("{scheme}://{host}")).ok()?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (plain && url.password().is_none() && url.has_host()).then_some(url)
}

/// Two Host headers are a way to make a proxy and a server disagree.
fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(http::header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

/// Proxies in a row append; the first is what the caller wrote.
fn first_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim)
}

fn authority(origin: &Url) -> String {
    let host = origin.host_str().unwrap_or_default();
    origin.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn with_path(uri: &Uri, path: &str, query: Option<&str>) -> Option<Uri> {
    let text = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[track_caller]
    fn comes_from(uri: &str, headers: &[(&str, &str)], proxy: Proxy, expected: Option<&str>) {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let found = origin(&request.body(Body::empty()).unwrap(), proxy);
        assert_eq!(found.as_ref().map(Url::as_str), expected, "{uri} {headers:?}");
    }

    #[test]
    fn the_origin_is_what_the_caller_sees() {
        comes_from("/a", &[("host", "localhost:8788")], Proxy::None, Some("http://localhost:8788/"));
        comes_from("https://h2.test/a", &[], Proxy::None, Some("https://h2.test/"));
        comes_from("/a", &[("host", "[::1]:8788")], Proxy::None, Some("http://[::1]:8788/"));
        let forwarded = [("host", "inner"), ("x-forwarded-proto", "https, http"), ("x-forwarded-host", "outer.test")];
        comes_from("/a", &forwarded, Proxy::None, Some("http://inner/"));
        comes_from("/a", &forwarded, Proxy::Trusted, Some("https://outer.test/"));
    }

    #[test]
    fn a_host_that_is_more_than_a_host_is_none() {
        comes_from("/a", &[], Proxy::None, None);
        let long = "x".repeat(300);
        for bad in [
            "",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            ":pw@a",
            "a b",
            ":80",
            "a:b",
            "a:99999",
            "[::1",
            "queue%2efal.run",
            "a\\b",
            "*",
            "a,b",
            &long,
        ] {
            comes_from("/a", &[("host", bad)], Proxy::None, None);
        }
        comes_from("/a", &[("host", "a.test"), ("host", "b.test")], Proxy::None, None);
        comes_from("http://user@a.test/a", &[("host", "a.test")], Proxy::None, None);
    }

    #[test]
    fn the_query_stays_as_it_was_written() {
        let uri: Uri = "/x/y?fal_webhook=http://a.test/?b=1&c=%20".parse().unwrap();
        let expected = "/submit?fal_webhook=http://a.test/?b=1&c=%20";
        assert_eq!(with_path(&uri, "/submit", uri.query()).unwrap().to_string(), expected);
    }

    #[test]
    fn what_came_encrypted_is_answered_with_encrypted_addresses() {
        let request = http::Request::builder().uri("/a").header("host", "queue.fal.run").extension(Encrypted);
        let found = origin(&request.body(Body::empty()).unwrap(), Proxy::None).unwrap();
        assert_eq!(found.as_str(), "https://queue.fal.run/");
    }
}

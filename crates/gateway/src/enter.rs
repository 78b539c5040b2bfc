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
use crate::face::{self, Face};
use crate::refusal::Refusal;

/// The routes of each face.
#[derive(Clone)]
pub(crate) struct Faces {
    pub(crate) queue: Router,
    pub(crate) run: Router,
    pub(crate) rest: Router,
    pub(crate) cdn: Router,
    pub(crate) public_url: Option<Url>,
    pub(crate) proxy: Proxy,
}

pub(crate) async fn enter(State(faces): State<Faces>, request: Request) -> Response {
    match faces.direct(request) {
        Ok((routes, request)) => routes.oneshot(request).await.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

impl Faces {
    fn direct(self, mut request: Request) -> Result<(Router, Request), Refusal> {
        let origin = origin(&request, self.proxy).ok_or(Refusal::Host)?;
        let uri = request.uri().clone();
        let target = face::target(&authority(&origin), uri.path());
        let bases = match &self.public_url {
            Some(public) => Bases::under(public),
            None => Bases::of_request(&origin, target.face, target.told).ok_or(Refusal::Host)?,
        };
        request.extensions_mut().insert(bases);
        let (routes, path) = match target.face {
            Face::Queue => {
                let unknown = || Refusal::UnknownPath { path: target.path.to_owned() };
                let address = Address::parse(target.path).ok_or_else(unknown)?;
                let path = address.route();
                note(&mut request, address);
                (self.queue, path)
            }
            Face::Run => (self.run, target.path),
            Face::Rest => (self.rest, target.path),
            Face::Cdn => (self.cdn, target.path),
        };
        *request.uri_mut() = with_path(&uri, path).ok_or(Refusal::Host)?;
        Ok((routes, request))
    }
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
    let scheme = forwarded("x-forwarded-proto").or(request.uri().scheme_str());
    let scheme = if scheme == Some("https") { "https" } else { "http" };
    let named = request.uri().authority().map(|authority| authority.as_str());
    let host = forwarded("x-forwarded-host").or(named).or_else(|| first_of(request.headers(), "host"))?;
    let url = Url::parse(&format!("{scheme}://{host}")).ok()?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    (plain && url.has_host()).then_some(url)
}

/// Proxies in a row append; the first is what the caller wrote.
fn first_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim)
}

fn authority(origin: &Url) -> String {
    let host = origin.host_str().unwrap_or_default();
    origin.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = match uri.query() {
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
        for bad in ["", "a/b", "a?b", "a#b", "user@a", "a b", ":80", "a:b"] {
            comes_from("/a", &[("host", bad)], Proxy::None, None);
        }
    }

    #[test]
    fn the_query_stays_as_it_was_written() {
        let uri: Uri = "/x/y?fal_webhook=http://a.test/?b=1&c=%20".parse().unwrap();
        let expected = "/submit?fal_webhook=http://a.test/?b=1&c=%20";
        assert_eq!(with_path(&uri, "/submit").unwrap().to_string(), expected);
    }
}

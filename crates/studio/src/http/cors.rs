//! Which pages of other sites may call the API: none, unless the operator names them.
//!
//! Invariants: no such page is ever given cookies' rights, so what it may do is what a program without a cookie may; and pages of
//! the studio itself are never read by another.

use std::time::Duration;

use axum::extract::Request;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, COOKIE, ETAG, HeaderName, IF_NONE_MATCH, LOCATION,
    ORIGIN, RETRY_AFTER,
};
use http::{HeaderMap, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::http::{brush, limits, once};

/// The sites whose pages may call the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    #[default]
    Nobody,
    /// As browsers write them: scheme, host and a port that is not the usual one.
    Origins(Vec<String>),
    Anybody,
}

/// How long a browser may remember what it may do: two hours, the most that Chromium honours.
const REMEMBERED: Duration = Duration::from_secs(2 * 60 * 60);

/// What a page may read of answers.
const EXPOSED: [HeaderName; 8] =
    [LOCATION, RETRY_AFTER, ETAG, CONTENT_DISPOSITION, brush::REVISION, once::REPLAYED, limits::LEFT, limits::POLICY];

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

impl Cors {
    /// Whether this request comes from a page that may call the API.
    pub fn admits(&self, path: &str, headers: &HeaderMap) -> bool {
        let origin = headers.get(ORIGIN).map(http::HeaderValue::as_bytes);
        origin.is_some_and(|origin| self.takes(path, origin))
    }

    fn takes(&self, path: &str, origin: &[u8]) -> bool {
        let named = match self {
            Cors::Nobody => false,
            Cors::Origins(known) => known.iter().any(|known| known.as_bytes() == origin),
            Cors::Anybody => true,
        };
        named && path.starts_with("/api/")
    }

    /// Answers preflights and tells browsers what a page may read. `None` where no page may.
    pub fn layer(&self) -> Option<CorsLayer> {
        let cors = self.clone();
        let takes = move |origin: &http::HeaderValue, parts: &http::request::Parts| {
            cors.takes(parts.uri.path(), origin.as_bytes())
        };
        let layer = CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(takes))
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH, LAST_EVENT_ID, once::KEY])
            .expose_headers(EXPOSED)
            .max_age(REMEMBERED);
        (*self != Cors::Nobody).then_some(layer)
    }
}

/// The request as if it had come without cookies.
pub fn without_cookies(mut request: Request) -> Request {
    request.headers_mut().remove(COOKIE);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_sites_call_the_api_and_no_page() {
        let one = Cors::Origins(vec!["https://shop.example".into()]);
        for (cors, path, origin, may) in [
            (&Cors::Nobody, "/api/jobs", "https://shop.example", false),
            (&one, "/api/jobs", "https://shop.example", true),
            (&one, "/api/jobs", "https://shop.example.evil.example", false),
            (&one, "/api/jobs", "http://shop.example", false),
            (&one, "/api/jobs", "null", false),
            (&one, "/", "https://shop.example", false),
            (&one, "/jobs/x", "https://shop.example", false),
            (&Cors::Anybody, "/api/jobs", "https://any.example", true),
            (&Cors::Anybody, "/sign-in", "https://any.example", false),
        ] {
            assert_eq!(cors.takes(path, origin.as_bytes()), may, "{cors:?} {path} {origin}");
        }
    }
}

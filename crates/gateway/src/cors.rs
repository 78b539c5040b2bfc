//! What browsers are told: every page may call, since a key is needed all the same and cookies play no part.
//!
//! The one call that needs no key judges the page itself; see [`crate::proxy`].

use std::time::Duration;

use http::HeaderName;
use plantain_wire::header;
use tower_http::cors::{AllowHeaders, Any, CorsLayer, ExposeHeaders};

/// How long a browser may remember what it may do: two hours, the most that Chromium honours.
const REMEMBERED: Duration = Duration::from_secs(2 * 60 * 60);

/// What programs read of answers, beside what is exposed in [`header::EXPOSED`].
const ALSO_EXPOSED: [HeaderName; 5] = [
    http::header::ETAG,
    http::header::CONTENT_RANGE,
    http::header::CONTENT_LENGTH,
    http::header::RETRY_AFTER,
    HeaderName::from_static(header::SERVED_FROM),
];

/// Answers every preflight itself, whatever the route.
pub(crate) fn layer() -> CorsLayer {
    let exposed = header::EXPOSED.map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        // Mirrored, since the wildcard does not cover Authorization.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(ExposeHeaders::list(exposed.into_iter().chain(ALSO_EXPOSED)))
        .max_age(REMEMBERED)
}

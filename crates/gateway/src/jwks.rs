//! `GET /.well-known/jwks.json`: the keys that webhooks are signed with. Public, so no key is asked for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::Gateway;

/// Five minutes: after a rotation receivers find the new key soon, and nobody asks for it with every webhook.
const CACHED: &str = "public, max-age=300";

pub(crate) async fn jwks(State(gateway): State<Gateway>) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, CACHED)];
    (headers, gateway.engine.keys().jwks(gateway.clock.now())).into_response()
}

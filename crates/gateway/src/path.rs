//! What stands in an address, for handlers that are told it in parts.
//!
//! Routes know where the parts are; here is only what becomes of an address whose parts are no text: it names nothing, and
//! that is said in the form that fal's clients read.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// The parts of the address, decoded. Unlike axum's own, it refuses as every other answer here does.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Path<T>, Refusal> {
        let found = axum::extract::Path::from_request_parts(parts, state).await;
        let unknown = |_| Refusal::UnknownPath { path: parts.uri.path().to_owned() };
        found.map(|axum::extract::Path(named)| Path(named)).map_err(unknown)
    }
}

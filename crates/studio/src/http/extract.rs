//! Path and query as values, with refusals in the shape that all refusals have.

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::error::ApiError;

/// The named segments of the path.
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Segments<T>, ApiError> {
        // The segments are taken as text, so that only bytes that are no text can fail.
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(value)| Segments(value))
            .map_err(|_| ApiError::no_route())
    }
}

/// The query.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Params<T>, ApiError> {
        let read = Query::from_request_parts(parts, state).await;
        read.map(|Query(value)| Params(value)).map_err(|_| {
            ApiError::bad_request(
                "bad_query",
                "The query of the address can't be read.",
                "Give each parameter once, percent-encoded, and numbers as digits.",
            )
        })
    }
}

/// A page begins at no such place.
pub fn bad_cursor() -> ApiError {
    ApiError::unprocessable("bad_cursor", "The cursor is none of ours.", "Give the \"next\" of the page before.")
}

/// How many entries a list shall have, 1 to `most`; `None` where nothing was said.
pub fn limit(text: Option<&str>, most: usize) -> Result<Option<usize>, ApiError> {
    let bad = || {
        let hint = format!("Give a whole number from 1 to {most}.");
        ApiError::unprocessable("bad_limit", "The limit can't be used.", hint)
    };
    text.map(|text| text.parse().ok().filter(|count| (1..=most).contains(count)).ok_or_else(bad)).transpose()
}

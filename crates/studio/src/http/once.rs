//! `Idempotency-Key`: a wish that is sent again is answered with the job that it became.
//!
//! What is durable is the store's part. Here a wish that is still being read is told from one that has become a job, so that
//! of two at once only one is worked on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::http::App;
use crate::http::error::ApiError;
use crate::job::wish::{KEY_CHARS_MAX, WishKey};

/// What a sender names its wish by.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// On answers about a job that an earlier sending made.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The keys of wishes that are under way in this process.
#[derive(Clone, Debug, Default)]
pub struct UnderWay(Arc<Mutex<HashSet<WishKey>>>);

/// Held while a wish is under way.
#[derive(Debug)]
pub struct Turn {
    pub key: WishKey,
    all: UnderWay,
}

impl UnderWay {
    /// `None` where a wish with this key is under way.
    pub fn begin(&self, key: WishKey) -> Option<Turn> {
        let is_first = self.lock().insert(key.clone());
        is_first.then(|| Turn { key, all: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<WishKey>> {
        // Nothing that can fail happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.all.lock().remove(&self.key);
    }
}

impl App {
    /// The turn of a wish that has a key. To be held until its job is durable.
    pub fn turn(&self, headers: &HeaderMap) -> Result<Option<Turn>, ApiError> {
        let mut given = headers.get_all(KEY).iter();
        let Some(word) = given.next() else { return Ok(None) };
        let key = WishKey::parse(&self.visitor(headers), word.as_bytes()).filter(|_| given.next().is_none());
        let turn = self.under_way.begin(key.ok_or_else(unusable)?).ok_or_else(in_progress)?;
        Ok(Some(turn))
    }
}

/// The answer; where an earlier sending made the job, it says so.
pub fn said(is_repeated: bool, mut answer: Response) -> Response {
    if is_repeated {
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    answer
}

fn unusable() -> ApiError {
    ApiError::unprocessable(
        "bad_idempotency_key",
        "The Idempotency-Key can't be used.",
        format!("Give it once, with 1 to {KEY_CHARS_MAX} printable ASCII characters, such as a UUID."),
    )
}

fn in_progress() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "in_progress",
        "A request with this Idempotency-Key is being worked on.",
        "Send the same again in a few seconds to be answered with its job.",
    )
}

//! Answers of the API and events in the asker's language, on their way out.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;

use crate::http::error::ApiError;
use crate::http::language;
use crate::http::webhook;
use crate::http::words::Words;

/// Bytes of an answer beyond which it goes out as it is. A page of 200 jobs with all their reports is a fifth of it.
const BODY_BYTES_MAX: u64 = 16 << 20;

/// What stands under these is described for programs, or was said by others.
const AS_THEY_ARE: [&str; 3] = ["/api/openapi.json", "/api/inbox", webhook::PATH];

/// The value as one line of JSON, in the language; `None` where it can't be written, which no view of ours is.
pub fn json(words: &Words, value: &impl Serialize) -> Option<String> {
    let json = serde_json::to_string(value).ok()?;
    Some(words.told_table().map_or_else(|| json.clone(), |_| told(words, &json)))
}

/// Tells JSON answers in the language that was settled, and says so. Everything but the sentences keeps its bytes.
pub async fn tell(request: Request, next: Next) -> Response {
    let words = language::of(request.headers());
    let path = request.uri().path();
    let (as_it_is, of_a_model) = (AS_THEY_ARE.iter().any(|known| under(path, known)), is_of_a_model(path));
    let mut answer = next.run(request).await;
    // A refusal to hand a model's answer out is ours again.
    let as_it_is = as_it_is || (of_a_model && answer.extensions().get::<ApiError>().is_none());
    let kind = answer.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let (is_json, is_stream) = (kind.starts_with(b"application/json"), kind.starts_with(b"text/event-stream"));
    // What has an edition of its own is the same for everybody.
    if as_it_is || !(is_json || is_stream) || answer.headers().contains_key(ETAG) {
        return answer;
    }
    answer.headers_mut().append(VARY, HeaderValue::from_static("accept-language, cookie"));
    let whole = answer.body().size_hint().upper().is_some_and(|bytes| bytes <= BODY_BYTES_MAX);
    let speaks = words.told_table().is_some() && (is_stream || whole);
    let lang = if speaks { words.lang } else { Words::english().lang };
    answer.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static(lang));
    if !speaks || is_stream {
        return answer;
    }
    in_words(words, answer).await
}

/// A model's answer goes through byte for byte.
fn is_of_a_model(path: &str) -> bool {
    path.strip_prefix("/api/jobs/").is_some_and(|rest| rest.ends_with("/result"))
}

fn under(path: &str, known: &str) -> bool {
    path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn in_words(words: &'static Words, answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX as usize).await else {
        return ApiError::internal().into_response();
    };
    forget_length(&mut parts.headers);
    let body = match std::str::from_utf8(&bytes) {
        Ok(json) => Body::from(told(words, json)),
        Err(_) => Body::from(bytes),
    };
    Response::from_parts(parts, body)
}

/// A sentence has another length in another language; the server counts anew.
fn forget_length(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
}

/// Pictures of one job share most of their sentences, so each is looked up once.
fn told(words: &Words, json: &str) -> String {
    let mut known: std::collections::HashMap<String, Option<String>> = std::collections::HashMap::new();
    super::json::told(json, |said| {
        if let Some(told) = known.get(said) {
            return told.clone();
        }
        let told = Some(words.told(said)).filter(|told| told != said).map(std::borrow::Cow::into_owned);
        known.insert(said.to_owned(), told.clone());
        told
    })
}

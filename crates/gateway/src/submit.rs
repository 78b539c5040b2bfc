//! `POST /{owner}/{app}[/{path}]`, or `GET` with the input in the query: takes a request in.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use plantain_queue::model::{Caller, Idempotency, NewRequest, Priority};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::header;
use plantain_wire::id::RequestId;
use plantain_wire::options::RequestOptions;
use plantain_wire::status::Urls;
use plantain_wire::submit::SubmitReply;
use plantain_work::{clock, random};
use sha2::{Digest, Sha256};
use url::Url;

use crate::account::Admitted;
use crate::bases::Bases;
use crate::keys::Account;
use crate::refusal::Refusal;
use crate::{Gateway, body, query_input, reply, webhook_url};

/// The longest idempotency key, in bytes: room for four UUIDs.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Documented lower bound of a start timeout, in seconds, itself excluded.
const START_TIMEOUT_SECONDS_MIN: f64 = 0.1;

/// What makes a submit beside its input.
pub(crate) struct Wish {
    account: Account,
    endpoint: EndpointId,
    bases: Bases,
    query: Option<String>,
    headers: HeaderMap,
}

impl FromRequestParts<Gateway> for Wish {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Wish, Refusal> {
        let Admitted(account) = Admitted::from_request_parts(parts, gateway).await?;
        // The door notes both with every call that has a submit's address.
        let unknown = || Refusal::UnknownPath { path: parts.uri.path().to_owned() };
        let endpoint = parts.extensions.get::<EndpointId>().cloned().ok_or_else(unknown)?;
        let bases = parts.extensions.get::<Bases>().cloned().ok_or_else(unknown)?;
        let query = parts.uri.query().map(str::to_owned);
        Ok(Wish { account, endpoint, bases, query, headers: parts.headers.clone() })
    }
}

pub(crate) async fn submit(State(gateway): State<Gateway>, wish: Wish, body: Body) -> Result<Response, Refusal> {
    let input = body::json_input(&gateway, wish.account.user_id.as_str(), &wish.headers, body).await?;
    take(&gateway, wish, input).await
}

/// `@fal-ai/client` with `method: "get"` says the input in the query and sends no body.
pub(crate) async fn by_query(State(gateway): State<Gateway>, wish: Wish) -> Result<Response, Refusal> {
    let input = query_input::read(wish.query.as_deref());
    let input = gateway.memory.hold(wish.account.user_id.as_str(), input).await?;
    take(&gateway, wish, input).await
}

async fn take(gateway: &Gateway, wish: Wish, input: Bytes) -> Result<Response, Refusal> {
    let Wish { account, endpoint, bases, query, headers } = wish;
    let webhook = webhook_url::read(query.as_deref())?;
    let now = gateway.clock.now();
    let request = NewRequest {
        id: RequestId::from_uuid(random::id(now)),
        caller: Caller { user_id: account.user_id, key_id: account.key_id },
        priority: priority(&headers),
        start_by: start_by(&headers, now)?,
        idempotency: idempotency(&headers, &endpoint, webhook.as_ref(), &input)?,
        options: options(&headers)?,
        max_queue_length: max_queue_length(query.as_deref())?,
        retry_of: None,
        endpoint: endpoint.clone(),
        input,
        webhook,
        created_at: now,
    };
    let accepted = gateway.engine.submit(request).await;
    let accepted = accepted.map_err(|error| Refusal::of_submit(error, endpoint.app()))?;
    let urls = Urls::new(&bases.queue, &endpoint, &accepted.id);
    let said = SubmitReply::new(accepted.id.clone(), urls, accepted.queue_position).to_json();
    Ok(reply::about(&accepted.id, reply::json(200, said)))
}

/// What the caller asks for in headers; the first of several counts.
pub(crate) fn options(headers: &HeaderMap) -> Result<RequestOptions, Refusal> {
    Ok(RequestOptions::read(|name| headers.get(name)?.to_str().ok())?)
}

/// Read on its own, so that a webhook address pasted as it is doesn't matter. An empty value counts as none.
pub(crate) fn max_queue_length(query: Option<&str>) -> Result<Option<u64>, Refusal> {
    let name = "fal_max_queue_length";
    let pairs = query.unwrap_or_default().split('&');
    let value = pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).find(|value| !value.is_empty());
    let expected = "a whole number, 0 or more";
    value.map(|value| value.parse().map_err(|_| Refusal::Unreadable { name, expected })).transpose()
}

/// The header can only lower the priority; unknown words are ignored, as fal documents.
fn priority(headers: &HeaderMap) -> Priority {
    let low = headers.get(header::QUEUE_PRIORITY).is_some_and(|word| word.as_bytes().eq_ignore_ascii_case(b"low"));
    if low { Priority::Low } else { Priority::Normal }
}

/// The newer name of the header wins where both are there.
pub(crate) fn start_by(headers: &HeaderMap, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let named = |name| headers.get(name).map(|value| (name, value));
    let Some((name, value)) = named(header::REQUEST_START_TIMEOUT).or_else(|| named(header::REQUEST_TIMEOUT)) else {
        return Ok(None);
    };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    let seconds = seconds.filter(|seconds| *seconds > START_TIMEOUT_SECONDS_MIN);
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let expected = "a number of seconds greater than 0.1";
    timeout.map(|timeout| Some(clock::after(now, timeout))).ok_or(Refusal::Unreadable { name, expected })
}

fn idempotency(
    headers: &HeaderMap,
    endpoint: &EndpointId,
    webhook: Option<&Url>,
    input: &Bytes,
) -> Result<Option<Idempotency>, Refusal> {
    let Some(value) = headers.get(header::IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()));
    let expected = "1 to 255 visible ASCII characters";
    let key = key.ok_or(Refusal::Unreadable { name: header::IDEMPOTENCY_KEY, expected })?;
    let fingerprint = fingerprint(endpoint, webhook, input);
    Ok(Some(Idempotency { key: key.to_owned(), fingerprint }))
}

/// What was submitted, as one hash; each part goes in with its length.
fn fingerprint(endpoint: &EndpointId, webhook: Option<&Url>, input: &[u8]) -> [u8; 32] {
    let webhook = webhook.map_or("", Url::as_str);
    let mut hash = Sha256::new();
    for part in [endpoint.as_str().as_bytes(), webhook.as_bytes(), input] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[track_caller]
    fn starts_by(pairs: &[(&'static str, &str)], expected: Option<Option<&str>>) {
        let found = start_by(&headers(pairs), Timestamp::UNIX_EPOCH).ok();
        assert_eq!(found, expected.map(|at| at.map(|at| at.parse().unwrap())), "{pairs:?}");
    }

    #[test]
    fn start_timeouts_are_seconds_under_either_name() {
        let (old, new) = (header::REQUEST_TIMEOUT, header::REQUEST_START_TIMEOUT);
        starts_by(&[], Some(None));
        starts_by(&[(old, "30")], Some(Some("1970-01-01T00:00:30Z")));
        starts_by(&[(old, "30.0")], Some(Some("1970-01-01T00:00:30Z")));
        starts_by(&[(old, "30"), (new, "0.5")], Some(Some("1970-01-01T00:00:00.5Z")));
        for bad in ["", "0", "0.1", "-1", "soon", "NaN", "inf", "1e400"] {
            starts_by(&[(new, bad)], None);
        }
        starts_by(&[(new, "1e15")], Some(Some(&Timestamp::MAX.to_string())));
    }

    #[test]
    fn the_longest_queue_is_found_beside_a_pasted_webhook() {
        for (query, expected) in [
            ("", Ok(None)),
            ("fal_max_queue_length=", Ok(None)),
            ("fal_max_queue_length=0", Ok(Some(0))),
            ("fal_webhook=https://a.test/hook?job=1&fal_max_queue_length=20", Ok(Some(20))),
            ("fal_max_queue_length=7&fal_webhook=https%3A%2F%2Fa.test", Ok(Some(7))),
            ("x_fal_max_queue_length=7", Ok(None)),
            ("fal_max_queue_length=-1", Err(())),
            ("fal_max_queue_length=many", Err(())),
            ("fal_max_queue_length=99999999999999999999", Err(())),
        ] {
            assert_eq!(max_queue_length(Some(query)).map_err(|_| ()), expected, "{query}");
        }
        assert_eq!(max_queue_length(None).map_err(|_| ()), Ok(None));
    }

    #[test]
    fn labels_that_break_the_rules_are_the_callers_to_mend() {
        let asked = options(&headers(&[(header::TAGS, "shop=7"), (header::NO_RETRY, "1")])).unwrap();
        assert_eq!(asked.labels.get("shop"), Some("7"));
        assert!(matches!(options(&headers(&[(header::TAGS, "Shop=7")])), Err(Refusal::Options(_))));
        assert_eq!(options(&HeaderMap::new()).unwrap(), RequestOptions::default());
    }

    #[test]
    fn a_priority_can_only_be_lowered() {
        for (word, expected) in
            [("low", Priority::Low), ("LOW", Priority::Low), ("normal", Priority::Normal), ("high", Priority::Normal)]
        {
            assert_eq!(priority(&headers(&[(header::QUEUE_PRIORITY, word)])), expected, "{word}");
        }
        assert_eq!(priority(&HeaderMap::new()), Priority::Normal);
    }

    #[test]
    fn the_fingerprint_tells_requests_apart() {
        let endpoint = |id: &str| EndpointId::parse(id).unwrap();
        let hook: Url = "http://a.test/".parse().unwrap();
        let prints = [
            fingerprint(&endpoint("a/b"), None, b"{}"),
            fingerprint(&endpoint("a/b/c"), None, b"{}"),
            fingerprint(&endpoint("a/b"), Some(&hook), b"{}"),
            fingerprint(&endpoint("a/b"), None, b"{ }"),
        ];
        for (at, print) in prints.iter().enumerate() {
            assert!(!prints[at + 1..].contains(print), "{at}");
        }
        assert_eq!(prints[0], fingerprint(&endpoint("a/b"), None, b"{}"));
    }

    #[test]
    fn idempotency_keys_are_short_and_visible() {
        let endpoint = EndpointId::parse("a/b").unwrap();
        let read = |key: &str| {
            let headers = headers(&[(header::IDEMPOTENCY_KEY, key)]);
            idempotency(&headers, &endpoint, None, &Bytes::new()).map(|found| found.unwrap().key).ok()
        };
        assert_eq!(read("job-1"), Some("job-1".into()));
        assert_eq!(read(""), None);
        assert_eq!(read(&"x".repeat(256)), None);
        assert!(idempotency(&HeaderMap::new(), &endpoint, None, &Bytes::new()).unwrap().is_none());
    }
}

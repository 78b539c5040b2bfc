//! How often somebody may call: to have pictures made, and at all. Who asks too often is told when to come back.
//!
//! Which counts a call belongs to is decided here, purely; `plantain_work::rate` counts. The operator is not counted, and
//! neither is whoever sits at the studio's own machine. Each process counts by itself.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use plantain_outbound::address::Cidr;
use plantain_work::rate::{Passed, WINDOW};

use crate::http::error::ApiError;
use crate::http::{App, address, webhook};
use crate::job::Visitor;
use crate::job::key::StudioKey;

/// What is left of a quota, and what the quota is, as `draft-ietf-httpapi-ratelimit-headers-10` writes them.
pub const LEFT: HeaderName = HeaderName::from_static("ratelimit");
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// So many times what one seller may all sellers at one address: an office, or a mobile network.
const SELLERS_AT_AN_ADDRESS: u32 = 10;

/// Calls of any kind that a key may send for each that makes something, where it has a number of its own.
const CALLS_A_MAKING: u32 = 20;

/// How often strangers, sellers and keys without a number of their own may call in a minute; `None`: as often as they like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls that make something.
    pub make: Option<u32>,
    /// All calls of the API.
    pub api: Option<u32>,
    /// Proxies that say whom they ask for.
    pub proxies: Vec<Cidr>,
}

/// One count that a call belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Count {
    /// What the headers call it.
    name: &'static str,
    caller: String,
    per_minute: u32,
}

/// Which calls are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Make,
    Api,
}

impl Kind {
    /// The counts that a call goes into, the narrower one first; pages and webhooks go into none.
    fn of(method: &Method, path: &str) -> &'static [Kind] {
        let of_a_job = path.strip_prefix("/api/jobs/").and_then(|rest| rest.split_once('/'));
        let again = matches!(of_a_job, Some((_, "again" | "presets")));
        let makes = again || matches!(path, "/api/generate" | "/api/jobs" | "/api/batches");
        match path.starts_with("/api/") && !webhook::PATHS.contains(&path) {
            true if makes && method == Method::POST => &[Kind::Make, Kind::Api],
            true => &[Kind::Api],
            false => &[],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Make => "make",
            Kind::Api => "api",
        }
    }
}

impl Limits {
    /// A key's own number counts wherever the key is used; everything else where the operator bounds it.
    fn counts(&self, kind: Kind, visitor: &Visitor, key: Option<&StudioKey>, client: Option<IpAddr>) -> Vec<Count> {
        let usual = match kind {
            Kind::Make => self.make,
            Kind::Api => self.api,
        };
        let name = kind.name();
        let count = |caller: String, per_minute| Count { name, caller: format!("{name} {caller}"), per_minute };
        if let Some(key) = key {
            let own = key.per_minute.map(|most| match kind {
                Kind::Make => most,
                Kind::Api => most.saturating_mul(CALLS_A_MAKING).max(usual.unwrap_or_default()),
            });
            return own.or(usual).map(|most| count(key.owner().to_string(), most)).into_iter().collect();
        }
        let Some(usual) = usual else { return Vec::new() };
        let household = || address::household(client);
        match visitor {
            Visitor::Operator => Vec::new(),
            // Whoever throws a session away gets another one, but no other address.
            Visitor::Seller(owner) => vec![
                count(owner.to_string(), usual),
                count(format!("sellers at {}", household()), usual.saturating_mul(SELLERS_AT_AN_ADDRESS)),
            ],
            Visitor::Anybody => vec![count(household(), usual)],
        }
    }
}

/// What a call is told of its counts.
#[derive(Clone, Debug, Default)]
pub struct Told(HeaderMap);

impl App {
    /// Counts a call; refuses it where somebody calls too often.
    pub fn count(&self, request: &Request) -> Result<Told, Box<Response>> {
        let (headers, limits) = (request.headers(), &self.config.limits);
        let kinds = Kind::of(request.method(), request.uri().path());
        let unbounded = limits.make.is_none() && limits.api.is_none();
        let key = self.key(headers);
        if kinds.is_empty() || (unbounded && key.as_ref().is_none_or(|key| key.per_minute.is_none())) {
            return Ok(Told::default());
        }
        let visitor = self.visitor(headers);
        let client = address::client(address::peer(request.extensions()), headers, &limits.proxies);
        let mut passed = Vec::new();
        for kind in kinds {
            for count in limits.counts(*kind, &visitor, key.as_ref(), client) {
                match self.rates.admit(&count.caller, count.per_minute) {
                    Ok(one) => passed.push((count, one)),
                    Err(wait) => return Err(Box::new(refused(&count, wait))),
                }
            }
        }
        Ok(told(&passed))
    }
}

impl Told {
    /// The answer, with what is left.
    pub fn on(self, mut answer: Response) -> Response {
        answer.headers_mut().extend(self.0);
        answer
    }
}

/// Of several counts of one name the tightest.
fn told(passed: &[(Count, Passed)]) -> Told {
    let tightest = |name| {
        let counts = passed.iter().filter(|(count, _)| count.name == name);
        counts.min_by_key(|(_, passed)| passed.left)
    };
    let counts: Vec<_> = [Kind::Make, Kind::Api].into_iter().filter_map(|kind| tightest(kind.name())).collect();
    if counts.is_empty() {
        return Told::default();
    }
    let each = |form: &dyn Fn(&Count, &Passed) -> String| {
        let all: Vec<String> = counts.iter().map(|(count, passed)| form(count, passed)).collect();
        HeaderValue::try_from(all.join(", ")).ok()
    };
    let left = each(&|count, one| format!("\"{}\";r={};t={}", count.name, one.left, seconds(one.whole_in)));
    let policy = each(&|count, _| format!("\"{}\";q={};w={}", count.name, count.per_minute, WINDOW.as_secs()));
    let headers = [(LEFT, left), (POLICY, policy)];
    Told(headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

fn refused(count: &Count, wait: Duration) -> Response {
    let (most, wait) = (count.per_minute, seconds(wait));
    let message = match count.name {
        "make" => format!("Pictures were asked for too often: {most} times a minute is the most."),
        _ => format!("Too many calls: {most} a minute is the most."),
    };
    let unit = if wait == 1 { "second" } else { "seconds" };
    let hint = format!("Send the same again in {wait} {unit}.");
    let mut answer = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message, hint).into_response();
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    let none = Passed { expected: jiff::Timestamp::UNIX_EPOCH, left: 0, whole_in: WINDOW };
    told(&[(count.clone(), none)]).on(answer)
}

/// Rounded up: whoever waits so long has waited long enough.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::job::Owner;
    use crate::job::key::Tier;

    #[test]
    fn what_makes_something_is_counted_twice_and_pages_and_webhooks_never() {
        for (method, path, kinds) in [
            (Method::POST, "/api/generate", &[Kind::Make, Kind::Api][..]),
            (Method::POST, "/api/batches", &[Kind::Make, Kind::Api]),
            (Method::POST, "/api/jobs/1/again", &[Kind::Make, Kind::Api]),
            (Method::POST, "/api/jobs/1/presets", &[Kind::Make, Kind::Api]),
            (Method::GET, "/api/jobs", &[Kind::Api]),
            (Method::GET, "/api/batches", &[Kind::Api]),
            (Method::POST, "/api/jobs/1/use", &[Kind::Api]),
            (Method::POST, webhook::PATH, &[]),
            (Method::GET, "/", &[]),
            (Method::GET, "/assets/1/app.js", &[]),
            (Method::GET, "/healthz", &[]),
        ] {
            assert_eq!(Kind::of(&method, path), kinds, "{method} {path}");
        }
    }

    #[test]
    fn each_is_counted_as_who_they_are() {
        let bounded = Limits { make: Some(6), api: Some(100), proxies: Vec::new() };
        let key = |per_minute| {
            let (key, _) = StudioKey::new("shop", Tier::Paid, None, Timestamp::UNIX_EPOCH);
            StudioKey { id: "1".into(), per_minute, ..key }
        };
        let (plain, own) = (key(None), key(Some(50)));
        let (seller, ip) = (Visitor::Seller(Owner::session("s")), Some("203.0.113.9".parse().unwrap()));
        let session = format!("make {}", Owner::session("s"));
        let keys = Visitor::Seller(Owner::key("1"));
        let none = Limits::default();
        for (limits, kind, visitor, key, told) in [
            (&bounded, Kind::Make, &Visitor::Operator, None, vec![]),
            (&bounded, Kind::Make, &Visitor::Anybody, None, vec![("make 203.0.113.9", 6)]),
            (&bounded, Kind::Make, &seller, None, vec![(session.as_str(), 6), ("make sellers at 203.0.113.9", 60)]),
            (&bounded, Kind::Make, &keys, Some(&plain), vec![("make key:1", 6)]),
            (&bounded, Kind::Make, &keys, Some(&own), vec![("make key:1", 50)]),
            (&bounded, Kind::Api, &keys, Some(&plain), vec![("api key:1", 100)]),
            (&bounded, Kind::Api, &keys, Some(&own), vec![("api key:1", 1_000)]),
            (&none, Kind::Make, &Visitor::Anybody, None, vec![]),
            (&none, Kind::Make, &keys, Some(&plain), vec![]),
            (&none, Kind::Make, &keys, Some(&own), vec![("make key:1", 50)]),
        ] {
            let counts = limits.counts(kind, visitor, key, ip);
            let shown: Vec<_> = counts.iter().map(|count| (count.caller.as_str(), count.per_minute)).collect();
            assert_eq!(shown, told, "{limits:?} {kind:?} {visitor:?} {key:?}");
        }
    }

    #[test]
    fn waiting_is_told_in_whole_seconds_that_suffice() {
        for (millis, told) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            assert_eq!(seconds(Duration::from_millis(millis)), told);
        }
    }
}

//! A message as a webhook: its JSON, its headers, and one post.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use plantain_outbound::Bounds;
use plantain_outbound::schedule::attempt_timeout;
use plantain_wire::{header, hmac, standard};

use crate::bulk::batch::{BatchId, Counts};
use crate::job::{JobError, JobId};
use crate::link::LinkKey;
use crate::messages::facts::{Facts, Pictured};
use crate::messages::hook::{HookId, HookSecret};
use crate::messages::message::{Event, Message, MessageId};
use crate::messages::sending::Sent;
use crate::money;
use crate::service::Inner;

/// The plain form: `sha256=` and the HMAC of the body in hexadecimal digits.
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-studio-signature");

/// How long links to pictures are good, in seconds: longer than any message is tried and any workflow waits.
const LINKS_LAST: i64 = 7 * 24 * 60 * 60;

/// What a receiver gets.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookBody {
    r#type: Event,
    /// The same on each attempt; `webhook-id` says it too.
    id: MessageId,
    created_at: Timestamp,
    job_id: Option<JobId>,
    batch_id: Option<BatchId>,
    status: String,
    preset: Option<String>,
    sku: Option<String>,
    /// The photo's, or the archive's.
    file_name: Option<String>,
    pictures: Vec<HookPicture>,
    /// The picture that the seller uses, from 1.
    chosen: Option<usize>,
    /// US cents.
    cost_cents: f64,
    error: Option<JobError>,
    /// Of a batch's photos.
    counts: Option<Counts>,
    links: Links,
}

/// One finished picture.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct HookPicture {
    /// From 1.
    n: usize,
    /// Whole, and good for seven days without any header.
    url: String,
    file_name: String,
    content_type: String,
    width: u32,
    height: u32,
    bytes: u64,
    checks: Checks,
}

/// How many of the marketplace's rules were met, of those that can be measured.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Checks {
    /// None was broken.
    passed: bool,
    met: usize,
    total: usize,
}

/// Whole addresses.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Links {
    /// A page for people.
    pub(super) page: Option<String>,
    /// All pictures.
    pub(super) zip: Option<String>,
}

/// The JSON of a message; the same each time.
pub(super) fn body(message: &Message, facts: &Facts, public: &Url, links: &LinkKey) -> Bytes {
    let at = Addresses { facts, public, token: token(message, facts, links) };
    let body = HookBody {
        r#type: message.event,
        id: message.id.clone(),
        created_at: message.created_at,
        job_id: facts.job.clone(),
        batch_id: facts.batch.clone(),
        status: facts.status.clone(),
        preset: facts.preset.clone(),
        sku: facts.sku.clone(),
        file_name: facts.file_name.clone(),
        pictures: (1..).zip(&facts.pictures).map(|(n, picture)| at.picture(n, picture)).collect(),
        chosen: facts.chosen,
        cost_cents: money::cents(facts.cost_micro_usd),
        error: facts.error.clone(),
        counts: facts.counts,
        links: at.links(),
    };
    serde_json::to_vec(&body).expect("the body has only text keys and finite numbers").into()
}

pub(super) fn token(message: &Message, facts: &Facts, links: &LinkKey) -> Option<String> {
    let job = facts.job.as_ref().filter(|_| facts.is_private)?;
    Some(links.token(job, message.created_at.as_second() + LINKS_LAST))
}

pub(super) struct Addresses<'a> {
    pub facts: &'a Facts,
    pub public: &'a Url,
    pub token: Option<String>,
}

impl Addresses<'_> {
    fn whole(&self, path: &str) -> String {
        let path = path.trim_start_matches('/');
        self.public.join(path).map_or_else(|_| path.to_owned(), String::from)
    }

    /// What whoever carries the address may look at.
    fn open(&self, path: &str) -> String {
        let whole = self.whole(path);
        self.token.as_ref().map_or(whole.clone(), |token| format!("{whole}?link={token}"))
    }

    fn picture(&self, n: usize, picture: &Pictured) -> HookPicture {
        HookPicture {
            n,
            url: self.open(&picture.path),
            file_name: picture.file_name.clone(),
            content_type: picture.content_type.clone(),
            width: picture.width,
            height: picture.height,
            bytes: picture.bytes,
            checks: Checks { passed: picture.passed, met: picture.rules_met, total: picture.rules },
        }
    }

    pub fn links(&self) -> Links {
        let job = self.facts.job.as_ref();
        let page = job.map(|job| match &self.token {
            Some(token) => self.whole(&format!("share/{job}/{token}")),
            None => self.whole(&format!("jobs/{job}")),
        });
        let zip = job.filter(|_| !self.facts.pictures.is_empty()).map(|job| self.open(&format!("api/jobs/{job}/zip")));
        let of_batch = self.facts.batch.as_ref().map(|batch| self.whole(&format!("api/batches/{batch}/zip")));
        Links { page, zip: zip.or(of_batch) }
    }
}

/// What one attempt carries. Without a secret it names itself and proves nothing.
pub(super) fn headers(id: &MessageId, secret: Option<&HookSecret>, body: &[u8], now: Timestamp) -> HeaderMap {
    let seconds = now.as_second();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut add = |name: HeaderName, value: String| {
        // Ids, numbers and digests are visible ASCII.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    add(HeaderName::from_static(header::STANDARD_ID), id.to_string());
    add(HeaderName::from_static(header::STANDARD_TIMESTAMP), seconds.to_string());
    if let Some(secret) = secret {
        let signature = standard::sign(&secret.standard_key(), id.as_str(), seconds, body);
        add(HeaderName::from_static(header::STANDARD_SIGNATURE), signature);
        add(SIGNATURE, format!("sha256={}", hmac::sign(secret.reveal().as_bytes(), body)));
    }
    headers
}

impl Inner {
    pub(super) async fn post(&self, message: &Message) -> Sent {
        let Ok(url) = Url::parse(&message.target) else { return Sent::never("Its address can't be read.") };
        let Some(facts) = Facts::of_body(&message.body) else { return Sent::never("What it says can't be read.") };
        let outgoing = &self.messages;
        let operator = outgoing.operator.as_ref().filter(|_| message.hook == Some(HookId::settings()));
        let (outbound, secret) = match operator {
            Some(operator) => (&operator.outbound, operator.secret.as_ref()),
            None => (&outgoing.outbound, message.secret.as_ref()),
        };
        let body = body(message, &facts, &self.config.public_url, &outgoing.links);
        let headers = headers(&message.id, secret, &body, self.clock.now());
        let bounds = Bounds::answer_within(attempt_timeout(message.tried()));
        Sent::of_post(&outbound.post(&url, headers, body, bounds).await)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::job::Owner;
    use crate::messages::hook;
    use crate::messages::owing::{self, Listeners};

    fn said(owner: Option<Owner>) -> (Value, JobId) {
        let mut job = crate::job::sample::job().owned_by(owner);
        job.spec.identifier = Some("B0TEST1234".into());
        let hook = hook::sample(None, "https://shop.example/");
        let message =
            owing::by_job(&job, Event::JobSucceeded, &Listeners::of(vec![hook], false), Timestamp::UNIX_EPOCH)
                .pop()
                .unwrap();
        let mut facts = Facts::of_body(&message.body).unwrap();
        facts.pictures.push(Pictured {
            path: format!("/api/jobs/{}/images/1", job.id),
            file_name: "a.jpg".into(),
            content_type: "image/jpeg".into(),
            width: 2000,
            height: 2000,
            bytes: 7,
            passed: true,
            rules: 14,
            rules_met: 13,
        });
        let public = "https://studio.example/".parse().unwrap();
        let text = body(&message, &facts, &public, &LinkKey::new([1; 32]));
        assert_eq!(text, body(&message, &facts, &public, &LinkKey::new([1; 32])), "every attempt says the same");
        (serde_json::from_slice(&text).unwrap(), job.id)
    }

    #[test]
    fn pictures_have_whole_addresses_that_the_receiver_can_open() {
        let (body, job) = said(None);
        assert_eq!(body["pictures"][0]["url"], format!("https://studio.example/api/jobs/{job}/images/1"));
        assert_eq!(body["pictures"][0]["checks"], json!({"passed": true, "met": 13, "total": 14}));
        assert_eq!((&body["type"], &body["sku"]), (&json!("job.succeeded"), &json!("B0TEST1234")));
        assert_eq!(body["links"]["page"], format!("https://studio.example/jobs/{job}"));

        let (body, job) = said(Some(Owner::session("a")));
        let url: Url = body["pictures"][0]["url"].as_str().unwrap().parse().unwrap();
        let (name, token) = url.query_pairs().next().unwrap();
        assert_eq!(name, "link");
        assert_eq!(LinkKey::new([1; 32]).left(&job, &token, 0), Some(LINKS_LAST));
        assert_eq!(body["links"]["page"], format!("https://studio.example/share/{job}/{token}"));
    }

    #[test]
    fn both_signatures_are_those_of_the_raw_body() {
        let (id, now) = (MessageId::new(Timestamp::UNIX_EPOCH), Timestamp::from_second(1_614_265_330).unwrap());
        let body = br#"{"test": 2432232314}"#;
        for text in ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a plain text that is long".replace(' ', "-").as_str()] {
            let secret = HookSecret::given(text).unwrap();
            let headers = headers(&id, Some(&secret), body, now);
            let said = |name: &str| headers[name].to_str().unwrap().to_owned();
            assert_eq!(hmac::verify(text.as_bytes(), &said("x-studio-signature"), body), Ok(()));
            assert!(said("x-studio-signature").starts_with("sha256="));
            let signature = standard::sign(&secret.standard_key(), id.as_str(), 1_614_265_330, body);
            assert_eq!((said("webhook-signature"), said("webhook-timestamp")), (signature, "1614265330".into()));
            assert_eq!(said("webhook-id"), id.as_str());
        }
        let unsigned = headers(&id, None, body, now);
        assert!(!unsigned.contains_key("webhook-signature") && !unsigned.contains_key(SIGNATURE));
    }
}

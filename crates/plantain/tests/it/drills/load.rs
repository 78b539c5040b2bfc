//! What an application does: submits, and submits again under the same key where it heard nothing.

use std::time::Duration;

use futures_util::StreamExt;
use plantain_testkit::{Chance, photo};
use plantain_work::Clock;
use serde_json::{Value, json};

use super::fleet::{Addresses, KEY, PRESET};
use crate::bed::{self, Part};

/// Callers at once.
const CALLERS: usize = 8;

/// Every so manieth order is a job of the studio.
const JOB_EVERY: usize = 4;

/// Pause before an order is given again.
const PAUSE: Duration = Duration::from_millis(60);

/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(20);

/// A request that the queue has answered with 200.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: String,
    /// Status and body of its result.
    pub expected: (u16, String),
}

/// What was promised to the application.
#[derive(Debug, Default)]
pub struct Accepted {
    pub requests: Vec<Request>,
    /// Ids of the studio's jobs.
    pub jobs: Vec<String>,
}

enum Order {
    Request { key: String, input: String, expected: (u16, String) },
    Photo,
    Address(usize),
}

/// `count` orders, each given until it is accepted.
pub async fn place(at: &Addresses, count: usize, seed: u64) -> Accepted {
    let mut chance = Chance::of(seed);
    let orders: Vec<Order> = (0..count).map(|number| order(number, seed, &mut chance)).collect();
    let placing = futures_util::stream::iter(orders).map(|order| give(at, order)).buffer_unordered(CALLERS);
    let mut accepted = Accepted::default();
    for one in placing.collect::<Vec<_>>().await {
        match one {
            Promise::Request(request) => accepted.requests.push(request),
            Promise::Job(id) => accepted.jobs.push(id),
        }
    }
    accepted
}

fn order(number: usize, seed: u64, chance: &mut Chance) -> Order {
    if number.is_multiple_of(JOB_EVERY) {
        return if chance.one_in(2) { Order::Photo } else { Order::Address(number) };
    }
    let duration = chance.below(250);
    // A number that no double holds: the answer is passed on byte for byte.
    let output = format!(r#"{{"order":{number}, "seed":17454220438242315174}}"#);
    let (fails, expected) = match chance.one_in(10) {
        true => (r#", "fail": {"status": 422, "body": {"detail": "no"}}"#, (422, r#"{"detail": "no"}"#.to_owned())),
        false => ("", (200, output.clone())),
    };
    let input = format!(r#"{{"duration_ms": {duration}, "output": {output}{fails}}}"#);
    Order::Request { key: format!("order-{seed}-{number}"), input, expected }
}

enum Promise {
    Request(Request),
    Job(String),
}

async fn give(at: &Addresses, order: Order) -> Promise {
    let clock = Clock::system();
    let giving = async {
        loop {
            if let Some(promise) = give_once(at, &order).await {
                return promise;
            }
            clock.sleep(PAUSE).await;
        }
    };
    clock.timeout(super::PATIENCE, giving).await.expect("an order is accepted in the end")
}

/// `None`: refused for now, or nobody knows.
async fn give_once(at: &Addresses, order: &Order) -> Option<Promise> {
    let generate = at.studio.join("/api/generate").unwrap();
    let http = bed::http();
    let asked = match order {
        Order::Request { key, input, .. } => {
            let mut url = at.submit();
            url.query_pairs_mut().append_pair("fal_webhook", at.webhook.as_str());
            let asked = http.post(url).header("authorization", format!("Key {KEY}"));
            asked.header("idempotency-key", key).body(input.clone())
        }
        Order::Photo => {
            let photo = photo::jpeg_of_size(96, 80);
            let parts =
                [Part::File("image", "ball.jpg", &photo), Part::Text("preset", PRESET), Part::Text("num_images", "1")];
            http.post(generate).header("content-type", bed::form_type()).body(bed::form(&parts))
        }
        Order::Address(number) => {
            let address = format!("https://pictures.example/{number}.png");
            let wish = json!({ "image_urls": [address], "preset": PRESET, "num_images": 1 });
            http.post(generate).header("content-type", "application/json").body(wish.to_string())
        }
    };
    let answer = asked.timeout(ANSWER).send().await.ok()?;
    let status = answer.status().as_u16();
    let said: Value = serde_json::from_slice(&answer.bytes().await.ok()?).unwrap_or(Value::Null);
    let text = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("accepted without {name}: {said}")).to_owned();
    match (order, status) {
        (Order::Request { expected, .. }, 200) => {
            Some(Promise::Request(Request { id: text("request_id"), expected: expected.clone() }))
        }
        (Order::Photo | Order::Address(_), 202) => Some(Promise::Job(text("jobId"))),
        // Busy, or its database is away for the moment.
        (_, 429 | 500..) => None,
        _ => panic!("a fault of the drill's: {status} {said}"),
    }
}

//! A receiver of webhooks with axum: raw bytes, verified against published keys, each request taken once.
//!
//!     cargo run -p plantain-wire --example receiver -- JWKS-FILE ACCOUNT [ADDRESS]
//!
//! Save the keys first (`curl https://rest.fal.ai/.well-known/jwks.json`, or the same path of your own queue) and name the
//! account that is yours. A real receiver fetches the keys anew at least once a day, and writes to a database before it
//! answers; this one keeps what came in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use plantain_wire::jwks::KeySet;
use plantain_wire::webhook::WebhookBody;

/// A few pictures inside the JSON.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

struct Receiver {
    keys: KeySet,
    account: String,
    /// By request id: the first result counts.
    results: Mutex<HashMap<String, String>>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [jwks, account, rest @ ..] = arguments.as_slice() else {
        return Err("usage: receiver JWKS-FILE ACCOUNT [ADDRESS]".into());
    };
    let keys = KeySet::parse(&std::fs::read(jwks)?)?;
    let address = rest.first().map_or("127.0.0.1:3000", String::as_str);
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("{} keys; webhooks are taken at http://{}/webhook", keys.len(), listener.local_addr()?);
    let receiver = Arc::new(Receiver { keys, account: account.clone(), results: Mutex::default() });
    let router = Router::new().route("/webhook", post(receive)).layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    Ok(axum::serve(listener, router.with_state(receiver)).await?)
}

/// `Bytes`, not `Json`: the signature covers the body as it came.
async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let verified = match plantain_wire::verify(pairs, &body, &receiver.keys, now()) {
        Ok(verified) => verified,
        Err(rejection) => return (StatusCode::UNAUTHORIZED, rejection.explain()),
    };
    if verified.user_id.as_str() != receiver.account {
        return (StatusCode::UNAUTHORIZED, format!("signed for {}, which is not us", verified.user_id));
    }
    // Now it may be parsed. Unknown requests should be answered with 404, so that the sender comes again.
    let Ok(webhook) = WebhookBody::parse(&body) else {
        return (StatusCode::BAD_REQUEST, "not the JSON of a webhook".to_owned());
    };
    if webhook.request_id != verified.request_id {
        return (StatusCode::BAD_REQUEST, "headers and body are about different requests".to_owned());
    }
    let outcome =
        webhook.failure().unwrap_or_else(|| webhook.payload.map_or_else(String::new, |json| json.get().to_owned()));
    println!("{} {}: {outcome}", webhook.request_id, webhook.status.as_str());
    let mut results = receiver.results.lock().unwrap_or_else(PoisonError::into_inner);
    results.entry(webhook.request_id.to_string()).or_insert(outcome);
    (StatusCode::OK, String::new())
}

#[expect(clippy::disallowed_methods, reason = "an example has no other clock")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

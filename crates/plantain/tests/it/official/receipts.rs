//! Whether the webhooks that programs asked for have come: each signed, at its address, with its payload.

use std::collections::BTreeMap;

use plantain_testkit::Receiver;
use plantain_testkit::receiver::Received;
use plantain_wire::jwks::KeySet;
use plantain_wire::signature::{SignedHeaders, verify};
use plantain_work::Clock;
use serde_json::Value;

use super::program::Owed;
use crate::bed::{self, Server};

/// Waits for all of them. Nothing else may have come.
pub async fn judge(receiver: &Receiver, server: &Server, owed: &BTreeMap<String, Owed>) {
    assert!(!owed.is_empty(), "the program asked for webhooks");
    let published = bed::http().get(server.queue.join("/rest/.well-known/jwks.json").unwrap()).send().await.unwrap();
    let keys = KeySet::parse(&published.bytes().await.unwrap()).unwrap();
    let came = receiver.wait_for(owed.len()).await;
    let mut missing: Vec<&String> = owed.keys().collect();
    for webhook in &came {
        let id = verified(webhook, &keys, server);
        let expected = owed.get(&id).unwrap_or_else(|| panic!("nobody asked for a webhook about {id}"));
        compare(webhook, expected, &id);
        missing.retain(|owed| **owed != id);
    }
    assert!(missing.is_empty(), "no webhook came about {missing:?}");
}

fn verified(webhook: &Received, keys: &KeySet, server: &Server) -> String {
    let headers = webhook.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let signed = SignedHeaders::read(headers).unwrap();
    let known = verify(&signed, &webhook.body, keys, Clock::system().now().as_second()).unwrap();
    assert_eq!(known.user_id.as_str(), server.secret("user-id"));
    known.request_id.to_string()
}

fn compare(webhook: &Received, expected: &Owed, id: &str) {
    let body: Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_eq!(webhook.uri.to_string(), expected.at, "{body}");
    assert_eq!((&body["request_id"], &body["status"]), (&id.into(), &expected.status.as_str().into()), "{body}");
    assert!(body["gateway_request_id"].is_string(), "{body}");
    assert_eq!(body["error"].is_null(), expected.status == "OK", "{body}");
    if let Some(payload) = &expected.payload {
        assert_eq!(&body["payload"], payload, "{body}");
    }
}

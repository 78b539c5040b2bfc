//! A bug on the way of a request is answered.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use plantain_queue::keys::{ApiKey, KeyStore, WebhookChange, WebhooksChanged};
use plantain_queue::store::StoreError;
use reqwest::Method;

use crate::system::{APP, EDIT, Reply, Setup, start_with};

/// Keys that are nothing but bugs.
struct Broken;

fn bug<T>() -> T {
    panic!("a bug, as the test wants it: password=hunter2")
}

#[async_trait]
impl KeyStore for Broken {
    async fn add_key(&self, _: ApiKey) -> Result<bool, StoreError> {
        bug()
    }

    async fn key(&self, _: &str) -> Result<Option<ApiKey>, StoreError> {
        bug()
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        bug()
    }

    async fn change_key_webhooks(&self, _: &str, _: WebhookChange) -> Result<WebhooksChanged, StoreError> {
        bug()
    }

    async fn revoke_key(&self, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        bug()
    }
}

#[tokio::test]
async fn a_panic_is_answered_and_says_nothing_of_itself() {
    let system = start_with(Setup { keys: Some(Arc::new(Broken)), ..Setup::default() }).await;
    let status = format!("{APP}/requests/0196a1b2-0000-7000-8000-000000000000/status");
    for (method, path) in [(Method::GET, status.as_str()), (Method::POST, EDIT), (Method::GET, "console/api/keys")] {
        let request = system.stranger(method, path).header("authorization", "Key unknown:s3cret");
        let reply = Reply::of(request.body("{}")).await;
        reply.refuses(500, "");
        assert_eq!(reply.json()["error_type"], "internal_error", "{}", reply.text);
        assert!(!reply.text.contains("hunter2"), "{}", reply.text);
    }
    // The process lives on.
    assert_eq!(system.get("healthz").await.status, 200);
}

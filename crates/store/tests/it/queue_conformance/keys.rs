//! Promises about API keys.

use std::sync::Arc;

use plantain_queue::keys::{
    ApiKey, HmacChange, HmacForm, HmacSigning, KeyLimits, Scope, SecretChange, StatusWords, WebhookChange,
    WebhookOptions, WebhookSecret, WebhooksChanged,
};
use plantain_queue::store::QueueStore;

use super::{later, start, user};

fn key(id: &str) -> ApiKey {
    ApiKey {
        id: id.into(),
        name: "the shop\u{2019}s".into(),
        secret_sha256: [7; 32],
        user_id: user("user_1"),
        scope: Scope::Api,
        limits: KeyLimits { concurrency: Some(3), per_minute: None },
        webhooks: WebhookOptions::default(),
        created_at: start(),
        revoked_at: None,
    }
}

pub async fn a_key_is_found_as_it_was_added(store: &Arc<dyn QueueStore>) {
    assert!(store.add_key(key("a")).await.unwrap());
    assert_eq!(store.key("a").await.unwrap(), Some(key("a")));
    assert_eq!(store.key("b").await.unwrap(), None);
    let newer = ApiKey { scope: Scope::Admin, created_at: later(1), ..key("b") };
    assert!(store.add_key(newer.clone()).await.unwrap());
    assert_eq!(store.keys().await.unwrap(), [newer, key("a")]);
}

pub async fn an_id_is_given_out_once(store: &Arc<dyn QueueStore>) {
    assert!(store.add_key(key("a")).await.unwrap());
    let thief = ApiKey { secret_sha256: [8; 32], user_id: user("user_2"), ..key("a") };
    assert!(!store.add_key(thief.clone()).await.unwrap());
    assert!(store.revoke_key("a", later(1)).await.unwrap());
    assert!(!store.add_key(thief).await.unwrap());
    assert_eq!(store.key("a").await.unwrap().unwrap().user_id, user("user_1"));
}

pub async fn a_revoked_key_stays_with_the_time_of_its_end(store: &Arc<dyn QueueStore>) {
    assert!(!store.revoke_key("a", later(1)).await.unwrap());
    store.add_key(key("a")).await.unwrap();
    assert!(store.revoke_key("a", later(1)).await.unwrap());
    assert!(store.revoke_key("a", later(2)).await.unwrap());
    assert_eq!(store.key("a").await.unwrap().unwrap().revoked_at, Some(later(1)));
}

pub async fn of_changes_of_one_key_at_once_none_is_lost(store: &Arc<dyn QueueStore>) {
    let secret = |text: &str| WebhookSecret::new(text);
    for round in 0..20 {
        let id = format!("k{round}");
        store.add_key(key(&id)).await.unwrap();
        let words = WebhookChange { words: Some(StatusWords::Completed), ..WebhookChange::default() };
        let standard = Some(Some(SecretChange::KeepOr(secret("whsec_a"))));
        let standard = WebhookChange { standard, ..WebhookChange::default() };
        let hmac = Some(Some(HmacChange { form: Some(HmacForm::Sha256), secret: SecretChange::To(secret("s")) }));
        let hmac = WebhookChange { hmac, ..WebhookChange::default() };
        let changed = tokio::join!(
            store.change_key_webhooks(&id, words),
            store.change_key_webhooks(&id, standard),
            store.change_key_webhooks(&id, hmac),
        );
        for changed in [changed.0, changed.1, changed.2] {
            assert!(matches!(changed.unwrap(), WebhooksChanged::Done { .. }));
        }
        let all = WebhookOptions {
            hmac: Some(HmacSigning { form: HmacForm::Sha256, secret: secret("s") }),
            words: StatusWords::Completed,
            standard: Some(secret("whsec_a")),
        };
        assert_eq!(store.key(&id).await.unwrap().unwrap().webhooks, all, "round {round}");
    }
}

pub async fn a_revoked_or_unknown_key_is_not_changed(store: &Arc<dyn QueueStore>) {
    let words = WebhookChange { words: Some(StatusWords::Completed), ..WebhookChange::default() };
    assert_eq!(store.change_key_webhooks("a", words.clone()).await.unwrap(), WebhooksChanged::Unknown);
    store.add_key(key("a")).await.unwrap();
    assert!(store.revoke_key("a", later(1)).await.unwrap());
    assert_eq!(store.change_key_webhooks("a", words).await.unwrap(), WebhooksChanged::Revoked);
    assert_eq!(store.key("a").await.unwrap().unwrap().webhooks, WebhookOptions::default());
}

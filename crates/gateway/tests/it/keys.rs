//! Who may call, what an operator may do about it, and how fast a key may be.

use reqwest::Method;
use serde_json::{Value, json};

use crate::system::{APP, EDIT, KEY, OPERATOR, Reply, Setup, System, start, start_with};

async fn operate(system: &System, method: Method, path: &str, body: Option<Value>) -> Reply {
    let request = system.stranger(method, path).header("authorization", format!("Bearer {OPERATOR}"));
    Reply::of(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

async fn submit_with(system: &System, key: &str) -> Reply {
    let request = system.stranger(Method::POST, EDIT).header("authorization", format!("Key {key}"));
    Reply::of(request.body("{}")).await
}

#[tokio::test]
async fn a_key_is_made_used_listed_without_its_secret_and_revoked() {
    let system = start().await;
    let made =
        operate(&system, Method::POST, "console/api/keys", Some(json!({"name": "the shop", "perMinute": 5}))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert_eq!(submit_with(&system, key).await.status, 200);

    let listed = operate(&system, Method::GET, "console/api/keys", None).await;
    let secret = key.split_once(':').unwrap().1;
    assert!(listed.text.contains(id) && !listed.text.contains(secret), "{}", listed.text);
    assert_eq!(listed.json()["keys"][0]["configured"], true);
    let asked = system.stranger(Method::POST, "rest/storage/auth/token").header("authorization", format!("Key {key}"));
    let token = Reply::of(asked.body("{}")).await.json()["token"].as_str().unwrap().to_owned();
    let upload = || {
        let upload = system.stranger(Method::POST, "files/upload").header("authorization", format!("Bearer {token}"));
        Reply::of(upload.body("some bytes"))
    };
    assert_eq!(upload().await.status, 200);

    let path = format!("console/api/keys/{id}");
    assert_eq!(operate(&system, Method::DELETE, &path, None).await.status, 200);
    submit_with(&system, key).await.refuses(401, "No user found");
    upload().await.refuses(401, "This token has expired");
}

#[tokio::test]
async fn keys_of_one_account_see_the_same_requests_and_those_of_another_none() {
    let system = start().await;
    let make = async |user: &str| {
        let made = operate(&system, Method::POST, "console/api/keys", Some(json!({"name": "k", "userId": user}))).await;
        made.json()["key"].as_str().unwrap().to_owned()
    };
    let (one, sister, stranger) = (make("user_a").await, make("user_a").await, make("user_b").await);
    let id = submit_with(&system, &one).await.json()["request_id"].as_str().unwrap().to_owned();
    for (key, status) in [(&one, 200), (&sister, 200), (&stranger, 404)] {
        for call in ["status", "cancel", ""] {
            let method = if call == "cancel" { Method::PUT } else { Method::GET };
            let request = system.stranger(method, &format!("{APP}/requests/{id}/{call}"));
            let found = Reply::of(request.header("authorization", format!("Key {key}"))).await.status;
            assert_eq!(found == 404, status == 404, "{call}: {found}");
        }
    }
}

#[tokio::test]
async fn only_an_operator_may_look_after_keys() {
    let system = start().await;
    let asked =
        |authorization: String| system.stranger(Method::GET, "console/api/keys").header("authorization", authorization);
    Reply::of(asked(format!("Key {KEY}"))).await.refuses(403, "admin token");
    Reply::of(asked("Bearer wrong".into())).await.refuses(401, "Authorization header");
    Reply::of(system.stranger(Method::GET, "console/api/keys")).await.refuses(401, "No credentials");
    let made = operate(&system, Method::POST, "console/api/keys", Some(json!({"name": "ops", "scope": "ADMIN"}))).await;
    let admin = made.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(Reply::of(asked(format!("Key {admin}"))).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_done_with_a_key_says_why() {
    let system = start().await;
    operate(&system, Method::DELETE, "console/api/keys/shop", None).await.refuses(422, "PLANTAIN_KEYS");
    operate(&system, Method::DELETE, "console/api/keys/nobody", None).await.refuses(404, "nobody");
    for (body, said) in [
        (json!({}), "'name'"),
        (json!({"name": "a", "scope": "ROOT"}), "API or ADMIN"),
        (json!({"name": "a", "concurrency": 0}), "1 to 1000000"),
        (json!(7), "an object"),
    ] {
        operate(&system, Method::POST, "console/api/keys", Some(body)).await.refuses(400, said);
    }
}

#[tokio::test]
async fn a_key_that_is_too_fast_is_told_when_to_come_back() {
    let system =
        start_with(Setup { per_minute: Some(2), clock: crate::system::manual_clock(), ..Setup::default() }).await;
    for _ in 0..2 {
        assert_eq!(system.post(EDIT, "{}").await.status, 200);
    }
    let refused = system.post(EDIT, "{}").await;
    refused.refuses(429, "too fast");
    assert_eq!(refused.header("retry-after"), Some("30"));
    assert_eq!(refused.header("x-fal-needs-retry"), Some("1"));
    // Reading costs nothing.
    assert_eq!(system.get(&format!("{APP}/requests/unknown/status")).await.status, 404);
    system.clock.advance(std::time::Duration::from_secs(30));
    assert_eq!(system.post(EDIT, "{}").await.status, 200);
}

#[tokio::test]
async fn what_a_keys_webhooks_carry_is_laid_down_changed_and_never_shown_again() {
    let system = start().await;
    let wish =
        json!({"name": "old receiver", "webhooks": {"hmac": {"form": "sha256"}, "words": "completed", "standard": {}}});
    let made = operate(&system, Method::POST, "console/api/keys", Some(wish)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!(made["webhooks"], json!({"hmac": "sha256", "words": "completed", "standard": true}));
    let secret = |name: &str| made["webhookSecrets"][name].as_str().unwrap().to_owned();
    assert!(secret("standard").starts_with("whsec_"));
    let path = format!("console/api/keys/{}", made["id"].as_str().unwrap());
    let change = async |wish: Value| operate(&system, Method::PATCH, &path, Some(json!({"webhooks": wish}))).await;
    let changed = change(json!({"words": "official", "standard": null})).await;
    assert_eq!((changed.status, &changed.json()["webhookSecrets"]), (200, &Value::Null), "{}", changed.text);
    assert_eq!(changed.json()["webhooks"], json!({"hmac": "sha256", "words": "official", "standard": false}));
    let own = change(json!({"hmac": {"form": "hex", "secret": "whsec_test"}})).await.json();
    assert_eq!(own["webhookSecrets"], json!({"hmac": "whsec_test"}));
    assert_eq!(change(json!({"hmac": {"secret": "x"}})).await.status, 400);
    let listed = operate(&system, Method::GET, "console/api/keys", None).await;
    for hidden in [secret("hmac"), secret("standard"), "whsec_test".to_owned()] {
        assert!(!listed.text.contains(&hidden), "{}", listed.text);
    }
    let unknown = operate(&system, Method::PATCH, "console/api/keys/nobody", Some(json!({"webhooks": {}}))).await;
    assert_eq!(unknown.status, 404);
    let configured = KEY.split_once(':').unwrap().0;
    let path = format!("console/api/keys/{configured}");
    assert_eq!(operate(&system, Method::PATCH, &path, Some(json!({"webhooks": {}}))).await.status, 422);
}

//! Temporary tokens: what they open, for how long, and what they never open.

use std::time::Duration;

use plantain_gateway::Keyless;
use reqwest::Method;

use crate::system::{APP, EDIT, OTHER_KEY, Reply, Setup, System, manual_clock, start, start_with};

const WISH: &str = r#"{"allowed_apps":["nano-banana"],"token_expiration":60}"#;

async fn token(system: &System) -> String {
    let reply = system.post("tokens/", WISH).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json().as_str().expect("a bare string").to_owned()
}

async fn submit(system: &System, endpoint: &str, token: &str) -> Reply {
    let request = system.stranger(Method::POST, endpoint).header("authorization", format!("Bearer {token}")).body("{}");
    Reply::of(request).await
}

#[tokio::test]
async fn a_token_opens_calls_about_its_application_for_its_keys_account() {
    let system = start().await;
    let token = token(&system).await;
    let submitted = submit(&system, EDIT, &token).await;
    assert_eq!(submitted.status, 200, "{}", submitted.text);
    let id = submitted.json()["request_id"].as_str().unwrap().to_owned();
    assert_eq!(system.until(&id, "COMPLETED").await.status, 200, "the key sees what its token submitted");
    let by_query = system.stranger(Method::GET, &format!("{APP}/requests/{id}/status?fal_jwt_token={token}"));
    assert_eq!(Reply::of(by_query).await.status, 200);
    let rival = system.stranger(Method::POST, "tokens/").header("authorization", format!("Key {OTHER_KEY}")).body(WISH);
    let rival = Reply::of(rival).await.json().as_str().unwrap().to_owned();
    let asked = system.stranger(Method::GET, &format!("{APP}/requests/{id}?fal_jwt_token={rival}"));
    assert_eq!(Reply::of(asked).await.status, 404);
}

#[tokio::test]
async fn it_is_given_at_every_address_that_clients_know() {
    let system = start().await;
    for (path, host) in [("tokens/", None), ("tokens", None), ("rest/tokens/", None), ("tokens/", Some("rest.fal.ai"))]
    {
        let mut request = system.request(Method::POST, path).body(WISH);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let reply = Reply::of(request).await;
        assert!(reply.status == 200 && reply.json().is_string(), "{path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn it_opens_nothing_else() {
    let system = start().await;
    let token = token(&system).await;
    submit(&system, "workflows/me/flow", &token).await.refuses(401, "not valid for this application");
    for path in ["rest/storage/upload/initiate", "tokens/", "console/api/keys", "console/api/requests"] {
        for method in [Method::GET, Method::POST] {
            let request = system.stranger(method, path).header("authorization", format!("Bearer {token}"));
            let reply = Reply::of(request.body(WISH)).await;
            assert!(matches!(reply.status, 401 | 404 | 405), "{path}: {} {}", reply.status, reply.text);
        }
    }
    for forged in [
        "a.b.c",
        "..",
        &format!("{token}x"),
        &token.replace("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJhbGciOiJub25lIn0"),
    ] {
        submit(&system, EDIT, forged).await.refuses(401, "Invalid token");
    }
}

#[tokio::test]
async fn it_ends() {
    let clock = manual_clock();
    let system = start_with(Setup { clock: clock.clone(), ..Setup::default() }).await;
    let token = token(&system).await;
    clock.advance(Duration::from_secs(59));
    assert_eq!(submit(&system, EDIT, &token).await.status, 200);
    clock.advance(Duration::from_secs(1));
    submit(&system, EDIT, &token).await.refuses(401, "expired");
}

#[tokio::test]
async fn wishes_that_cannot_be_granted() {
    let system = start().await;
    for (body, said) in [
        ("{}", "'body' must be"),
        (r#"{"allowed_apps":[]}"#, "'allowed_apps' must be"),
        (r#"{"allowed_apps":["x"],"token_expiration":0}"#, "'token_expiration' must be"),
        (r#"{"allowed_apps":["x"],"token_expiration":86400}"#, "'token_expiration' must be"),
        ("[[", "not valid JSON"),
    ] {
        system.post("tokens/", body).await.refuses(400, said);
    }
    Reply::of(system.stranger(Method::POST, "tokens/").body(WISH)).await.refuses(401, "Authorization: Key");
    Reply::of(system.request(Method::GET, "tokens/")).await.refuses(405, "Method Not Allowed");
}

#[tokio::test]
async fn a_page_of_this_machine_gets_one_without_a_key() {
    let system = start_with(Setup { keyless: Keyless::Local, ..Setup::default() }).await;
    let asked =
        system.stranger(Method::POST, "api/fal/proxy").header("x-fal-target-url", "https://rest.fal.ai/tokens/");
    let token = Reply::of(asked.body(WISH)).await.json().as_str().unwrap().to_owned();
    assert_eq!(submit(&system, EDIT, &token).await.status, 200);
}

#[tokio::test]
async fn a_token_without_a_key_goes_with_the_setting_that_allowed_it() {
    let local = start_with(Setup { keyless: Keyless::Local, ..Setup::default() }).await;
    let asked = local
        .stranger(Method::POST, "api/fal/proxy")
        .header("x-fal-target-url", "https://rest.fal.ai/storage/auth/token?storage_type=fal-cdn-v3");
    let token = Reply::of(asked.body("{}")).await.json()["token"].as_str().unwrap().to_owned();
    let upload = |system: &System| {
        let request = system.stranger(Method::POST, "files/upload").header("content-type", "text/plain");
        Reply::of(request.header("authorization", format!("Bearer {token}")).body("x"))
    };
    assert_eq!(upload(&local).await.status, 200);
    // It signs with the same secret, as after a restart.
    let closed = start().await;
    upload(&closed).await.refuses(401, "Ask for one at /storage/auth/token");
}

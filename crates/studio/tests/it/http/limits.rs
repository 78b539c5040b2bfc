//! How often somebody may call: who is counted as whom, and what who calls too often is told.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, Request, StatusCode};
use plantain_studio::http::limits::Limits;

use super::house::{Answer, House, TOKEN, ask, file, form_body, form_request, house, house_with, photo, request};

/// Reached from elsewhere; makes pictures three times a minute, and answers twelve calls.
async fn bounded() -> House {
    let proxies = vec!["10.0.0.0/8".parse().unwrap()];
    house_with(|config| {
        config.loopback = false;
        config.limits = Limits { make: Some(3), api: Some(12), proxies };
    })
    .await
}

fn from(peer: &str, mut request: Request<Body>) -> Request<Body> {
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

/// The answer to a photo from this address.
async fn posted(house: &House, peer: &str, headers: &[(&str, &str)]) -> Answer {
    house.send(from(peer, form_request(form_body(&[file("image", "mug.jpg", photo())]), headers))).await
}

/// Which of so many wishes from this address pass. They are without a photo, which is told after they are counted.
async fn passed(house: &House, peer: &str, headers: &[(&str, &str)], times: usize) -> Vec<bool> {
    let kind = ("content-type", "application/json");
    let headers: Vec<_> = headers.iter().copied().chain([kind]).collect();
    let mut all = Vec::new();
    for _ in 0..times {
        let wish = from(peer, request(Method::POST, "/api/generate", &headers, Body::from("{}")));
        match house.send(wish).await.status.as_u16() {
            422 => all.push(true),
            429 => all.push(false),
            other => panic!("{other}"),
        }
    }
    all
}

async fn key(house: &House, wish: &str) -> String {
    let admin = format!("Bearer {TOKEN}");
    let made =
        house.send(request(Method::POST, "/api/keys", &[("authorization", &admin)], wish.to_owned().into())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    format!("Bearer {}", made.json()["secret"].as_str().unwrap())
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let house = bounded().await;
    let first = posted(&house, "203.0.113.9", &[]).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text());
    assert_eq!(first.header("ratelimit"), "\"make\";r=2;t=20, \"api\";r=11;t=5");
    assert_eq!(first.header("ratelimit-policy"), "\"make\";q=3;w=60, \"api\";q=12;w=60");
    assert_eq!(passed(&house, "203.0.113.9", &[], 2).await, [true, true]);
    house.clock.advance(Duration::from_millis(500));
    let refused = posted(&house, "203.0.113.9", &[]).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "too_many_requests"));
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("20", "\"make\";r=0;t=60"));
    assert!(
        refused.text().contains("3 times a minute") && refused.text().contains("in 20 seconds"),
        "{}",
        refused.text()
    );
    let page = posted(&house, "203.0.113.9", &[("accept", "text/html")]).await;
    assert_eq!((page.status.as_u16(), page.header("retry-after")), (429, "20"));
    assert!(page.text().contains("<!doctype html>") && page.text().contains("in 20 seconds"), "{}", page.text());
    assert_eq!(passed(&house, "203.0.113.10", &[], 1).await, [true], "others go on");
    house.clock.advance(Duration::from_secs(20));
    assert_eq!(passed(&house, "203.0.113.9", &[], 2).await, [true, false]);
}

#[tokio::test]
async fn calls_are_counted_and_pages_health_and_webhooks_are_not() {
    let house = bounded().await;
    let get = async |path: &str| house.send(from("203.0.113.9", ask(Method::GET, path, &[]))).await.status.as_u16();
    for _ in 0..12 {
        assert_eq!(get("/api/presets").await, 200);
    }
    for (path, status) in [("/api/presets", 429), ("/api/jobs/x", 429), ("/", 200), ("/healthz", 200)] {
        assert_eq!(get(path).await, status, "{path}");
    }
    let webhook = request(Method::POST, "/api/fal/webhook", &[], Body::from("{}"));
    assert_eq!(house.send(from("203.0.113.9", webhook)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_seller_is_a_session_and_may_not_make_more_of_themselves_than_an_office() {
    let house = bounded().await;
    let seller = async || house.get("/").await.header("set-cookie").split(';').next().unwrap().to_owned();
    let one = seller().await;
    assert_eq!(passed(&house, "203.0.113.9", &[("cookie", &one)], 4).await, [true, true, true, false]);
    assert_eq!(passed(&house, "203.0.113.10", &[("cookie", &one)], 1).await, [false], "wherever they are");
    let mut made = 3;
    for _ in 0..12 {
        let other = seller().await;
        made += passed(&house, "203.0.113.9", &[("cookie", &other)], 3).await.iter().filter(|one| **one).count();
    }
    assert_eq!(made, 30, "ten times what one seller may");
}

#[tokio::test]
async fn a_key_has_its_own_number_and_the_operator_none() {
    let house = bounded().await;
    let (plain, own) =
        (key(&house, r#"{"name": "a"}"#).await, key(&house, r#"{"name": "b", "requestsPerMinute": 5}"#).await);
    for (bearer, most) in [(plain, 3), (own, 5)] {
        let all = passed(&house, "203.0.113.9", &[("authorization", &bearer)], most + 1).await;
        assert_eq!(all.iter().filter(|one| **one).count(), most, "{all:?}");
    }
    let operator = format!("Bearer {TOKEN}");
    let all = passed(&house, "203.0.113.9", &[("authorization", &operator)], 14).await;
    assert!(all.iter().all(|one| *one), "{all:?}");
}

#[tokio::test]
async fn a_keys_own_number_counts_on_a_machine_of_ones_own_where_nothing_else_does() {
    let house = house().await;
    assert_eq!(passed(&house, "127.0.0.1", &[], 5).await, [true; 5]);
    let own = key(&house, r#"{"name": "b", "requestsPerMinute": 1}"#).await;
    assert_eq!(passed(&house, "127.0.0.1", &[("authorization", &own)], 2).await, [true, false]);
    for wish in [r#"{"name": "a", "requestsPerMinute": 0}"#, r#"{"name": "a", "requestsPerMinute": 1000001}"#] {
        let refused = house.send(request(Method::POST, "/api/keys", &[], wish.into())).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "wrong_field"), "{wish}");
    }
}

#[tokio::test]
async fn only_a_proxy_that_was_named_says_who_asks() {
    let house = bounded().await;
    let by = |client| [("x-forwarded-for", client)];
    assert_eq!(passed(&house, "10.1.1.1", &by("203.0.113.1"), 4).await, [true, true, true, false]);
    assert_eq!(passed(&house, "10.1.1.1", &by("203.0.113.2"), 1).await, [true], "somebody else behind the proxy");
    assert_eq!(
        passed(&house, "10.1.1.1", &by("6.6.6.6, 203.0.113.1"), 1).await,
        [false],
        "what a stranger wrote before"
    );
    assert_eq!(passed(&house, "203.0.113.7", &by("8.8.8.1"), 3).await, [true; 3]);
    assert_eq!(passed(&house, "203.0.113.7", &by("8.8.8.2"), 1).await, [false], "a stranger names nobody");
}

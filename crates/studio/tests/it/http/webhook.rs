//! The receiver's door: open to everybody, bounded, and deaf to whoever can't sign.

use axum::body::Body;
use http::{Method, StatusCode};

use super::house::{TOKEN, house, house_with, request};

const PATH: &str = "/api/fal/webhook?jobId=x&token=y";

#[tokio::test]
async fn a_webhook_without_a_signature_is_refused_also_where_the_studio_is_closed() {
    let house = house_with(|config| config.open = false).await;
    for (what, headers, body) in [
        ("nothing", &[][..], ""),
        ("garbage", &[("content-type", "application/json")], "{\"status\":"),
        (
            "an unsigned result",
            &[("content-type", "application/json")],
            r#"{"request_id":"a","status":"OK","payload":{}}"#,
        ),
        ("a wrong signature", &[("x-fal-webhook-signature", "00"), ("x-fal-webhook-request-id", "a")], "{}"),
        ("a foreign page's", &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], "{}"),
    ] {
        let answer = house.send(request(Method::POST, PATH, headers, Body::from(body))).await;
        assert!(answer.status.is_client_error() && answer.status != StatusCode::FORBIDDEN, "{what}: {}", answer.status);
        assert!(answer.json()["error"]["code"].is_string(), "{what}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_webhook_is_bounded() {
    let house = house().await;
    let body = vec![b' '; 8 * 1024 * 1024 + 1];
    let answer = house.send(request(Method::POST, PATH, &[], Body::from(body))).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "webhook_too_large"));
}

#[tokio::test]
async fn what_was_refused_is_listed_for_the_operator_alone() {
    let house = house().await;
    let large = vec![b' '; 8 * 1024 * 1024 + 1];
    house.send(request(Method::POST, PATH, &[], Body::from(large))).await;
    let secret = [("authorization", "Key id:secret"), ("x-fal-signature", "00")];
    house.send(request(Method::POST, PATH, &secret, Body::from("{\"<b>\":1}"))).await;

    for path in ["/api/inbox", "/api/inbox?state=rejected"] {
        let answer = house.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "token_needed"), "{path}");
    }
    let bearer = format!("Bearer {TOKEN}");
    let answer = house.get_with("/api/inbox?state=rejected", &[("authorization", &bearer)]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let events = &answer.json()["events"];
    let newest = &events[0];
    assert_eq!((&newest["code"], &newest["step"]), (&"header_missing".into(), &"headers".into()), "{newest:#}");
    assert!(newest["explanation"].as_str().unwrap().contains("HMAC"), "{newest:#}");
    assert_eq!((&newest["body"], &newest["bodyTruncated"]), (&"{\"<b>\":1}".into(), &false.into()));
    assert!(!answer.text().contains("id:secret"));
    assert_eq!((&events[1]["code"], &events[1]["step"]), (&"webhook_too_large".into(), &"size".into()));
    assert_eq!((&events[1]["bodyBytes"], &events[1]["bodyTruncated"]), (&(8 * 1024 * 1024 + 1).into(), &true.into()));
    let answer = house.get_with("/api/inbox?limit=1", &[("authorization", &bearer)]).await;
    assert_eq!(answer.json()["events"].as_array().unwrap().len(), 1);
    let older = format!("/api/inbox?limit=1&cursor={}", answer.json()["next"]);
    let older = house.get_with(&older, &[("authorization", &bearer)]).await.json();
    assert_eq!((&older["events"][0]["code"], &older["next"]), (&"webhook_too_large".into(), &serde_json::Value::Null));
    let answer = house.get_with("/api/inbox?cursor=x", &[("authorization", &bearer)]).await;
    assert_eq!(answer.code(), "bad_cursor");
    let answer = house.get_with("/api/inbox?limit=0", &[("authorization", &bearer)]).await;
    assert_eq!(answer.code(), "bad_limit");
}

//! The receiver's door: open to everybody, bounded, and deaf to whoever can't sign.

use axum::body::Body;
use http::{Method, StatusCode};

use super::house::{house, house_with, request};

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
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "too_large"));
}

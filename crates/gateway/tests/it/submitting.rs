//! `POST /{owner}/{app}`: what is taken, and what it is answered with.

use std::time::Duration;

use reqwest::Method;

use crate::system::{APP, EDIT, KEY, OTHER_KEY, Reply, Setup, manual_clock, start, start_with};

#[tokio::test]
async fn the_answer_has_every_key_and_addresses_that_work() {
    let system = start().await;
    let reply = system.post(EDIT, "{}").await;
    assert_eq!(reply.status, 200);
    let said = reply.json();
    let id = said["request_id"].as_str().unwrap();
    assert_eq!(reply.header("x-fal-request-id"), Some(id));
    let base = system.at(&format!("{APP}/requests/{id}"));
    let expected = serde_json::json!({
        "status": "IN_QUEUE", "request_id": id, "gateway_request_id": id, "response_url": base.as_str(),
        "status_url": format!("{base}/status"), "cancel_url": format!("{base}/cancel"), "logs": null, "metrics": {},
        "queue_position": 0,
    });
    assert_eq!(said, expected);
    system.until(id, "COMPLETED").await;
    assert_eq!(system.get(base.path()).await.text, "{}");
}

#[tokio::test]
async fn a_missing_body_is_an_empty_object() {
    let system = start().await;
    for body in ["", " \n"] {
        let id = system.submit(body).await;
        assert_eq!(system.result_of(&id).await.text, "{}");
    }
}

#[tokio::test]
async fn an_input_may_stand_in_the_query() {
    let system = start().await;
    let path =
        format!("{EDIT}?logs=a&logs=b&fal_webhook=http%3A%2F%2F127.0.0.1%3A1%2F&prompt=a+mug&fal_max_queue_length=5");
    let reply = Reply::of(system.request(Method::GET, &path).header("content-type", "application/json")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let id = reply.json()["request_id"].as_str().unwrap().to_owned();
    assert_eq!(system.result_of(&id).await.text, r#"{"logs":["a","b"],"prompt":"a mug"}"#);
    // Whoever only looks submits nothing.
    assert_eq!(Reply::of(system.request(Method::HEAD, EDIT)).await.status, 405);
    Reply::of(system.stranger(Method::GET, EDIT)).await.refuses(401, "No credentials");
}

#[tokio::test]
async fn clients_that_name_another_type_are_served_too() {
    let system = start().await;
    for kind in ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-8", ""] {
        let request = system.request(Method::POST, EDIT).header("content-type", kind).body(r#"{"a":1}"#);
        assert_eq!(Reply::of(request).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn the_same_idempotency_key_gives_the_same_request() {
    let system = start().await;
    let submit = async |key: &str, credential: &str, body: &'static str| {
        let request = system.stranger(Method::POST, EDIT).header("authorization", format!("Key {credential}"));
        Reply::of(request.header("idempotency-key", key).body(body)).await
    };
    let first = submit("job-1", KEY, "{}").await;
    let again = submit("job-1", KEY, "{}").await;
    assert_eq!((again.status, &again.json()["request_id"]), (200, &first.json()["request_id"]));
    submit("job-1", KEY, r#"{"prompt":"other"}"#).await.refuses(422, "used before for another request");
    let other = submit("job-2", KEY, "{}").await;
    assert_ne!(other.json()["request_id"], first.json()["request_id"]);
    let rival = submit("job-1", OTHER_KEY, "{}").await;
    assert_eq!(rival.status, 200);
    assert_ne!(rival.json()["request_id"], first.json()["request_id"], "keys of accounts are apart");
}

#[tokio::test]
async fn those_who_wait_are_counted_and_low_priority_waits_behind() {
    let system = start().await;
    let running = system.submit(r#"{"hold":true}"#).await;
    system.until(&running, "IN_PROGRESS").await;
    let low = Reply::of(system.request(Method::POST, EDIT).header("x-fal-queue-priority", "low")).await.json();
    assert_eq!(low["queue_position"], 0);
    let normal = system.post(EDIT, "{}").await.json();
    assert_eq!(normal["queue_position"], 0);
    let low = low["request_id"].as_str().unwrap();
    let status = system.get(&format!("{APP}/requests/{low}/status")).await;
    assert_eq!((status.status, &status.json()["queue_position"]), (202, &1.into()));
    system.release();
    system.until(low, "COMPLETED").await;
}

#[tokio::test]
async fn a_request_that_does_not_start_in_time_is_over() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let running = system.submit(r#"{"hold":true}"#).await;
    system.until(&running, "IN_PROGRESS").await;
    let late = Reply::of(system.request(Method::POST, EDIT).header("x-fal-request-timeout", "5.0")).await.json();
    let late = late["request_id"].as_str().unwrap().to_owned();
    system.clock.advance(Duration::from_secs(5));
    system.release();
    let result = system.result_of(&late).await;
    assert_eq!((result.status, &result.json()["error_type"]), (504, &"request_timeout".into()));
    assert_eq!(result.header("x-fal-request-timeout-type"), Some("user"));
    assert_eq!(result.header("x-fal-error-type"), Some("request_timeout"));
    assert_eq!(result.header("x-fal-needs-retry"), Some("0"));
}

#[tokio::test]
async fn who_does_not_want_to_stand_in_line_is_told_to_come_again() {
    let system = start().await;
    let running = system.submit(r#"{"hold":true}"#).await;
    system.until(&running, "IN_PROGRESS").await;
    let hook = "fal_webhook=https://shop.test/hook?job=1";
    let patient = async |max: u32| system.post(&format!("{EDIT}?{hook}&fal_max_queue_length={max}"), "{}").await;
    assert_eq!(patient(0).await.status, 200, "nobody waits yet");
    let refused = patient(0).await;
    refused.refuses(429, "fal_max_queue_length");
    assert_eq!(refused.header("x-fal-needs-retry"), Some("1"));
    assert_eq!(patient(1).await.status, 200);
    system.post(&format!("{EDIT}?fal_max_queue_length=some"), "{}").await.refuses(400, "whole number");
}

#[tokio::test]
async fn what_headers_ask_for_is_heeded() {
    let system = start().await;
    let submit = async |name: &str, value: &str| {
        let request = system.request(Method::POST, EDIT).header(name, value);
        Reply::of(request.body(r#"{"status":503,"output":{"detail":"busy"},"says":{"billable_units":"2.5"}}"#)).await
    };
    submit("x-fal-tags", "Shop=7").await.refuses(400, "x-fal-tags");
    assert_eq!(submit("x-fal-tags", "fal.shop=7").await.json()["error_type"], "bad_request");
    // What makes no sense elsewhere is ignored; and who wants no second attempt gets the first answer as it is.
    for (name, value) in [("x-fal-no-retry", "1"), ("x-fal-retry-config", r#"{"server_error":{"retries":0}}"#)] {
        let id = submit(name, value).await.json()["request_id"].as_str().unwrap().to_owned();
        let result = system.result_of(&id).await;
        assert_eq!((result.status, result.text.as_str()), (503, r#"{"detail":"busy"}"#), "{name}");
        assert_eq!(result.header("x-fal-billable-units"), Some("2.5"));
    }
}

#[tokio::test]
async fn a_key_stands_for_the_input_whatever_headers_say() {
    let system = start().await;
    let submit = async |priority: &str| {
        let request = system.request(Method::POST, EDIT).header("idempotency-key", "job");
        Reply::of(
            request.header("x-fal-queue-priority", priority).header("x-fal-tags", format!("p={priority}")).body("{}"),
        )
        .await
    };
    let (first, again) = (submit("low").await, submit("normal").await);
    assert_eq!((again.status, &again.json()["request_id"]), (200, &first.json()["request_id"]));
}

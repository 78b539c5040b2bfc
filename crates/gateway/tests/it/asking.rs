//! Status and result: the codes, the forms of addresses, and who may see what.

use reqwest::Method;

use crate::system::{APP, EDIT, OTHER_KEY, Reply, start};

#[tokio::test]
async fn the_code_says_whether_it_is_over_and_logs_come_when_asked_for() {
    let system = start().await;
    let id = system.submit(r#"{"hold":true,"logs":["one"],"output":{}}"#).await;
    let running = system.until(&id, "IN_PROGRESS").await;
    assert_eq!(running.status, 202);
    assert_eq!(running.header("x-fal-request-id"), Some(id.as_str()));
    system.get(&format!("{APP}/requests/{id}")).await.refuses(400, "Request is still in progress");
    system.release();
    assert_eq!(system.until(&id, "COMPLETED").await.status, 200);
    for (query, lines) in
        [("?logs=1", Some(1)), ("?logs=true", Some(1)), ("?logs=0", None), ("?logs=false", None), ("", None)]
    {
        let status = system.get(&format!("{APP}/requests/{id}/status{query}")).await.json();
        assert_eq!(status["logs"].as_array().map(Vec::len), lines, "{query}");
        assert!(status["metrics"]["inference_time"].is_number() && status.get("error").is_none());
    }
}

#[tokio::test]
async fn every_form_of_an_address_is_answered_directly() {
    let system = start().await;
    let id = system.submit(r#"{"output":{"done":true}}"#).await;
    system.until(&id, "COMPLETED").await;
    for base in [APP, EDIT, "queue/fal-ai/nano-banana", "queue/fal-ai/nano-banana/edit"] {
        for form in ["", "/", "/response", "/response/"] {
            let reply = system.get(&format!("{base}/requests/{id}{form}")).await;
            assert_eq!((reply.status, reply.text.as_str()), (200, r#"{"done":true}"#), "{base} {form}");
        }
        for form in ["/status", "/status/", "/status?logs=1", "/status/?logs=0"] {
            let reply = system.get(&format!("{base}/requests/{id}{form}")).await;
            assert_eq!((reply.status, &reply.json()["status"]), (200, &"COMPLETED".into()), "{base} {form}");
        }
    }
    let flow = system.post("workflows/me/flow", "{}").await.json();
    let id = flow["request_id"].as_str().unwrap();
    assert_eq!(system.get(&format!("workflows/me/flow/requests/{id}/status")).await.json()["request_id"], id);
}

#[tokio::test]
async fn a_request_of_another_account_does_not_exist() {
    let system = start().await;
    let id = system.submit("{}").await;
    system.until(&id, "COMPLETED").await;
    let calls =
        [(Method::GET, ""), (Method::GET, "/status"), (Method::GET, "/status/stream"), (Method::PUT, "/cancel")];
    for (method, call) in calls {
        let path = format!("{APP}/requests/{id}{call}");
        let rival = system.stranger(method.clone(), &path).header("authorization", format!("Key {OTHER_KEY}"));
        let unknown = system.request(method.clone(), &format!("{APP}/requests/no-such-id{call}"));
        let elsewhere = system.request(method.clone(), &format!("fal-ai/flux/requests/{id}{call}"));
        for request in [rival, unknown, elsewhere] {
            let reply = Reply::of(request).await;
            assert_eq!((reply.status, reply.text.as_str()), (404, r#"{"status":"NOT_FOUND"}"#), "{path}");
        }
        Reply::of(system.stranger(method, &path)).await.refuses(401, "Authorization: Key");
    }
}

#[tokio::test]
async fn a_models_own_error_is_passed_on_untouched() {
    let system = start().await;
    let body = r#"{"detail": [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing", "seed": 17454220438242315174}]}"#;
    let id = system.submit(&format!(r#"{{"status":422,"output":{body}}}"#)).await;
    let status = system.until(&id, "COMPLETED").await.json();
    assert_eq!((&status["error"], status.get("error_type")), (&"prompt: Field required".into(), None));
    let result = system.get(&format!("{APP}/requests/{id}")).await;
    assert_eq!((result.status, result.text.as_str()), (422, body));
    assert_eq!(result.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_failure_around_the_model_has_a_flat_body_and_its_headers() {
    let system = start().await;
    let id = system.submit(r#"{"fail":"runner_server_error"}"#).await;
    let status = system.until(&id, "COMPLETED").await.json();
    assert_eq!(status["error_type"], "runner_server_error");
    let result = system.get(&format!("{APP}/requests/{id}")).await;
    result.refuses(500, "as ordered");
    assert_eq!(result.json()["error_type"], "runner_server_error");
    assert_eq!(result.header("x-fal-error-type"), Some("runner_server_error"));
    assert_eq!(result.header("x-fal-request-id"), Some(id.as_str()));
}

#[tokio::test]
async fn a_finished_request_is_not_cancelled() {
    let system = start().await;
    let id = system.submit("{}").await;
    system.until(&id, "COMPLETED").await;
    let reply = system.put(&format!("{EDIT}/requests/{id}/cancel")).await;
    assert_eq!((reply.status, reply.text.as_str()), (400, r#"{"status":"ALREADY_COMPLETED"}"#));
}

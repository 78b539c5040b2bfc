//! One address for all of fal's hosts, as `@fal-ai/client` uses it with `proxyUrl`, and who may call there without a key.

use plantain_gateway::Keyless;
use reqwest::Method;

use crate::system::{APP, EDIT, Reply, Setup, System, start, start_with};

const ROUTE: &str = "api/fal/proxy";

async fn open() -> System {
    start_with(Setup { keyless: Keyless::Local, ..Setup::default() }).await
}

/// A call as the client sends it: no key, the wanted address in a header.
async fn proxied(system: &System, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = system.stranger(method, ROUTE).header("x-fal-target-url", target).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request).await
}

async fn get(system: &System, target: &str) -> Reply {
    proxied(system, Method::GET, target, &[], "").await
}

#[tokio::test]
async fn a_whole_request_passes_by_the_one_address() {
    let system = open().await;
    let queue = "https://queue.fal.run";
    let body = r#"{"output":{"seed":17454220438242315174}}"#;
    let submitted = proxied(&system, Method::POST, &format!("{queue}/{EDIT}"), &[], body).await;
    assert_eq!(submitted.status, 200, "{}", submitted.text);
    let id = submitted.json()["request_id"].as_str().unwrap().to_owned();
    let base = format!("{queue}/{APP}/requests/{id}");
    let stream = get(&system, &format!("{base}/status/stream?logs=1")).await;
    assert!(stream.text.contains("COMPLETED") && stream.header("content-type") == Some("text/event-stream"));
    let status = get(&system, &format!("{base}/status?logs=0")).await;
    assert_eq!((status.status, &status.json()["status"]), (200, &"COMPLETED".into()));
    assert_eq!(get(&system, &base).await.text, r#"{"seed":17454220438242315174}"#);
    let cancelled = proxied(&system, Method::PUT, &format!("{base}/cancel"), &[], "").await;
    assert_eq!((cancelled.status, cancelled.text.as_str()), (400, r#"{"status":"ALREADY_COMPLETED"}"#));
    let with_key = [("authorization", "Key shop:s3cret")];
    let other = proxied(&system, Method::GET, &base, &with_key, "").await;
    assert_eq!(other.status, 404, "who sends a key acts for its account");
    get(&system, &format!("{queue}/fal-ai/nothing/requests/{id}")).await.refuses_as_unknown();
}

impl Reply {
    #[track_caller]
    fn refuses_as_unknown(&self) {
        assert_eq!((self.status, self.text.as_str()), (404, r#"{"status":"NOT_FOUND"}"#));
    }
}

#[tokio::test]
async fn what_is_handed_out_needs_no_proxy() {
    let system = open().await;
    let asked = r#"{"content_type":"image/png","file_name":"a.png"}"#;
    let target = "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3";
    let place = proxied(&system, Method::POST, target, &[], asked).await.json();
    let upload = place["upload_url"].as_str().unwrap();
    assert!(upload.starts_with(system.at("cdn/files/b/").as_str()), "{upload}");
    let put = system.stranger(Method::PUT, upload.strip_prefix(system.url.as_str()).unwrap()).body("bytes");
    assert_eq!(Reply::of(put).await.status, 200);
    let file = place["file_url"].as_str().unwrap().strip_prefix(system.url.as_str()).unwrap();
    assert_eq!(Reply::of(system.stranger(Method::GET, file)).await.text, "bytes");
    let submitted = proxied(&system, Method::POST, &format!("https://queue.fal.run/{EDIT}"), &[], "{}").await.json();
    let status = submitted["status_url"].as_str().unwrap();
    assert!(status.starts_with(system.at(APP).as_str()), "{status}");
}

#[tokio::test]
async fn the_header_is_heard_at_the_root_and_nowhere_else() {
    let system = open().await;
    let target = format!("https://queue.fal.run/{EDIT}");
    let at = async |path: &str| {
        Reply::of(system.stranger(Method::POST, path).header("x-fal-target-url", &target).body("{}")).await
    };
    for path in ["", "api/fal/proxy", "api/fal/proxy/", "api/fal/proxy?x=1"] {
        assert_eq!(at(path).await.status, 200, "{path}");
    }
    at(EDIT).await.refuses(401, "Authorization: Key");
    at("rest/storage/upload/initiate").await.refuses(401, "Authorization: Key");
}

#[tokio::test]
async fn targets_that_are_not_fals_are_refused_and_nothing_is_sent_anywhere() {
    let system = open().await;
    // A real server that would answer if anything were forwarded.
    let elsewhere = start().await;
    let other = elsewhere.at("healthz").to_string();
    for (target, status, said) in [
        (other.as_str(), 412, "one of fal's hosts"),
        ("https://evil.test/fal-ai/x", 412, "one of fal's hosts"),
        ("https://queue.fal.run@evil.test/x", 412, "one of fal's hosts"),
        ("https://user:pw@queue.fal.run/x", 412, "without a user name"),
        ("https://queue.fal.run:8443/x", 412, "another port"),
        ("https://[::1]/x", 412, "one of fal's hosts"),
        ("file:///etc/passwd", 400, "absolute address"),
        ("https:\\\\queue.fal.run\\x", 400, "absolute address"),
        ("", 400, "absolute address"),
        ("https://queue.fal.run/fal-ai%2fnano-banana", 404, "not found"),
        ("https://queue.fal.run/../../etc/passwd", 404, "not found"),
        ("https://queue.fal.run", 404, "not found"),
        ("https://rest.fal.ai/nothing", 404, "not found"),
    ] {
        get(&system, target).await.refuses(status, said);
    }
    Reply::of(system.stranger(Method::POST, ROUTE)).await.refuses(400, "is missing");
    let twice = system.stranger(Method::GET, ROUTE).header("x-fal-target-url", "https://fal.run/a");
    Reply::of(twice.header("x-fal-target-url", "https://fal.run/b")).await.refuses(400, "more than once");
    let bytes = reqwest::header::HeaderValue::from_bytes(b"https://queue.fal.run/\xff").unwrap();
    Reply::of(system.stranger(Method::GET, ROUTE).header("x-fal-target-url", bytes)).await.refuses(400, "absolute");
}

#[tokio::test]
async fn without_a_key_only_this_machine_and_its_own_pages_get_in() {
    let system = open().await;
    let target = format!("https://queue.fal.run/{EDIT}");
    for origin in ["http://localhost:3000", "http://127.0.0.1:5173"] {
        let reply = proxied(&system, Method::POST, &target, &[("origin", origin)], "{}").await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some("*")), "{origin}");
    }
    for headers in [
        // A page elsewhere, a sandboxed one, one whose name was made to lead here, and what a proxy let in.
        &[("origin", "https://evil.test")][..],
        &[("origin", "null")],
        &[("host", "rebound.evil.test")],
        &[("host", "rebound.evil.test"), ("origin", "http://rebound.evil.test")],
        &[("host", "queue.fal.run")],
        &[("x-forwarded-for", "203.0.113.7")],
        &[("x-forwarded-host", "localhost"), ("host", "shop.test")],
    ] {
        let reply = proxied(&system, Method::POST, &target, headers, "{}").await;
        reply.refuses(401, "Authorization: Key");
    }
    let wrong = proxied(&system, Method::POST, &target, &[("authorization", "Key shop:wrong")], "{}").await;
    wrong.refuses(401, "No user found");
    Reply::of(system.stranger(Method::POST, EDIT).body("{}")).await.refuses(401, "Authorization: Key");
}

#[tokio::test]
async fn where_keys_are_needed_the_proxy_needs_them_too() {
    let system = start().await;
    let target = format!("https://queue.fal.run/{EDIT}");
    proxied(&system, Method::POST, &target, &[], "{}").await.refuses(401, "Authorization: Key");
    let with_key = proxied(&system, Method::POST, &target, &[("authorization", "Key shop:s3cret")], "{}").await;
    assert_eq!(with_key.status, 200);
}

//! Whatever is sent, the answer is a 4xx with a `detail` that says why.

use reqwest::Method;
use reqwest::header::HeaderValue;

use crate::system::{APP, EDIT, KEY, Reply, Setup, System, start, start_with};

async fn with_header(system: &System, name: &str, value: &[u8]) -> Reply {
    Reply::of(system.request(Method::POST, EDIT).header(name, HeaderValue::from_bytes(value).unwrap()).body("{}")).await
}

#[tokio::test]
async fn bodies_that_are_no_json() {
    let system = start().await;
    for (body, said) in [
        (&b"prompt=a mug"[..], "not valid JSON (line 1, column 1)"),
        (b"{\"prompt\": \"a\n", "not valid JSON (line 1"),
        (b"{\"a\":1}{\"b\":2}", "not valid JSON"),
        (b"{\"a\":NaN}", "not valid JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"{\"a\":\"\xc3\x28\"}", "not UTF-8"),
        (b"[[[", "not valid JSON"),
    ] {
        let reply = system.post(EDIT, body.to_vec()).await;
        reply.refuses(400, said);
        assert_eq!(reply.header("x-fal-error-type"), Some("bad_request"));
        assert_eq!((reply.header("x-fal-needs-retry"), reply.header("x-fal-retryable")), (Some("0"), Some("false")));
    }
    system.post(EDIT, "[".repeat(1_000_000)).await.refuses(400, "nested more than 100 levels");
    system
        .post(EDIT, format!("{}1{}", "{\"a\":".repeat(101), "}".repeat(101)))
        .await
        .refuses(400, "nested more than 100");
    assert_eq!(system.post(EDIT, format!(r#"{{"output":{}1{}}}"#, "[".repeat(99), "]".repeat(99))).await.status, 200);
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let limits = plantain_gateway::Limits { json_bytes: 1000, ..Default::default() };
    let system = start_with(Setup { limits, ..Setup::default() }).await;
    let exactly = format!(r#"{{"output":"{}"}}"#, "x".repeat(1000 - 13));
    assert_eq!((exactly.len(), system.post(EDIT, exactly.clone()).await.status), (1000, 200));
    system.post(EDIT, format!("{exactly} ")).await.refuses(413, "larger than 1000 bytes");
    let chunks = futures_util::stream::iter((0..50).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
    let unannounced = system.request(Method::POST, EDIT).body(reqwest::Body::wrap_stream(chunks));
    Reply::of(unannounced).await.refuses(413, "larger than 1000 bytes");
}

#[tokio::test]
async fn types_that_are_no_json() {
    let system = start().await;
    for kind in ["multipart/form-data; boundary=x", "image/png", "Video/mp4"] {
        with_header(&system, "content-type", kind.as_bytes()).await.refuses(415, "application/json");
    }
    with_header(&system, "content-encoding", b"gzip").await.refuses(415, "application/json");
}

#[tokio::test]
async fn headers_and_queries_that_say_what_cannot_be() {
    let system = start().await;
    for value in [&b"soon"[..], b"0", b"-3", b"NaN", b"", b"\xff"] {
        with_header(&system, "x-fal-request-timeout", value)
            .await
            .refuses(400, "'x-fal-request-timeout' must be a number");
        let newer = with_header(&system, "x-fal-request-start-timeout", value).await;
        newer.refuses(400, "'x-fal-request-start-timeout' must be a number");
    }
    with_header(&system, "idempotency-key", b"").await.refuses(400, "'idempotency-key' must be");
    with_header(&system, "idempotency-key", &[b'x'; 256]).await.refuses(400, "'idempotency-key' must be");
    assert_eq!(with_header(&system, "x-fal-queue-priority", b"urgent").await.status, 200);
    for webhook in ["hook", "ftp://a.test/", "http://", "%00", "javascript:1"] {
        system
            .post(&format!("{EDIT}?fal_webhook={webhook}"), "{}")
            .await
            .refuses(400, "'fal_webhook' must be an absolute");
    }
    let long = format!("{EDIT}?fal_webhook=http://a.test/{}", "x".repeat(3000));
    system.post(&long, "{}").await.refuses(400, "at most 2048 bytes");
}

#[tokio::test]
async fn keys_that_open_nothing() {
    let system = start().await;
    for (value, said) in [
        (None, "Authorization: Key <key_id>:<key_secret>"),
        (Some("Key nobody:s3cret"), "No user found for Key ID and Secret"),
        (Some("Key shop:wrong"), "No user found for Key ID and Secret"),
        (Some("Key shop"), "Invalid Key Authorization header format"),
        (Some("Bearer abc"), "Invalid Key Authorization header format"),
        (Some("Bearer a.b.c"), "Invalid token"),
        (Some(""), "Invalid Key Authorization header format"),
    ] {
        for (method, path) in [(Method::POST, EDIT), (Method::POST, "rest/storage/upload/initiate")] {
            let mut request = system.stranger(method, path).body("{}");
            if let Some(value) = value {
                request = request.header("authorization", value);
            }
            Reply::of(request).await.refuses(401, said);
        }
    }
    let basic = system.stranger(Method::POST, EDIT).basic_auth("shop", Some("s3cret"));
    Reply::of(basic).await.refuses(401, "Invalid Key");
    assert!(!KEY.is_empty());
}

#[tokio::test]
async fn addresses_that_lead_nowhere() {
    let system = start().await;
    for path in
        ["", "a", "a/b/requests/", "queue/", "fal-ai/../x%2f", "rest/nothing", "cdn/", "cdn/files/b/x", "run/fal-ai"]
    {
        system.get(path).await.refuses(404, "not found");
    }
    system.post("fal-ai/flux/dev", "{}").await.refuses(404, "Application \"fal-ai/flux\" not found");
    for (method, path, allowed) in [
        (Method::DELETE, EDIT.to_owned(), "POST,GET,HEAD"),
        (Method::DELETE, format!("{APP}/requests/r"), "GET,HEAD"),
        (Method::POST, format!("{APP}/requests/r/cancel"), "PUT"),
        (Method::POST, "cdn/files/b/1/a.png".to_owned(), "GET,HEAD,PUT"),
        (Method::GET, "rest/storage/upload/initiate".to_owned(), "POST"),
    ] {
        let reply = Reply::of(system.request(method, &path)).await;
        reply.refuses(405, "Method Not Allowed");
        assert_eq!(reply.header("allow"), Some(allowed), "{path}");
    }
}

#[tokio::test]
async fn addresses_that_are_no_text() {
    let system = start().await;
    for path in ["cdn/files/b/%ff/a.png", "cdn/files/b/1/%c3%28", "models/%ff", "console/assets/%ff/x", "run/%ff/x"] {
        system.get(path).await.refuses(404, "not found");
    }
    let part = system.request(Method::PUT, "cdn/files/b/1/a.png/multipart/%ff/1").body("x");
    Reply::of(part).await.refuses(404, "not found");
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_a_504() {
    let limits = plantain_gateway::Limits { call: std::time::Duration::ZERO, ..Default::default() };
    let system = start_with(Setup { limits, ..Setup::default() }).await;
    // The body never ends, so the call can't either.
    let endless = futures_util::stream::pending::<Result<String, std::io::Error>>();
    let request = system.request(Method::POST, EDIT).body(reqwest::Body::wrap_stream(endless));
    let reply = Reply::of(request).await;
    reply.refuses(504, "Request timed out");
    assert_eq!(reply.header("x-fal-needs-retry"), Some("1"));
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let limits = plantain_gateway::Limits { body_idle: std::time::Duration::from_millis(20), ..Default::default() };
    let system = start_with(Setup { limits, ..Setup::default() }).await;
    let endless = futures_util::stream::pending::<Result<String, std::io::Error>>();
    let request = system.request(Method::POST, EDIT).body(reqwest::Body::wrap_stream(endless));
    Reply::of(request).await.refuses(408, "did not arrive in time");
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let limits = plantain_gateway::Limits { body: std::time::Duration::from_millis(20), ..Default::default() };
    let system = start_with(Setup { limits, ..Setup::default() }).await;
    for path in [EDIT.to_owned(), format!("run/{EDIT}")] {
        // There is always a next byte, so the body never stands still.
        let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(" "));
        let endless = futures_util::StreamExt::then(endless, |byte| async {
            tokio::task::yield_now().await;
            byte
        });
        let request = system.request(Method::POST, &path).body(reqwest::Body::wrap_stream(endless));
        Reply::of(request).await.refuses(408, "did not arrive in time");
    }
}

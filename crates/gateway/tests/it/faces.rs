//! Four hosts on one port, health, and browsers.

use reqwest::Method;

use crate::system::{APP, EDIT, Reply, Setup, start, start_with};

async fn submitted(system: &crate::system::System, path: &str, headers: &[(&str, &str)]) -> String {
    let mut request = system.request(Method::POST, path).body("{}");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["status_url"].as_str().unwrap().replace(reply.json()["request_id"].as_str().unwrap(), "ID")
}

#[tokio::test]
async fn addresses_lead_back_the_way_the_request_came() {
    let system = start().await;
    let own = system.url.as_str().to_owned();
    let tail = format!("{APP}/requests/ID/status");
    assert_eq!(submitted(&system, EDIT, &[]).await, format!("{own}{tail}"));
    assert_eq!(submitted(&system, &format!("queue/{EDIT}"), &[]).await, format!("{own}queue/{tail}"));
    let by_host = submitted(&system, EDIT, &[("host", "queue.fal.run")]).await;
    assert_eq!(by_host, format!("http://queue.fal.run/{tail}"));
    let forwarded = [("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.test")];
    assert_eq!(submitted(&system, EDIT, &forwarded).await, format!("{own}{tail}"), "nobody vouches for the header");
}

#[tokio::test]
async fn a_public_address_or_a_trusted_proxy_decides() {
    let public_url = Some("https://shop.test/fal".parse().unwrap());
    let system = start_with(Setup { public_url, ..Setup::default() }).await;
    let tail = format!("{APP}/requests/ID/status");
    assert_eq!(submitted(&system, EDIT, &[]).await, format!("https://shop.test/fal/queue/{tail}"));
    let system = start_with(Setup { proxy: plantain_gateway::Proxy::Trusted, ..Setup::default() }).await;
    let forwarded = [("x-forwarded-proto", "https"), ("x-forwarded-host", "outer.test")];
    assert_eq!(submitted(&system, EDIT, &forwarded).await, format!("https://outer.test/{tail}"));
}

#[tokio::test]
async fn the_other_faces_are_found_by_host_prefix_and_path() {
    let system = start().await;
    for (host, path) in [
        (None, "rest/storage/upload/initiate"),
        (None, "storage/upload/initiate?storage_type=fal-cdn-v3"),
        (Some("rest.fal.ai"), "storage/upload/initiate?storage_type=fal-cdn-v3"),
        (Some("rest.alpha.fal.ai:8443"), "storage/upload/initiate"),
    ] {
        let mut request =
            system.request(Method::POST, path).body(r#"{"content_type":"image/png","file_name":"a.png"}"#);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, 200, "{host:?} {path}: {}", reply.text);
        let file = reply.json()["file_url"].as_str().unwrap().to_owned();
        let base = match host {
            None => system.at("cdn/files/b/").to_string(),
            Some("rest.fal.ai") => "http://v3.fal.media/files/b/".to_owned(),
            Some(_) => "http://v3.fal.media:8443/files/b/".to_owned(),
        };
        assert!(file.starts_with(&base), "{file} is not under {base}");
    }
    for path in [".well-known/jwks.json", "rest/.well-known/jwks.json"] {
        let reply = Reply::of(system.stranger(Method::GET, path)).await;
        assert_eq!((reply.status, reply.json()["keys"].as_array().map(Vec::len)), (200, Some(2)), "{path}");
    }
    let bad_host = system.request(Method::GET, EDIT).header("host", "a b");
    Reply::of(bad_host).await.refuses(400, "Host header");
}

#[tokio::test]
async fn health_and_readiness() {
    let system = start().await;
    for path in ["healthz", "readyz"] {
        assert_eq!(Reply::of(system.stranger(Method::GET, path)).await.status, 200, "{path}");
    }
    system.shutdown.begin();
    assert_eq!(Reply::of(system.stranger(Method::GET, "readyz")).await.status, 503);
    assert_eq!(Reply::of(system.stranger(Method::GET, "healthz")).await.status, 200);
}

#[tokio::test]
async fn browsers_may_call_and_read_the_headers_that_matter() {
    let system = start().await;
    let asked = system
        .stranger(Method::OPTIONS, EDIT)
        .header("origin", "https://shop.test")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-fal-queue-priority");
    let allowed = Reply::of(asked).await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("*"));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("authorization"));
    let reply = Reply::of(system.request(Method::POST, EDIT).header("origin", "https://shop.test")).await;
    let exposed = reply.header("access-control-expose-headers").unwrap();
    for name in ["x-fal-request-id", "x-fal-error-type", "x-fal-request-timeout-type", "etag"] {
        assert!(exposed.contains(name), "{name} is not in {exposed}");
    }
}

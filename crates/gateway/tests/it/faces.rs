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
    for (method, path) in [
        ("PUT", "fal-ai/nano-banana/requests/r/cancel"),
        ("GET", "queue/fal-ai/nano-banana/requests/r/status/stream"),
        ("POST", "run/fal-ai/nano-banana"),
        ("POST", "storage/upload/initiate"),
        ("POST", "rest/tokens/"),
        ("PUT", "cdn/files/b/1/a.png"),
        ("PUT", "files/b/1/a.png?signature=x"),
        ("POST", "api/fal/proxy"),
        ("GET", "api/openapi/queue/openapi.json"),
        ("GET", "no/such/path/at/all"),
    ] {
        let asked = system
            .stranger(Method::OPTIONS, path)
            .header("origin", "https://shop.test")
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "x-fal-target-url,content-type");
        let allowed = Reply::of(asked).await;
        assert_eq!(allowed.status, 200, "{path}");
        assert_eq!(allowed.header("access-control-allow-methods"), Some("*"), "{path}");
        assert_eq!(allowed.header("access-control-max-age"), Some("7200"), "{path}");
        assert!(allowed.header("access-control-allow-headers").unwrap().contains("x-fal-target-url"), "{path}");
    }
    let reply = Reply::of(system.request(Method::POST, EDIT).header("origin", "https://shop.test")).await;
    let exposed = reply.header("access-control-expose-headers").unwrap();
    for name in ["x-fal-request-id", "x-fal-error-type", "x-fal-request-timeout-type", "retry-after", "etag"] {
        assert!(exposed.contains(name), "{name} is not in {exposed}");
    }
}

#[tokio::test]
async fn every_form_of_an_address_is_understood_under_every_name() {
    let system = start().await;
    let id = system.submit("{}").await;
    system.until(&id, "COMPLETED").await;
    let call = async |method: Method, host: Option<&str>, path: &str| {
        let mut request = system.request(method, path);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        Reply::of(request).await
    };
    for (host, prefix) in [
        (None, ""),
        (None, "queue/"),
        (Some("queue.fal.run"), ""),
        (Some("queue.fal.run:443"), ""),
        (Some("QUEUE.FAL.RUN"), ""),
        (Some("queue.fal.run."), ""),
        (Some("queue.falrun.com"), ""),
    ] {
        for app in [APP, EDIT] {
            let base = format!("{prefix}{app}/requests/{id}");
            for (form, status) in [
                ("", 200),
                ("/", 200),
                ("/response", 200),
                ("/status", 200),
                ("/status/", 200),
                ("/status/stream", 200),
                ("/status/stream/", 200),
            ] {
                let reply = call(Method::GET, host, &format!("{base}{form}?logs=1")).await;
                assert_eq!(reply.status, status, "{host:?} {base}{form}: {}", reply.text);
            }
            for form in ["/cancel", "/cancel/"] {
                assert_eq!(call(Method::PUT, host, &format!("{base}{form}")).await.status, 400, "{base}{form}");
            }
        }
    }
    for submit in ["fal-ai/nano-banana/", "fal-ai/nano-banana/edit/", "workflows/me/flow/", "queue/workflows/me/flow"] {
        assert_eq!(system.post(submit, "{}").await.status, 200, "{submit}");
    }
    // No endpoint of this name is served, but the address is one.
    system.post("comfy/me/flow", "{}").await.refuses(404, "Application \"comfy/me/flow\" not found");
    system.post("123456-my-app", "{}").await.refuses(404, "Application \"123456/my-app\" not found");
}

#[tokio::test]
async fn hosts_that_cannot_be_meant() {
    let system = start().await;
    let long = "x".repeat(60_000);
    for host in ["", "a b", "a/b", "user@fal.run", "a:99999", "[::1", "queue%2efal.run", "a\\b", "xn--fal", "*", &long]
    {
        let reply = Reply::of(system.request(Method::POST, EDIT).header("host", host)).await;
        reply.refuses(400, "Host header");
    }
    for host in ["evil-queue.fal.run.test", "0", "shop_1.test", "127.0.0.1:1", "[::ffff:1.2.3.4]:9"] {
        let reply = Reply::of(system.request(Method::POST, EDIT).header("host", host).body("{}")).await;
        assert_eq!(reply.status, 200, "{host}: {}", reply.text);
    }
}

#[tokio::test]
async fn headers_of_100_kilobytes_are_refused_in_words() {
    let system = start().await;
    let reply = Reply::of(system.request(Method::POST, EDIT).header("x-fal-tags", "x".repeat(100_000))).await;
    reply.refuses(431, "larger than 65536 bytes");
    let mut request = system.request(Method::POST, EDIT);
    for at in 0..50 {
        request = request.header(format!("x-fal-{at}"), "x".repeat(2_000));
    }
    Reply::of(request).await.refuses(431, "larger than 65536 bytes");
}

/// Sends bytes as no client of ours would.
async fn raw(system: &crate::system::System, bytes: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(system.url.socket_addrs(|| None).unwrap()[0]).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    said
}

#[tokio::test]
async fn request_targets_with_a_host_count_before_the_host_header() {
    let system = start().await;
    let key = "Authorization: Key shop:s3cret\r\nContent-Length: 2\r\nConnection: close";
    let said =
        raw(&system, &format!("POST http://queue.fal.run/{EDIT} HTTP/1.1\r\nHost: a.test\r\n{key}\r\n\r\n{{}}")).await;
    assert!(
        said.starts_with("HTTP/1.1 200") && said.contains("http://queue.fal.run/fal-ai/nano-banana/requests/"),
        "{said}"
    );
    let said =
        raw(&system, &format!("POST http://u:p@queue.fal.run/{EDIT} HTTP/1.1\r\nHost: a.test\r\n{key}\r\n\r\n{{}}"))
            .await;
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("Host header"), "{said}");
    let said =
        raw(&system, &format!("POST /{EDIT} HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n{key}\r\n\r\n{{}}")).await;
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("detail"), "{said}");
}

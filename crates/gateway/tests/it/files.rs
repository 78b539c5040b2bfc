//! Files as they are handed out: parts, caching, and nothing that a browser would run.

use reqwest::Method;

use crate::system::{Reply, System, start};

/// Uploads and says the path of the file.
async fn upload(system: &System, bytes: &'static [u8], content_type: &str, name: &str) -> String {
    system.client().upload(bytes, content_type, name).await.unwrap().path().to_owned()
}

async fn get(system: &System, path: &str, header: (&str, &str)) -> Reply {
    Reply::of(system.stranger(Method::GET, path).header(header.0, header.1)).await
}

#[tokio::test]
async fn parts_of_a_file() {
    let system = start().await;
    let path = upload(&system, b"0123456789", "text/plain", "a.txt").await;
    for (range, status, place, text) in [
        ("bytes=2-4", 206, Some("bytes 2-4/10"), "234"),
        ("bytes=-3", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=8-99", 206, Some("bytes 8-9/10"), "89"),
        ("bytes=10-", 416, Some("bytes */10"), ""),
        ("bytes=0-1,4-5", 200, None, "0123456789"),
        ("nonsense", 200, None, "0123456789"),
    ] {
        let reply = get(&system, &path, ("range", range)).await;
        assert_eq!(
            (reply.status, reply.header("content-range"), reply.text.as_str()),
            (status, place, text),
            "{range}"
        );
        assert_eq!(reply.header("content-length"), Some(text.len().to_string().as_str()), "{range}");
    }
    let stale = system.stranger(Method::GET, &path).header("range", "bytes=0-1").header("if-range", "\"other\"");
    assert_eq!(Reply::of(stale).await.text, "0123456789");
}

#[tokio::test]
async fn a_file_is_cached_for_ever() {
    let system = start().await;
    let path = upload(&system, b"\xff\xd8\xff\xe0 picture", "image/jpeg", "a.jpg").await;
    let whole = system.stranger(Method::GET, &path).send().await.unwrap();
    assert_eq!(whole.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    let etag = whole.headers()["etag"].to_str().unwrap().to_owned();
    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".into()] {
        let reply = get(&system, &path, ("if-none-match", &known)).await;
        assert_eq!((reply.status, reply.text.as_str()), (304, ""), "{known}");
    }
    assert_eq!(
        system.stranger(Method::GET, &path).header("if-none-match", "\"x\"").send().await.unwrap().status(),
        200
    );
    let head = Reply::of(system.stranger(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.header("content-length"), head.text.as_str()), (200, Some("12"), ""));
}

#[tokio::test]
async fn nothing_is_served_that_a_browser_would_run() {
    let system = start().await;
    let script = b"<html><script>alert(1)</script>";
    for (kind, name) in [
        ("text/html", "a.html"),
        ("image/svg+xml", "a.svg"),
        ("image/png", "a.png"),
        ("application/javascript", "a.js"),
        ("text/html; charset=utf-8", "b.html"),
    ] {
        let path = upload(&system, script, kind, name).await;
        let reply = Reply::of(system.stranger(Method::GET, &path)).await;
        assert_eq!(reply.header("content-type"), Some("application/octet-stream"), "{kind}");
        assert_eq!(reply.header("content-disposition"), Some(format!("attachment; filename=\"{name}\"").as_str()));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    }
    let path = upload(&system, b"GIF89a<script>", "image/gif", "a.gif").await;
    let picture = system.stranger(Method::GET, &path).send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/gif");
    assert!(!picture.headers().contains_key("content-disposition"));
}

#[tokio::test]
async fn files_are_found_by_id_and_name_alone() {
    let system = start().await;
    let path = upload(&system, b"x", "text/plain", "a.txt").await;
    let id = path.split('/').nth_back(1).unwrap();
    for wrong in [
        format!("cdn/files/b/{id}/b.txt"),
        "cdn/files/b/00000000000000000000000000000000/a.txt".to_owned(),
        format!("cdn/files/b/{id}%2f..%2f../a.txt"),
        format!("cdn/files/b/..%2f{id}/a.txt"),
        "cdn/files/b/%2e%2e/%2e%2e".to_owned(),
        "cdn/files/b/'%20or%201=1--/a.txt".to_owned(),
        "cdn/files/b/%00/a.txt".to_owned(),
    ] {
        Reply::of(system.stranger(Method::GET, &wrong)).await.refuses(404, "not found");
    }
    assert_eq!(Reply::of(system.stranger(Method::GET, &format!("files/b/{id}/a.txt"))).await.text, "x");
}

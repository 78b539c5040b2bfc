//! Upload addresses: they authorise themselves, once, for one file, for a while.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use plantain_gateway::Limits;
use reqwest::Method;
use url::Url;

use crate::system::{Reply, Setup, System, manual_clock, start, start_with};

/// An upload address and the address of its file, as paths with queries.
async fn place(system: &System, content_type: &str, name: &str) -> (Url, Url) {
    let body = serde_json::json!({ "content_type": content_type, "file_name": name }).to_string();
    let reply = system.post("rest/storage/upload/initiate?storage_type=fal-cdn-v3", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let url = |key: &str| reply.json()[key].as_str().unwrap().parse().unwrap();
    (url("upload_url"), url("file_url"))
}

async fn put(system: &System, url: &Url, body: &'static [u8]) -> Reply {
    let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    Reply::of(system.stranger(Method::PUT, &path).header("content-type", "image/png").body(body)).await
}

#[tokio::test]
async fn the_answer_to_a_put_does_not_claim_to_be_json() {
    let system = start().await;
    let (upload, file) = place(&system, "image/png", "a.png").await;
    let reply = put(&system, &upload, b"\x89PNG\r\n\x1a\n").await;
    assert_eq!((reply.status, reply.text.as_str(), reply.header("content-type")), (200, "", Some("text/plain")));
    assert!(reply.header("etag").unwrap().starts_with('"'));
    assert_eq!(Reply::of(system.stranger(Method::HEAD, file.path())).await.status, 200);
}

#[tokio::test]
async fn the_same_bytes_may_be_put_again_and_others_may_not() {
    let system = start().await;
    let (upload, file) = place(&system, "text/plain", "a.txt").await;
    assert_eq!(put(&system, &upload, b"one").await.status, 200);
    assert_eq!(put(&system, &upload, b"one").await.status, 200);
    put(&system, &upload, b"two").await.refuses(400, "used before for another file");
    assert_eq!(Reply::of(system.stranger(Method::GET, file.path())).await.text, "one");
}

/// The files under a folder and all folders in it.
fn files_under(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_under(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn a_used_address_takes_nothing_more_in() {
    let system = start().await;
    let (upload, _) = place(&system, "text/plain", "a.txt").await;
    assert_eq!(put(&system, &upload, b"one").await.status, 200);
    let kept = files_under(&system.folder.path().join("blobs"));
    for other in [&b"two"[..], b"", b"longer", b"o"] {
        put(&system, &upload, other).await.refuses(400, "used before for another file");
    }
    let path = format!("{}?{}", upload.path(), upload.query().unwrap());
    // An upload of unknown length is heard no longer than the known file is long.
    let endless = futures_util::stream::iter([Ok::<_, std::io::Error>("oneone")]);
    let endless = futures_util::StreamExt::chain(endless, futures_util::stream::pending());
    let endless = system.stranger(Method::PUT, &path).body(reqwest::Body::wrap_stream(endless));
    Reply::of(endless).await.refuses(400, "used before for another file");
    assert_eq!(files_under(&system.folder.path().join("blobs")), kept);
}

#[tokio::test]
async fn of_two_uploads_at_once_the_first_that_ends_is_kept() {
    // More than is held in memory before there is a file.
    const BEGUN: &[u8] = &[b'x'; 600_000];
    const FIRST: &[u8] = &{
        let mut first = [b'x'; 600_003];
        [first[600_000], first[600_001], first[600_002]] = *b"one";
        first
    };
    let system = start().await;
    for (late, status) in [("one", 200), ("two", 400)] {
        let (upload, file) = place(&system, "text/plain", "a.txt").await;
        let path = format!("{}?{}", upload.path(), upload.query().unwrap());
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let last = futures_util::stream::once(async move {
            ended.await.ok();
            Ok::<_, std::io::Error>(late)
        });
        let begun = futures_util::stream::once(async { Ok(BEGUN) });
        let whole = begun.chain(last.map_ok(str::as_bytes));
        let slow = system.stranger(Method::PUT, &path).body(reqwest::Body::wrap_stream(whole));
        let quick = async {
            // The slow one has begun, as its place among the incoming files shows.
            let incoming = system.folder.path().join("blobs/incoming");
            while files_under(&incoming) == 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(put(&system, &upload, FIRST).await.status, 200);
            end.send(()).unwrap();
        };
        let (slow, ()) = tokio::join!(Reply::of(slow), quick);
        assert_eq!(slow.status, status, "{late}: {}", slow.text);
        let kept = Reply::of(system.stranger(Method::GET, file.path())).await.text;
        assert!(kept.as_bytes() == FIRST, "{} bytes", kept.len());
    }
}

#[tokio::test]
async fn a_forged_address_opens_nothing() {
    let system = start().await;
    let (upload, _) = place(&system, "image/png", "a.png").await;
    let (other, _) = place(&system, "image/png", "a.png").await;
    let text = upload.as_str();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to).parse::<Url>().unwrap()
    };
    let mut swapped = other.clone();
    swapped.set_query(upload.query());
    let mut unsigned = upload.clone();
    unsigned.set_query(None);
    for forged in [
        changed("type=image%2Fpng", "type=text%2Fhtml"),
        changed("/a.png", "/b.png"),
        changed("expires=", "expires=9"),
        changed("signature=", "signature=00"),
        changed("signature=", "signed="),
        changed("expires=", "expires=x"),
        swapped,
        unsigned,
    ] {
        put(&system, &forged, b"x").await.refuses(403, "was not made here");
    }
    assert_eq!(put(&system, &upload, b"x").await.status, 200);
}

#[tokio::test]
async fn an_address_expires() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let (upload, _) = place(&system, "image/png", "a.png").await;
    system.clock.advance(Duration::from_secs(3599));
    assert_eq!(put(&system, &upload, b"x").await.status, 200);
    system.clock.advance(Duration::from_secs(1));
    put(&system, &upload, b"x").await.refuses(403, "has expired");
}

#[tokio::test]
async fn a_file_that_is_too_large_leaves_nothing() {
    let limits = Limits { upload_bytes: 10, ..Limits::default() };
    let system = start_with(Setup { limits, ..Setup::default() }).await;
    let (upload, file) = place(&system, "image/png", "a.png").await;
    put(&system, &upload, b"12345678901").await.refuses(413, "larger than 10 bytes");
    let path = format!("{}?{}", upload.path(), upload.query().unwrap());
    let chunks = futures_util::stream::iter((0..4).map(|_| Ok::<_, std::io::Error>("xxxx")));
    let unannounced = system.stranger(Method::PUT, &path).body(reqwest::Body::wrap_stream(chunks));
    Reply::of(unannounced).await.refuses(413, "larger than 10 bytes");
    Reply::of(system.stranger(Method::GET, file.path())).await.refuses(404, "File not found");
    assert_eq!(put(&system, &upload, b"1234567890").await.status, 200);
    let left = std::fs::read_dir(system.folder.path().join("blobs/incoming")).unwrap().count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_upload_that_stands_still_is_given_up() {
    let limits = Limits { body_idle: Duration::from_millis(20), ..Limits::default() };
    let system = start_with(Setup { limits, ..Setup::default() }).await;
    let (upload, _) = place(&system, "image/png", "a.png").await;
    let path = format!("{}?{}", upload.path(), upload.query().unwrap());
    let endless = futures_util::stream::pending::<Result<String, std::io::Error>>();
    let slow = system.stranger(Method::PUT, &path).body(reqwest::Body::wrap_stream(endless));
    Reply::of(slow).await.refuses(408, "did not arrive in time");
}

#[tokio::test]
async fn what_is_asked_for_must_name_a_type() {
    let system = start().await;
    for body in ["", "[]", r#"{"file_name":"a"}"#, r#"{"content_type":1}"#, r#"{"content_type":"a\nb"}"#, "nonsense"] {
        let reply = system.post("rest/storage/upload/initiate", body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
    }
}

#[tokio::test]
async fn names_cannot_climb_out() {
    let system = start().await;
    for (name, plain) in
        [("../../etc/passwd", "passwd"), ("a b\"c.png", "a_b_c.png"), ("", "file.png"), ("?x#y", "_x_y")]
    {
        let (upload, file) = place(&system, "image/png", name).await;
        assert!(file.path().ends_with(&format!("/{plain}")), "{file}");
        assert_eq!(put(&system, &upload, b"x").await.status, 200, "{name}");
    }
}

//! Uploads in parts, as JavaScript and as Python do them; and what can go wrong on the way.

use std::time::Duration;

use plantain_blobs::Blobs;
use plantain_gateway::Limits;
use plantain_store::queue::open_queue;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::system::{KEY, OTHER_KEY, Reply, Setup, System, manual_clock, start, start_over, start_with};

/// What JavaScript is given: a signed address and that of the file.
async fn initiate(system: &System) -> (Url, Url) {
    let body = json!({ "content_type": "video/mp4", "file_name": "film.mp4" }).to_string();
    let reply = system.post("rest/storage/upload/initiate-multipart?storage_type=fal-cdn-v3", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let url = |key: &str| reply.json()[key].as_str().unwrap().parse().unwrap();
    (url("upload_url"), url("file_url"))
}

/// `below` is put between the path and the query, as JavaScript does it.
fn under(upload: &Url, below: &str) -> String {
    format!("{}/{below}?{}", upload.path(), upload.query().unwrap())
}

async fn put(system: &System, upload: &Url, number: &str, body: &'static [u8]) -> Reply {
    Reply::of(system.stranger(Method::PUT, &under(upload, number)).body(body)).await
}

/// The entry of a part in the list of the completion, as the part's answer says it.
async fn put_part(system: &System, upload: &Url, number: u16, body: &'static [u8]) -> Value {
    let reply = put(system, upload, &number.to_string(), body).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{}", reply.text);
    let said = reply.json();
    assert_eq!(said["partNumber"], number);
    assert_eq!(said["etag"], reply.header("etag").unwrap());
    said
}

async fn complete(system: &System, upload: &Url, list: Value) -> Reply {
    let request = system.stranger(Method::POST, &under(upload, "complete"));
    Reply::of(request.header("content-type", "application/json").body(list.to_string())).await
}

async fn read(system: &System, file: &Url) -> Reply {
    Reply::of(system.stranger(Method::GET, file.path())).await
}

#[tokio::test]
async fn javascript_puts_parts_one_after_the_other() {
    let system = start().await;
    let (upload, file) = initiate(&system).await;
    let one = put_part(&system, &upload, 1, b"....ftypisom and ").await;
    let two = put_part(&system, &upload, 2, b"so on").await;
    read(&system, &file).await.refuses(404, "File not found");
    let done = complete(&system, &upload, json!({ "parts": [one, two] })).await;
    assert_eq!((done.status, done.json()["file_url"].as_str()), (200, Some(file.as_str())), "{}", done.text);
    let whole = read(&system, &file).await;
    assert_eq!(whole.text, "....ftypisom and so on");
    assert_eq!(whole.header("content-type"), Some("video/mp4"));
    let part = system.stranger(Method::GET, file.path()).header("range", "bytes=15-18");
    assert_eq!(Reply::of(part).await.text, "d so", "ranges cross the borders of parts");
}

/// The token that Python asks for, and the base of its uploads.
async fn token(system: &System, key: &str) -> (String, String) {
    let request = system.stranger(Method::POST, "rest/storage/auth/token?storage_type=fal-cdn-v3");
    let reply = Reply::of(request.header("authorization", format!("Key {key}")).body("{}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let said = reply.json();
    assert_eq!(said["token_type"], "Bearer");
    assert!(said["expires_at"].as_str().unwrap().ends_with("+00:00"), "{said}");
    let base = said["base_url"].as_str().unwrap().to_owned();
    assert!(!base.ends_with('/'), "{base}");
    (format!("Bearer {}", said["token"].as_str().unwrap()), base)
}

fn path(url: &str) -> String {
    url.parse::<Url>().unwrap().path().to_owned()
}

/// The addresses that Python puts parts below and reads the file at.
async fn begin(system: &System, token: &str, base: &str) -> (String, String) {
    let request = system.stranger(Method::POST, &path(&format!("{base}/files/upload/multipart")));
    let request = request.header("authorization", token).header("content-type", "text/plain");
    let reply = Reply::of(request.header("x-fal-file-name", "notes.txt")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let access = path(reply.json()["access_url"].as_str().unwrap());
    (format!("{access}/multipart/{}", reply.json()["uploadId"].as_str().unwrap()), access)
}

#[tokio::test]
async fn python_puts_ten_parts_at_once_and_names_them_in_any_order() {
    let system = start().await;
    let (token, base) = token(&system, KEY).await;
    let (upload, file) = begin(&system, &token, &base).await;
    let parts = (1..=10_u16).rev().map(|number| {
        let request = system.stranger(Method::PUT, &format!("{upload}/{number}")).header("authorization", &token);
        let body = format!("part {number};");
        async move {
            let reply = Reply::of(request.body(body)).await;
            json!({ "partNumber": number, "etag": reply.header("etag").unwrap() })
        }
    });
    let parts = futures_util::future::join_all(parts).await;
    let request = system.stranger(Method::POST, &format!("{upload}/complete")).header("authorization", &token);
    let done = Reply::of(request.body(json!({ "parts": parts }).to_string())).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let expected: String = (1..=10).map(|number| format!("part {number};")).collect();
    assert_eq!(Reply::of(system.stranger(Method::GET, &file)).await.text, expected);
}

#[tokio::test]
async fn python_uploads_small_files_in_one_call() {
    let system = start().await;
    let (token, _) = token(&system, KEY).await;
    for authorization in [token.as_str(), &format!("Key {KEY}")] {
        // Python takes a constant instead of the base that it was told.
        let request = system.stranger(Method::POST, "files/upload").header("authorization", authorization);
        let request = request.header("content-type", "image/png").header("x-fal-file-name", "../a b.png");
        let reply = Reply::of(request.body(&b"\x89PNG\r\n\x1a\n"[..])).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{}", reply.text);
        let file = path(reply.json()["access_url"].as_str().unwrap());
        assert!(file.ends_with("/a_b.png"), "{file}");
        let read = system.stranger(Method::GET, &file).send().await.unwrap();
        assert_eq!(read.headers()["content-type"], "image/png");
    }
    // What is no header of a file is none.
    let plain = system.stranger(Method::POST, "files/upload").header("authorization", &token).body("x");
    let file = path(Reply::of(plain).await.json()["access_url"].as_str().unwrap());
    assert!(file.ends_with("/file.bin"), "{file}");
}

#[tokio::test]
async fn a_token_opens_the_cdn_alone_and_for_a_while() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let (token, base) = token(&system, KEY).await;
    let submit = system.stranger(Method::POST, crate::system::EDIT).header("authorization", &token).body("{}");
    assert_eq!(Reply::of(submit).await.status, 401);
    let (upload, _) = begin(&system, &token, &base).await;
    system.clock.advance(Duration::from_secs(3600));
    for (method, path) in [(Method::POST, "files/upload".to_owned()), (Method::PUT, format!("{upload}/1"))] {
        let request = system.stranger(method, &path).header("authorization", &token).body("x");
        Reply::of(request).await.refuses(401, "went with its key, or was not made here");
    }
    for (authorization, said) in [(None, "No credentials"), (Some("Bearer cdn.1.2.user_shop"), "not made here")] {
        let mut request = system.stranger(Method::POST, "files/upload").body("x");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        Reply::of(request).await.refuses(401, said);
    }
}

#[tokio::test]
async fn an_upload_is_closed_to_other_accounts() {
    let system = start().await;
    let ((mine, base), (other, _)) = (token(&system, KEY).await, token(&system, OTHER_KEY).await);
    let (upload, file) = begin(&system, &mine, &base).await;
    for (method, below) in [(Method::PUT, "1"), (Method::POST, "complete")] {
        let path = format!("{upload}/{below}");
        let stranger = system.stranger(method.clone(), &path).body("{}");
        Reply::of(stranger).await.refuses(401, "No credentials");
        let rival = system.stranger(method.clone(), &path).header("authorization", &other).body("{}");
        Reply::of(rival).await.refuses(404, "Upload not found");
        let forged = system.stranger(method, &format!("{path}?signature=00")).header("authorization", &mine).body("{}");
        Reply::of(forged).await.refuses(403, "was not made here");
    }
    Reply::of(system.stranger(Method::GET, &file)).await.refuses(404, "File not found");
}

#[tokio::test]
async fn parts_may_come_again_and_the_last_one_counts() {
    let system = start().await;
    let (upload, file) = initiate(&system).await;
    let first = put_part(&system, &upload, 1, b"draft").await;
    let last = put_part(&system, &upload, 1, b"final").await;
    assert_eq!(put_part(&system, &upload, 1, b"final").await, last);
    complete(&system, &upload, json!({ "parts": [first] })).await.refuses(400, "part 1 has been uploaded with another");
    assert_eq!(complete(&system, &upload, json!({ "parts": [last] })).await.status, 200);
    assert_eq!(read(&system, &file).await.text, "final");
}

#[tokio::test]
async fn lists_that_do_not_fit_say_which_part_is_wrong() {
    let system = start().await;
    let (upload, file) = initiate(&system).await;
    let one = put_part(&system, &upload, 1, b"one").await;
    let three = put_part(&system, &upload, 3, b"three").await;
    let two = json!({ "partNumber": 2, "etag": "\"00\"" });
    for (list, said) in [
        (json!({ "parts": [one, three] }), "does not name part 2"),
        (json!({ "parts": [one, two, three] }), "part 2 has not been uploaded"),
        (json!({ "parts": [one] }), "does not name part 3"),
        (json!({ "parts": [one, one] }), "names part 1 twice"),
        (json!({ "parts": [] }), "names no part"),
        (json!({ "parts": "all" }), "the body must be"),
        (json!([]), "the body must be"),
        (json!({ "parts": [{ "partNumber": 0, "etag": "x" }] }), "the body must be"),
    ] {
        complete(&system, &upload, list).await.refuses(400, said);
    }
    read(&system, &file).await.refuses(404, "File not found");
    let two = put_part(&system, &upload, 2, b" two ").await;
    assert_eq!(complete(&system, &upload, json!({ "parts": [three, one, two] })).await.status, 200);
    assert_eq!(read(&system, &file).await.text, "one two three");
}

#[tokio::test]
async fn a_completion_may_be_repeated_and_ends_the_upload() {
    let system = start().await;
    let (upload, file) = initiate(&system).await;
    let list =
        json!({ "parts": [put_part(&system, &upload, 1, b"one").await, put_part(&system, &upload, 2, b"two").await] });
    let at_once = futures_util::future::join_all((0..4).map(|_| complete(&system, &upload, list.clone()))).await;
    for done in at_once.iter().chain([&complete(&system, &upload, list.clone()).await]) {
        assert_eq!((done.status, &done.text), (200, &at_once[0].text));
    }
    put(&system, &upload, "3", b"three").await.refuses(400, "complete and takes no more");
    assert_eq!(read(&system, &file).await.text, "onetwo");
}

#[tokio::test]
async fn numbers_that_no_part_has() {
    let system = start().await;
    let (upload, _) = initiate(&system).await;
    for number in ["0", "10001", "x", "-1", "1.5", "01", "%31%20", "65537", "99999999999999999999"] {
        put(&system, &upload, number, b"x").await.refuses(400, "'part_number' must be a whole number from 1 to 10000");
    }
    assert_eq!(put(&system, &upload, "10000", b"x").await.status, 200);
}

#[tokio::test]
async fn addresses_that_were_not_made_here() {
    let system = start().await;
    let ((upload, _), (other, _)) = (initiate(&system).await, initiate(&system).await);
    let part = under(&upload, "1");
    let id = upload.path().rsplit('/').next().unwrap();
    let other_id = other.path().rsplit('/').next().unwrap();
    for forged in [
        part.replace("signature=", "signature=00"),
        part.replace("film.mp4", "other.mp4"),
        part.replace(id, other_id),
        part.replace(id, "..%2f..%2f"),
        part.replace(id, &"x".repeat(9000)),
        part.replace("/files/b/", "/files/b/0"),
        format!("{}/1?signature=1&signature=2", upload.path()),
    ] {
        let reply = Reply::of(system.stranger(Method::PUT, &forged).body("x")).await;
        assert!((400..404).contains(&reply.status), "{forged}: {}", reply.text);
        assert!(reply.json()["detail"].is_string(), "{}", reply.text);
    }
    Reply::of(system.request(Method::POST, &part)).await.refuses(405, "Method Not Allowed");
    Reply::of(system.request(Method::PUT, &under(&upload, "complete"))).await.refuses(405, "Method Not Allowed");
}

#[tokio::test]
async fn parts_are_bounded_each_and_together() {
    let limits = Limits { upload_bytes: 10, multipart_bytes: 15, ..Limits::default() };
    let system = start_with(Setup { limits, ..Setup::default() }).await;
    let (upload, file) = initiate(&system).await;
    put(&system, &upload, "1", b"12345678901").await.refuses(413, "larger than 10 bytes");
    let one = put_part(&system, &upload, 1, b"1234567890").await;
    put(&system, &upload, "2", b"123456").await.refuses(413, "larger than 15 bytes");
    let two = put_part(&system, &upload, 2, b"12345").await;
    assert_eq!(complete(&system, &upload, json!({ "parts": [one, two] })).await.status, 200);
    assert_eq!(read(&system, &file).await.text, "123456789012345");
    let (upload, _) = initiate(&system).await;
    let long = format!("{{\"parts\":[{}]}}", " ".repeat(11 << 20));
    let long = system.stranger(Method::POST, &under(&upload, "complete")).body(long);
    Reply::of(long).await.refuses(413, "larger than");
}

/// A server on the data of another one that has been stopped.
async fn restarted(system: &System) -> System {
    system.shutdown.abort();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(system.folder.path().join("blobs"), folder.path().join("blobs")).unwrap();
    let store = open_queue(system.folder.path().join("queue.db").to_str().unwrap()).await.unwrap();
    start_over(Setup::default(), store, folder).await
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let system = start().await;
    let (upload, file) = initiate(&system).await;
    let one = put_part(&system, &upload, 1, b"before ").await;
    let system = restarted(&system).await;
    let two = put_part(&system, &upload, 2, b"after").await;
    assert_eq!(complete(&system, &upload, json!({ "parts": [one, two] })).await.status, 200);
    assert_eq!(read(&system, &file).await.text, "before after");
}

#[tokio::test]
async fn an_upload_must_be_completed_within_a_day() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let (upload, _) = initiate(&system).await;
    let one = put_part(&system, &upload, 1, b"one").await;
    system.clock.advance(Duration::from_secs(24 * 60 * 60));
    put(&system, &upload, "2", b"two").await.refuses(403, "has expired");
    complete(&system, &upload, json!({ "parts": [one] })).await.refuses(403, "has expired");
}

/// Writes the start of a request over a connection of its own and hangs up.
async fn hang_up(system: &System, head: &str) {
    let address = (system.url.host_str().unwrap(), system.url.port().unwrap());
    let mut line = tokio::net::TcpStream::connect(address).await.unwrap();
    line.write_all(format!("{head}\r\nHost: {}:{}\r\n", address.0, address.1).as_bytes()).await.unwrap();
    line.write_all(b"Content-Length: 1000000\r\n\r\n").await.unwrap();
    // More than is held in memory before there is a file.
    line.write_all(&[b'x'; 600_000]).await.unwrap();
    // Until it has been read, as the spooled bytes show.
    let incoming = system.folder.path().join("blobs/incoming");
    while std::fs::read_dir(&incoming).unwrap().count() == 0 {
        tokio::task::yield_now().await;
    }
    drop(line);
    while std::fs::read_dir(&incoming).unwrap().count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn of_a_client_that_goes_away_in_the_middle_nothing_stays() {
    let system = start().await;
    let (upload, file) = initiate(&system).await;
    hang_up(&system, &format!("PUT {} HTTP/1.1", under(&upload, "1"))).await;
    let head = format!("POST /files/upload HTTP/1.1\r\nAuthorization: Key {KEY}");
    hang_up(&system, &head).await;
    let kept = Blobs::folder(system.folder.path().join("blobs")).await.unwrap().list(None, 10).await.unwrap();
    assert_eq!(kept, []);
    let list = json!({ "parts": [{ "partNumber": 1, "etag": "x" }] });
    complete(&system, &upload, list).await.refuses(400, "part 1 has not been uploaded");
    let one = put_part(&system, &upload, 1, b"whole").await;
    assert_eq!(complete(&system, &upload, json!({ "parts": [one] })).await.status, 200);
    assert_eq!(read(&system, &file).await.text, "whole");
}

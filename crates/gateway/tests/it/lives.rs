//! How long files live, who may read them, and what is collected when nobody may any more.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use plantain_blobs::Blobs;
use plantain_queue::keys::{ApiKey, KeyStore, WebhookChange, WebhooksChanged};
use plantain_queue::store::StoreError;
use plantain_work::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::system::{KEY, OTHER_KEY, PATIENCE, Reply, Setup, System, manual_clock, start, start_with};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Uploads in one call and says the path of the file.
async fn upload(system: &System, body: &'static str, header: &str, lifecycle: &str) -> String {
    let request = system.request(Method::POST, "files/upload").header("content-type", "text/plain");
    let reply = Reply::of(request.header(header, lifecycle).body(body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["access_url"].as_str().unwrap().parse::<url::Url>().unwrap().path().to_owned()
}

async fn get(system: &System, path: &str, key: Option<&str>) -> Reply {
    let request = system.stranger(Method::GET, path);
    Reply::of(match key {
        Some(key) => request.header("authorization", format!("Key {key}")),
        None => request,
    })
    .await
}

fn acl(default: &str, rules: Value) -> String {
    json!({ "initial_acl": { "default": default, "rules": rules } }).to_string()
}

#[tokio::test]
async fn a_file_is_read_by_whom_it_is_for() {
    let system = start().await;
    let rival = |decision: &str| json!([{ "user": "user_rival", "decision": decision }]);
    for (list, nobody, other) in [
        (acl("allow", json!([])), 200, 200),
        (acl("forbid", json!([])), 403, 403),
        (acl("hide", json!([])), 404, 404),
        (acl("hide", rival("allow")), 404, 200),
        (acl("allow", rival("forbid")), 200, 403),
        (acl("forbid", rival("hide")), 403, 404),
    ] {
        for header in ["x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"] {
            let path = upload(&system, "secret", header, &list).await;
            let wrong = Some("shop:wrong");
            for (key, expected) in [(None, nobody), (wrong, nobody), (Some(OTHER_KEY), other), (Some(KEY), 200)] {
                let reply = get(&system, &path, key).await;
                assert_eq!(reply.status, expected, "{list} {key:?}");
                match expected {
                    200 => assert_eq!(reply.header("cache-control"), Some("private, no-store"), "{list}"),
                    403 => reply.refuses(403, "may not be read by you"),
                    _ => reply.refuses(404, "File not found"),
                }
            }
        }
    }
    let named = acl("allow", json!([{ "user": "user_shop", "decision": "hide" }]));
    let path = upload(&system, "x", "x-fal-object-lifecycle", &named).await;
    assert_eq!(get(&system, &path, Some(KEY)).await.status, 404, "a rule that names the owner counts");
}

/// Keys that are kept in a store that can't be reached.
struct Away;

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("away".into()))
}

#[async_trait]
impl KeyStore for Away {
    async fn add_key(&self, _: ApiKey) -> Result<bool, StoreError> {
        away()
    }

    async fn key(&self, _: &str) -> Result<Option<ApiKey>, StoreError> {
        away()
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        away()
    }

    async fn change_key_webhooks(&self, _: &str, _: WebhookChange) -> Result<WebhooksChanged, StoreError> {
        away()
    }

    async fn revoke_key(&self, _: &str, _: Timestamp) -> Result<bool, StoreError> {
        away()
    }
}

#[tokio::test]
async fn a_reader_whose_key_can_not_be_looked_up_is_asked_to_come_again() {
    let system = start_with(Setup { keys: Some(Arc::new(Away)), ..Setup::default() }).await;
    let list = acl("forbid", json!([{ "user": "user_stored", "decision": "allow" }]));
    let path = upload(&system, "secret", "x-fal-object-lifecycle", &list).await;
    let reply = get(&system, &path, Some("stored:secret")).await;
    reply.refuses(503, "can't reach its storage");
    assert_eq!(reply.header("retry-after"), Some("1"));
    for (key, expected) in [(Some(KEY), 200), (Some("shop:wrong"), 403), (None, 403)] {
        assert_eq!(get(&system, &path, key).await.status, expected, "{key:?}");
    }
}

#[tokio::test]
async fn nonsense_about_a_life_is_ignored_and_what_is_too_long_is_not() {
    let system = start().await;
    for nonsense in ["", "soon", "[]", r#"{"expiration_duration_seconds":"x"}"#, r#"{"initial_acl":{"default":"all"}}"#]
    {
        let path = upload(&system, "x", "x-fal-object-lifecycle", nonsense).await;
        let reply = get(&system, &path, None).await;
        assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"), "{nonsense}");
    }
    let long = acl("hide", json!([{ "user": "x".repeat(5000), "decision": "allow" }]));
    let body = r#"{"content_type":"image/png"}"#;
    for path in ["rest/storage/upload/initiate", "rest/storage/upload/initiate-multipart", "files/upload"] {
        let request = system.request(Method::POST, path).header("x-fal-object-lifecycle", &long).body(body);
        Reply::of(request).await.refuses(400, "JSON of at most 4096 bytes");
    }
}

#[tokio::test]
async fn an_announced_file_lives_as_its_announcement_says() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let request = system.request(Method::POST, "rest/storage/upload/initiate?storage_type=gcs");
    let request = request.header("x-fal-object-lifecycle", r#"{"expiration_duration_seconds":60}"#);
    let said = Reply::of(request.body(r#"{"content_type":"text/plain","file_name":"a.txt"}"#)).await.json();
    let url = |key: &str| said[key].as_str().unwrap().parse::<url::Url>().unwrap();
    let (put, file) = (url("upload_url"), url("file_url"));
    // The time runs from the moment at which the file is there; Python sends its key along.
    system.clock.advance(Duration::from_secs(600));
    let path = format!("{}?{}", put.path(), put.query().unwrap());
    assert_eq!(Reply::of(system.request(Method::PUT, &path).body("x")).await.status, 200);
    system.clock.advance(Duration::from_secs(20));
    let reply = get(&system, file.path(), None).await;
    assert_eq!(reply.header("cache-control"), Some("public, max-age=40, immutable"));
    system.clock.advance(Duration::from_secs(40));
    get(&system, file.path(), None).await.refuses(404, "File not found");
    // The address may not come to stand for something else.
    let other = system.stranger(Method::PUT, &path).body("y");
    Reply::of(other).await.refuses(400, "used before for another file");
}

fn files_under(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_under(&path) } else { 1 }).sum()
}

/// Lets time pass, half an hour at a step, until so many files are on the disk.
async fn until_left(system: &System, count: usize) {
    let blobs = system.folder.path().join("blobs");
    let passing = async {
        while files_under(&blobs) != count {
            system.clock.advance(Duration::from_secs(1800));
            tokio::task::yield_now().await;
        }
    };
    Clock::system().timeout(PATIENCE, passing).await.unwrap_or_else(|| panic!("{} are left", files_under(&blobs)));
}

#[tokio::test]
async fn bytes_go_with_the_last_file_that_stands_for_them() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let short = r#"{"expiration_duration_seconds":60}"#;
    let gone = upload(&system, "only short", "x-fal-object-lifecycle", short).await;
    let shared = upload(&system, "short and long", "x-fal-object-lifecycle", short).await;
    let kept = upload(&system, "short and long", "x-fal-object-lifecycle", "{}").await;
    assert_eq!(files_under(&system.folder.path().join("blobs")), 2);
    until_left(&system, 1).await;
    for path in [gone, shared] {
        get(&system, &path, None).await.refuses(404, "File not found");
    }
    system.clock.advance(DAY * 3);
    assert_eq!(get(&system, &kept, None).await.text, "short and long");
}

#[tokio::test]
async fn parts_of_an_upload_that_was_never_completed_go() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let body = r#"{"content_type":"text/plain"}"#;
    let said = system.post("rest/storage/upload/initiate-multipart", body).await.json();
    let url: url::Url = said["upload_url"].as_str().unwrap().parse().unwrap();
    for (number, part) in [(1, "one"), (2, "two")] {
        let path = format!("{}/{number}?{}", url.path(), url.query().unwrap());
        assert_eq!(Reply::of(system.stranger(Method::PUT, &path).body(part)).await.status, 200);
    }
    assert_eq!(files_under(&system.folder.path().join("blobs")), 2);
    until_left(&system, 0).await;
}

#[tokio::test]
async fn what_a_crash_left_behind_is_found_and_what_is_young_is_left_alone() {
    // The bytes say their age by the disk's clock, so this test begins now.
    let clock = Clock::manual(Clock::system().now());
    let system = start_with(Setup { clock, ..Setup::default() }).await;
    let kept = upload(&system, "referred to", "x-other", "").await;
    let root = system.folder.path().join("blobs");
    // Bytes whose process died before it could refer to them, and a write that broke off.
    let orphan = Blobs::folder(root.clone()).await.unwrap().put("nobody's".into()).await.unwrap();
    std::fs::write(root.join("incoming/4711-1"), "half a pict").unwrap();
    assert_eq!(files_under(&root), 3);
    let hour = Duration::from_secs(60 * 60);
    system.clock.advance(hour);
    let walked = async {
        while root.join("incoming/4711-1").exists() {
            system.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    Clock::system().timeout(PATIENCE, walked).await.expect("the first walk tidies up");
    assert!(root.join(&orphan.as_str()[..2]).join(orphan.as_str()).exists(), "it may be about to be referred to");
    until_left(&system, 1).await;
    assert_eq!(get(&system, &kept, None).await.text, "referred to");
}

//! A disk that is really full: whatever is refused is told so, what was accepted is kept, and with room comes work.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use plantain_testkit::{Receiver, photo};
use serde_json::Value;
use url::Url;

use crate::bed::{self, Part, Server};

/// Room for the databases and a job's pictures, and little enough to be filled at once.
const DISK: &str = "48m";

/// A server whose data folder is a small disk of its own, in a mount namespace of its own. `None`, and a line that can't be
/// overlooked, where the system lets nobody make one.
fn on_a_small_disk(folder: &Path) -> Option<Server> {
    let data = folder.join("plantain-data");
    fs::create_dir(&data).unwrap();
    let mount = format!("mount -t tmpfs -o size={DISK},mode=700 tmpfs '{}'", data.display());
    let namespace = ["--map-root-user", "--mount", "/bin/sh", "-c"];
    let possible = Command::new("unshare").args(namespace).arg(&mount).stderr(std::process::Stdio::null()).status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no small disk, since this system allows no mount namespaces");
        return None;
    }
    let inside = format!("{mount} && exec \"$0\" \"$@\"");
    Some(Server::start_under(folder, &[&["unshare"], &namespace[..], &[&inside]].concat()))
}

/// The folder as the server sees it.
fn seen_by(server: &Server) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", server.pid()));
    root.join(server.data().strip_prefix("/").unwrap())
}

/// Takes all the room that is left.
fn fill(ballast: &Path) {
    let mut file = File::create(ballast).unwrap();
    for size in [1 << 20, 1 << 12, 1] {
        let block = vec![7; size];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

async fn generate(http: &reqwest::Client, studio: &Url) -> (u16, Value) {
    let photo = photo::jpeg();
    bed::post(http, studio, &[Part::File("image", "jar.jpg", &photo), Part::Text("preset", "amazon_main")]).await
}

async fn succeeds(http: &reqwest::Client, studio: &Url, id: &str) {
    bed::until("the job's end", async || bed::job(http, studio, id).await["stage"] == "done").await;
    let job = bed::job(http, studio, id).await;
    assert_eq!(job["status"], "SUCCEEDED", "{job:#}");
}

#[tokio::test]
async fn a_full_disk_is_told_loses_nothing_and_is_got_over() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = on_a_small_disk(folder.path()) else { return };
    let (http, studio) = (bed::http(), server.studio.clone());
    let (status, accepted) = generate(&http, &studio).await;
    assert_eq!(status, 202, "{accepted}");
    let accepted = accepted["jobId"].as_str().unwrap().to_owned();
    let key = format!("Key {}", fs::read_to_string(seen_by(&server).join("api-key")).unwrap().trim());
    let receiver = Receiver::start().await;
    let mut announced = server.queue.join("/queue/plantain/simulated").unwrap();
    announced.query_pairs_mut().append_pair("fal_webhook", receiver.url("/hook").as_str());
    for _ in 0..3 {
        let submit = http.post(announced.clone()).header("authorization", &key).body(r#"{"duration_ms": 200}"#);
        assert_eq!(submit.send().await.unwrap().status(), 200);
    }
    // In the middle of the accepted job, and of the requests whose webhooks are owed.
    let ballast = seen_by(&server).join("ballast");
    fill(&ballast);
    let (status, refused) = generate(&http, &studio).await;
    assert_eq!((status, refused["error"]["code"].as_str()), (507, Some("storage_full")), "{refused}");
    assert!(!refused["error"]["hint"].as_str().unwrap().is_empty(), "{refused}");
    let large = format!("{{\"filler\": \"{}\"}}", "x".repeat(1 << 20));
    let submit = http.post(server.queue.join("/queue/plantain/simulated").unwrap()).body(large);
    let (status, refused) = bed::answer(submit.header("authorization", &key).send().await.unwrap()).await;
    assert_eq!(status, 503, "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("full"), "{refused}");
    // Reading still works.
    assert_eq!(bed::job(&http, &studio, &accepted).await["jobId"], accepted.as_str());
    fs::remove_file(&ballast).unwrap();
    succeeds(&http, &studio, &accepted).await;
    receiver.wait_for(3).await;
    let (status, again) = generate(&http, &studio).await;
    assert_eq!(status, 202, "{again}");
    succeeds(&http, &studio, again["jobId"].as_str().unwrap()).await;
}

//! Starting and stopping: keys and folders of the first start, one server a folder, signals, who may generate.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use plantain_testkit::photo;
use plantain_work::Clock;
use serde_json::Value;

use crate::bed::{self, Part, Server, run};

#[test]
fn the_first_start_makes_keys_that_only_their_owner_reads_and_no_log_shows() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.data()), 0o700);
    for key in ["admin-token", "api-key", "cdn-secret", "signing-key", "user-id"] {
        assert_eq!(mode(&server.data().join(key)), 0o600, "{key}");
    }
    let log = server.log();
    for key in ["admin-token", "cdn-secret", "signing-key"] {
        assert!(!log.contains(&server.secret(key)), "the {key} is in the log");
    }
    assert!(!log.contains(server.secret("api-key").split(':').nth(1).unwrap()), "the API key is in the log");
}

#[test]
fn a_second_server_on_the_same_folder_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let free = ["--set", "STUDIO_LISTEN=127.0.0.1:0", "--set", "GATEWAY_LISTEN=127.0.0.1:0"];
    let said = run(folder.path(), &[&["serve"][..], &free].concat());
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains(&format!("in use by another plantain (process {})", server.pid())), "{said:?}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("GATEWAY_LISTEN={}", taken.local_addr().unwrap());
    let said = run(folder.path(), &["serve", "--set", &listen, "--set", "STUDIO_LISTEN=127.0.0.1:0"]);
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.contains("GATEWAY_LISTEN: ") && said.stderr.contains("another program has the port"),
        "{said:?}"
    );
}

#[test]
fn a_studio_alone_needs_a_queue() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["serve", "--role", "studio"]);
    assert!(said.code == 1 && said.stderr.contains("FAL_KEY"), "{said:?}");
}

async fn begin(server: &Server) -> String {
    let photo = photo::jpeg();
    let (status, begun) = bed::post(&bed::http(), &server.studio, &[Part::File("image", "jar.jpg", &photo)]).await;
    assert_eq!(status, 202, "{begun}");
    begun["jobId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_signal_in_the_middle_of_a_job_ends_the_server_well_and_the_job_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["WEBHOOK_SCHEDULE=200ms,1s,2s,4s,8s"]);
    let id = begin(&server).await;
    server.signal("TERM");
    assert!(server.wait().success(), "{}", server.log());
    server.restart();
    let http = bed::http();
    bed::until("the job's end", async || bed::job(&http, &server.studio, &id).await["stage"] == "done").await;
    assert_eq!(bed::job(&http, &server.studio, &id).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn somebody_who_listens_does_not_hold_the_server_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let id = begin(&server).await;
    let http = bed::http();
    let stream = http.get(server.studio.join(&format!("/api/jobs/{id}/events")).unwrap()).send().await.unwrap();
    server.signal("INT");
    let waiting = std::thread::spawn(move || server.wait());
    let ended = async {
        while !waiting.is_finished() {
            Clock::system().sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(Clock::system().timeout(Duration::from_secs(30), ended).await.is_some(), "the server still runs");
    drop(stream);
}

#[tokio::test]
async fn a_studio_that_is_not_open_wants_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["PLANTAIN_OPEN=0", "PLANTAIN_ADMIN_TOKEN=0123456789abcdef0123"]);
    let http = bed::http();
    let photo = photo::png();
    let (status, refused) = bed::post(&http, &server.studio, &[Part::File("image", "jar.png", &photo)]).await;
    assert_eq!((status, &refused["error"]["code"]), (401, &Value::from("token_needed")), "{refused}");
    fs::write(folder.path().join("jar.png"), &photo).unwrap();
    let arguments = ["generate", "jar.png", "--server", server.studio.as_str(), "--token", "0123456789abcdef0123"];
    let said = run(folder.path(), &arguments);
    assert_eq!(said.code, 0, "{said:?}");
}

//! What a process needs is taken away from it for a while: its database's lock, its file descriptors.

use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use plantain_testkit::Receiver;
use plantain_work::Clock;
use rusqlite::Connection;
use serde_json::Value;

use crate::bed::{self, Server};

const SIMULATED: &str = "/queue/plantain/simulated";

/// Submits a simulated run that is announced to `receiver`. `None`: nothing was accepted.
async fn submit(server: &Server, receiver: &Receiver, number: usize) -> Option<String> {
    let mut url = server.queue.join(SIMULATED).unwrap();
    url.query_pairs_mut().append_pair("fal_webhook", receiver.url("/hook").as_str());
    let asked = bed::http().post(url).header("authorization", format!("Key {}", server.secret("api-key")));
    let asked = asked.body(format!(r#"{{"duration_ms": 300, "output": {{"order": {number}}}}}"#));
    let answer = asked.timeout(Duration::from_secs(20)).send().await.ok()?;
    let status = answer.status().as_u16();
    let said: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
    assert!(matches!(status, 200 | 503), "{status} {said}");
    (status == 200).then(|| said["request_id"].as_str().unwrap().to_owned())
}

/// Every request of these is announced.
async fn all_are_announced(receiver: &Receiver, accepted: &[String]) {
    bed::until("the webhooks", async || {
        let bodies: Vec<Bytes> = receiver.received().into_iter().map(|one| one.body).collect();
        let announced = |id: &String| bodies.iter().any(|body| String::from_utf8_lossy(body).contains(id.as_str()));
        accepted.iter().all(announced)
    })
    .await;
}

/// Somebody else's tool has the file open and is in the middle of a write, for longer than anybody waits for a lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_somebody_else_has_locked_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start(folder.path(), &["WEBHOOK_SCHEDULE=200ms,1s,2s,4s,8s"]);
    let mut accepted = vec![submit(&server, &receiver, 1).await.expect("nothing is wrong yet")];
    let other = Connection::open(server.data().join("queue.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The run ends under the lock: its end can't be written, nor can what is submitted meanwhile.
    let refused = submit(&server, &receiver, 2).await;
    assert_eq!(refused, None, "a submit that was not stored was accepted");
    other.execute_batch("ROLLBACK").unwrap();
    let again = async {
        loop {
            if let Some(id) = submit(&server, &receiver, 3).await {
                return id;
            }
        }
    };
    accepted.push(Clock::system().timeout(bed::PATIENCE, again).await.expect("the lock is gone"));
    all_are_announced(&receiver, &accepted).await;
}

/// More than the process may have files, and fewer than the system lets wait.
const CONNECTIONS: usize = 120;

/// Callers that connect and say nothing, and go on holding their connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_file_descriptors_recovers_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let schedule = format!("webhook_schedule = \"{}\"\n", ["1s"; 60].join(","));
    std::fs::write(folder.path().join("plantain.toml"), schedule).unwrap();
    let server = Server::start_under(folder.path(), &["/bin/sh", "-c", "ulimit -n 96 && exec \"$0\" \"$@\""]);
    let mut accepted = Vec::new();
    for number in 0..4 {
        accepted.push(submit(&server, &receiver, number).await.expect("nothing is wrong yet"));
    }
    let address = (server.queue.host_str().unwrap(), server.queue.port().unwrap());
    let _silent: Vec<TcpStream> = (0..CONNECTIONS).filter_map(|_| TcpStream::connect(address).ok()).collect();
    bed::until("a process that has no descriptor left", async || server.log().contains("accept.failed")).await;
    let again = async {
        loop {
            if let Some(id) = submit(&server, &receiver, 9).await {
                return id;
            }
        }
    };
    accepted.push(Clock::system().timeout(bed::PATIENCE, again).await.expect("descriptors are free again"));
    all_are_announced(&receiver, &accepted).await;
}

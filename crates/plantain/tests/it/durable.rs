//! What a caller of the queue was promised holds when the process is stopped, killed, or asked a hundred times at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use plantain_queue::history::AttemptHow;
use plantain_store::queue::open_queue;
use plantain_wire::id::RequestId;
use plantain_work::Tasks;
use serde_json::Value;

use crate::bed::{self, Server};

const SIMULATED: &str = "/queue/plantain/simulated";

/// Submits a simulated run and says its id. A client of its own, since connections die with servers.
async fn submit(server: &Server, input: &str, key: Option<&str>) -> (u16, Value) {
    let url = server.queue.join(SIMULATED).unwrap();
    let credential = format!("Key {}", server.secret("api-key"));
    let asked = bed::http().post(url).header("authorization", credential).body(input.to_owned());
    let asked = key.into_iter().fold(asked, |asked, key| asked.header("idempotency-key", key));
    bed::answer(asked.send().await.unwrap()).await
}

async fn get(server: &Server, id: &str, call: &str) -> (u16, Value) {
    let url = server.queue.join(&format!("{SIMULATED}/requests/{id}{call}")).unwrap();
    let credential = format!("Key {}", server.secret("api-key"));
    bed::answer(bed::http().get(url).header("authorization", credential).send().await.unwrap()).await
}

fn id_of(said: &Value) -> String {
    said["request_id"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
}

/// Longer than a server that was told to stop waits for what runs.
const LONG: &str = r#"{"duration_ms":2500,"output":{"done":true}}"#;

#[tokio::test]
async fn work_that_a_stop_interrupts_is_handed_back_at_no_cost_and_done_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["STOP_TIMEOUT=100ms"]);
    let (_, said) = submit(&server, LONG, None).await;
    let id = id_of(&said);
    bed::until("the run", async || get(&server, &id, "/status").await.1["status"] == "IN_PROGRESS").await;
    server.signal("TERM");
    assert!(server.wait().success(), "{}", server.log());
    server.restart();
    bed::until("the end", async || get(&server, &id, "/status").await.1["status"] == "COMPLETED").await;
    assert_eq!(get(&server, &id, "").await, (200, serde_json::json!({ "done": true })));
    server.kill();
    let store = open_queue(server.data().join("queue.db").to_str().unwrap()).await.unwrap();
    let attempts = store.attempts(&RequestId::parse(&id).unwrap()).await.unwrap();
    let how: Vec<_> = attempts.iter().map(|attempt| attempt.how).collect();
    assert_eq!(how, [AttemptHow::HandedBack, AttemptHow::Answered(200)]);
}

#[tokio::test]
async fn a_hundred_submits_under_one_key_make_one_request_whatever_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let input = r#"{"duration_ms":1,"output":{}}"#;
    let all = (0..100).map(|_| submit(&server, input, Some("order-7")));
    let answers = futures_util::future::join_all(all).await;
    let ids: HashSet<String> = answers.iter().map(|(_, said)| id_of(said)).collect();
    assert_eq!(ids.len(), 1);
    server.kill();
    server.restart();
    assert_eq!(ids, HashSet::from([id_of(&submit(&server, input, Some("order-7")).await.1)]));
    assert_eq!(submit(&server, "{}", Some("order-7")).await.0, 422);
    // Killed while the answers are on their way: who asks again gets the one that was taken in, and only that one.
    let credential = format!("Key {}", server.secret("api-key"));
    let (asking, answered) = (Tasks::new(), Arc::new(Mutex::new(HashSet::new())));
    for _ in 0..20 {
        let (url, answered) = (server.queue.join(SIMULATED).unwrap(), answered.clone());
        let asked = bed::http().post(url).header("authorization", &credential).header("idempotency-key", "order-8");
        asking.spawn("submit", async move {
            let Ok(response) = asked.body(input).send().await else { return };
            if let Ok(said) = response.json::<Value>().await {
                answered.lock().unwrap().insert(id_of(&said));
            }
        });
    }
    tokio::task::yield_now().await;
    server.kill();
    asking.wait().await;
    let mut known = answered.lock().unwrap().clone();
    server.restart();
    known.insert(id_of(&submit(&server, input, Some("order-8")).await.1));
    assert_eq!(known.len(), 1, "{known:?}");
}

//! The run face: answers on the caller's own connection, and what a model hands out on its way.

use std::time::Duration;

use plantain_queue::history::{Ending, Filter, Origin, Stage, Summary};
use plantain_store::queue::open_queue;
use reqwest::Method;

use crate::system::{APP, EDIT, OTHER_KEY, PATIENCE, Reply, Setup, System, manual_clock, start, start_with};

fn run(path: &str) -> String {
    format!("run/{path}")
}

/// What is on record, once there are so many.
async fn recorded(system: &System, count: usize) -> Vec<Summary> {
    let store = open_queue(system.folder.path().join("queue.db").to_str().unwrap()).await.unwrap();
    let found = async {
        loop {
            let page = store.list(&Filter { limit: 100, ..Filter::default() }).await.unwrap();
            if page.requests.len() >= count {
                return page.requests;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("runs are recorded")
}

#[tokio::test]
async fn a_run_answers_with_the_models_own_bytes() {
    let system = start().await;
    let output = r#"{"seed": 17454220438242315174, "x": 1.50}"#;
    let reply = system.post(&run(EDIT), format!(r#"{{"output":{output},"says":{{"billable_units":"1"}}}}"#)).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, output));
    assert_eq!(reply.header("x-fal-billable-units"), Some("1"));
    let id = reply.header("x-fal-request-id").unwrap().to_owned();
    let record = recorded(&system, 1).await.remove(0);
    assert_eq!((record.id.as_str(), record.origin, record.attempts), (id.as_str(), Origin::Run, 1));
    assert_eq!(record.stage, Stage::Ended(Ending::Succeeded));
    // Its caller can fetch it like any other.
    assert_eq!(system.get(&format!("{APP}/requests/{id}")).await.text, output);
}

#[tokio::test]
async fn what_goes_wrong_is_said_once_and_nothing_is_repeated() {
    let system = start().await;
    for (input, status, error_type, again) in [
        (r#"{"status":422,"output":{"detail":[]}}"#, 422, None, "0"),
        (r#"{"status":503,"output":{"detail":"busy"}}"#, 503, None, "1"),
        (r#"{"status":500,"output":{},"says":{"needs_retry":true}}"#, 500, None, "1"),
        (r#"{"fail":"runner_disconnected"}"#, 503, Some("runner_disconnected"), "1"),
        (r#"{"fail":"bad_request"}"#, 400, Some("bad_request"), "0"),
    ] {
        let reply = system.post(&run(EDIT), input).await;
        assert_eq!((reply.status, reply.header("x-fal-error-type")), (status, error_type), "{input}");
        assert_eq!(reply.header("x-fal-needs-retry"), Some(again), "{input}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(reply.header("x-fal-request-id").is_some());
    }
    assert!(recorded(&system, 5).await.iter().all(|record| record.attempts == 1));
}

#[tokio::test]
async fn only_what_is_served_is_run_and_only_for_those_with_a_key() {
    let system = start().await;
    system.post(&run("fal-ai/unknown"), "{}").await.refuses(404, "fal-ai/unknown");
    system.post(&run("nothing"), "{}").await.refuses(404, "not found");
    Reply::of(system.stranger(Method::POST, &run(EDIT)).body("{}")).await.refuses(401, "credentials");
    system.get(&run(EDIT)).await.refuses(405, "Method");
    system.post(&run(EDIT), "{").await.refuses(400, "JSON");
}

/// Moves the clock on until `call` is answered.
async fn while_time_passes<T>(system: &System, call: impl Future<Output = T>) -> T {
    tokio::select! {
        answer = call => answer,
        () = async {
            loop {
                system.clock.advance(Duration::from_millis(1));
                tokio::task::yield_now().await;
            }
        } => unreachable!("the clock never ends"),
    }
}

#[tokio::test]
async fn a_full_house_refuses_after_a_short_wait() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let stream = run(&format!("{EDIT}/stream"));
    let hold = || system.request(Method::POST, &stream).body(r#"{"partials":[1],"hold":true,"output":{}}"#).send();
    let (mut first, mut second) = (hold().await.unwrap(), hold().await.unwrap());
    for held in [&mut first, &mut second] {
        assert_eq!(held.chunk().await.unwrap().unwrap(), "data: 1\n\n");
    }
    let path = run(EDIT);
    let third = system.post(&path, r#"{"output":{}}"#);
    let refused = while_time_passes(&system, third).await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert_eq!(refused.header("x-fal-needs-retry"), Some("1"));
    let said = refused.json();
    assert_eq!(
        (&said["error_type"], &said["detail"][0]["type"]),
        (&"concurrent_requests_limit".into(), &"concurrent_requests_limit".into())
    );
    system.release();
    for held in [first, second] {
        assert_eq!(held.text().await.unwrap(), "data: {}\n\n");
    }
    assert_eq!(system.post(&run(EDIT), r#"{"output":{}}"#).await.status, 200);
}

#[tokio::test]
async fn whoever_goes_away_ends_the_run() {
    let system = start().await;
    let request = system.request(Method::POST, &run(&format!("{EDIT}/stream")));
    let mut held = request.body(r#"{"partials":[1],"hold":true}"#).send().await.unwrap();
    assert_eq!(held.chunk().await.unwrap().unwrap(), "data: 1\n\n");
    drop(held);
    let record = recorded(&system, 1).await.remove(0);
    assert_eq!((record.stage, record.origin), (Stage::Ended(Ending::Cancelled), Origin::Run));
    assert_eq!(system.get(&format!("{APP}/requests/{}", record.id)).await.status, 499);
}

#[tokio::test]
async fn a_stream_hands_out_what_comes_and_ends_with_the_output() {
    let system = start().await;
    let input = r#"{"partials":[{"step":1},{"step":2}],"output":{"done": true}}"#;
    let reply = system.post(&run(&format!("{EDIT}/stream")), input).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(reply.text, "data: {\"step\":1}\n\ndata: {\"step\":2}\n\ndata: {\"done\": true}\n\n");
    assert!(reply.header("x-fal-request-id").is_some());
    system.post(&run(&format!("{APP}/stream")), "{}").await.refuses(404, "/stream not found");
    system.post(&run("fal-ai/unknown/stream"), "{}").await.refuses(404, "fal-ai/unknown");
}

#[tokio::test]
async fn a_queued_requests_run_is_no_business_of_the_run_face() {
    let system = start().await;
    let reply = system.post(&run(EDIT), "{}").await;
    let id = reply.header("x-fal-request-id").unwrap();
    recorded(&system, 1).await;
    let rival = system.stranger(Method::GET, &format!("{APP}/requests/{id}"));
    assert_eq!(Reply::of(rival.header("authorization", format!("Key {OTHER_KEY}"))).await.status, 404);
}

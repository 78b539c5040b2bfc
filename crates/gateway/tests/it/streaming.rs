//! The status stream, event by event.

use std::time::Duration;

use reqwest::{Method, Response};

use crate::system::{APP, PATIENCE, Setup, System, manual_clock, start, start_with};

/// Reads a stream as it comes.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn of(system: &System, id: &str, query: &str) -> Events {
        let path = format!("{APP}/requests/{id}/status/stream{query}");
        // The type that this header asks for plays no part.
        let response = system.request(Method::GET, &path).header("accept", "application/json").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-fal-request-id"], id);
        Events { response, text: String::new() }
    }

    /// The next event or comment; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("an event in time").unwrap();
            self.text.push_str(std::str::from_utf8(&chunk?).unwrap());
        }
    }

    async fn next_status(&mut self) -> serde_json::Value {
        let event = self.next().await.expect("an event");
        serde_json::from_str(event.strip_prefix("data: ").expect("one data line")).unwrap()
    }
}

#[tokio::test]
async fn the_present_state_comes_at_once_then_changes_then_the_end() {
    let system = start().await;
    let running = system.submit(r#"{"hold":true,"logs":["a"]}"#).await;
    system.until(&running, "IN_PROGRESS").await;
    let waiting = system.submit(r#"{"output":{}}"#).await;
    let mut events = Events::of(&system, &waiting, "?logs=0").await;
    let first = events.next_status().await;
    assert_eq!(
        (&first["status"], &first["queue_position"], &first["logs"]),
        (&"IN_QUEUE".into(), &0.into(), &().into())
    );
    system.release();
    let mut last = first;
    while let Some(event) = events.next().await {
        let next: serde_json::Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
        assert_ne!(next, last, "an event without news");
        last = next;
    }
    assert_eq!(last["status"], "COMPLETED");
    assert!(last["metrics"]["inference_time"].is_number());
}

#[tokio::test]
async fn each_line_of_the_log_comes_once() {
    let system = start().await;
    let id = system.submit(r#"{"hold":true,"logs":["a","b","c"],"output":{}}"#).await;
    let mut events = Events::of(&system, &id, "?logs=1").await;
    let mut lines = Vec::new();
    while lines.len() < 3 {
        let event = events.next_status().await;
        lines.extend(event["logs"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap().to_owned()));
    }
    assert_eq!(lines, ["a", "b", "c"]);
    system.release();
    assert_eq!(events.next_status().await["logs"], serde_json::json!([]));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_finished_request_has_one_event() {
    let system = start().await;
    let id = system.submit(r#"{"fail":"runner_server_error"}"#).await;
    system.until(&id, "COMPLETED").await;
    let mut events = Events::of(&system, &id, "").await;
    assert_eq!(events.next_status().await["error_type"], "runner_server_error");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn silence_is_broken_every_15_seconds() {
    let system = start_with(Setup { clock: manual_clock(), ..Setup::default() }).await;
    let id = system.submit(r#"{"hold":true}"#).await;
    system.until(&id, "IN_PROGRESS").await;
    let mut events = Events::of(&system, &id, "").await;
    assert_eq!(events.next_status().await["status"], "IN_PROGRESS");
    for _ in 0..2 {
        // The pause begins once the listener waits, which is after the event was read.
        let ping = async { events.next().await };
        let time_passes = async {
            loop {
                system.clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            said = ping => assert_eq!(said.as_deref(), Some(": ping")),
            () = time_passes => {}
        }
    }
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams() {
    let system = start().await;
    let id = system.submit(r#"{"hold":true}"#).await;
    system.until(&id, "IN_PROGRESS").await;
    let mut events = Events::of(&system, &id, "").await;
    events.next_status().await;
    system.shutdown.begin();
    assert_eq!(events.next().await, None);
}

//! The event stream of a job.

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::{Method, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use plantain_studio::job::JobId;
use plantain_studio::view::CancelView;

use super::house::{House, ask, house, report};

struct Stream(BodyDataStream, String);

async fn open(house: &House, id: &JobId, last: Option<&str>) -> (StatusCode, Stream) {
    let headers: Vec<(&str, &str)> = last.map(|last| ("last-event-id", last)).into_iter().collect();
    let answer =
        house.router.clone().oneshot(ask(Method::GET, &format!("/api/jobs/{id}/events"), &headers)).await.unwrap();
    let (parts, body): (_, Body) = answer.into_parts();
    (parts.status, Stream(body.into_data_stream(), String::new()))
}

impl Stream {
    /// The next event's id and job; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.1.clone().split_once("\n\n") {
                self.1 = rest.to_owned();
                if let Some(read) = read(event) {
                    return Some(read);
                }
                continue;
            }
            let frame = self.0.next().await?.unwrap();
            self.1.push_str(std::str::from_utf8(&frame).unwrap());
        }
    }
}

fn read(event: &str) -> Option<(String, Value)> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    Some((field("id:")?.to_owned(), serde_json::from_str(field("data:")?).unwrap()))
}

#[tokio::test]
async fn a_stream_tells_the_state_at_once_then_each_change_and_ends_with_the_job() {
    let house = house().await;
    let id = house.generate().await;
    let (status, mut stream) = open(&house, &id, None).await;
    assert_eq!(status, StatusCode::OK);
    let (first, job) = stream.next().await.unwrap();
    assert_eq!(job["status"], "QUEUED");
    assert_eq!(job, house.get(&format!("/api/jobs/{id}")).await.json(), "the same object as the status route's");
    assert_eq!(house.studio.cancel(&id).await.unwrap(), CancelView::Canceled);
    let (second, job) = stream.next().await.unwrap();
    assert_eq!(job["status"], "CANCELED");
    assert_ne!(first, second);
    assert!(stream.next().await.is_none(), "nothing comes after the end");
}

#[tokio::test]
async fn a_client_that_comes_back_is_told_only_what_is_new() {
    let house = house().await;
    let id = house.generate().await;
    let (first, _) = open(&house, &id, None).await.1.next().await.unwrap();
    let (_, mut again) = open(&house, &id, Some(&first)).await;
    house.studio.cancel(&id).await.unwrap();
    let (last, job) = again.next().await.unwrap();
    assert_eq!(job["status"], "CANCELED");
    let (status, _) = open(&house, &id, Some(&last)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "which tells a browser not to come again");
    assert_eq!(open(&house, &id, Some("older")).await.1.next().await.unwrap().0, last);
}

#[tokio::test]
async fn an_ended_job_is_told_once() {
    let house = house().await;
    let id = house.succeeded(3, report("Size")).await;
    let (_, mut stream) = open(&house, &id, None).await;
    assert_eq!(stream.next().await.unwrap().1["images"].as_array().unwrap().len(), 3);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams() {
    let house = house().await;
    let id = house.generate().await;
    let (_, mut stream) = open(&house, &id, None).await;
    stream.next().await.unwrap();
    house.shutdown.begin();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn events_say_that_they_are_events_and_not_to_be_kept() {
    let house = house().await;
    let id = house.succeeded(1, report("Size")).await;
    let answer = house.get(&format!("/api/jobs/{id}/events")).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert!(answer.header("cache-control").starts_with("no-"));
    assert_eq!(answer.header("x-accel-buffering"), "no");
}

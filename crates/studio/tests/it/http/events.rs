//! The event streams of a job, and of several.

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::{Method, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use plantain_studio::job::JobId;
use plantain_studio::view::CancelView;

use super::house::{House, ask, file, house, house_with, in_the_end, photo, report, request};

struct Stream(BodyDataStream, String);

async fn open(house: &House, id: &JobId, last: Option<&str>) -> (StatusCode, Stream) {
    begin(house, &format!("/api/jobs/{id}/events"), last).await
}

async fn open_several(house: &House, ids: &[&JobId], last: Option<&str>) -> (StatusCode, Stream) {
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    begin(house, &format!("/api/events?ids={}", ids.join(",")), last).await
}

async fn begin(house: &House, path: &str, last: Option<&str>) -> (StatusCode, Stream) {
    let headers: Vec<(&str, &str)> = last.map(|last| ("last-event-id", last)).into_iter().collect();
    let answer = house.router.clone().oneshot(ask(Method::GET, path, &headers)).await.unwrap();
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

/// The job and its state of each event until the stream ends; of a job that is not there `gone`.
async fn all(mut stream: Stream) -> Vec<(String, String)> {
    let mut told = Vec::new();
    while let Some((_, job)) = stream.next().await {
        told.push(said(&job));
    }
    told
}

fn said(job: &Value) -> (String, String) {
    (job["jobId"].as_str().unwrap().to_owned(), job["status"].as_str().unwrap_or("gone").to_owned())
}

fn state(id: &JobId, state: &str) -> (String, String) {
    (id.to_string(), state.to_owned())
}

#[tokio::test]
async fn one_stream_tells_several_jobs_and_ends_with_the_last_of_them() {
    let house = house().await;
    let (one, other, ended) =
        (house.generate().await, house.generate().await, house.succeeded(1, report("Size")).await);
    let (status, mut stream) = open_several(&house, &[&one, &other, &ended, &one], None).await;
    assert_eq!(status, StatusCode::OK);
    let mut first = Vec::new();
    for _ in 0..3 {
        let (_, job) = stream.next().await.unwrap();
        assert_eq!(job, house.get(&format!("/api/jobs/{}", job["jobId"].as_str().unwrap())).await.json());
        first.push(said(&job));
    }
    assert_eq!(first, [state(&one, "QUEUED"), state(&other, "QUEUED"), state(&ended, "SUCCEEDED")]);
    house.studio.cancel(&other).await.unwrap();
    assert_eq!(said(&stream.next().await.unwrap().1), state(&other, "CANCELED"), "the one that changed, alone");
    house.studio.cancel(&one).await.unwrap();
    assert_eq!(all(stream).await, [state(&one, "CANCELED")], "and then nothing comes");
}

#[tokio::test]
async fn who_comes_back_to_several_jobs_is_told_only_what_is_new_of_them() {
    let house = house().await;
    let (one, other) = (house.generate().await, house.generate().await);
    let both = [&one, &other];
    let (_, mut stream) = open_several(&house, &both, None).await;
    let (half, _) = stream.next().await.unwrap();
    let (whole, _) = stream.next().await.unwrap();
    drop(stream);
    let (_, mut again) = open_several(&house, &both, Some(&half)).await;
    assert_eq!(said(&again.next().await.unwrap().1), state(&other, "QUEUED"), "which had not come yet");
    house.studio.cancel(&one).await.unwrap();
    let (_, mut again) = open_several(&house, &both, Some(&whole)).await;
    assert_eq!(said(&again.next().await.unwrap().1), state(&one, "CANCELED"));
    house.studio.cancel(&other).await.unwrap();
    let (last, job) = again.next().await.unwrap();
    assert_eq!(said(&job), state(&other, "CANCELED"));
    let (status, _) = open_several(&house, &both, Some(&last)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "which tells a browser not to come again");
    for unfit in ["x", "a.b.c", ""] {
        let (_, stream) = open_several(&house, &both, Some(unfit)).await;
        assert_eq!(all(stream).await, [state(&one, "CANCELED"), state(&other, "CANCELED")], "{unfit}");
    }
}

#[tokio::test]
async fn a_job_that_goes_is_told_as_gone_and_what_other_processes_do_is_seen_within_a_second() {
    let house = house().await;
    let (one, other) = (house.generate().await, house.generate().await);
    let (_, mut stream) = open_several(&house, &[&one, &other], None).await;
    for _ in 0..2 {
        stream.next().await.unwrap();
    }
    house.database(&format!("DELETE FROM studio_jobs WHERE id = '{one}'")).await;
    let (_, job) = in_the_end(&house.clock, stream.next()).await.unwrap();
    assert_eq!(said(&job), state(&one, "gone"));
    house.studio.cancel(&other).await.unwrap();
    assert_eq!(all(stream).await, [state(&other, "CANCELED")]);
}

#[tokio::test]
async fn of_several_jobs_each_is_told_to_whoever_may_see_it() {
    let house = house_with(|config| config.loopback = false).await;
    let page = house.get("/").await;
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    let answer = house.post_form(&[file("image", "mug.jpg", photo())], &[("cookie", &cookie)]).await;
    let own = JobId::parse(answer.json()["jobId"].as_str().unwrap()).unwrap();
    house.studio.cancel(&own).await.unwrap();
    let nobodys = house.succeeded(1, report("Size")).await;
    let unknown = JobId::new("2026-11-21T12:00:00Z".parse().unwrap());
    let kind = ("content-type", "application/json");
    let share = format!("/api/jobs/{own}/share");
    let share = request(Method::POST, &share, &[kind, ("cookie", &cookie)], Body::from("{}"));
    let link = house.send(share).await.json()["url"].as_str().unwrap().to_owned();
    let link = link.split_once("/share/").map(|(_, path)| format!("/share/{path}")).unwrap();
    let guest = house.get(&link).await.header("set-cookie").split(';').next().unwrap().to_owned();
    let path = format!("/api/events?ids={own},{nobodys},{unknown},nonsense");
    for (cookies, told) in [("a=b", "gone"), (&*cookie, "CANCELED"), (&*guest, "CANCELED")] {
        let answer = house.router.clone().oneshot(ask(Method::GET, &path, &[("cookie", cookies)])).await.unwrap();
        let stream = Stream(answer.into_body().into_data_stream(), String::new());
        let expected = [state(&own, told), state(&nobodys, "SUCCEEDED"), state(&unknown, "gone")];
        assert_eq!(all(stream).await, expected, "{cookies}");
    }
}

#[tokio::test]
async fn several_jobs_are_so_many_and_none_needs_no_stream() {
    let house = house().await;
    let id = house.generate().await;
    let most = house.get(&format!("/api/events?ids={}", vec![id.as_str(); 101].join(","))).await;
    assert_eq!((most.status, most.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "too_many_ids"));
    for none in ["", "?ids=", "?ids=,x"] {
        assert_eq!(house.get(&format!("/api/events{none}")).await.status, StatusCode::NO_CONTENT, "{none}");
    }
    let (_, mut stream) = open_several(&house, &[&id], None).await;
    stream.next().await.unwrap();
    house.shutdown.begin();
    assert!(stream.next().await.is_none(), "a server that stops ends them too");
}

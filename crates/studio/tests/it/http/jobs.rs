//! `/api/jobs`: looking, listing, cancelling.

use http::{Method, StatusCode};
use jiff::Timestamp;
use plantain_studio::job::JobId;
use serde_json::json;

use super::house::{House, TOKEN, ask, house, house_with, report};

#[tokio::test]
async fn an_unknown_job_is_told_in_the_words_of_the_seeds() {
    let house = house().await;
    let unknown = JobId::new(Timestamp::UNIX_EPOCH);
    for id in [unknown.as_str(), "nonsense", "..%2f..%2fetc", "%ff"] {
        for (method, tail) in [(Method::GET, ""), (Method::DELETE, ""), (Method::GET, "/events")] {
            let answer = house.send(ask(method, &format!("/api/jobs/{id}{tail}"), &[])).await;
            if id == "%ff" {
                assert!(answer.status.is_client_error());
                continue;
            }
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}{tail}");
            assert_eq!(answer.text(), r#"{"status":"NOT_FOUND"}"#);
        }
    }
}

#[tokio::test]
async fn a_finished_job_lists_its_pictures() {
    let house = house().await;
    let id = house.succeeded(3, report("Size")).await;
    let answer = house.get(&format!("/api/jobs/{id}")).await;
    let job = answer.json();
    assert_eq!((&job["status"], &job["stage"]), (&json!("SUCCEEDED"), &json!("done")));
    assert_eq!(job["images"].as_array().unwrap().len(), 3);
    assert_eq!(job["images"][2]["url"], format!("/api/jobs/{id}/images/3"));
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn listed(house: &House, query: &str) -> (Vec<String>, Option<String>) {
    let page = house.get(&format!("/api/jobs{query}")).await.json();
    let jobs = page["jobs"].as_array().unwrap().iter();
    (jobs.map(|job| job["jobId"].as_str().unwrap().to_owned()).collect(), page["next"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn pages_of_jobs_join_without_gap_or_overlap() {
    let house = house().await;
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        house.clock.advance(std::time::Duration::from_secs(1));
        newest_first.insert(0, house.succeeded(1, report("Size")).await.to_string());
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (ids, next) = listed(&house, &format!("?limit=2{cursor}")).await;
        assert!(ids.len() <= 2);
        seen.extend(ids);
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, newest_first);
    let two = format!("?ids={},{},nonsense", newest_first[4], newest_first[1]);
    assert_eq!(listed(&house, &two).await, (vec![newest_first[1].clone(), newest_first[4].clone()], None));
    assert_eq!(listed(&house, "?ids=").await, (Vec::new(), None));
}

#[tokio::test]
async fn a_wrong_query_is_a_fault_of_the_query() {
    let house = house().await;
    for query in ["?limit=0", "?limit=x", "?cursor=x", "?limit=1&limit=2"] {
        let answer = house.get(&format!("/api/jobs{query}")).await;
        assert!(answer.status.is_client_error(), "{query}: {}", answer.status);
        assert!(!answer.code().is_empty(), "{query}");
    }
}

#[tokio::test]
async fn nobody_lists_the_jobs_of_others_on_a_public_studio() {
    let house = house_with(|config| config.loopback = false).await;
    let id = house.succeeded(1, report("Size")).await;
    assert_eq!(house.get("/api/jobs").await.status, StatusCode::UNAUTHORIZED);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(house.get_with("/api/jobs", &[("authorization", &bearer)]).await.status, StatusCode::OK);
    assert_eq!(listed(&house, &format!("?ids={id}")).await.0, [id.to_string()]);
}

#[tokio::test]
async fn a_job_that_has_not_left_is_canceled_at_once_and_an_ended_one_too_late() {
    let house = house().await;
    let id = house.generate().await;
    let cancel = || house.send(ask(Method::DELETE, &format!("/api/jobs/{id}"), &[]));
    let answer = cancel().await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"status": "CANCELED"})));
    assert_eq!(house.get(&format!("/api/jobs/{id}")).await.json()["status"], "CANCELED");
    let again = cancel().await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::CONFLICT, "too_late"));
}

#[tokio::test]
async fn a_job_with_the_queue_is_asked_back() {
    let house = house().await;
    let mut job = house.job("mug.jpg", &"0".repeat(64));
    job.submit_started_at = Some(house.clock.now());
    house.store.insert(&job).await.unwrap();
    let answer = house.send(ask(Method::DELETE, &format!("/api/jobs/{}", job.id), &[])).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::ACCEPTED, json!({"status": "REQUESTED"})));
}

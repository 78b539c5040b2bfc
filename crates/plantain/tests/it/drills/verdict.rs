//! What must hold when the storm is over.

use std::collections::HashSet;
use std::time::Duration;

use plantain_queue::dead_letters::DeliveryFilter;
use plantain_queue::history::{AttemptHow, Filter, PAGE_MAX, Stage};
use plantain_queue::model::{DeliveryLease, DeliveryState, HostLoad};
use plantain_queue::store::QueueStore;
use plantain_queue::turns::Turns;
use plantain_store::queue::open_queue;
use plantain_store::studio::{StudioStores, open_studio};
use plantain_studio::job::{JobState, Phase};
use plantain_studio::store::JobFilter;
use plantain_wire::id::RequestId;
use plantain_wire::status::QueueStatus;
use plantain_wire::webhook::{WebhookBody, WebhookStatus};
use plantain_work::{Clock, clock};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::fleet::{Fleet, KEY};
use super::load::{Accepted, Request};
use super::process::Half;
use crate::bed;

/// What a drill came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub requests: usize,
    pub jobs: usize,
    pub attempts: usize,
    pub deliveries: usize,
    /// Webhooks that came again: at least once means just that.
    pub duplicates: usize,
    pub failed_deliveries: usize,
}

/// Waits for all ends, as callers see them.
pub async fn all_end(fleet: &Fleet, accepted: &Accepted) {
    let http = bed::http();
    bed::until("the last webhook", async || accepted.requests.iter().all(|one| fleet.sink.has(&one.id))).await;
    for id in &accepted.jobs {
        bed::until("the end of a job", async || {
            let job = bed::job(&http, &fleet.studio.url, id).await;
            matches!(job["status"].as_str(), Some("SUCCEEDED" | "FAILED" | "CANCELED"))
        })
        .await;
    }
    // A job may have ended by asking, before its webhook was sent.
    let queue = open_queue(&fleet.database(Half::Queue)).await.unwrap();
    bed::until("the last delivery", async || {
        let pending =
            DeliveryFilter { state: Some(DeliveryState::Pending), limit: PAGE_MAX, ..DeliveryFilter::default() };
        queue.list_deliveries(&pending).await.unwrap().deliveries.is_empty()
    })
    .await;
}

/// As callers see it, while everything is up.
pub async fn as_seen(fleet: &Fleet, accepted: &Accepted) {
    let http = bed::http();
    for Request { id, expected } in &accepted.requests {
        let url = fleet.addresses().submit().join(&format!("simulated/requests/{id}")).unwrap();
        let answer = http.get(url).header("authorization", format!("Key {KEY}")).send().await.unwrap();
        let said = (answer.status().as_u16(), String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap());
        assert_eq!(&said, expected, "the result of {id}");
    }
    let taken = fleet.sink.taken();
    assert!(taken.refused.is_empty(), "webhooks that did not verify: {:?}", taken.refused);
    for Request { id, expected } in &accepted.requests {
        let bodies = &taken.accepted[id.as_str()];
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{id} was announced with two different ends");
        let said = WebhookBody::parse(&bodies[0]).unwrap();
        let status = if expected.0 == 200 { WebhookStatus::Ok } else { WebhookStatus::Error };
        assert_eq!((said.request_id.as_str(), said.status), (id.as_str(), status));
        assert_eq!(said.payload.unwrap().get(), expected.1, "{id} was delivered byte for byte");
    }
    for id in &accepted.jobs {
        let job = bed::job(&http, &fleet.studio.url, id).await;
        assert_eq!(job["status"], "SUCCEEDED", "{job:#}");
        assert_picture(&http, fleet, &job).await;
    }
}

async fn assert_picture(http: &reqwest::Client, fleet: &Fleet, job: &Value) {
    let images = job["images"].as_array().unwrap();
    assert_eq!(images.len(), 1, "{job:#}");
    assert_eq!(images[0]["passed"], true, "{job:#}");
    let url = fleet.studio.url.join(images[0]["url"].as_str().unwrap()).unwrap();
    let answer = http.get(url).send().await.unwrap();
    let etag = answer.headers()["etag"].to_str().unwrap().trim_matches('"').to_owned();
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(bytes.len() as u64, images[0]["bytes"].as_u64().unwrap(), "as long as the report says");
    assert_eq!(hex::encode(Sha256::digest(&bytes)), etag, "the bytes are those that were measured");
}

/// As the databases have it, once every process has stopped.
pub async fn as_kept(fleet: &Fleet, accepted: &Accepted) -> Tally {
    let queue = open_queue(&fleet.database(Half::Queue)).await.unwrap();
    let studio = open_studio(&fleet.database(Half::Studio)).await.unwrap();
    let mut tally = requests(&*queue, accepted).await;
    jobs(&studio, &*queue, accepted, &mut tally).await;
    nothing_is_left(&*queue, &studio).await;
    let taken = fleet.sink.taken();
    tally.failed_deliveries = taken.failed;
    tally.duplicates = taken.accepted.values().map(|bodies| bodies.len() - 1).sum();
    tally
}

async fn requests(queue: &dyn QueueStore, accepted: &Accepted) -> Tally {
    let mut tally = Tally { requests: accepted.requests.len(), jobs: accepted.jobs.len(), ..Tally::default() };
    let mut known = HashSet::new();
    let mut before = None;
    loop {
        let page = queue.list(&Filter { before, limit: PAGE_MAX, ..Filter::default() }).await.unwrap();
        for summary in page.requests {
            assert!(matches!(summary.stage, Stage::Ended(_)), "{} has not ended: {:?}", summary.id, summary.stage);
            if summary.endpoint.app() == "plantain/simulated" {
                known.insert(summary.id.to_string());
            }
            let view = queue.request(&summary.id).await.unwrap().unwrap();
            assert!(view.status == QueueStatus::Completed && view.outcome.is_some(), "{view:?}");
            let attempts = queue.attempts(&summary.id).await.unwrap();
            let ends = attempts.iter().filter(|one| matches!(one.how, AttemptHow::Answered(_))).count();
            assert_eq!(ends, 1, "{} ended once: {attempts:?}", summary.id);
            let running = attempts.iter().filter(|one| one.how == AttemptHow::Running).count();
            assert_eq!(running, 0, "{attempts:?}");
            tally.attempts += attempts.len();
            let deliveries = queue.deliveries(&summary.id).await.unwrap();
            assert_eq!(deliveries.len(), 1, "{} owes one webhook", summary.id);
            assert_eq!(deliveries[0].state, DeliveryState::Delivered, "{deliveries:?}");
            tally.deliveries += deliveries[0].attempts.len();
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let promised: HashSet<String> = accepted.requests.iter().map(|one| one.id.clone()).collect();
    assert_eq!(promised.len(), accepted.requests.len(), "each order is a request of its own");
    assert_eq!(known, promised, "an order that was given twice is one request, and none is missing");
    tally
}

async fn jobs(studio: &StudioStores, queue: &dyn QueueStore, accepted: &Accepted, tally: &mut Tally) {
    let mut before = None;
    let mut submitted = HashSet::new();
    let mut kept = HashSet::new();
    loop {
        let page = studio.jobs.jobs(&JobFilter { before, limit: 100, ..JobFilter::default() }).await.unwrap();
        for job in &page {
            assert_eq!((job.state(), job.phase), (JobState::Succeeded, Phase::Done), "{job:?}");
            let request = job.request_id.clone().expect("it was submitted");
            assert!(submitted.insert(request.clone()), "two jobs with one request: {request}");
            assert!(queue.request(&request).await.unwrap().is_some(), "{request} is unknown to the queue");
            let events = studio.jobs.events(&request).await.unwrap();
            let applied = events.iter().filter(|event| event.state == "applied").count();
            assert!(applied <= 1 && studio.jobs.result(&job.id).await.unwrap().is_some(), "{events:?}");
            kept.insert(job.id.to_string());
        }
        before = page.last().map(|job| job.id.clone());
        if before.is_none() {
            break;
        }
    }
    assert!(accepted.jobs.iter().all(|id| kept.contains(id)), "a job that was accepted is missing");
    let asked = generations(queue).await;
    assert_eq!(asked, submitted, "each job was generated once, and nothing was generated for nobody");
    tally.jobs = kept.len();
}

/// The requests that the studio's jobs made.
async fn generations(queue: &dyn QueueStore) -> HashSet<RequestId> {
    let mut found = HashSet::new();
    let mut before = None;
    loop {
        let page = queue.list(&Filter { before, limit: PAGE_MAX, ..Filter::default() }).await.unwrap();
        let made = page.requests.into_iter().filter(|one| one.endpoint.app() == "fal-ai/nano-banana");
        found.extend(made.map(|one| one.id));
        before = page.next;
        if before.is_none() {
            return found;
        }
    }
}

/// An hour later, when every lease has run out, nobody finds anything to do.
async fn nothing_is_left(queue: &dyn QueueStore, studio: &StudioStores) {
    const HOUR: Duration = Duration::from_secs(3600);
    let later = clock::after(Clock::system().now(), HOUR);
    let lease = DeliveryLease { first: HOUR, later: HOUR };
    let requests = queue.claim_requests(100, &Turns::new(100), HOUR, later).await.unwrap().tasks;
    let deliveries = queue.claim_deliveries(100, HostLoad::new(100), lease, later).await.unwrap().tasks;
    let jobs = studio.jobs.claim(100, HOUR, later).await.unwrap().jobs;
    assert!(requests.is_empty() && deliveries.is_empty() && jobs.is_empty(), "{requests:?} {deliveries:?} {jobs:?}");
}

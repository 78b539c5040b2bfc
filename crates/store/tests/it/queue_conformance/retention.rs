//! Lists, counts, and what is taken away in time.

use std::sync::Arc;

use plantain_queue::history::{
    Counts, DELIVERED_DROPPED_AFTER, DROPPED_AFTER, Ending, Filter, FinishedRun, Origin, PAGE_LOOK_MAX, PAGE_MAX,
    Payload, Stage,
};
use plantain_queue::model::{DeliveryAttempt, DeliveryNext, NewRequest, Outcome, Settled};
use plantain_queue::store::{Enqueued, QueueStore};
use plantain_wire::error::ErrorType;
use plantain_wire::options::{Labels, Payloads};
use plantain_wire::status::QueueStatus;

use super::*;

type Store = Arc<dyn QueueStore>;

async fn names(store: &Store, filter: Filter) -> Vec<String> {
    let page = store.list(&Filter { limit: PAGE_MAX, ..filter }).await.unwrap();
    assert_eq!(page.next.is_some(), page.requests.len() == PAGE_MAX, "{page:?}");
    page.requests.iter().map(|request| request.id.to_string()).collect()
}

fn failed(error_type: ErrorType) -> Outcome {
    Outcome::Failed { error_type, detail: "why".into() }
}

fn with_status(http_status: u16) -> Outcome {
    let headers = AnswerHeaders::default();
    Outcome::Answered { http_status, body: "{}".into(), headers, inference: Duration::ZERO }
}

async fn ended(store: &Store, name: &str, outcome: Outcome) {
    submit(store, name).await;
    let claimed = only(claim(store, 1, start()).await);
    settle(store, &claimed.lease, finish(outcome)).await;
}

pub async fn requests_are_listed_by_what_is_asked(store: &Store) {
    ended(store, "good", answered("{}")).await;
    ended(store, "refused", with_status(422)).await;
    ended(store, "broken", with_status(500)).await;
    ended(store, "lost", failed(ErrorType::RunnerDisconnected)).await;
    ended(store, "unwanted", failed(ErrorType::ClientCancelled)).await;
    let labels = Labels::parse("shop=7,a.b=it's").unwrap();
    let other = NewRequest {
        endpoint: "fal-ai/flux/dev".parse().unwrap(),
        caller: Caller { user_id: user("user_2"), key_id: "key_2".into() },
        options: RequestOptions { labels: labels.clone(), ..RequestOptions::default() },
        retry_of: Some(id("good")),
        created_at: later(3600),
        ..new_request("running")
    };
    store.enqueue(other).await.unwrap();
    claim(store, 1, later(3600)).await;
    submit(store, "waiting").await;
    let everything = ["waiting", "running", "unwanted", "lost", "broken", "refused", "good"];
    assert_eq!(names(store, Filter::default()).await, everything);
    let staged = |stage| names(store, Filter { stage: Some(stage), ..Filter::default() });
    assert_eq!(staged(Stage::Waiting).await, ["waiting"]);
    assert_eq!(staged(Stage::Running).await, ["running"]);
    assert_eq!(staged(Stage::Ended(Ending::Succeeded)).await, ["good"]);
    assert_eq!(staged(Stage::Ended(Ending::Refused)).await, ["refused"]);
    assert_eq!(staged(Stage::Ended(Ending::Failed)).await, ["lost", "broken"]);
    assert_eq!(staged(Stage::Ended(Ending::Cancelled)).await, ["unwanted"]);
    let second = [
        Filter { key_id: Some("key_2".into()), ..Filter::default() },
        Filter { user_id: Some(user("user_2")), ..Filter::default() },
        Filter { endpoint: Some("fal-ai/flux".parse().unwrap()), ..Filter::default() },
        Filter { endpoint: Some("fal-ai/flux/dev".parse().unwrap()), ..Filter::default() },
        Filter { label: Some(("shop".into(), "7".into())), ..Filter::default() },
        Filter { label: Some(("a.b".into(), "it's".into())), ..Filter::default() },
        Filter { from: Some(later(3600)), ..Filter::default() },
        Filter { from: Some(later(3600)), to: Some(later(3601)), key_id: Some("key_2".into()), ..Filter::default() },
    ];
    for filter in second {
        assert_eq!(names(store, filter.clone()).await, ["running"], "{filter:?}");
    }
    for filter in [
        Filter { endpoint: Some("fal-ai/flux/schnell".parse().unwrap()), ..Filter::default() },
        Filter { label: Some(("shop".into(), "8".into())), ..Filter::default() },
        Filter { label: Some(("x\" = '".into(), "8".into())), ..Filter::default() },
        Filter { from: Some(later(7200)), ..Filter::default() },
        Filter { to: Some(start()), ..Filter::default() },
        Filter { stage: Some(Stage::Waiting), key_id: Some("key_2".into()), ..Filter::default() },
    ] {
        assert_eq!(names(store, filter.clone()).await, [""; 0], "{filter:?}");
    }
    let listed = store.list(&Filter { label: Some(("shop".into(), "7".into())), limit: 1, ..Filter::default() }).await;
    let seen = listed.unwrap().requests.remove(0);
    assert_eq!((seen.labels, seen.stage, seen.attempts), (labels, Stage::Running, 1));
    assert_eq!((seen.retry_of, seen.origin, seen.created_at), (Some(id("good")), Origin::Queue, later(3600)));
    let counts = Counts { waiting: 1, running: 1, succeeded: 1, refused: 1, failed: 2, cancelled: 1 };
    assert_eq!(store.counts(start()).await.unwrap(), counts);
    assert_eq!(store.counts(later(6)).await.unwrap(), Counts { waiting: 1, running: 1, ..Counts::default() });
}

pub async fn pages_follow_each_other_without_gaps(store: &Store) {
    for number in 0..7 {
        submit(store, &format!("r{number}")).await;
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.list(&Filter { limit: 3, before, ..Filter::default() }).await.unwrap();
        seen.extend(page.requests.into_iter().map(|request| request.id.to_string()));
        // What comes meanwhile is on the first page, not on this one.
        submit(store, &format!("late{}", seen.len())).await;
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]);
    const { assert!(PAGE_MAX < PAGE_LOOK_MAX) };
}

fn dropping(name: &str, payloads: Payloads, input: &'static str) -> NewRequest {
    let options = RequestOptions { payloads, ..RequestOptions::default() };
    NewRequest { options, input: Bytes::from_static(input.as_bytes()), ..new_request(name) }
}

async fn run_all(store: &Store, deliveries: Vec<NewDelivery>) {
    for claimed in claim(store, 100, start()).await {
        let own = deliveries.iter().filter(|delivery| delivery.request_id == claimed.lease.request_id);
        let next = Next::Finish { outcome: answered(r#"{"secret":1}"#), deliveries: own.cloned().collect() };
        assert_eq!(store.settle(&claimed.lease, next, &[], start()).await.unwrap(), Settled::Done);
    }
}

async fn body(store: &Store, name: &str) -> Option<String> {
    let seen = view(store, name).await;
    let Some(Outcome::Answered { body, .. }) = seen.outcome else { panic!("{seen:?}") };
    (seen.payload != Payload::Dropped).then(|| String::from_utf8(body.to_vec()).unwrap())
}

async fn delivered(store: &Store, now: Timestamp) {
    for task in store.claim_deliveries(10, HostLoad::new(100), DELIVERY_LEASE, now).await.unwrap().tasks {
        let attempt = DeliveryAttempt {
            attempt: task.attempt,
            at: now,
            latency: Duration::ZERO,
            http_status: Some(200),
            reason: String::new(),
            fault: None,
            answer: Bytes::new(),
        };
        store.settle_delivery(&task.delivery.id, attempt, DeliveryNext::Delivered).await.unwrap();
    }
}

pub async fn payloads_that_are_not_for_the_history_go_once_they_are_delivered(store: &Store) {
    let hook = Some("https://shop.example/hook".parse().unwrap());
    store.enqueue(new_request("kept")).await.unwrap();
    store.enqueue(dropping("alone", Payloads::Drop, "{}")).await.unwrap();
    store.enqueue(dropping("inline", Payloads::Keep, r#"{"sync_mode":true}"#)).await.unwrap();
    store.enqueue(NewRequest { webhook: hook, ..dropping("hooked", Payloads::Drop, "{}") }).await.unwrap();
    run_all(store, vec![delivery("d1", "hooked", "https://shop.example/hook")]).await;
    assert_eq!(store.drop_payloads(10, start()).await.unwrap(), 0);
    // Its time has come, but the webhook has not arrived: it waits.
    let soon = after(start(), DELIVERED_DROPPED_AFTER);
    assert_eq!(store.drop_payloads(10, soon).await.unwrap(), 1);
    assert!(body(store, "hooked").await.is_some());
    assert_eq!(store.drop_payloads(10, soon).await.unwrap(), 0);
    delivered(store, soon).await;
    let late = after(start(), DROPPED_AFTER);
    assert_eq!(store.drop_payloads(2, late).await.unwrap(), 2);
    assert_eq!(store.drop_payloads(2, late).await.unwrap(), 1);
    assert_eq!(store.drop_payloads(2, late).await.unwrap(), 0);
    for gone in ["alone", "hooked"] {
        assert_eq!((body(store, gone).await, store.input(&id(gone)).await.unwrap()), (None, None), "{gone}");
    }
    assert!(store.deliveries(&id("hooked")).await.unwrap()[0].delivery.body.is_empty());
    assert_eq!(body(store, "inline").await, None);
    assert_eq!(store.input(&id("inline")).await.unwrap(), Some(Bytes::from_static(br#"{"sync_mode":true}"#)));
    assert!(body(store, "kept").await.is_some() && store.input(&id("kept")).await.unwrap().is_some());
}

pub async fn what_is_too_old_is_forgotten_with_everything_that_belongs_to_it(store: &Store) {
    store.enqueue(under_key("old", "once", 1)).await.unwrap();
    store.enqueue(new_request("owing")).await.unwrap();
    let owed = ["old", "owing"].map(|name| delivery(&format!("d-{name}"), name, "https://shop.example/hook"));
    let claimed = claim(store, 2, start()).await;
    store.append_logs(&claimed[0].lease, &[line("hello")]).await.unwrap();
    let back = Next::Requeue { at: start(), attempt: plantain_queue::model::AttemptEnd::HandedBack };
    settle(store, &claimed[0].lease, back).await;
    let again = only(claim(store, 1, start()).await);
    for (lease, owed) in [(again.lease, &owed[0]), (claimed[1].lease.clone(), &owed[1])] {
        let next = Next::Finish { outcome: answered("{}"), deliveries: vec![owed.clone()] };
        store.settle(&lease, next, &[], start()).await.unwrap();
    }
    let first = store.claim_deliveries(1, HostLoad::new(100), DELIVERY_LEASE, start()).await.unwrap().tasks.remove(0);
    let attempt = DeliveryAttempt {
        attempt: 1,
        at: start(),
        latency: Duration::ZERO,
        http_status: Some(200),
        reason: String::new(),
        fault: None,
        answer: Bytes::new(),
    };
    store.settle_delivery(&first.delivery.id, attempt, DeliveryNext::Delivered).await.unwrap();
    submit(store, "waiting").await;
    let settled_at = later(0);
    assert_eq!(store.forget(10, after(settled_at, Duration::from_secs(0))).await.unwrap(), 1);
    let gone = first.delivery.request_id.clone();
    assert!(store.request(&gone).await.unwrap().is_none() && store.deliveries(&gone).await.unwrap().is_empty());
    assert!(store.attempts(&gone).await.unwrap().is_empty() && store.input(&gone).await.unwrap().is_none());
    // The other one still owes its webhook, and what waits is never too old.
    assert_eq!(store.forget(10, later(9_999_999)).await.unwrap(), 0);
    assert_eq!(view(store, "waiting").await.status, QueueStatus::InQueue);
    // A key that was used for what is forgotten is free again.
    if gone == id("old") {
        assert!(matches!(store.enqueue(under_key("new", "once", 2)).await.unwrap(), Enqueued::New));
    }
}

pub async fn a_run_is_on_record_once(store: &Store) {
    let run = FinishedRun {
        id: id("run1"),
        endpoint: "fal-ai/flux/dev".parse().unwrap(),
        caller: Caller { user_id: user("user_1"), key_id: "key_1".into() },
        input: Bytes::from_static(b"{\"a\":1}"),
        options: RequestOptions::default(),
        started_at: later(1),
        finished_at: later(3),
        outcome: with_status(422),
        logs: vec![line("one"), line("two")],
    };
    store.record(run.clone()).await.unwrap();
    store.record(run).await.unwrap();
    let seen = view(store, "run1").await;
    assert_eq!((seen.status, seen.origin, seen.attempts), (QueueStatus::Completed, Origin::Run, 1));
    assert_eq!((seen.started_at, seen.finished_at), (Some(later(1)), Some(later(3))));
    assert_eq!((seen.outcome, seen.logs.len()), (Some(with_status(422)), 2));
    assert_eq!(store.attempts(&id("run1")).await.unwrap().len(), 1);
    assert_eq!(
        names(store, Filter { stage: Some(Stage::Ended(Ending::Refused)), ..Filter::default() }).await,
        ["run1"]
    );
    assert!(claim(store, 10, later(9)).await.is_empty());
}

pub async fn a_note_is_found_by_the_next_attempt_and_nobody_else_writes_it(store: &Store) {
    submit(store, "r1").await;
    let first = only(claim(store, 1, start()).await);
    assert_eq!(first.note, None);
    assert_eq!(store.remember(&first.lease, "handed on as 7").await.unwrap(), Settled::Done);
    let second = only(claim(store, 1, after(start(), LEASE)).await);
    assert_eq!(second.note.as_deref(), Some("handed on as 7"));
    assert_eq!(store.remember(&first.lease, "stale").await.unwrap(), Settled::LeaseLost);
    let third = only(claim(store, 1, later(100)).await);
    assert_eq!(third.note.as_deref(), Some("handed on as 7"));
}

//! Whose turn it is.

use std::sync::Arc;

use plantain_queue::keys::{ApiKey, KeyLimits, Scope, WebhookOptions};
use plantain_queue::model::{Caller, ClaimedRequest, NewRequest, Priority};
use plantain_queue::places::Waiting;
use plantain_queue::store::QueueStore;
use plantain_queue::turns::Turns;

use super::*;

type Store = Arc<dyn QueueStore>;

async fn submit_under(store: &Store, key: &str, request: &str) {
    let caller = Caller { user_id: user("user_1"), key_id: key.into() };
    store.enqueue(NewRequest { caller, ..new_request(request) }).await.unwrap();
}

async fn take(store: &Store, count: usize, turns: &Turns) -> Vec<ClaimedRequest> {
    store.claim_requests(count, turns, LEASE, start()).await.unwrap().tasks
}

async fn take_names(store: &Store, count: usize, turns: &Turns) -> Vec<String> {
    take(store, count, turns).await.iter().map(|task| task.lease.request_id.to_string()).collect()
}

pub async fn two_keys_alternate(store: &Store) {
    for request in ["a1", "a2", "a3", "a4", "b1", "b2"] {
        submit_under(store, &request[..1], request).await;
    }
    let turns = turns();
    assert_eq!(take_names(store, 1, &turns).await, ["a1"]);
    assert_eq!(take_names(store, 1, &turns).await, ["b1"]);
    assert_eq!(take_names(store, 9, &turns).await, ["a2", "b2", "a3", "a4"]);
}

pub async fn a_key_at_its_limit_never_blocks_another(store: &Store) {
    for request in ["a1", "a2", "a3", "b1"] {
        submit_under(store, &request[..1], request).await;
    }
    let turns = Turns::new(2);
    let first = take(store, 2, &turns).await;
    assert_eq!(first.iter().map(|task| task.lease.request_id.as_str()).collect::<Vec<_>>(), ["a1", "b1"]);
    assert_eq!(take_names(store, 9, &turns).await, ["a2"], "a3 has to wait");
    submit_under(store, "b", "b2").await;
    assert_eq!(take_names(store, 9, &turns).await, ["b2"]);
    settle(store, &first[0].lease, finish(answered("{}"))).await;
    assert_eq!(take_names(store, 9, &turns).await, ["a3"]);
}

pub async fn a_key_may_have_a_limit_of_its_own(store: &Store) {
    let key = ApiKey {
        id: "a".into(),
        name: "busy".into(),
        secret_sha256: [7; 32],
        user_id: user("user_1"),
        scope: Scope::Api,
        limits: KeyLimits { concurrency: Some(3), per_minute: None },
        webhooks: WebhookOptions::default(),
        created_at: start(),
        revoked_at: None,
    };
    store.add_key(key).await.unwrap();
    for request in ["a1", "a2", "a3", "a4", "b1", "b2"] {
        submit_under(store, &request[..1], request).await;
    }
    assert_eq!(take_names(store, 9, &Turns::new(1)).await, ["a1", "b1", "a2", "a3"]);
}

pub async fn a_limit_holds_for_two_claimers_together(store: &Store) {
    for number in 0..40 {
        submit_under(store, "a", &format!("a{number}")).await;
    }
    // Two processes, each with its own memory.
    let (one, other) = (Turns::new(10), Turns::new(10));
    let claims = (0..8).map(|n| take(store, 3, if n % 2 == 0 { &one } else { &other }));
    let claimed = futures_util::future::join_all(claims).await;
    assert_eq!(claimed.iter().map(Vec::len).sum::<usize>(), 10);
}

pub async fn ten_thousand_of_one_key_do_not_hold_up_another(store: &Store) {
    for hundred in 0..100 {
        let names: Vec<String> = (0..100).map(|n| format!("a{hundred}-{n}")).collect();
        let submits = names.iter().map(|name| submit_under(store, "a", name));
        futures_util::future::join_all(submits).await;
    }
    submit_under(store, "b", "b1").await;
    let turns = Turns::new(4);
    let claimed = take_names(store, 3, &turns).await;
    assert_eq!(claimed.iter().position(|name| name == "b1"), Some(1), "{claimed:?}");
    submit_under(store, "b", "b2").await;
    assert_eq!(take_names(store, 1, &turns).await, ["b2"]);
    assert_eq!(take(store, 50, &turns).await.len(), 2, "the first key has its four");
}

pub async fn low_priority_is_not_starved(store: &Store) {
    store.enqueue(NewRequest { priority: Priority::Low, ..new_request("low") }).await.unwrap();
    for number in 0..20 {
        submit(store, &format!("n{number}")).await;
    }
    let turns = turns();
    let mut order = Vec::new();
    for _ in 0..10 {
        order.extend(take_names(store, 1, &turns).await);
    }
    assert_eq!(order.iter().position(|name| name == "low"), Some(7), "{order:?}");
}

pub async fn what_waits_on_an_app_is_listed_in_its_order(store: &Store) {
    store.enqueue(NewRequest { priority: Priority::Low, ..new_request("low") }).await.unwrap();
    submit_under(store, "a", "a1").await;
    submit_under(store, "b", "b1").await;
    let elsewhere = NewRequest { endpoint: "fal-ai/flux/dev".parse().unwrap(), ..new_request("x") };
    store.enqueue(elsewhere).await.unwrap();
    let app = new_request("x").endpoint.app().to_owned();
    let waiting = |request: &str, key: &str, priority| Waiting { id: id(request), key_id: key.into(), priority };
    let (a1, b1) = (waiting("a1", "a", Priority::Normal), waiting("b1", "b", Priority::Normal));
    let low = waiting("low", "key_1", Priority::Low);
    assert_eq!(store.waiting(&app, 9).await.unwrap(), [a1.clone(), b1.clone(), low]);
    assert_eq!(store.waiting(&app, 1).await.unwrap(), [a1]);
    take(store, 1, &turns()).await;
    assert_eq!(store.waiting(&app, 1).await.unwrap(), [b1]);
}

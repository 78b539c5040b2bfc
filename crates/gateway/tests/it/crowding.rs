//! Many large bodies at once: all together stay within one bound, and who finds no room is told to come again.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use reqwest::{Body, Method};
use tokio::sync::watch;

use crate::system::{APP, EDIT, OTHER_KEY, PATIENCE, Reply, Setup, System, manual_clock, start_with};

/// Of which an account gets a half.
const BOUND: usize = 8 * 1024 * 1024;
const HALF: usize = 768 * 1024;

/// An input of twice a half, whose second half comes when the test says so.
async fn submit_in_halves(system: &System, go_on: watch::Receiver<bool>) -> Reply {
    let first = Bytes::from(format!("{{\"output\":\"{}", "x".repeat(HALF)));
    let second = async move {
        let mut go_on = go_on;
        go_on.wait_for(|go_on| *go_on).await.unwrap();
        Ok::<_, std::io::Error>(Bytes::from(format!("{}\"}}", "x".repeat(HALF))))
    };
    let halves = stream::iter([Ok(first)]).chain(stream::once(second));
    Reply::of(system.request(Method::POST, EDIT).body(Body::wrap_stream(halves))).await
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it comes in time")
}

/// Asks for something small until `work` is done: time passes, and small things are served all the while.
async fn beside<T>(system: &System, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let unknown = format!("{APP}/requests/unknown/status");
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            reply = system.get(&unknown) => assert_eq!(reply.status, 404),
        }
        assert!(system.memory.used() <= BOUND);
        system.clock.advance(Duration::from_millis(250));
    }
}

async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn large_bodies_stay_within_one_bound_and_the_rest_comes_again() {
    let system = start_with(Setup { clock: manual_clock(), memory_bytes: BOUND, ..Setup::default() }).await;
    let go_on = watch::Sender::new(false);
    let halves = || submit_in_halves(&system, go_on.subscribe());
    let large = format!("{{\"output\":\"{}\"}}", "x".repeat(3 * HALF));
    let crowd = async { tokio::join!(halves(), halves()) };
    let rest = async {
        until(|| system.memory.used() >= 2 * HALF).await;
        let refused = beside(&system, system.post(EDIT, large.clone())).await;
        refused.refuses(503, "Try again in a moment");
        let hints = ["retry-after", "x-fal-needs-retry", "x-fal-error-type"].map(|name| refused.header(name));
        assert_eq!(hints, [Some("1"), Some("1"), Some("internal_error")]);
        go_on.send_replace(true);
    };
    let ((one, two), ()) = in_time(async { tokio::join!(crowd, rest) }).await;
    assert_eq!((one.status, two.status), (200, 200), "{} {}", one.text, two.text);
    in_time(until(|| system.memory.used() == 0)).await;
    assert_eq!(system.post(EDIT, large).await.status, 200, "there is room again");
}

#[tokio::test]
async fn one_account_leaves_room_for_the_others() {
    let system = start_with(Setup { clock: manual_clock(), memory_bytes: BOUND, ..Setup::default() }).await;
    let go_on = watch::Sender::new(false);
    // More than all room, if it were let in.
    let mut crowd = std::pin::pin!(join_all((0..12).map(|_| submit_in_halves(&system, go_on.subscribe()))));
    let other = async {
        until(|| system.memory.used() >= 4 * HALF).await;
        let large = format!("{{\"output\":\"{}\"}}", "x".repeat(4 * HALF));
        let request = system.stranger(Method::POST, EDIT).header("authorization", format!("Key {OTHER_KEY}"));
        Reply::of(request.body(large)).await
    };
    let reply = tokio::select! {
        _ = &mut crowd => panic!("their second halves have not come"),
        reply = in_time(other) => reply,
    };
    assert_eq!(reply.status, 200, "{}", reply.text);
    go_on.send_replace(true);
    in_time(beside(&system, crowd)).await;
    in_time(until(|| system.memory.used() == 0)).await;
}

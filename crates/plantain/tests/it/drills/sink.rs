//! A receiver as an application has one: verifies every webhook, keeps it, and is sometimes unwell.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use plantain_wire::jwks::KeySet;
use plantain_wire::signature::{SignedHeaders, verify};
use plantain_work::{Clock, Tasks};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::balancer::Balancer;

/// How the receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Answers 500.
    Failing,
    /// Takes its time, and then the webhook.
    Slow,
    /// Lets nobody in.
    Down,
}

impl Mood {
    pub const ALL: [Mood; 4] = [Mood::Well, Mood::Failing, Mood::Slow, Mood::Down];
}

/// What slow means: well below the sender's patience.
const SLOWNESS: Duration = Duration::from_millis(300);

/// Stops when dropped.
pub struct Sink {
    door: Balancer,
    shared: Arc<Shared>,
    _end: DropGuard,
}

struct Shared {
    keys: KeySet,
    mood: Mutex<Mood>,
    taken: Mutex<Taken>,
}

/// What came.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// The bodies of each request that were answered with 200, in the order in which they came.
    pub accepted: HashMap<String, Vec<Bytes>>,
    /// Whatever did not verify, and why.
    pub refused: Vec<String>,
    pub failed: usize,
}

impl Sink {
    pub async fn start(keys: KeySet) -> Sink {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let door = Balancer::before(vec![listener.local_addr().unwrap()]).await;
        let shared = Arc::new(Shared { keys, mood: Mutex::new(Mood::Well), taken: Mutex::default() });
        let router = Router::new().fallback(take).with_state(shared.clone());
        let end = CancellationToken::new();
        let ended = end.clone();
        Tasks::new().spawn("sink", async move {
            tokio::select! {
                () = ended.cancelled() => {}
                _ = async { axum::serve(listener, router).await } => {}
            }
        });
        Sink { door, shared, _end: end.drop_guard() }
    }

    pub fn url(&self) -> Url {
        self.door.url.join("/hook").unwrap()
    }

    pub fn set_mood(&self, mood: Mood) {
        self.door.set_open(mood != Mood::Down);
        *self.shared.mood.lock().unwrap() = mood;
    }

    pub fn taken(&self) -> Taken {
        self.shared.taken.lock().unwrap().clone()
    }

    pub fn has(&self, request: &str) -> bool {
        self.shared.taken.lock().unwrap().accepted.contains_key(request)
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mood = *shared.mood.lock().unwrap();
    match mood {
        Mood::Well | Mood::Down => {}
        Mood::Slow => Clock::system().sleep(SLOWNESS).await,
        Mood::Failing => {
            shared.taken.lock().unwrap().failed += 1;
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    let signed = SignedHeaders::read(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let now = Clock::system().now().as_second();
    let verified = signed.and_then(|signed| verify(&signed, &body, &shared.keys, now));
    let mut taken = shared.taken.lock().unwrap();
    match verified {
        Ok(verified) => {
            taken.accepted.entry(verified.request_id.to_string()).or_default().push(body);
            StatusCode::OK
        }
        Err(rejection) => {
            taken.refused.push(rejection.to_string());
            StatusCode::UNAUTHORIZED
        }
    }
}

//! A real HTTP server on a free loopback port that keeps what it gets and answers what the test told it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::{Notify, watch};
use url::Url;

use crate::serving::{Serving, arrived};

/// Larger bodies than any that the product sends.
const BODY_BYTES_MAX: usize = 64 << 20;

/// Stops when dropped.
#[derive(Debug)]
pub struct Receiver {
    serving: Serving,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    received: watch::Sender<Vec<Received>>,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What the next request is told.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    /// Status, content type, body.
    Body(u16, &'static str, Bytes),
    /// Status, one header, no body.
    Header(u16, &'static str, String),
    /// Nothing at all, until the client gives up.
    Silence,
    /// An answer that is held back until the test lets it go.
    Held(Arc<Notify>, Box<Answer>),
}

impl Receiver {
    /// Answers 200 with an empty body unless told otherwise.
    pub async fn start() -> Receiver {
        let shared = Arc::new(Shared { answers: Mutex::default(), received: watch::Sender::new(Vec::new()) });
        let router = Router::new().fallback(take).with_state(shared.clone());
        Receiver { serving: Serving::start("receiver", router).await, shared }
    }

    /// `path` begins with a slash.
    pub fn url(&self, path: &str) -> Url {
        self.serving.url(path)
    }

    /// The next request without an answer of its own gets this one.
    pub fn answer(&self, answer: Answer) {
        self.shared.answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(answer);
    }

    /// All that has arrived so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.borrow().clone()
    }

    /// All requests, once there are at least `count`.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        arrived(&self.shared.received, count, "requests").await
    }
}

async fn take(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let answer = shared.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let received = Received { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    shared.received.send_modify(|all| all.push(received));
    let status = |number| StatusCode::from_u16(number).expect("the test gave a status");
    let mut answer = answer.unwrap_or(Answer::Status(200));
    while let Answer::Held(let_go, held) = answer {
        let_go.notified().await;
        answer = *held;
    }
    match answer {
        Answer::Status(number) => status(number).into_response(),
        Answer::Body(number, kind, bytes) => (status(number), [("content-type", kind)], bytes).into_response(),
        Answer::Header(number, name, value) => (status(number), [(name, value)]).into_response(),
        Answer::Silence | Answer::Held(..) => std::future::pending().await,
    }
}

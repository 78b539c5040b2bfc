//! A queue that does what the test says: it speaks the protocol over real HTTP, and misbehaves on demand.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

use plantain_wire::id::RequestId;
use plantain_wire::status::{Metrics, StatusBody, Urls};
use plantain_wire::submit::SubmitReply;
use plantain_work::Tasks;

use crate::service::bench::KEY;

/// What the queue does with submits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submits {
    Accept,
    /// Accepts, and answers as if a proxy had lost the answer.
    AcceptAndLoseTheAnswer,
    /// Accepts, and answers only when the test changes its mind.
    AcceptAndHold,
    Busy,
    Reject(u16),
}

/// A submit as it arrived.
#[derive(Clone, Debug)]
pub struct Submission {
    pub request_id: RequestId,
    pub webhook: Option<Url>,
    pub key: Option<String>,
    pub input: serde_json::Value,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    InQueue(u64),
    InProgress,
    /// HTTP status and body of the result call.
    Completed(u16, String),
}

#[derive(Clone)]
pub struct Backend(Arc<Inner>);

struct Inner {
    base: Url,
    state: Mutex<Situation>,
    submits: watch::Sender<Submits>,
    submissions: watch::Sender<Vec<Submission>>,
    /// Downloads that are held back: how many came, and whether they may go on.
    held: watch::Sender<(usize, bool)>,
    tasks: Tasks,
}

#[derive(Default)]
struct Situation {
    requests: HashMap<String, watch::Sender<Standing>>,
    by_key: HashMap<String, RequestId>,
    files: HashMap<String, Bytes>,
    cancels: Vec<String>,
    honours_keys: bool,
    streams: bool,
    streams_opened: usize,
}

impl Backend {
    pub async fn start() -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let situation = Situation { honours_keys: true, streams: true, ..Situation::default() };
        let backend = Backend(Arc::new(Inner {
            base,
            state: Mutex::new(situation),
            submits: watch::Sender::new(Submits::Accept),
            submissions: watch::Sender::default(),
            held: watch::Sender::default(),
            tasks: Tasks::new(),
        }));
        let router = Router::new()
            .route("/.well-known/jwks.json", get(keys))
            .route("/rest/storage/upload/initiate", post(initiate))
            .route("/files/{name}", get(file).put(put_file))
            .route("/strange/{kind}", get(strange))
            .route("/queue/{*path}", get(ask).post(submit).put(cancel))
            .with_state(backend.clone());
        backend.0.tasks.spawn("backend", async move { axum::serve(listener, router).await.unwrap() });
        backend
    }

    pub fn base(&self) -> &Url {
        &self.0.base
    }

    pub fn jwks(&self) -> Url {
        self.0.base.join(".well-known/jwks.json").unwrap()
    }

    pub fn submits(&self, submits: Submits) {
        self.0.submits.send_replace(submits);
    }

    pub fn ignores_idempotency_keys(&self) {
        self.state().honours_keys = false;
    }

    pub fn has_no_stream(&self) {
        self.state().streams = false;
    }

    /// Waits until `count` submits have arrived, and returns them all.
    pub async fn submitted(&self, count: usize) -> Vec<Submission> {
        let mut watching = self.0.submissions.subscribe();
        let submissions = watching.wait_for(|submissions| submissions.len() >= count);
        let limit = plantain_work::Clock::system();
        let submissions = limit.timeout(std::time::Duration::from_secs(20), submissions).await;
        submissions.expect("no submit arrived").unwrap().clone()
    }

    pub fn submissions(&self) -> usize {
        self.0.submissions.borrow().len()
    }

    pub fn stands(&self, request: &RequestId, standing: Standing) {
        self.state().requests[request.as_str()].send_replace(standing);
    }

    /// How often somebody began to read a status stream.
    pub fn streams_opened(&self) -> usize {
        self.state().streams_opened
    }

    pub fn forgets(&self, request: &RequestId) {
        self.state().requests.remove(request.as_str());
    }

    pub fn cancels(&self) -> usize {
        self.state().cancels.len()
    }

    /// Puts a file on the queue's CDN.
    pub fn file(&self, name: &str, bytes: Vec<u8>) -> Url {
        self.state().files.insert(name.to_owned(), bytes.into());
        self.0.base.join(&format!("files/{name}")).unwrap()
    }

    /// An address that does not behave like a file: `endless`, `redirect`, `html`, or `held` until it is let go.
    pub fn strange(&self, kind: &str) -> Url {
        self.0.base.join(&format!("strange/{kind}")).unwrap()
    }

    /// Waits until a download is held back.
    pub async fn holds_a_download(&self) {
        self.0.held.subscribe().wait_for(|(came, _)| *came > 0).await.unwrap();
    }

    pub fn lets_downloads_go(&self) {
        self.0.held.send_modify(|(_, go)| *go = true);
    }

    pub fn uploads(&self) -> usize {
        self.state().files.keys().filter(|name| name.starts_with("upload-")).count()
    }

    fn state(&self) -> MutexGuard<'_, Situation> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn urls(&self, path: &str, id: &RequestId) -> Urls {
        let endpoint = path.split("/requests/").next().unwrap().parse().unwrap();
        Urls::new(&self.0.base.join("queue").unwrap(), &endpoint, id)
    }

    fn accept(&self, key: Option<&str>) -> RequestId {
        let mut state = self.state();
        let known = key.filter(|_| state.honours_keys).and_then(|key| state.by_key.get(key)).cloned();
        known.unwrap_or_else(|| {
            let id = RequestId::parse(&hex::encode(plantain_work::random::bytes::<12>())).unwrap();
            state.requests.insert(id.to_string(), watch::Sender::new(Standing::InQueue(0)));
            state.by_key.extend(key.map(|key| (key.to_owned(), id.clone())));
            id
        })
    }
}

async fn keys() -> String {
    plantain_wire::jwks::render(&[plantain_wire::signature::SigningKey::from_seed(KEY).verifying_key()])
}

async fn initiate(State(backend): State<Backend>) -> String {
    let name = format!("upload-{}.jpg", backend.uploads());
    let url = backend.file(&name, Vec::new());
    format!(r#"{{"upload_url":"{url}","file_url":"{url}"}}"#)
}

async fn put_file(State(backend): State<Backend>, Path(name): Path<String>, body: Bytes) {
    backend.file(&name, body.to_vec());
}

async fn file(State(backend): State<Backend>, Path(name): Path<String>) -> Response {
    let file = backend.state().files.get(&name).cloned();
    file.map_or(StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

async fn strange(State(backend): State<Backend>, Path(kind): Path<String>) -> Response {
    match kind.as_str() {
        "endless" => {
            let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[0; 16 * 1024])));
            Body::from_stream(endless).into_response()
        }
        "redirect" => (StatusCode::FOUND, [("location", "/files/out.png")]).into_response(),
        "html" => ([("content-type", "text/html")], "<!doctype html><script>alert(1)</script>").into_response(),
        _ => {
            let mut held = backend.0.held.subscribe();
            backend.0.held.send_modify(|(came, _)| *came += 1);
            held.wait_for(|(_, go)| *go).await.unwrap();
            let picture = backend.state().files["out.png"].clone();
            picture.into_response()
        }
    }
}

async fn submit(State(backend): State<Backend>, Path(path): Path<String>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let key = request.headers().get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let mut submits = backend.0.submits.subscribe();
    let mode = *submits.borrow();
    match mode {
        Submits::Busy => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        Submits::Reject(status) => {
            return (StatusCode::from_u16(status).unwrap(), r#"{"detail":"no"}"#).into_response();
        }
        Submits::Accept | Submits::AcceptAndHold | Submits::AcceptAndLoseTheAnswer => {}
    }
    let request_id = backend.accept(key.as_deref());
    let webhook = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "fal_webhook");
    let webhook = webhook.map(|(_, url)| url.parse().unwrap());
    let input = serde_json::from_slice(&body).unwrap();
    let submission = Submission { request_id: request_id.clone(), webhook, key, input };
    backend.0.submissions.send_modify(|submissions| submissions.push(submission));
    if mode == Submits::AcceptAndLoseTheAnswer {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let _ = submits.wait_for(|submits| *submits != Submits::AcceptAndHold).await;
    SubmitReply::new(request_id.clone(), backend.urls(&path, &request_id), 0).to_json().into_response()
}

async fn ask(State(backend): State<Backend>, Path(path): Path<String>, _: HeaderMap) -> Response {
    let (_, rest) = path.split_once("/requests/").unwrap();
    let (id, what) = rest.split_once('/').unwrap_or((rest, ""));
    let id = RequestId::parse(id).unwrap();
    let Some(mut standing) = backend.state().requests.get(id.as_str()).map(watch::Sender::subscribe) else {
        return (StatusCode::NOT_FOUND, plantain_wire::error::not_found()).into_response();
    };
    let urls = backend.urls(&path, &id);
    let now = standing.borrow_and_update().clone();
    match what {
        "" => match now {
            Standing::Completed(status, body) => {
                (StatusCode::from_u16(status).unwrap(), [("x-fal-request-id", id.to_string())], body).into_response()
            }
            _ => (StatusCode::BAD_REQUEST, plantain_wire::error::in_progress().to_json()).into_response(),
        },
        "status/stream" if backend.state().streams => {
            backend.state().streams_opened += 1;
            let events = stream::unfold((Some(now), standing), move |(first, mut standing)| {
                let (urls, id) = (urls.clone(), id.clone());
                async move {
                    let now = match first {
                        Some(now) => now,
                        None => {
                            // A completed request has no news; the stream ends.
                            if matches!(&*standing.borrow(), Standing::Completed(..)) {
                                return None;
                            }
                            standing.changed().await.ok()?;
                            standing.borrow_and_update().clone()
                        }
                    };
                    let event = format!("data: {}\n\n", status(&now, &urls, &id).to_json());
                    Some((Ok::<_, Infallible>(event), (None, standing)))
                }
            });
            ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response()
        }
        "status/stream" => StatusCode::NOT_FOUND.into_response(),
        _ => status(&now, &urls, &id).to_json().into_response(),
    }
}

fn status(standing: &Standing, urls: &Urls, id: &RequestId) -> StatusBody {
    let (id, urls) = (id.clone(), urls.clone());
    match standing {
        Standing::InQueue(ahead) => StatusBody::in_queue(id, urls, *ahead),
        Standing::InProgress => StatusBody::in_progress(id, urls).with_logs(Some(Vec::new())),
        Standing::Completed(..) => StatusBody::completed(id, urls, Metrics::default()),
    }
}

async fn cancel(State(backend): State<Backend>, Path(path): Path<String>) -> Response {
    let id = path.split("/requests/").nth(1).unwrap().trim_end_matches("/cancel").to_owned();
    backend.state().cancels.push(id);
    (StatusCode::ACCEPTED, r#"{"status":"CANCELLATION_REQUESTED"}"#).into_response()
}

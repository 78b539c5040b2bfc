//! One gateway on a free port, with a model that does what its input says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use plantain_blobs::Blobs;
use plantain_client::{ApiKey, Endpoints, QueueClient};
use plantain_gateway::keys::{self, KeySettings, Keys};
use plantain_gateway::memory::Memory;
use plantain_gateway::{CdnSecret, Gateway, Keyless, Limits, PAYLOAD_BYTES_MAX, Proxy, collecting};
use plantain_outbound::{Outbound, Policy, transport};
use plantain_queue::Signer;
use plantain_queue::engine::{Engine, EngineConfig};
use plantain_queue::keys::{KeyStore, Scope};
use plantain_queue::runner::{Answer, AnswerHeaders, RunFailure, RunTask, Runner, Runners};
use plantain_queue::store::QueueStore;
use plantain_store::queue::open_queue;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::id::UserId;
use plantain_wire::signature::SigningKey;
use plantain_work::{Clock, Shutdown, Tasks};
use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

/// The key that the helpers send.
pub const KEY: &str = "shop:s3cret";
/// A key of another account.
pub const OTHER_KEY: &str = "rival:0ther";
/// The operator's token.
pub const OPERATOR: &str = "op3rator";
pub const APP: &str = "fal-ai/nano-banana";
pub const EDIT: &str = "fal-ai/nano-banana/edit";

pub struct System {
    pub url: Url,
    pub clock: Clock,
    pub shutdown: Shutdown,
    pub folder: tempfile::TempDir,
    pub memory: Memory,
    http: reqwest::Client,
    /// Lets held runs go.
    released: watch::Sender<bool>,
}

/// What differs from one test to the next.
pub struct Setup {
    pub clock: Clock,
    pub public_url: Option<Url>,
    pub proxy: Proxy,
    pub keyless: Keyless,
    pub limits: Limits,
    pub per_minute: Option<u32>,
    /// Of payloads, all calls together.
    pub memory_bytes: usize,
    /// Where keys are looked up; `None`: where everything else is.
    pub keys: Option<Arc<dyn KeyStore>>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            clock: Clock::system(),
            public_url: None,
            proxy: Proxy::None,
            keyless: Keyless::Refused,
            limits: Limits::default(),
            per_minute: None,
            memory_bytes: PAYLOAD_BYTES_MAX,
            keys: None,
        }
    }
}

/// A clock that stands still until the test moves it.
pub fn manual_clock() -> Clock {
    Clock::manual("2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap())
}

pub async fn start() -> System {
    start_with(Setup::default()).await
}

pub async fn start_with(setup: Setup) -> System {
    let folder = tempfile::tempdir().unwrap();
    let store = open_queue(folder.path().join("queue.db").to_str().unwrap()).await.unwrap();
    start_over(setup, store, folder).await
}

pub async fn start_over(setup: Setup, store: Arc<dyn QueueStore>, folder: tempfile::TempDir) -> System {
    let released = watch::Sender::new(false);
    let model: Arc<dyn Runner> = Arc::new(Obedient { released: released.subscribe() });
    let runners =
        Runners::default().with(APP, model.clone()).with(EDIT, model.clone()).with("workflows/me/flow", model);
    let outbound = Outbound::new(Policy::loopback()).unwrap();
    let signer = Signer::new(SigningKey::from_seed([7; 32]));
    let config = EngineConfig { slots: 1, ..EngineConfig::default() };
    let engine = Engine::new(store.clone(), runners, signer, outbound, setup.clock.clone(), config);
    let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
    engine.start(&tasks, &shutdown);
    let user = |name| UserId::parse(name).unwrap();
    let settings = KeySettings {
        keys: vec![
            keys::configured(KEY, user("user_shop"), Scope::Api).unwrap(),
            keys::configured(OTHER_KEY, user("user_rival"), Scope::Api).unwrap(),
        ],
        operator_sha256: Some(keys::hash(OPERATOR)),
        per_minute: setup.per_minute,
    };
    let memory = Memory::new(setup.memory_bytes, setup.clock.clone());
    let gateway = Gateway {
        engine,
        blobs: Blobs::folder(folder.path().join("blobs")).await.unwrap(),
        keys: Keys::new(settings, setup.keys.unwrap_or(store), setup.clock.clone()),
        cdn_secret: CdnSecret::new(&[9; 32]),
        public_url: setup.public_url,
        proxy: setup.proxy,
        keyless: setup.keyless,
        clock: setup.clock.clone(),
        shutdown: shutdown.clone(),
        limits: setup.limits,
        memory: memory.clone(),
    };
    tasks.spawn("collecting", collecting::run(gateway.clone(), tasks.clone(), shutdown.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tasks.spawn("gateway", async move {
        axum::serve(listener, plantain_gateway::router(gateway)).await.unwrap();
    });
    let http = transport::builder().unwrap().build().unwrap();
    System { url, clock: setup.clock, shutdown, folder, memory, http, released }
}

impl System {
    pub fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    pub fn client(&self) -> QueueClient {
        self.client_of(KEY)
    }

    pub fn client_of(&self, key: &str) -> QueueClient {
        QueueClient::new(Endpoints::under(&self.url), Some(ApiKey::new(key).unwrap())).unwrap()
    }

    /// A raw request with the usual key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger(method, path).header("authorization", format!("Key {KEY}"))
    }

    /// A raw request without a key.
    pub fn stranger(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.at(path))
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    pub async fn put(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::PUT, path)).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        Reply::of(self.request(Method::POST, path).body(body.into())).await
    }

    /// Submits to the edit endpoint and says the request's id.
    pub async fn submit(&self, input: &str) -> String {
        let reply = self.post(EDIT, input.to_owned()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["request_id"].as_str().unwrap().to_owned()
    }

    /// Waits until a submitted request is in this state.
    pub async fn until(&self, id: &str, status: &str) -> Reply {
        let mut stream = self.request(Method::GET, &format!("{APP}/requests/{id}/status/stream")).send().await.unwrap();
        let mut seen = String::new();
        while let Some(chunk) = stream.chunk().await.unwrap() {
            seen.push_str(std::str::from_utf8(&chunk).unwrap());
            if seen.contains(&format!("\"status\":\"{status}\"")) {
                return self.get(&format!("{APP}/requests/{id}/status?logs=1")).await;
            }
        }
        panic!("the stream ended without {status}: {seen}");
    }

    /// The result of a request once it has ended.
    pub async fn result_of(&self, id: &str) -> Reply {
        self.until(id, "COMPLETED").await;
        self.get(&format!("{APP}/requests/{id}")).await
    }

    /// Held runs go on, and later ones aren't held.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.shutdown.abort();
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    pub async fn of(request: RequestBuilder) -> Reply {
        Reply::read(request.send().await.unwrap()).await
    }

    pub async fn read(response: Response) -> Reply {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks the code and that the body is an error as fal's clients read it: JSON with a `detail`.
    #[track_caller]
    pub fn refuses(&self, status: u16, detail: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text);
        let said = self.json()["detail"].as_str().unwrap_or_else(|| panic!("no detail: {}", self.text)).to_owned();
        assert!(said.contains(detail), "{said:?} does not say {detail:?}");
    }
}

/// A model whose input says what it does.
struct Obedient {
    released: watch::Receiver<bool>,
}

#[derive(Deserialize)]
struct Orders {
    /// What to answer, byte for byte.
    #[serde(default)]
    output: Option<Box<RawValue>>,
    #[serde(default)]
    status: Option<u16>,
    /// An infrastructure failure instead of an answer.
    #[serde(default)]
    fail: Option<String>,
    #[serde(default)]
    logs: Vec<String>,
    /// Handed out on the way.
    #[serde(default)]
    partials: Vec<Box<RawValue>>,
    /// Said beside the body.
    #[serde(default)]
    says: AnswerHeaders,
    /// Answer only when the test says so.
    #[serde(default)]
    hold: bool,
}

#[async_trait]
impl Runner for Obedient {
    fn streams(&self, endpoint: &EndpointId) -> bool {
        endpoint.as_str() == EDIT
    }

    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        let orders: Orders = serde_json::from_slice(&task.input).unwrap();
        for line in orders.logs {
            task.logs.info(line);
        }
        for partial in orders.partials {
            task.partials.send(partial.get().to_owned().into());
        }
        if orders.hold {
            let mut released = self.released.clone();
            tokio::select! {
                _ = released.wait_for(|released| *released) => {}
                () = task.cancel.cancelled() => return Err(failure("client_cancelled")),
            }
        }
        match orders.fail {
            Some(word) => Err(failure(&word)),
            None => {
                let body = orders.output.map_or_else(|| task.input.clone(), |output| output.get().to_owned().into());
                let headers = orders.says;
                Ok(Answer { headers, ..Answer::new(orders.status.unwrap_or(200), body) })
            }
        }
    }
}

fn failure(word: &str) -> RunFailure {
    RunFailure { error_type: ErrorType::parse(word).unwrap(), detail: "as ordered".into() }
}

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

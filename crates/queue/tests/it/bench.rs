//! An engine with all that it stands on, and a runner that the test writes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Notify;
use url::Url;

use plantain_outbound::{Outbound, Policy, Schedule};
use plantain_queue::Signer;
use plantain_queue::engine::{Engine, EngineConfig};
use plantain_queue::model::{Caller, DeliveryState, DeliveryView, NewRequest, Outcome, Priority, RequestView};
use plantain_queue::runner::{Answer, RunFailure, RunTask, Runner, Runners};
use plantain_queue::store::QueueStore;
use plantain_store::queue::open_queue;
use plantain_testkit::Receiver;
use plantain_testkit::receiver::Received;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::jwks::KeySet;
use plantain_wire::options::RequestOptions;
use plantain_wire::signature::{SignedHeaders, SigningKey, Verified, verify};
use plantain_wire::status::QueueStatus;
use plantain_work::{Clock, Shutdown, Tasks, clock};

/// How long a test waits, in real time, for what it expects.
const PATIENCE: Duration = Duration::from_secs(20);

pub const ENDPOINT: &str = "fal-ai/nano-banana/edit";

pub type Ran = Result<Answer, RunFailure>;

/// Calls a closure for every attempt.
struct Script<F>(F);

#[async_trait]
impl<F, R> Runner for Script<F>
where
    F: Fn(RunTask) -> R + Send + Sync + 'static,
    R: Future<Output = Ran> + Send + 'static,
{
    async fn run(&self, task: RunTask) -> Ran {
        (self.0)(task).await
    }
}

/// Attempts that wait at the gate, and then answer.
pub fn gated(gate: &Gate) -> Runners {
    let gate = gate.clone();
    serving(move |_| {
        let gate = gate.clone();
        async move {
            gate.pass().await;
            answer("{}")
        }
    })
}

/// Serves the endpoint with a closure.
pub fn serving<F, R>(script: F) -> Runners
where
    F: Fn(RunTask) -> R + Send + Sync + 'static,
    R: Future<Output = Ran> + Send + 'static,
{
    Runners::default().with(ENDPOINT, Arc::new(Script(script)))
}

/// Calls a closure for every attempt, and says that it streams.
struct Streaming<F>(Script<F>);

#[async_trait]
impl<F, R> Runner for Streaming<F>
where
    F: Fn(RunTask) -> R + Send + Sync + 'static,
    R: Future<Output = Ran> + Send + 'static,
{
    async fn run(&self, task: RunTask) -> Ran {
        self.0.run(task).await
    }

    fn streams(&self, _: &EndpointId) -> bool {
        true
    }
}

/// Serves the endpoint with a closure that hands out partial results.
pub fn streaming<F, R>(script: F) -> Runners
where
    F: Fn(RunTask) -> R + Send + Sync + 'static,
    R: Future<Output = Ran> + Send + 'static,
{
    Runners::default().with(ENDPOINT, Arc::new(Streaming(Script(script))))
}

/// Holds attempts up until the test lets them go, one at a time.
#[derive(Clone, Default)]
pub struct Gate(Arc<Notify>);

impl Gate {
    pub fn open(&self) {
        self.0.notify_one();
    }

    pub async fn pass(&self) {
        self.0.notified().await;
    }
}

pub fn answer(body: &'static str) -> Ran {
    Ok(Answer::new(200, body))
}

pub fn failure(error_type: ErrorType) -> Ran {
    Err(RunFailure { error_type, detail: "as the test wants it".into() })
}

/// How the outcome reads in one word.
pub fn end(view: &RequestView) -> &'static str {
    match &view.outcome {
        None => "nothing yet",
        Some(Outcome::Answered { .. }) => "answered",
        Some(Outcome::Failed { error_type, .. }) => error_type.as_str(),
    }
}

pub struct Bench {
    pub engine: Engine,
    pub clock: Clock,
    pub receiver: Receiver,
    pub shutdown: Shutdown,
    tasks: Tasks,
    signer: Signer,
    folder: tempfile::TempDir,
}

pub fn config() -> EngineConfig {
    EngineConfig { schedule: Schedule::Standard, ..EngineConfig::default() }
}

impl Bench {
    /// An engine that works.
    pub async fn start(runners: Runners) -> Bench {
        Bench::start_with(runners, config()).await
    }

    pub async fn start_with(runners: Runners, config: EngineConfig) -> Bench {
        let clock = Clock::manual("2026-11-20T12:00:00Z".parse().unwrap());
        let folder = folder();
        let store = open(&folder).await;
        let signer = Signer::new(SigningKey::from_seed([7; 32]));
        let outbound = Outbound::new(Policy::loopback()).unwrap();
        let engine = Engine::new(store, runners, signer.clone(), outbound, clock.clone(), config);
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        engine.start(&tasks, &shutdown);
        Bench { engine, clock, receiver: Receiver::start().await, shutdown, tasks, signer, folder }
    }

    /// The same file and clock, served by an engine as after a restart.
    pub async fn restart(self, runners: Runners) -> Bench {
        let Bench { clock, receiver, signer, folder, .. } = self.stop().await;
        let outbound = Outbound::new(Policy::loopback()).unwrap();
        let store = open(&folder).await;
        let engine = Engine::new(store, runners, signer.clone(), outbound, clock.clone(), config());
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        engine.start(&tasks, &shutdown);
        Bench { engine, clock, receiver, shutdown, tasks, signer, folder }
    }

    /// Returns when nothing of the engine runs any more.
    pub async fn stop(self) -> Bench {
        self.shutdown.abort();
        in_time(self.tasks.wait()).await;
        self
    }

    /// Returns when what was running has ended by itself.
    pub async fn drain(&self) {
        self.shutdown.begin();
        in_time(self.tasks.wait()).await;
    }

    pub fn request(&self, id: &str) -> NewRequest {
        NewRequest {
            id: name(id),
            endpoint: ENDPOINT.parse().unwrap(),
            caller: Caller { user_id: UserId::parse("user_1").unwrap(), key_id: "key_1".into() },
            input: Bytes::from_static(br#"{"prompt": "a chair"}"#),
            webhook: Some(self.webhook()),
            priority: Priority::Normal,
            start_by: None,
            idempotency: None,
            options: RequestOptions::default(),
            max_queue_length: None,
            retry_of: None,
            created_at: self.clock.now(),
        }
    }

    pub fn webhook(&self) -> Url {
        self.receiver.url("/hook")
    }

    pub async fn submit(&self, id: &str) {
        self.engine.submit(self.request(id)).await.unwrap();
    }

    /// The request, once it is as `expected` says.
    pub async fn until(&self, id: &str, expected: impl Fn(&RequestView) -> bool) -> RequestView {
        let look = async {
            loop {
                let view = self.engine.status(&name(id)).await.unwrap().expect("it was submitted");
                if expected(&view) {
                    return view;
                }
                tokio::task::yield_now().await;
            }
        };
        in_time(look).await
    }

    pub async fn completed(&self, id: &str) -> RequestView {
        self.until(id, |view| view.status == QueueStatus::Completed).await
    }

    pub async fn running(&self, id: &str) -> RequestView {
        self.until(id, |view| view.status == QueueStatus::InProgress).await
    }

    /// The request's only delivery, once `attempts` of it are recorded.
    pub async fn delivery(&self, id: &str, attempts: usize) -> DeliveryView {
        let look = async {
            loop {
                let mut deliveries = self.engine.store().deliveries(&name(id)).await.unwrap();
                assert!(deliveries.len() <= 1, "{deliveries:?}");
                if deliveries.first().is_some_and(|delivery| delivery.attempts.len() >= attempts) {
                    return deliveries.remove(0);
                }
                tokio::task::yield_now().await;
            }
        };
        in_time(look).await
    }

    pub async fn delivered(&self, id: &str) -> DeliveryView {
        let delivery = self.delivery(id, 1).await;
        assert_eq!(delivery.state, DeliveryState::Delivered, "{delivery:?}");
        delivery
    }

    /// Checks a webhook as a receiver would whose clock shows `now`.
    pub fn verified(&self, received: &Received, now: Timestamp) -> Verified {
        let headers = received.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let signed = SignedHeaders::read(headers).unwrap();
        let keys = KeySet::parse(self.signer.jwks(now).as_bytes()).unwrap();
        verify(&signed, &received.body, &keys, now.as_second()).unwrap()
    }

    pub fn later(&self, by: Duration) -> Timestamp {
        clock::after(self.clock.now(), by)
    }
}

/// In memory where the system has such a folder: what survives a power cut is tested with the stores, and syncing a busy
/// disk takes longer than these tests.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

async fn open(folder: &tempfile::TempDir) -> Arc<dyn QueueStore> {
    open_queue(folder.path().join("queue.db").to_str().unwrap()).await.unwrap()
}

pub fn name(id: &str) -> RequestId {
    RequestId::parse(id).unwrap()
}

#[track_caller]
pub fn in_time<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let done = Clock::system().timeout(PATIENCE, work).await;
        done.unwrap_or_else(|| panic!("what was expected at {caller} did not happen"))
    }
}

//! The engine: carries the queue's decisions out over a store, runners and deliveries.
//!
//! Reads the world, asks [`crate::decide`], writes the answer in one store call. Nothing durable lives here: a killed engine
//! loses no more than the rest of its leases' time.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use url::Url;

use plantain_outbound::{Outbound, Schedule};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::RequestId;
use plantain_wire::status::QueueStatus;
use plantain_work::lane::{self, Lane, Wake};
use plantain_work::{Clock, Shutdown, Tasks, random};

use crate::decide::{self, Budget};
use crate::history::FinishedRun;
use crate::hosts::{HostLimits, Hosts};
use crate::model::{Cancelled, FileRecord, NewRequest, Priority, RequestView};
use crate::notice::{self, Announced};
use crate::runner::{EndpointSettings, Runners};
use crate::signer::Signer;
use crate::store::{Enqueued, Hint, QueueStore, StoreError};
use crate::turns::Turns;

use self::alerts::Alerts;
use self::deadlines::{DEADLINE_SLOTS, DeadlineLane};
use self::deliveries::DeliveryLane;
use self::lines::Lines;
use self::news::News;
pub use self::news::Watch;
use self::requests::RequestLane;
use self::retention::RetentionLane;
use self::running::RunPlaces;
pub use self::running::{RunError, RunRequest, Stream, StreamEvent};
pub use self::showing::Logs;

mod alerts;
mod board;
mod deadlines;
mod deliveries;
mod lines;
mod log;
mod news;
mod recording;
mod redelivering;
mod requests;
mod retention;
mod running;
mod settling;
mod showing;

/// Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Parts>);

struct Parts {
    store: Arc<dyn QueueStore>,
    runners: Runners,
    signer: Signer,
    outbound: Outbound,
    clock: Clock,
    config: EngineConfig,
    news: News,
    turns: Turns,
    lines: Lines,
    requests_due: Wake,
    deadlines_due: Wake,
    deliveries_due: Wake,
    retention_due: Wake,
    hosts: Mutex<Hosts>,
    alerts: Alerts,
    /// Until the engine is started.
    to_alert: Mutex<Option<mpsc::Receiver<alerts::Message>>>,
    places: RunPlaces,
    /// Of the process, once the engine is started.
    stop: OnceLock<Shutdown>,
    recorder: mpsc::Sender<FinishedRun>,
    /// Until the engine is started.
    recorded: Mutex<Option<mpsc::Receiver<FinishedRun>>>,
}

impl Parts {
    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An endpoint may shorten what the queue allows, not lengthen it.
    fn attempt_timeout(&self, settings: &EndpointSettings) -> Duration {
        let longest = self.config.attempt_timeout;
        settings.request_timeout.map_or(longest, |asked| asked.min(longest))
    }
}

/// How much at once, for how long, how often.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Requests that run at the same time. None: they are run by other processes that share the store.
    pub slots: usize,
    /// Of one key, its runs included, where the key says nothing else; requests are counted over all processes that share the
    /// store, runs in their own.
    pub key_concurrency: usize,
    /// How long a request stays with a worker that says nothing. Prolonged every third of it.
    pub lease: Duration,
    /// The longest that one attempt may take.
    pub attempt_timeout: Duration,
    /// How long a runner may go on after its request was cancelled, before it is left.
    pub cancel_grace: Duration,
    pub budget: Budget,
    /// Deliveries under way at the same time.
    pub delivery_slots: usize,
    /// Of these, to one host that answers quickly. Others get a quarter of it; see [`crate::hosts`].
    pub deliveries_per_host: usize,
    /// For how long nothing but failures make a receiver's host one that the operator is told of.
    pub host_failing_after: Duration,
    /// Where the operator is told of it, beside the log.
    pub alert_url: Option<Url>,
    pub schedule: Schedule,
    pub first_delivery_timeout: Duration,
    pub later_delivery_timeout: Duration,
    /// Runs on callers' own connections at the same time, beside the queue's requests.
    pub run_slots: usize,
    /// How long requests that have ended are kept. Longer than any webhook is tried.
    pub retention: Duration,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            slots: 2,
            key_concurrency: 10,
            lease: Duration::from_secs(15),
            attempt_timeout: Duration::from_secs(3600),
            cancel_grace: Duration::from_secs(10),
            budget: Budget::default(),
            delivery_slots: 128,
            deliveries_per_host: 16,
            host_failing_after: Duration::from_secs(15 * 60),
            alert_url: None,
            schedule: Schedule::Standard,
            first_delivery_timeout: Duration::from_secs(15),
            later_delivery_timeout: Duration::from_secs(120),
            run_slots: 2,
            retention: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// A delivery whose host rests is held back for at least this long before it is given up, however short the schedule.
const HELD_BACK_MIN: Duration = Duration::from_secs(10 * 60);

impl EngineConfig {
    /// What is held back may wait for as long as its schedule could take at most.
    fn host_limits(&self) -> HostLimits {
        HostLimits {
            places: self.delivery_slots,
            per_host: self.deliveries_per_host,
            patience: self
                .schedule
                .longest(self.first_delivery_timeout, self.later_delivery_timeout)
                .max(HELD_BACK_MIN),
            failing_after: self.host_failing_after,
        }
    }
}

/// A submit that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    pub id: RequestId,
    pub queue_position: u64,
    /// It had been submitted before under the same idempotency key.
    pub known: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    #[error("no runner serves this endpoint")]
    UnknownEndpoint,
    #[error("the idempotency key was used for another request")]
    KeyReused,
    #[error("more requests wait on the app than the caller wants")]
    QueueFull,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a request was not tried again.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    #[error("the request is unknown or has expired")]
    Unknown,
    #[error("the request has not ended")]
    NotEnded,
    #[error("the request's input is not kept")]
    InputGone,
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    pub fn new(
        store: Arc<dyn QueueStore>,
        runners: Runners,
        signer: Signer,
        outbound: Outbound,
        clock: Clock,
        config: EngineConfig,
    ) -> Engine {
        let news = News::new(clock.clone(), store.is_shared());
        let (turns, lines) = (Turns::new(config.key_concurrency), Lines::new(clock.clone()));
        let (recorder, recorded) = recording::channel();
        let hosts = Mutex::new(Hosts::new(config.host_limits()));
        let (alerts, to_alert) = Alerts::new(config.alert_url.as_ref());
        let (requests_due, deadlines_due, deliveries_due) = (Wake::new(), Wake::new(), Wake::new());
        let places = RunPlaces::new(config.run_slots, turns.clone(), requests_due.clone());
        Engine(Arc::new(Parts {
            store,
            runners,
            signer,
            outbound,
            clock,
            config,
            news,
            turns,
            lines,
            requests_due,
            deadlines_due,
            deliveries_due,
            retention_due: Wake::new(),
            hosts,
            alerts,
            to_alert: Mutex::new(to_alert),
            places,
            stop: OnceLock::new(),
            recorder,
            recorded: Mutex::new(Some(recorded)),
        }))
    }

    /// Begins to run requests and to deliver webhooks, until `shutdown` begins.
    pub fn start(&self, tasks: &Tasks, shutdown: &Shutdown) {
        let parts = &self.0;
        self.start_running(tasks, shutdown);
        let around = (tasks, shutdown);
        let deadlines = DeadlineLane::new(parts.clone());
        self.drive("queue.deadlines", deadlines, DEADLINE_SLOTS, &parts.deadlines_due, around);
        let deliveries = DeliveryLane::new(parts.clone());
        self.drive("queue.deliveries", deliveries, parts.config.delivery_slots, &parts.deliveries_due, around);
        self.drive("queue.retention", RetentionLane::new(parts.clone()), 1, &parts.retention_due, around);
        if let Some(messages) = parts.to_alert.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tasks.spawn("queue.alerts", alerts::post(parts.clone(), messages, shutdown.clone()));
        }
        if let Some(runs) = parts.recorded.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tasks.spawn("queue.recording", recording::write(parts.clone(), runs, shutdown.clone()));
        }
    }

    /// Begins to run requests and does nothing else, for a process that only executes models: webhooks are sent, deadlines kept
    /// and old requests forgotten by others that share the store.
    pub fn start_running(&self, tasks: &Tasks, shutdown: &Shutdown) {
        let parts = &self.0;
        // An engine is started once; of a second start the first one's end counts.
        let _ = parts.stop.set(shutdown.clone());
        self.listen();
        if parts.config.slots > 0 {
            let requests = RequestLane::new(parts.clone());
            self.drive("queue.requests", requests, parts.config.slots, &parts.requests_due, (tasks, shutdown));
        }
    }

    fn drive<L: Lane>(&self, name: &'static str, lane: L, slots: usize, due: &Wake, around: (&Tasks, &Shutdown)) {
        let (tasks, shutdown) = around;
        let clock = self.0.clock.clone();
        tasks.spawn(name, lane::run(Arc::new(lane), slots, due.clone(), clock, tasks.clone(), shutdown.clone()));
    }

    /// Wakes up for what other processes did.
    fn listen(&self) {
        let parts = Arc::downgrade(&self.0);
        self.0.store.listen(Box::new(move |hint| {
            let Some(parts) = parts.upgrade() else { return };
            match hint {
                Hint::RequestsDue => {
                    parts.lines.all_changed();
                    parts.requests_due.wake();
                    parts.deadlines_due.wake();
                }
                Hint::DeliveriesDue => parts.deliveries_due.wake(),
                Hint::Changed(id) => {
                    parts.lines.all_changed();
                    parts.news.changed(&id);
                }
                Hint::Anything => {
                    parts.requests_due.wake();
                    parts.deadlines_due.wake();
                    parts.deliveries_due.wake();
                    parts.lines.all_changed();
                    parts.news.all_changed();
                }
            }
        }));
    }

    /// False while one of the lanes stands still after a panic: what it owes is done later.
    pub fn is_working(&self) -> bool {
        let Parts { requests_due, deadlines_due, deliveries_due, retention_due, .. } = &*self.0;
        [requests_due, deadlines_due, deliveries_due, retention_due].into_iter().all(Wake::lane_is_up)
    }

    pub fn serves(&self, endpoint: &EndpointId) -> bool {
        self.0.runners.find(endpoint).is_some()
    }

    /// Which endpoints are served, as ids or as `prefix*`.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.runners.patterns()
    }

    /// Durable when it returns.
    pub async fn submit(&self, request: NewRequest) -> Result<Submitted, SubmitError> {
        if !self.serves(&request.endpoint) {
            return Err(SubmitError::UnknownEndpoint);
        }
        let (id, app) = (request.id.clone(), request.endpoint.app().to_owned());
        let has_deadline = request.start_by.is_some();
        match self.take_in(request).await? {
            Enqueued::New => {
                self.0.requests_due.wake();
                if has_deadline {
                    self.0.deadlines_due.wake();
                }
                let Parts { store, turns, lines, .. } = &*self.0;
                // It is stored: that its place can't be told does not make it a failure.
                let queue_position = lines.ahead_of_new(&**store, turns, &app, &id).await.unwrap_or(0);
                Ok(Submitted { id, queue_position, known: false })
            }
            Enqueued::Known { id } => {
                let view = self.glance(&id, Logs::Without).await?;
                let queue_position = view.and_then(|view| view.queue_position).unwrap_or(0);
                Ok(Submitted { id, queue_position, known: true })
            }
            Enqueued::KeyReused => Err(SubmitError::KeyReused),
            Enqueued::QueueFull => Err(SubmitError::QueueFull),
        }
    }

    /// `None`: unknown or expired.
    pub async fn status(&self, id: &RequestId) -> Result<Option<RequestView>, StoreError> {
        let (now, retention) = (self.0.clock.now(), self.0.config.retention);
        let found = self.0.store.request(id).await?;
        match found.filter(|view| retention::is_kept(view, now, retention)) {
            Some(view) => Ok(Some(self.placed(view).await?)),
            None => Ok(None),
        }
    }

    /// Submits a copy of a request that has ended. The old one stays as it is; the new one names it, and goes to the same
    /// webhook.
    pub async fn retry(&self, id: &RequestId) -> Result<Submitted, RetryError> {
        let view = self.status(id).await?.ok_or(RetryError::Unknown)?;
        if view.status != QueueStatus::Completed {
            return Err(RetryError::NotEnded);
        }
        let input = self.0.store.input(id).await?.ok_or(RetryError::InputGone)?;
        let now = self.0.clock.now();
        let copy = NewRequest {
            id: RequestId::from_uuid(random::id(now)),
            endpoint: view.endpoint,
            caller: view.caller,
            input,
            webhook: view.webhook,
            priority: Priority::Normal,
            start_by: None,
            idempotency: None,
            options: view.options,
            max_queue_length: None,
            retry_of: Some(id.clone()),
            created_at: now,
        };
        Ok(self.submit(copy).await?)
    }

    /// Tells when the request may have changed. Begin to watch before you read, then nothing falls in between.
    pub fn watch(&self, id: &RequestId) -> Watch {
        self.0.news.watch(id)
    }

    /// Ends a waiting request at once; asks a running one to stop.
    pub async fn cancel(&self, id: &RequestId) -> Result<Cancelled, StoreError> {
        let Some(view) = self.0.store.request(id).await? else { return Ok(Cancelled::NotFound) };
        let now = self.0.clock.now();
        let outcome = decide::cancelled();
        let announced = Announced {
            request_id: id,
            gateway_request_id: &view.gateway_request_id,
            user_id: &view.caller.user_id,
            webhook: view.webhook.as_ref(),
        };
        let owed = notice::owed(&announced, &outcome, delivery_id(now), now);
        let cancelled = self.0.store.cancel(id, outcome, owed, now).await?;
        match cancelled {
            Cancelled::Removed => {
                self.0.lines.left(view.endpoint.app(), id);
                self.0.deliveries_due.wake();
            }
            Cancelled::Requested => self.0.news.cancel(id),
            Cancelled::AlreadyCompleted | Cancelled::NotFound => {}
        }
        self.0.news.changed(id);
        Ok(cancelled)
    }

    /// See [`crate::files::FileStore::put_file`]: the first one put under an id stays.
    pub async fn put_file(&self, file: FileRecord) -> Result<FileRecord, StoreError> {
        self.0.store.put_file(file).await
    }

    pub async fn file(&self, id: &str) -> Result<Option<FileRecord>, StoreError> {
        self.0.store.file(id).await
    }

    pub fn store(&self) -> &Arc<dyn QueueStore> {
        &self.0.store
    }

    pub fn keys(&self) -> &Signer {
        &self.0.signer
    }
}

fn delivery_id(now: Timestamp) -> String {
    random::id(now).to_string()
}

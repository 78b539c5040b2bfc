//! Runs on the caller's own connection: no queue, no second attempt, nothing durable before the answer.
//!
//! A run takes one of the places that the process has for runs, and counts against what its key may have under way, or is
//! refused after a short wait. Whoever goes away takes the run with them; a process that has to stop ends it with an answer.
//! When it is over it is put on record, so that the history shows it; the caller does not wait for that.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};

use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, RequestId};
use plantain_wire::options::RequestOptions;
use plantain_wire::status::LogLevel;
use plantain_work::clock;
use plantain_work::lane::Wake;

use crate::busy::Held;
use crate::decide::Attempted;
use crate::engine::log::{LINES_WAITING_MAX, Log};
use crate::engine::requests::attempted;
use crate::engine::{Engine, Parts, recording};
use crate::history::FinishedRun;
use crate::model::{Caller, Outcome};
use crate::runner::{Answer, Endpoint, LogSink, Memory, Partials, RunFailure, RunTask};
use crate::turns::Turns;

/// How long a run waits for a place. A caller who is told sooner can go elsewhere or come again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Partial results that may wait for a slow listener.
const PARTIALS_MAX: usize = 64;

/// What is to be run at once.
#[derive(Clone, Debug)]
pub struct RunRequest {
    pub id: RequestId,
    pub endpoint: EndpointId,
    pub caller: Caller,
    pub input: Bytes,
    pub options: RequestOptions,
    /// How much the key may have under way at once, where it says so itself.
    pub key_concurrency: Option<usize>,
}

/// Why nothing was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("no runner serves this endpoint")]
    UnknownEndpoint,
    #[error("this endpoint hands out no partial results")]
    NoStream,
    /// Of the key or of the whole process.
    #[error("all places for runs are taken")]
    Busy,
}

/// A run whose partial results are listened to. Dropping it ends the run.
pub struct Stream {
    partials: mpsc::Receiver<Bytes>,
    run: Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
    end: Option<Outcome>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// A JSON text.
    Partial(Bytes),
    /// The last event.
    End(Outcome),
}

impl Engine {
    /// Whether runs of the endpoint hand out partial results.
    pub fn streams(&self, endpoint: &EndpointId) -> bool {
        self.0.runners.find(endpoint).is_some_and(|runner| runner.streams(endpoint))
    }

    /// Runs the model once and returns how it ended. Dropping the call ends the run.
    pub async fn run_now(&self, request: RunRequest) -> Result<Outcome, RunError> {
        let place = self.admit(&request).await?;
        Ok(run(self.0.clone(), request, Partials::unheard(), place).await)
    }

    /// As [`Engine::run_now`], with what the model hands out on its way.
    pub async fn run_stream(&self, request: RunRequest) -> Result<Stream, RunError> {
        if self.serves(&request.endpoint) && !self.streams(&request.endpoint) {
            return Err(RunError::NoStream);
        }
        let place = self.admit(&request).await?;
        let (sink, partials) = Partials::channel(PARTIALS_MAX);
        let run = run(self.0.clone(), request, sink, place);
        Ok(Stream { partials, run: Some(Box::pin(run)), end: None })
    }

    async fn admit(&self, request: &RunRequest) -> Result<Place, RunError> {
        if !self.serves(&request.endpoint) {
            return Err(RunError::UnknownEndpoint);
        }
        let place = self.0.places.take(&request.caller.key_id, request.key_concurrency);
        self.0.clock.timeout(PATIENCE, place).await.flatten().ok_or(RunError::Busy)
    }
}

impl Stream {
    /// `None` after [`StreamEvent::End`].
    pub async fn next(&mut self) -> Option<StreamEvent> {
        if let Some(run) = &mut self.run {
            tokio::select! {
                biased;
                Some(partial) = self.partials.recv() => return Some(StreamEvent::Partial(partial)),
                outcome = run => {
                    self.run = None;
                    self.end = Some(outcome);
                }
            }
        }
        // What was handed out before the end comes before it.
        match self.partials.try_recv() {
            Ok(partial) => Some(StreamEvent::Partial(partial)),
            Err(_) => self.end.take().map(StreamEvent::End),
        }
    }
}

/// The places for runs: of the process, and of each key beside its requests.
pub(super) struct RunPlaces {
    all: Arc<Semaphore>,
    turns: Turns,
    /// Requests of the key may have waited for the run's end.
    requests_due: Wake,
}

/// Taken until it is dropped.
struct Place {
    of_key: Option<Held>,
    _of_all: OwnedSemaphorePermit,
    requests_due: Wake,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of_key = None;
        self.requests_due.wake();
    }
}

impl RunPlaces {
    pub(super) fn new(all: usize, turns: Turns, requests_due: Wake) -> RunPlaces {
        RunPlaces { all: Arc::new(Semaphore::new(all)), turns, requests_due }
    }

    /// Waits until there is one. First the key's, so that a key with too much under way waits at nobody else's cost.
    async fn take(&self, key: &str, own: Option<usize>) -> Option<Place> {
        let of_key = self.turns.busy().run(key, self.turns.limit(own)).await;
        let of_all = self.all.clone().acquire_owned().await.ok()?;
        Some(Place { of_key: Some(of_key), _of_all: of_all, requests_due: self.requests_due.clone() })
    }
}

async fn run(parts: Arc<Parts>, request: RunRequest, partials: Partials, _place: Place) -> Outcome {
    let Some(endpoint) = parts.runners.endpoint(&request.endpoint).cloned() else {
        let detail = format!("No runner serves {} here.", request.endpoint);
        return Outcome::Failed { error_type: ErrorType::RunnerSchedulingFailure, detail };
    };
    let cancel = CancellationToken::new();
    let record = Record::begin(&parts, request, &cancel);
    let (sink, lines) = LogSink::channel(LINES_WAITING_MAX);
    let task = record.task(sink, partials, cancel.clone());
    let outcome = with_log(&parts, attempt(&parts, &endpoint, task), lines, &record.log).await;
    record.end(outcome.clone()).await;
    outcome
}

async fn attempt(parts: &Parts, endpoint: &Endpoint, task: RunTask) -> Outcome {
    let began_at = parts.clock.now();
    let limit = parts.attempt_timeout(&endpoint.settings);
    let answer = parts.clock.timeout(limit, AssertUnwindSafe(endpoint.runner.run(task)).catch_unwind());
    let aborted = async {
        match parts.stop.get() {
            Some(stop) => stop.aborted().await,
            None => std::future::pending().await,
        }
    };
    let answer = tokio::select! {
        biased;
        answer = answer => answer,
        () = aborted => return stopped(),
    };
    let inference = clock::until(began_at, parts.clock.now());
    match attempted(answer, inference, false, limit) {
        Attempted::Answered { answer, inference } => {
            let Answer { http_status, body, headers } = answer;
            Outcome::Answered { http_status, body, headers, inference }
        }
        Attempted::Failed(RunFailure { error_type, detail }) => Outcome::Failed { error_type, detail },
        Attempted::Cancelled | Attempted::Interrupted => stopped(),
    }
}

/// Takes the lines as they come, so that each has its own time.
async fn with_log(
    parts: &Parts,
    run: impl Future<Output = Outcome>,
    mut lines: mpsc::Receiver<(LogLevel, String)>,
    log: &Log,
) -> Outcome {
    tokio::pin!(run);
    let outcome = loop {
        tokio::select! {
            biased;
            Some((level, line)) = lines.recv() => log.push(level, line, parts.clock.now()),
            outcome = &mut run => break outcome,
        }
    };
    while let Ok((level, line)) = lines.try_recv() {
        log.push(level, line, parts.clock.now());
    }
    outcome
}

/// Worth another try: another process may be there by then.
fn stopped() -> Outcome {
    let detail = "The server stopped before the run ended.".to_owned();
    Outcome::Failed { error_type: ErrorType::RunnerDisconnected, detail }
}

fn gone() -> Outcome {
    let detail = "The client went away before the run ended.".to_owned();
    Outcome::Failed { error_type: ErrorType::ClientDisconnected, detail }
}

/// What a run leaves behind, whether it ends or its caller goes away.
struct Record {
    parts: Arc<Parts>,
    request: RunRequest,
    started_at: Timestamp,
    log: Log,
    recorded: bool,
    /// However the run ends, what the runner has started beside itself learns that nobody waits for it any more.
    _end: DropGuard,
}

impl Record {
    fn begin(parts: &Arc<Parts>, request: RunRequest, cancel: &CancellationToken) -> Record {
        Record {
            parts: parts.clone(),
            request,
            started_at: parts.clock.now(),
            log: Log::default(),
            recorded: false,
            _end: cancel.clone().drop_guard(),
        }
    }

    fn task(&self, logs: LogSink, partials: Partials, cancel: CancellationToken) -> RunTask {
        RunTask {
            request_id: self.request.id.clone(),
            gateway_request_id: GatewayRequestId::from(&self.request.id),
            endpoint: self.request.endpoint.clone(),
            caller: self.request.caller.clone(),
            options: self.request.options.clone(),
            input: self.request.input.clone(),
            logs,
            partials,
            memory: Memory::none(),
            cancel,
        }
    }

    fn finished(&self, outcome: Outcome) -> FinishedRun {
        FinishedRun {
            id: self.request.id.clone(),
            endpoint: self.request.endpoint.clone(),
            caller: self.request.caller.clone(),
            input: self.request.input.clone(),
            options: self.request.options.clone(),
            started_at: self.started_at,
            finished_at: self.parts.clock.now(),
            outcome,
            logs: self.log.take(),
        }
    }

    /// Usually costs no time. While the process stops there is nobody else to write it.
    async fn end(mut self, outcome: Outcome) {
        self.recorded = true;
        let finished = self.finished(outcome);
        match self.parts.recorder.try_send(finished) {
            Ok(()) => {}
            Err(TrySendError::Closed(finished)) => recording::record(&self.parts, finished).await,
            Err(TrySendError::Full(finished)) => tracing::warn!(request_id = %finished.id, "run.not_recorded"),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.recorded {
            let id = &self.request.id;
            tracing::info!(request_id = %id, "run.left: its client went away");
            if self.parts.recorder.try_send(self.finished(gone())).is_err() {
                tracing::warn!(request_id = %id, "run.not_recorded");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn a_place_is_free_again_when_its_run_is_over() {
        let places = RunPlaces::new(2, Turns::new(1), Wake::new());
        let first = places.take("a", None).await;
        let mut second = std::pin::pin!(places.take("a", None));
        assert!(poll!(&mut second).is_pending(), "the key has no more");
        let other = places.take("b", None).await;
        let mut third = std::pin::pin!(places.take("c", None));
        assert!(poll!(&mut third).is_pending(), "nor has the process");
        drop(first);
        assert!(poll!(&mut second).is_pending(), "whoever waited longer goes first");
        assert!(poll!(&mut third).is_ready());
        drop(other);
        assert!(poll!(&mut second).is_ready());
    }
}

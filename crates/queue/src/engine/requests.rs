//! The request lane: claims requests, runs their attempts under a heartbeat, and settles how they ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use plantain_wire::error::ErrorType;
use plantain_wire::status::LogLevel;
use plantain_work::lane::{Beat, Claim, ClaimFailed, Lane, Left, with_heartbeat};
use plantain_work::{Shutdown, clock, random};

use crate::decide::{self, After, Attempted, Before, Rules};
use crate::engine::log::{LINES_WAITING_MAX, Log};
use crate::engine::settling::settle;
use crate::engine::showing;
use crate::engine::{Parts, delivery_id};
use crate::model::{ClaimedRequest, Next, Outcome, Pulse, Settled};
use crate::notice::{self, Announced};
use crate::runner::{Answer, Endpoint, LogSink, Memory, Note, Partials, RunFailure, RunTask};

/// How often the log of a running attempt is written: often enough to be followed, seldom enough to cost little.
const LOG_EVERY: Duration = Duration::from_millis(100);

pub(super) struct RequestLane(Arc<Parts>);

impl RequestLane {
    pub(super) fn new(parts: Arc<Parts>) -> RequestLane {
        RequestLane(parts)
    }

    /// Runs the attempt to its end, its cancellation or the process's. `None`: the lease was lost on the way.
    async fn attempt(&self, claimed: &ClaimedRequest, log: &Log, stop: &Shutdown) -> Option<Attempted> {
        let Some(endpoint) = self.0.runners.endpoint(&claimed.endpoint) else {
            // It was served when it was taken in; another process, or this one after a restart, may serve it again.
            let detail = format!("No runner serves {} here.", claimed.endpoint);
            return Some(Attempted::Failed(RunFailure { error_type: ErrorType::RunnerSchedulingFailure, detail }));
        };
        let cancel = CancellationToken::new();
        // However the attempt ends, what the runner has started beside itself learns that nobody waits for it any more.
        let _end = cancel.clone().drop_guard();
        let _running = self.0.news.runs_here(&claimed.lease, cancel.clone());
        let _busy = self.0.turns.busy().request(&claimed.caller.key_id);
        let work = async {
            tokio::select! {
                attempted = self.run_with_log(endpoint, claimed, log, &cancel) => attempted,
                () = stop.aborted() => Attempted::Interrupted,
                () = self.left_after(&cancel) => Attempted::Cancelled,
            }
        };
        let every = self.0.config.lease / 3;
        with_heartbeat(&self.0.clock, every, || self.beat(claimed, &cancel), work).await
    }

    /// Returns some time after the cancellation: by then a runner should have stopped.
    async fn left_after(&self, cancel: &CancellationToken) {
        cancel.cancelled().await;
        self.0.clock.sleep(self.0.config.cancel_grace).await;
    }

    async fn beat(&self, claimed: &ClaimedRequest, cancel: &CancellationToken) -> Beat {
        let until = clock::after(self.0.clock.now(), self.0.config.lease);
        match self.0.store.heartbeat(std::slice::from_ref(&claimed.lease), until).await.as_deref() {
            Ok([Pulse::Lost]) => Beat::Lost,
            Ok([Pulse::CancelRequested]) => {
                cancel.cancel();
                Beat::Held
            }
            Ok(_) => Beat::Held,
            Err(error) => {
                // The lease may still stand; the fence decides when the end is written.
                tracing::warn!(error = error as &dyn std::error::Error, "queue.heartbeat_failed");
                Beat::Held
            }
        }
    }

    async fn run_with_log(
        &self,
        endpoint: &Endpoint,
        claimed: &ClaimedRequest,
        log: &Log,
        cancel: &CancellationToken,
    ) -> Attempted {
        let (sink, lines) = LogSink::channel(LINES_WAITING_MAX);
        let (memory, notes) = Memory::channel(claimed.note.clone());
        let ended = CancellationToken::new();
        let running = async {
            let attempted = self.run(endpoint, claimed, sink, memory, cancel).await;
            ended.cancel();
            attempted
        };
        // What is left of the log when the runner has ended is written with the end.
        let writing = self.write_log(claimed, log, lines, &ended);
        let (attempted, (), ()) = tokio::join!(running, writing, self.keep_notes(claimed, notes, &ended));
        attempted
    }

    async fn run(
        &self,
        endpoint: &Endpoint,
        claimed: &ClaimedRequest,
        logs: LogSink,
        memory: Memory,
        cancel: &CancellationToken,
    ) -> Attempted {
        let task = RunTask {
            request_id: claimed.lease.request_id.clone(),
            gateway_request_id: claimed.gateway_request_id.clone(),
            endpoint: claimed.endpoint.clone(),
            caller: claimed.caller.clone(),
            options: claimed.options.clone(),
            input: claimed.input.clone(),
            logs,
            partials: Partials::unheard(),
            memory,
            cancel: cancel.clone(),
        };
        let began_at = self.0.clock.now();
        let limit = self.0.attempt_timeout(&endpoint.settings);
        let answer = self.0.clock.timeout(limit, AssertUnwindSafe(endpoint.runner.run(task)).catch_unwind()).await;
        let inference = clock::until(began_at, self.0.clock.now());
        attempted(answer, inference, cancel.is_cancelled(), limit)
    }

    /// Takes lines until the runner has ended, which a copy of its sink somewhere in the background may outlive. A write that
    /// has begun is waited for, so that its lines are neither lost nor written twice.
    async fn write_log(
        &self,
        claimed: &ClaimedRequest,
        log: &Log,
        mut lines: mpsc::Receiver<(LogLevel, String)>,
        ended: &CancellationToken,
    ) {
        let clock = &self.0.clock;
        let mut write_at = None;
        loop {
            let pause = async {
                match write_at {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some((level, line)) = lines.recv() => {
                    log.push(level, line, clock.now());
                    write_at.get_or_insert_with(|| clock::after(clock.now(), LOG_EVERY));
                }
                () = ended.cancelled() => return,
                () = pause => {
                    write_at = None;
                    self.flush(claimed, log).await;
                }
            }
        }
    }

    /// Writes what the attempt leaves for the next one, until the runner has ended.
    async fn keep_notes(&self, claimed: &ClaimedRequest, mut notes: mpsc::Receiver<Note>, ended: &CancellationToken) {
        loop {
            let note = tokio::select! {
                biased;
                () = ended.cancelled() => return,
                note = notes.recv() => note,
            };
            let Some(Note { text, kept }) = note else { return };
            match self.0.store.remember(&claimed.lease, &text).await {
                Ok(Settled::Done) => drop(kept.send(())),
                Ok(Settled::LeaseLost) => {}
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "queue.note_not_kept"),
            }
        }
    }

    async fn flush(&self, claimed: &ClaimedRequest, log: &Log) {
        let lines = log.take();
        let before = self.0.news.board.before_change();
        match self.0.store.append_logs(&claimed.lease, &lines).await {
            Ok(Settled::Done) => {
                self.0.news.changed_to(&claimed.lease.request_id, before, |view| view.logs.extend(lines));
            }
            Ok(Settled::LeaseLost) => self.0.news.changed(&claimed.lease.request_id),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "queue.log_not_written");
                log.put_back(lines);
            }
        }
    }

    async fn end(&self, claimed: &ClaimedRequest, after: After, log: &Log, stop: &Shutdown) -> Left {
        let parts = &self.0;
        let next = match after {
            After::Finish(outcome) => self.finish(claimed, outcome),
            After::Requeue { at, attempt } => Next::Requeue { at, attempt },
        };
        let lines = log.take();
        let (ended_at, before) = (parts.clock.now(), parts.news.board.before_change());
        let write = || parts.store.settle(&claimed.lease, next.clone(), &lines, ended_at);
        let settled = settle(&parts.clock, stop, "request", write).await;
        let request_id = &claimed.lease.request_id;
        match settled {
            Some(Settled::Done) => {
                match &next {
                    Next::Finish { outcome, deliveries } => {
                        parts.news.changed_to(request_id, before, showing::ended(outcome, lines, ended_at));
                        if !deliveries.is_empty() {
                            parts.deliveries_due.wake();
                        }
                    }
                    Next::Requeue { .. } => parts.news.changed(request_id),
                }
                tracing::info!(%request_id, endpoint = %claimed.endpoint, attempt = claimed.lease.attempt, end = word(&next), "request.settled");
            }
            Some(Settled::LeaseLost) => {
                // Somebody else ended or goes on with it, which this process may not have heard.
                parts.news.changed(request_id);
                tracing::warn!(%request_id, attempt = claimed.lease.attempt, "request.lease_lost")
            }
            None => {}
        }
        match (settled, next) {
            (Some(Settled::Done), Next::Finish { .. }) => Left::Nothing,
            _ => Left::More,
        }
    }

    fn finish(&self, claimed: &ClaimedRequest, outcome: Outcome) -> Next {
        let now = self.0.clock.now();
        let announced = Announced {
            request_id: &claimed.lease.request_id,
            gateway_request_id: &claimed.gateway_request_id,
            user_id: &claimed.caller.user_id,
            webhook: claimed.webhook.as_ref(),
        };
        let deliveries = notice::owed(&announced, &outcome, delivery_id(now), now);
        Next::Finish { outcome, deliveries }
    }
}

#[async_trait]
impl Lane for RequestLane {
    type Task = ClaimedRequest;

    fn name(&self) -> &'static str {
        "queue.request"
    }

    async fn claim(&self, free: usize) -> Result<Claim<ClaimedRequest>, ClaimFailed> {
        let (config, now, before) = (&self.0.config, self.0.clock.now(), self.0.news.board.before_change());
        let claimed = self.0.store.claim_requests(free, &self.0.turns, config.lease, now).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "queue.claim_requests_failed");
            ClaimFailed
        })?;
        for task in &claimed.tasks {
            self.0.lines.left(task.endpoint.app(), &task.lease.request_id);
            self.0.news.changed_to(&task.lease.request_id, before, showing::begun(task, now));
        }
        Ok(Claim { tasks: claimed.tasks, next_due: claimed.next_due, held_back: claimed.held_back })
    }

    async fn run(&self, claimed: ClaimedRequest, stop: Shutdown) -> Left {
        let settings = self.0.runners.endpoint(&claimed.endpoint).map(|endpoint| endpoint.settings.clone());
        let settings = settings.unwrap_or_default();
        let rules = Rules { budget: &self.0.config.budget, skip_retry: &settings.skip_retry };
        let log = Log::default();
        let after = match decide::before_attempt(&claimed, rules, self.0.clock.now()) {
            Before::Finish(outcome) => After::Finish(outcome),
            Before::Run => {
                let Some(attempted) = self.attempt(&claimed, &log, &stop).await else {
                    tracing::warn!(request_id = %claimed.lease.request_id, "request.lease_lost");
                    return Left::More;
                };
                decide::after_attempt(&claimed, attempted, rules, self.0.clock.now(), random::jitter())
            }
        };
        self.end(&claimed, after, &log, &stop).await
    }
}

pub(super) type Caught = Result<Result<Answer, RunFailure>, Box<dyn std::any::Any + Send>>;

/// What the runner's end means. A runner that fails after it was asked to stop has stopped.
pub(super) fn attempted(caught: Option<Caught>, inference: Duration, cancelled: bool, limit: Duration) -> Attempted {
    match caught {
        Some(Ok(Ok(answer))) => Attempted::Answered { answer, inference },
        Some(Ok(Err(_))) if cancelled => Attempted::Cancelled,
        Some(Ok(Err(failure))) => Attempted::Failed(failure),
        Some(Err(_panic)) => {
            let detail = "The runner stopped in the middle of the request.".to_owned();
            Attempted::Failed(RunFailure { error_type: ErrorType::RunnerServerError, detail })
        }
        None => {
            let detail = format!("The attempt took longer than {} s.", limit.as_secs());
            Attempted::Failed(RunFailure { error_type: ErrorType::RequestTimeout, detail })
        }
    }
}

fn word(next: &Next) -> &'static str {
    match next {
        Next::Finish { outcome: Outcome::Answered { .. }, .. } => "answered",
        Next::Finish { outcome: Outcome::Failed { error_type, .. }, .. } => error_type.as_str(),
        Next::Requeue { .. } => "requeued",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_of_a_runner_means_one_thing() {
        let answer = Answer::new(200, "{}");
        let failure = RunFailure { error_type: ErrorType::RunnerDisconnected, detail: "gone".into() };
        let (took, limit) = (Duration::from_secs(1), Duration::from_secs(2));
        let end = |caught, cancelled| attempted(caught, took, cancelled, limit);
        let answered = Attempted::Answered { answer: answer.clone(), inference: took };
        assert_eq!(end(Some(Ok(Ok(answer.clone()))), false), answered);
        assert_eq!(end(Some(Ok(Ok(answer))), true), answered, "an answer that was ready stands");
        assert_eq!(end(Some(Ok(Err(failure.clone()))), false), Attempted::Failed(failure.clone()));
        assert_eq!(end(Some(Ok(Err(failure))), true), Attempted::Cancelled);
        let kind = |attempted| match attempted {
            Attempted::Failed(failure) => failure.error_type,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(end(Some(Err(Box::new("a bug"))), false)), ErrorType::RunnerServerError);
        assert_eq!(kind(end(None, false)), ErrorType::RequestTimeout);
    }
}

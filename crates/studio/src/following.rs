//! Seeing a request through: live news from the status stream, then the result, by webhook or by asking.
//!
//! The webhook is the usual way; the studio asks for the result itself when the stream says that the request has ended and no
//! webhook came within the grace. Both ways end in the same store call, so it doesn't matter which is first. Where nobody asks
//! how the job stands, the stream is opened only once the webhook keeps one waiting.

use std::time::Duration;

use futures_util::StreamExt;

use plantain_client::{ClientError, Logs, ResultReply};
use plantain_inbox::store::StoreError;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorBody;
use plantain_wire::id::RequestId;
use plantain_wire::status::{QueueStatus, StatusBody};
use plantain_work::clock::{after, until};
use plantain_work::lane::Left;
use plantain_work::{Shutdown, random};

use crate::job::arrival::{Arrival, Arrived};
use crate::job::transition::{JobEvent, PutOff};
use crate::job::{Ended, Job, JobError, JobResult, Outcome, ResultSource, step};
use crate::service::Inner;
use crate::watch::{Heard, Live, Watch};
use crate::working::Then;

/// Characters of a log line that are shown.
const DETAIL_CHARS_MAX: usize = 200;

/// How often the store is asked while the webhook alone is waited for.
const POLL: Duration = Duration::from_secs(1);

/// Pause before a stream that had worked is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(200);

/// How a look at the stream ended.
enum Seen {
    /// The request has ended.
    Completed,
    /// The stream broke; `progress`: it had said something before.
    Broken { error: Option<ClientError>, progress: bool },
    /// The job isn't ours any more, or the process stops.
    LetGo(Then),
}

impl Inner {
    /// Follows the job's request until its result is stored, the job is somebody else's, or nothing can be learnt for now.
    pub(crate) async fn follow(&self, job: Job, watch: &mut Watch, stop: &Shutdown) -> Result<Then, StoreError> {
        let Some(request_id) = job.request_id.clone() else { return Ok(Then::LetGo(Left::More)) };
        // A wish that came while nobody followed, or that the queue didn't hear.
        if job.cancel_asked_at.is_some() {
            self.ask_to_cancel(&job).await;
        }
        let mut job = job;
        if self.config.webhook
            && let Some(then) = self.while_nobody_asks(&mut job, watch, stop).await?
        {
            return Ok(then);
        }
        match self.look(&mut job, &request_id, watch, stop).await? {
            Seen::LetGo(then) => Ok(then),
            Seen::Completed => match self.await_webhook(&job, watch, stop).await? {
                Some(then) => Ok(then),
                None => self.fetch_result(&job, &request_id).await,
            },
            Seen::Broken { error, progress } => self.after_break(&job, &request_id, error, progress).await,
        }
    }

    /// Waits for the webhook alone. `None`: the stream has to tell how the request goes, since somebody asks or no webhook came.
    async fn while_nobody_asks(
        &self,
        job: &mut Job,
        watch: &mut Watch,
        stop: &Shutdown,
    ) -> Result<Option<Then>, StoreError> {
        let (pause, look_at) = (self.config.look_after.min(POLL), after(self.clock.now(), self.config.look_after));
        loop {
            let heard = tokio::select! {
                biased;
                () = stop.begun() => return self.put_off(job, Duration::ZERO, PutOff::Waiting).await.map(Some),
                heard = watch.stored_or_asked() => heard,
                // The webhook may have come to another process.
                () = self.clock.sleep(pause) => Heard::Stored,
            };
            match heard {
                Heard::Stored => {}
                Heard::Taken => return Ok(Some(Then::LetGo(Left::Nothing))),
                Heard::Asked => return Ok(None),
            }
            if let Some(then) = self.overtaken(job).await? {
                return Ok(Some(then));
            }
            if self.clock.now() >= look_at {
                return Ok(None);
            }
        }
    }

    async fn look(
        &self,
        job: &mut Job,
        request_id: &RequestId,
        watch: &mut Watch,
        stop: &Shutdown,
    ) -> Result<Seen, StoreError> {
        let mut stream = self.client.stream(&job.spec.endpoint, request_id, Logs::With);
        let mut progress = false;
        // A stream may go on for ever, and each job has to end.
        let patience = step::left_to_follow(job, self.config.patience, self.clock.now()).unwrap_or_default();
        let lost = self.clock.sleep(patience);
        tokio::pin!(lost);
        loop {
            tokio::select! {
                biased;
                () = stop.begun() => return self.put_off(job, Duration::ZERO, PutOff::Waiting).await.map(Seen::LetGo),
                () = &mut lost => return self.put_off(job, Duration::ZERO, PutOff::Waiting).await.map(Seen::LetGo),
                () = watch.stored() => {
                    if let Some(then) = self.overtaken(job).await? {
                        return Ok(Seen::LetGo(then));
                    }
                }
                item = stream.next() => match item {
                    Some(Ok(status)) => {
                        progress = true;
                        if let Some(seen) = self.learn(job, &status, Some(&mut *watch)).await? {
                            return Ok(seen);
                        }
                    }
                    Some(Err(error)) => return Ok(Seen::Broken { error: Some(error), progress }),
                    None => return Ok(Seen::Broken { error: None, progress }),
                },
            }
        }
    }

    /// Tells what a status says; writes down that the request runs when that is new.
    async fn learn(
        &self,
        job: &mut Job,
        status: &StatusBody,
        watch: Option<&mut Watch>,
    ) -> Result<Option<Seen>, StoreError> {
        match status.status {
            QueueStatus::Completed => return Ok(Some(Seen::Completed)),
            QueueStatus::InQueue => {
                self.hub.live(&job.id, Live { queue_position: status.queue_position, ..Live::default() });
            }
            QueueStatus::InProgress => {
                if job.running_at.is_none() {
                    let before = watch.as_ref().map(|watch| watch.before_change());
                    match self.settle(job, JobEvent::Running { epoch: job.epoch }).await? {
                        Then::GoOn(next) => {
                            *job = *next;
                            watch.into_iter().zip(before).for_each(|(watch, before)| watch.knows(before));
                        }
                        let_go @ Then::LetGo(_) => return Ok(Some(Seen::LetGo(let_go))),
                    }
                }
                if let Some(line) = status.logs.as_ref().and_then(|logs| logs.last()) {
                    let detail = line.message.chars().take(DETAIL_CHARS_MAX).collect();
                    self.hub.live(&job.id, Live { detail: Some(detail), ..Live::default() });
                }
            }
        }
        Ok(None)
    }

    /// The stored job changed. `None`: it is still ours to follow.
    async fn overtaken(&self, job: &mut Job) -> Result<Option<Then>, StoreError> {
        let Some(newer) = self.store.job(&job.id).await? else { return Ok(Some(Then::LetGo(Left::Nothing))) };
        if newer.epoch != job.epoch || newer.outcome.is_some() {
            // Whoever changed it has woken the lane where there is something to do.
            return Ok(Some(Then::LetGo(Left::Nothing)));
        }
        *job = newer;
        Ok(None)
    }

    /// `None`: no webhook came within the grace.
    async fn await_webhook(&self, job: &Job, watch: &mut Watch, stop: &Shutdown) -> Result<Option<Then>, StoreError> {
        if !self.config.webhook {
            return Ok(None);
        }
        let (mut job, grace) = (job.clone(), self.clock.sleep(self.config.grace));
        tokio::pin!(grace);
        loop {
            // The webhook may have come to another process.
            if let Some(then) = self.overtaken(&mut job).await? {
                return Ok(Some(then));
            }
            tokio::select! {
                biased;
                () = watch.stored() => {}
                () = stop.begun() => return self.put_off(&job, Duration::ZERO, PutOff::Waiting).await.map(Some),
                () = &mut grace => return Ok(None),
            }
        }
    }

    /// The reconciler: asks for the result and hands it over exactly like a webhook's.
    async fn fetch_result(&self, job: &Job, request_id: &RequestId) -> Result<Then, StoreError> {
        let reply = self.client.result(&job.spec.endpoint, request_id).await;
        match found(reply) {
            Found::Result(ended) => {
                let result = Some(JobResult { source: ResultSource::Reconciler, ended });
                let arrival = Arrival { request_id: request_id.clone(), result, webhook: None };
                let arrived = self.store.result_arrived(&arrival, self.clock.now()).await?;
                if let Arrived::Applied(id) = arrived {
                    tracing::info!(job = %id, "job.reconciled {id}: no webhook came in time");
                    self.announce_result(&id);
                }
                Ok(Then::LetGo(Left::Nothing))
            }
            Found::NotYet { asked } => self.later(job, asked).await,
            Found::Lost => self.settle(job, JobEvent::fails(job.epoch, expired())).await,
        }
    }

    async fn after_break(
        &self,
        job: &Job,
        request_id: &RequestId,
        error: Option<ClientError>,
        progress: bool,
    ) -> Result<Then, StoreError> {
        if progress {
            // A proxy that cuts long answers is no failure of the queue.
            return self.put_off(job, REOPEN_PAUSE, PutOff::Waiting).await;
        }
        match error {
            Some(ClientError::Busy { retry_after, .. }) => self.later(job, retry_after).await,
            // Also a 404: a queue without a stream says so, and only the status call knows whether the request is gone.
            Some(error) => {
                tracing::debug!(job = %job.id, %error, "job.stream_failed {}: asking instead", job.id);
                self.ask(job, request_id, &job.spec.endpoint).await
            }
            None => self.ask(job, request_id, &job.spec.endpoint).await,
        }
    }

    /// For queues without a stream, or whose stream fails: one question, then a pause.
    async fn ask(&self, job: &Job, request_id: &RequestId, endpoint: &EndpointId) -> Result<Then, StoreError> {
        match self.client.status(endpoint, request_id, Logs::With).await {
            Ok(status) => {
                let mut job = job.clone();
                match self.learn(&mut job, &status, None).await? {
                    Some(Seen::Completed) => self.fetch_result(&job, request_id).await,
                    Some(Seen::LetGo(then)) => Ok(then),
                    Some(Seen::Broken { .. }) | None => self.later(&job, None).await,
                }
            }
            Err(ClientError::Rejected { status: 404, .. }) => {
                self.settle(job, JobEvent::fails(job.epoch, expired())).await
            }
            Err(ClientError::Busy { retry_after, .. }) => self.later(job, retry_after).await,
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "job.status_unknown {}", job.id);
                self.later(job, None).await
            }
        }
    }

    async fn later(&self, job: &Job, asked: Option<Duration>) -> Result<Then, StoreError> {
        self.put_off(job, step::backoff(job.failures, asked, random::jitter()), PutOff::Failed).await
    }

    /// Remembers how long a successful run took.
    pub(crate) fn learn_pace(&self, job: &Job, outcome: &Outcome) {
        if let (Outcome::Succeeded(_), Some(from), Some(to)) = (outcome, job.running_at, job.result_at) {
            self.pace.ran(until(from, to));
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Found {
    Result(Ended),
    NotYet {
        asked: Option<Duration>,
    },
    /// The queue doesn't know the request, or no longer.
    Lost,
}

/// What the answer of a result call means.
fn found(reply: Result<ResultReply, ClientError>) -> Found {
    match reply {
        Ok(reply) if reply.still_running() => Found::NotYet { asked: None },
        Ok(reply) if reply.succeeded() => Found::Result(Ended::Output(reply.body)),
        Ok(reply) => {
            let said = Some(format!("Invalid status code: {}", reply.http_status));
            let body = ErrorBody::parse(&reply.body).map(|_| reply.body);
            Found::Result(Ended::Error { body, said })
        }
        Err(ClientError::Rejected { status: 404, .. }) => Found::Lost,
        Err(ClientError::Busy { retry_after, .. }) => Found::NotYet { asked: retry_after },
        Err(_) => Found::NotYet { asked: None },
    }
}

fn expired() -> JobError {
    JobError::new(
        "result_expired",
        "The model's queue no longer knows this job, so its pictures can't be fetched.",
        "Start the job again.",
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use plantain_client::error::Lost;

    use super::*;

    fn reply(http_status: u16, body: &'static str) -> Result<ResultReply, ClientError> {
        Ok(ResultReply { http_status, body: Bytes::from_static(body.as_bytes()), error_type: None })
    }

    #[test]
    fn what_a_result_call_says() {
        let error = |body: Option<&'static str>, said: &str| {
            Found::Result(Ended::Error { body: body.map(Bytes::from), said: Some(said.into()) })
        };
        let refused = |status| Err(ClientError::Rejected { status, body: Bytes::new() });
        assert_eq!(found(reply(200, "{\"images\":[]}")), Found::Result(Ended::Output(Bytes::from("{\"images\":[]}"))));
        let detail = r#"{"detail":[]}"#;
        assert_eq!(found(reply(422, detail)), error(Some(detail), "Invalid status code: 422"));
        assert_eq!(found(reply(500, "<html>")), error(None, "Invalid status code: 500"));
        let early = r#"{"detail":"Request is still in progress"}"#;
        assert_eq!(found(reply(400, early)), Found::NotYet { asked: None });
        assert_eq!(found(refused(404)), Found::Lost);
        assert_eq!(found(refused(401)), Found::NotYet { asked: None });
        assert_eq!(found(Err(ClientError::Unknown(Lost::TimedOut))), Found::NotYet { asked: None });
        let asked = Some(Duration::from_secs(9));
        assert_eq!(found(Err(ClientError::Busy { status: 429, retry_after: asked })), Found::NotYet { asked });
    }
}

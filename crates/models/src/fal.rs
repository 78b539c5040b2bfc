//! Another queue as a model: the request is handed on to fal.ai, or to any queue that speaks its protocol, and followed there.
//!
//! Invariant: a request is not submitted there twice. Before the submit a note says that it is about to happen, after it the note
//! holds the id over there; an attempt that finds an id asks instead of submitting, and one that finds only the intention submits
//! again only where that queue is known to honour the idempotency key that both carry. Input and output pass untouched.

mod follow;
mod note;
mod outcome;

use std::time::Duration;

use async_trait::async_trait;
use plantain_client::{ClientError, QueueClient, SubmitOptions};
use plantain_queue::runner::{Answer, RunFailure, RunTask, Runner};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::header;
use plantain_wire::id::RequestId;
use plantain_work::Clock;

use note::Note;

/// How long one attempt may take where nothing else is configured: the other queue's line included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long the other queue's answer to a cancel is waited for; it goes on in its own time.
const CANCEL_PATIENCE: Duration = Duration::from_secs(3);

/// Does the other queue treat a second submit with the same idempotency key as the first one?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// It may run, and bill, twice: fal.ai.
    #[default]
    Unsafe,
    /// It does: Plantain.
    Safe,
}

/// What the operator configured.
#[derive(Clone, Debug)]
pub struct FalSettings {
    pub client: QueueClient,
    /// The endpoint over there; `None`: of the same name.
    pub endpoint: Option<EndpointId>,
    pub repeats: Repeats,
    pub request_timeout: Duration,
}

/// Hands requests on. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FalRunner {
    settings: FalSettings,
    clock: Clock,
}

impl FalRunner {
    pub fn new(settings: FalSettings, clock: Clock) -> FalRunner {
        FalRunner { settings, clock }
    }

    async fn hand_on(&self, task: &RunTask, endpoint: &EndpointId) -> Result<Answer, RunFailure> {
        let id = self.remote_id(task, endpoint).await?;
        tokio::select! {
            biased;
            () = task.cancel.cancelled() => {
                self.cancel(endpoint, &id).await;
                Err(crate::cancelled())
            }
            ended = self.follow(task, endpoint, &id) => ended,
        }
    }

    /// The request's id over there: remembered, or new.
    async fn remote_id(&self, task: &RunTask, endpoint: &EndpointId) -> Result<RequestId, RunFailure> {
        match (task.memory.recall().and_then(Note::read), self.settings.repeats) {
            (Some(Note::Accepted(id)), _) => {
                task.logs.info(format!("Asking for request {id} again"));
                Ok(id)
            }
            (Some(Note::Submitting), Repeats::Unsafe) => Err(outcome::lost_track()),
            (Some(Note::Submitting), Repeats::Safe) | (Some(Note::Nothing) | None, _) => {
                self.submit(task, endpoint).await
            }
        }
    }

    /// Not interrupted by a cancel, for as long as the queue bears with a runner that was cancelled: what was accepted over
    /// there must be known here, so that it can be cancelled too.
    async fn submit(&self, task: &RunTask, endpoint: &EndpointId) -> Result<RequestId, RunFailure> {
        if task.cancel.is_cancelled() {
            return Err(crate::cancelled());
        }
        let noted = remember(task, &Note::Submitting).await;
        if !noted && task.memory.serves_later_attempts() && self.settings.repeats == Repeats::Unsafe {
            // Whoever has the request now knows nothing of this attempt, and would submit it again.
            let detail = "The queue could not note that the request is about to be handed on.";
            return Err(crate::failure(ErrorType::RunnerSchedulingFailure, detail));
        }
        let options = SubmitOptions {
            idempotency_key: Some(format!("plantain-{}", task.request_id)),
            ..SubmitOptions::default()
        };
        let sent = self.settings.client.submit_with(endpoint, task.input.clone(), &options, &told(task)).await;
        match sent {
            Ok(reply) => {
                remember(task, &Note::Accepted(reply.request_id.clone())).await;
                task.logs.info(format!("Handed on as request {}", reply.request_id));
                Ok(reply.request_id)
            }
            Err(error) => {
                let next = outcome::of_submit(&error, self.settings.repeats);
                if !error.may_have_arrived() {
                    remember(task, &Note::Nothing).await;
                }
                Err(next)
            }
        }
    }

    async fn cancel(&self, endpoint: &EndpointId, id: &RequestId) {
        let asking = self.settings.client.cancel(endpoint, id);
        match self.clock.timeout(CANCEL_PATIENCE, asking).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::warn!(remote_id = %id, error = &error as &dyn std::error::Error, "models.cancel_failed")
            }
            None => tracing::warn!(remote_id = %id, "models.cancel_unanswered"),
        }
    }

    /// What became of a request that has ended over there.
    async fn result(&self, endpoint: &EndpointId, id: &RequestId) -> Result<Answer, ClientError> {
        let (reply, headers) = self.settings.client.result_and_headers(endpoint, id).await?;
        Ok(outcome::of_result(reply, &headers))
    }
}

/// Whether the note is kept.
async fn remember(task: &RunTask, note: &Note) -> bool {
    let kept = task.memory.remember(note.text()).await.is_ok();
    if !kept && task.memory.serves_later_attempts() {
        tracing::warn!(request_id = %task.request_id, "models.note_not_kept");
    }
    kept
}

/// What the caller said about the request, for the queue that runs it.
fn told(task: &RunTask) -> Vec<(&'static str, String)> {
    let options = &task.options;
    let hint = options.runner_hint.clone().map(|hint| (header::RUNNER_HINT, hint));
    let lifecycle =
        options.lifecycle.as_ref().map(|lifecycle| (header::OBJECT_LIFECYCLE_PREFERENCE, lifecycle.to_json()));
    hint.into_iter().chain(lifecycle).collect()
}

#[async_trait]
impl Runner for FalRunner {
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure> {
        let endpoint = self.settings.endpoint.clone().unwrap_or_else(|| task.endpoint.clone());
        let limit = self.settings.request_timeout;
        let ended = self.clock.timeout(limit, self.hand_on(&task, &endpoint)).await;
        ended.unwrap_or_else(|| {
            // It goes on over there, and the next attempt asks for it.
            Err(crate::failure(
                ErrorType::RequestTimeout,
                format!("The other queue took longer than {} s.", limit.as_secs_f64()),
            ))
        })
    }
}

//! What a model is to the queue: something that answers an input, or fails in a way that says whether to try again.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, RequestId};
use plantain_wire::status::LogLevel;

/// Runs attempts of requests for the endpoints it serves. Implementations ship in `plantain-models`.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Runs one attempt. Ends soon after `task.cancel` fires; the answer is then dropped unless it was ready.
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure>;
}

pub struct RunTask {
    pub request_id: RequestId,
    pub gateway_request_id: GatewayRequestId,
    pub endpoint: EndpointId,
    /// The JSON text as it was submitted.
    pub input: Bytes,
    pub logs: LogSink,
    pub cancel: CancellationToken,
}

/// The model's own answer: a 200 with output, or its own error (422 with details and the like). Passed on untouched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub http_status: u16,
    pub body: Bytes,
}

/// The runner failed; `error_type` says whether the attempt may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error_type:?}: {detail}")]
pub struct RunFailure {
    pub error_type: ErrorType,
    pub detail: String,
}

/// Takes log lines while an attempt runs. Bounded: lines that nobody can keep up with are dropped.
#[derive(Clone)]
pub struct LogSink(mpsc::Sender<(LogLevel, String)>);

impl LogSink {
    /// The sink and where its lines come out; at most `bound` wait in between.
    pub fn channel(bound: usize) -> (LogSink, mpsc::Receiver<(LogLevel, String)>) {
        let (sender, receiver) = mpsc::channel(bound);
        (LogSink(sender), receiver)
    }

    pub fn info(&self, message: impl Into<String>) {
        self.write(LogLevel::Info, message.into());
    }

    pub fn write(&self, level: LogLevel, message: String) {
        // A full channel means a runaway log; losing its lines is better than holding the job up.
        let _ = self.0.try_send((level, message));
    }
}

/// Which runner serves which endpoint. An id that nobody serves is answered with 404 before it is queued.
#[derive(Clone, Default)]
pub struct Runners(Vec<(Pattern, Arc<dyn Runner>)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    /// `prefix*`
    Prefix(String),
}

impl Runners {
    /// Adds a runner for an endpoint id, or for all that begin alike (`fal-ai/flux/*`). Earlier entries win.
    pub fn with(mut self, pattern: &str, runner: Arc<dyn Runner>) -> Runners {
        let pattern = match pattern.strip_suffix('*') {
            Some(prefix) => Pattern::Prefix(prefix.to_owned()),
            None => Pattern::Exact(pattern.to_owned()),
        };
        self.0.push((pattern, runner));
        self
    }

    pub fn find(&self, endpoint: &EndpointId) -> Option<Arc<dyn Runner>> {
        let serves = |pattern: &Pattern| match pattern {
            Pattern::Exact(id) => id == endpoint.as_str(),
            Pattern::Prefix(prefix) => endpoint.as_str().starts_with(prefix.as_str()),
        };
        self.0.iter().find(|(pattern, _)| serves(pattern)).map(|(_, runner)| runner.clone())
    }
}

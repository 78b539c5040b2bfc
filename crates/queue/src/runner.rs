//! What a model is to the queue: something that answers an input, or fails in a way that says whether to try again.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, RequestId};
use plantain_wire::options::RequestOptions;
use plantain_wire::status::LogLevel;

use crate::model::Caller;

pub use self::endpoints::{Endpoint, EndpointSettings, Price, Runners};
pub use self::memory::{Memory, NOTE_BYTES_MAX, NotKept, Note};

mod endpoints;
mod memory;

/// Runs attempts of requests for the endpoints it serves. Implementations ship in `plantain-models`.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Runs one attempt. Ends soon after `task.cancel` fires; the answer is then dropped unless it was ready.
    async fn run(&self, task: RunTask) -> Result<Answer, RunFailure>;

    /// Whether runs of this endpoint hand out partial results on their way, so that it has a `/stream` path.
    fn streams(&self, _endpoint: &EndpointId) -> bool {
        false
    }
}

pub struct RunTask {
    pub request_id: RequestId,
    pub gateway_request_id: GatewayRequestId,
    pub endpoint: EndpointId,
    pub caller: Caller,
    pub options: RequestOptions,
    /// The JSON text as it was submitted.
    pub input: Bytes,
    pub logs: LogSink,
    pub partials: Partials,
    pub memory: Memory,
    pub cancel: CancellationToken,
}

/// The model's own answer: a 200 with output, or its own error (422 with details and the like). Passed on untouched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub http_status: u16,
    pub body: Bytes,
    pub headers: AnswerHeaders,
}

impl Answer {
    /// An answer without headers of its own.
    pub fn new(http_status: u16, body: impl Into<Bytes>) -> Answer {
        Answer { http_status, body: body.into(), headers: AnswerHeaders::default() }
    }
}

/// What a model says beside its body, as far as the queue reads it or passes it on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerHeaders {
    /// Overrides, for 5xx and 429, whether the attempt is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_retry: Option<bool>,
    /// As the model wrote it: a decimal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billable_units: Option<String>,
    /// `None`: JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Further `x-fal-` headers that callers may see, in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_on: Vec<(String, String)>,
}

/// Takes partial results while an attempt runs, each a JSON text. They are for whoever listens at the moment: nothing of them
/// is kept, and those that a slow listener can't take are dropped.
#[derive(Clone, Default)]
pub struct Partials(Option<mpsc::Sender<Bytes>>);

impl Partials {
    /// Nobody listens.
    pub fn unheard() -> Partials {
        Partials(None)
    }

    /// At most `bound` wait in between.
    pub fn channel(bound: usize) -> (Partials, mpsc::Receiver<Bytes>) {
        let (sender, receiver) = mpsc::channel(bound);
        (Partials(Some(sender)), receiver)
    }

    /// Whether anybody listens, so that a model need not be asked for what nobody hears.
    pub fn are_heard(&self) -> bool {
        self.0.as_ref().is_some_and(|sender| !sender.is_closed())
    }

    pub fn send(&self, json: Bytes) {
        if let Some(sender) = &self.0 {
            let _ = sender.try_send(json);
        }
    }
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

//! Where a request stands: three words, the log so far, and what went wrong.
//!
//! Written so that every official client can read it: `logs` and `metrics` always there, `queue_position` only in the queue,
//! `error` and `error_type` only on a request that failed. There is no FAILED status on the wire; other servers' words for it
//! are read as a completed request with an error.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use url::Url;

use crate::endpoint::EndpointId;
use crate::error::ErrorType;
use crate::id::RequestId;

pub use crate::status::log::{LogEntry, LogLevel};

mod log;

/// The three words of the protocol. Any other word breaks an official client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QueueStatus {
    InQueue,
    InProgress,
    /// Ended, well or not.
    Completed,
}

impl QueueStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            QueueStatus::InQueue => "IN_QUEUE",
            QueueStatus::InProgress => "IN_PROGRESS",
            QueueStatus::Completed => "COMPLETED",
        }
    }

    /// The HTTP code of a status reply: clients of the `fal` SDK take every 200 for "completed".
    pub fn http_status(self) -> u16 {
        if self == QueueStatus::Completed { 200 } else { 202 }
    }

    /// The status of an answer, and whether its word says that the request failed.
    fn read(word: &str) -> Option<(QueueStatus, bool)> {
        Some(match word.to_ascii_uppercase().as_str() {
            "IN_QUEUE" | "QUEUED" | "PENDING" => (QueueStatus::InQueue, false),
            "IN_PROGRESS" | "RUNNING" | "PROCESSING" => (QueueStatus::InProgress, false),
            "COMPLETED" | "OK" | "SUCCEEDED" => (QueueStatus::Completed, false),
            "FAILED" | "ERROR" | "CANCELED" | "CANCELLED" => (QueueStatus::Completed, true),
            _ => return None,
        })
    }
}

impl fmt::Display for QueueStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The three addresses of a request, under its application, without the endpoint's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    pub response_url: Url,
    pub status_url: Url,
    pub cancel_url: Url,
}

impl Urls {
    /// `base` is what stands before the endpoint id, with or without a path prefix and a trailing slash.
    ///
    /// ```
    /// # use plantain_wire::{status::Urls, id::RequestId};
    /// let urls = Urls::new(&"http://localhost:8788/queue".parse()?, &"fal-ai/nano-banana/edit".parse()?, &RequestId::parse("r1")?);
    /// assert_eq!(urls.status_url.as_str(), "http://localhost:8788/queue/fal-ai/nano-banana/requests/r1/status");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(base: &Url, endpoint: &EndpointId, request_id: &RequestId) -> Urls {
        let prefix = base.path().trim_end_matches('/');
        let response = format!("{prefix}/{}/requests/{request_id}", endpoint.app());
        let at = |path: &str| {
            let mut url = base.clone();
            url.set_path(path);
            url.set_query(None);
            url.set_fragment(None);
            url
        };
        Urls {
            status_url: at(&format!("{response}/status")),
            cancel_url: at(&format!("{response}/cancel")),
            response_url: at(&response),
        }
    }

    pub(crate) fn from_parts(response: Option<String>, status: Option<String>, cancel: Option<String>) -> Option<Urls> {
        let url = |text: Option<String>| Url::parse(&text?).ok();
        Some(Urls { response_url: url(response)?, status_url: url(status)?, cancel_url: url(cancel)? })
    }
}

/// What a completed request took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Seconds that the model ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference_time: Option<f64>,
}

/// Why a completed request has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A short sentence.
    pub error: String,
    /// `None` for a model error, and for words that this crate doesn't know.
    pub error_type: Option<ErrorType>,
}

/// The answer of a status call and of each event of a status stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusBody {
    pub status: QueueStatus,
    pub request_id: RequestId,
    /// `None` where another server left one out.
    pub urls: Option<Urls>,
    /// `None` where logs weren't asked for. Polling replies carry the whole log, stream events only new entries.
    pub logs: Option<Vec<LogEntry>>,
    pub metrics: Metrics,
    /// How many requests are ahead; only in the queue.
    pub queue_position: Option<u64>,
    /// Only on a completed request that failed.
    pub failure: Option<Failure>,
}

/// The body is no status reply.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    #[error("this is no status reply: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("this status reply says something other than IN_QUEUE, IN_PROGRESS or COMPLETED")]
    UnknownWord,
    #[error("this status reply doesn't say which request it is about")]
    NoRequest,
}

impl StatusBody {
    pub fn in_queue(request_id: RequestId, urls: Urls, queue_position: u64) -> StatusBody {
        StatusBody {
            queue_position: Some(queue_position),
            ..StatusBody::bare(QueueStatus::InQueue, request_id, Some(urls))
        }
    }

    pub fn in_progress(request_id: RequestId, urls: Urls) -> StatusBody {
        StatusBody::bare(QueueStatus::InProgress, request_id, Some(urls))
    }

    pub fn completed(request_id: RequestId, urls: Urls, metrics: Metrics) -> StatusBody {
        StatusBody { metrics, ..StatusBody::bare(QueueStatus::Completed, request_id, Some(urls)) }
    }

    pub fn failed(request_id: RequestId, urls: Urls, metrics: Metrics, failure: Failure) -> StatusBody {
        StatusBody { failure: Some(failure), ..StatusBody::completed(request_id, urls, metrics) }
    }

    pub fn with_logs(self, logs: Option<Vec<LogEntry>>) -> StatusBody {
        StatusBody { logs, ..self }
    }

    fn bare(status: QueueStatus, request_id: RequestId, urls: Option<Urls>) -> StatusBody {
        let metrics = Metrics::default();
        StatusBody { status, request_id, urls, logs: None, metrics, queue_position: None, failure: None }
    }

    pub fn to_json(&self) -> String {
        crate::json::written(self)
    }

    /// Reads what any fal-like server sends. Missing keys, unknown log shapes and self-made failure words are understood;
    /// an unknown status word is an error, since guessing it could end or hang a paid job.
    pub fn parse(body: &[u8]) -> Result<StatusBody, StatusError> {
        let read: Read = serde_json::from_slice(body)?;
        let about = read.request_id.clone().ok_or(StatusError::NoRequest)?;
        StatusBody::of(read, about)
    }

    /// Like [`StatusBody::parse`], for a caller who knows what it asked about: older servers leave the id out.
    pub fn parse_about(request_id: &RequestId, body: &[u8]) -> Result<StatusBody, StatusError> {
        StatusBody::of(serde_json::from_slice(body)?, request_id.clone())
    }

    fn of(read: Read, request_id: RequestId) -> Result<StatusBody, StatusError> {
        let (status, word_says_failed) = QueueStatus::read(&read.status).ok_or(StatusError::UnknownWord)?;
        let completed = status == QueueStatus::Completed;
        Ok(StatusBody {
            failure: if completed { failure(&read, word_says_failed) } else { None },
            queue_position: read.queue_position.and_then(|at| at.as_u64()).filter(|_| status == QueueStatus::InQueue),
            urls: Urls::from_parts(read.response_url, read.status_url, read.cancel_url),
            logs: read.logs.as_ref().and_then(log::read_all),
            metrics: Metrics {
                inference_time: read.metrics.and_then(|metrics| metrics.get("inference_time")?.as_f64()),
            },
            request_id,
            status,
        })
    }
}

fn failure(read: &Read, word_says_failed: bool) -> Option<Failure> {
    let error = read.error.as_ref().filter(|error| !error.is_null());
    if error.is_none() && read.error_type.is_none() && !word_says_failed {
        return None;
    }
    let text = match error {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => read.error_type.clone().unwrap_or_else(|| read.status.clone()),
    };
    Some(Failure { error: text, error_type: read.error_type.as_deref().and_then(ErrorType::parse) })
}

impl Serialize for StatusBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let urls = self.urls.as_ref();
        Written {
            status: self.status,
            request_id: &self.request_id,
            response_url: urls.map(|urls| urls.response_url.as_str()),
            status_url: urls.map(|urls| urls.status_url.as_str()),
            cancel_url: urls.map(|urls| urls.cancel_url.as_str()),
            logs: self.logs.as_deref(),
            metrics: self.metrics,
            queue_position: self.queue_position,
            error: self.failure.as_ref().map(|failure| failure.error.as_str()),
            error_type: self.failure.as_ref().and_then(|failure| failure.error_type),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Written<'a> {
    status: QueueStatus,
    request_id: &'a RequestId,
    response_url: Option<&'a str>,
    status_url: Option<&'a str>,
    cancel_url: Option<&'a str>,
    logs: Option<&'a [LogEntry]>,
    metrics: Metrics,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<ErrorType>,
}

#[derive(Deserialize)]
struct Read {
    status: String,
    request_id: Option<RequestId>,
    response_url: Option<String>,
    status_url: Option<String>,
    cancel_url: Option<String>,
    logs: Option<Value>,
    metrics: Option<Value>,
    queue_position: Option<Value>,
    error: Option<Value>,
    error_type: Option<String>,
}

//! What the queue keeps: a request, its attempts, its outcome, the deliveries that it owes, and files.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use url::Url;

pub use plantain_outbound::send::Fault;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, RequestId, UserId};
use plantain_wire::options::{Access, Acl, Condition, RequestOptions};
use plantain_wire::status::{LogEntry, QueueStatus};

use crate::history::{Origin, Payload};
pub use crate::hosts::HostLoad;
use crate::keys::WebhookOptions;
use crate::runner::AnswerHeaders;

/// Whose request it is, as the authenticated key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account; goes into webhooks as the user id.
    pub user_id: UserId,
    /// The public half of the API key.
    pub key_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    Normal,
    Low,
}

/// A submit that was authenticated and parsed; nothing is stored yet.
#[derive(Clone, Debug)]
pub struct NewRequest {
    pub id: RequestId,
    pub endpoint: EndpointId,
    pub caller: Caller,
    /// The JSON text as it came, at most 10 MB.
    pub input: Bytes,
    pub webhook: Option<Url>,
    pub priority: Priority,
    /// Latest time at which an attempt may start (fal's start timeout, absolute).
    pub start_by: Option<Timestamp>,
    pub idempotency: Option<Idempotency>,
    pub options: RequestOptions,
    /// Take it in only if no more than this many wait on the same app.
    pub max_queue_length: Option<u64>,
    /// The request that this one repeats, where an operator asked for that.
    pub retry_of: Option<RequestId>,
    pub created_at: Timestamp,
}

/// An `Idempotency-Key` with the fingerprint of what was submitted under it (sha-256 of endpoint, webhook and input).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    pub fingerprint: [u8; 32],
}

/// The right to settle one attempt: request and attempt number. A later claim of the same request has a higher number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    pub request_id: RequestId,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// A request taken for an attempt, under a lease.
#[derive(Clone, Debug)]
pub struct ClaimedRequest {
    pub lease: Lease,
    pub gateway_request_id: GatewayRequestId,
    pub endpoint: EndpointId,
    pub caller: Caller,
    pub input: Bytes,
    pub webhook: Option<Url>,
    pub start_by: Option<Timestamp>,
    pub created_at: Timestamp,
    pub options: RequestOptions,
    /// How many earlier attempts failed on the runner's side (a lease that ran out counts).
    pub failures: u32,
    /// Of these, how many under each condition.
    pub failures_by: Failures,
    /// What the last attempt left for this one.
    pub note: Option<String>,
    /// What the latest of them failed with.
    pub last_error: Option<ErrorType>,
    /// The request was cancelled while an earlier attempt ran; it must be finished, not run.
    pub cancel_requested: bool,
}

/// Failed attempts by the condition of fal's retry rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub server_errors: u32,
    pub timeouts: u32,
    pub connection_errors: u32,
}

impl Failures {
    pub fn of(&self, condition: Condition) -> u32 {
        match condition {
            Condition::ServerError => self.server_errors,
            Condition::Timeout => self.timeouts,
            Condition::ConnectionError => self.connection_errors,
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The model answered; its status and body are passed on untouched, error answers included.
    Answered { http_status: u16, body: Bytes, headers: AnswerHeaders, inference: Duration },
    /// The infrastructure failed, the deadline passed or the caller cancelled.
    Failed { error_type: ErrorType, detail: String },
}

/// The words by which the end of the caller's own deadline is told from an attempt that took too long: both have one type.
const START_DEADLINE_PASSED: &str = "The request did not start before its deadline.";

impl Outcome {
    /// Its caller's start deadline came before its turn.
    pub fn start_deadline_passed() -> Outcome {
        Outcome::Failed { error_type: ErrorType::RequestTimeout, detail: START_DEADLINE_PASSED.to_owned() }
    }

    /// Whether it ended by [`Outcome::start_deadline_passed`].
    pub fn is_start_deadline(&self) -> bool {
        matches!(self, Outcome::Failed { error_type: ErrorType::RequestTimeout, detail } if detail == START_DEADLINE_PASSED)
    }
}

/// What is to be done with a claimed request after its attempt.
#[derive(Clone, Debug)]
pub enum Next {
    /// Terminal. `deliveries` are owed from the same commit on.
    Finish { outcome: Outcome, deliveries: Vec<NewDelivery> },
    /// Back to the queue: not before `at`. A failed attempt counts against the budget; one that was handed back does not.
    Requeue { at: Timestamp, attempt: AttemptEnd },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The runner failed in a way that may be retried.
    Failed(ErrorType),
    /// The model answered with an error that may be retried.
    Answered { http_status: u16 },
    /// Shutdown took the work away; costs nothing.
    HandedBack,
}

/// Whether a fenced write was still the lease holder's to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Done,
    LeaseLost,
}

/// What a heartbeat learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    Held,
    CancelRequested,
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It was waiting and is now finished as cancelled.
    Removed,
    /// It runs; the runner has been asked to stop.
    Requested,
    AlreadyCompleted,
    NotFound,
}

/// What the status call shows. Read often.
#[derive(Clone, Debug)]
pub struct RequestView {
    pub id: RequestId,
    pub endpoint: EndpointId,
    pub caller: Caller,
    /// Of the latest attempt; the request's own id before the second one.
    pub gateway_request_id: GatewayRequestId,
    pub webhook: Option<Url>,
    pub status: QueueStatus,
    /// Requests ahead on the same app, only while in the queue.
    pub queue_position: Option<u64>,
    /// Of all attempts, oldest line first.
    pub logs: Vec<LogEntry>,
    pub attempts: u32,
    pub created_at: Timestamp,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    pub options: RequestOptions,
    pub origin: Origin,
    /// The request that this one repeats.
    pub retry_of: Option<RequestId>,
    /// Where it was dropped, the outcome's body is empty.
    pub payload: Payload,
}

/// A webhook owed for a finished request. The body is fixed; it is signed anew on every attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    pub id: String,
    pub request_id: RequestId,
    pub user_id: UserId,
    pub target: Url,
    pub body: Bytes,
    pub due_at: Timestamp,
}

impl NewDelivery {
    /// Whom the delivery bothers: host and port of its target. See [`crate::hosts`].
    pub fn host(&self) -> String {
        let host = self.target.host_str().unwrap_or_default();
        format!("{host}:{}", self.target.port_or_known_default().unwrap_or(0))
    }
}

/// How long a delivery stays with whoever took it. First attempts are given less time, and so are their leases: a webhook
/// whose sender was killed should not wait for the longest attempt's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryLease {
    pub first: Duration,
    pub later: Duration,
}

/// A delivery taken for one attempt. Fenced like a request: by id and attempt.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    pub delivery: NewDelivery,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Attempts before the latest redelivery, which began the schedule anew.
    pub earlier: u32,
    pub created_at: Timestamp,
    /// What the key wants of its webhooks under which the request came.
    pub options: WebhookOptions,
}

impl ClaimedDelivery {
    /// The attempt's number on its schedule: 1 after a redelivery as well.
    pub fn on_schedule(&self) -> u32 {
        self.attempt.saturating_sub(self.earlier)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Pending,
    Delivered,
    Dead,
}

/// One attempt at a delivery, as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    pub attempt: u32,
    pub at: Timestamp,
    pub latency: Duration,
    /// The receiver's status, where it answered.
    pub http_status: Option<u16>,
    /// Why it did not count as delivered, in a few words; empty on success.
    pub reason: String,
    /// Who has to change something; `None` on success, and of attempts before this was told.
    pub fault: Option<Fault>,
    /// First bytes of the answer, at most 1 KiB.
    pub answer: Bytes,
}

/// What a delivery attempt led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryNext {
    Delivered,
    Retry {
        at: Timestamp,
    },
    /// Due at once, and on its schedule as if the attempt had not been: the process must go.
    HandedBack {
        at: Timestamp,
    },
    Dead,
}

#[derive(Clone, Debug)]
pub struct DeliveryView {
    pub delivery: NewDelivery,
    pub state: DeliveryState,
    pub next_at: Option<Timestamp>,
    pub attempts: Vec<DeliveryAttempt>,
}

/// A file on the queue's CDN: where its bytes are and how they are served. `id` is unguessable and part of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    pub id: String,
    pub name: String,
    pub content_type: String,
    /// Key of the bytes in the blob store.
    pub blob: String,
    pub size: u64,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// The account that uploaded or made it.
    pub owner: Option<UserId>,
    /// `None`: everybody who knows the address may read it.
    pub access: Option<Acl>,
}

impl FileRecord {
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }

    /// What `reader` may do; `None` is somebody without a key. Its owner may read it, unless a rule names the owner.
    pub fn decide(&self, reader: Option<&UserId>) -> Access {
        let Some(access) = &self.access else { return Access::Allow };
        let named = |user: &UserId| access.rules.iter().any(|rule| rule.user == user.as_str());
        match reader {
            Some(reader) if Some(reader) == self.owner.as_ref() && !named(reader) => Access::Allow,
            reader => access.decide(reader.map(UserId::as_str)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(target: &str) -> String {
        let (request_id, user_id) = (RequestId::parse("r").unwrap(), UserId::parse("u").unwrap());
        let target = target.parse().unwrap();
        NewDelivery { id: String::new(), request_id, user_id, target, body: Bytes::new(), due_at: Timestamp::MIN }
            .host()
    }

    #[test]
    fn receivers_are_told_apart_by_host_and_port() {
        assert_eq!(to("https://shop.example/a?b"), "shop.example:443");
        assert_eq!(to("http://SHOP.example/c"), "shop.example:80");
        assert_eq!(to("http://127.0.0.1:8787/api/fal/webhook"), "127.0.0.1:8787");
    }

    #[test]
    fn a_file_is_read_by_whom_its_list_admits() {
        let user = |name: &str| UserId::parse(name).unwrap();
        let list =
            r#"{"default":"hide","rules":[{"user":"ann","decision":"allow"},{"user":"bob","decision":"forbid"}]}"#;
        let mut file = FileRecord {
            id: String::new(),
            name: String::new(),
            content_type: String::new(),
            blob: String::new(),
            size: 0,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            owner: Some(user("eve")),
            access: Some(serde_json::from_str(list).unwrap()),
        };
        for (reader, expected) in [
            (Some("ann"), Access::Allow),
            (Some("bob"), Access::Forbid),
            (Some("eve"), Access::Allow),
            (Some("zoe"), Access::Hide),
            (None, Access::Hide),
        ] {
            assert_eq!(file.decide(reader.map(user).as_ref()), expected, "{reader:?}");
        }
        file.owner = Some(user("bob"));
        assert_eq!(file.decide(Some(&user("bob"))), Access::Forbid, "a rule that names the owner counts");
        file.access = None;
        assert_eq!(file.decide(None), Access::Allow);
    }
}

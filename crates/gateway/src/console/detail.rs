//! How one request is shown: pure, from what the store knows.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use plantain_queue::history::{Attempt, AttemptHow, Ending, Payload, Stage};
use plantain_queue::model::{DeliveryAttempt, DeliveryState, DeliveryView, Fault, Outcome, RequestView};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::{ErrorBody, ErrorType};
use plantain_wire::id::{GatewayRequestId, RequestId, UserId};
use plantain_wire::options::{Lifecycle, Payloads, RequestOptions, Retries};
use plantain_wire::status::{LogEntry, QueueStatus};
use serde::Serialize;
use url::Url;

use super::bounded::Bounded;

/// Log lines that are shown, the latest: more than anybody scrolls through.
const LINES_MAX: usize = 1_000;

/// What is known of a request beside its status.
pub(super) struct Known {
    /// `None` where it was not to be kept.
    pub(super) input: Option<Bytes>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) deliveries: Vec<DeliveryView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    now: Timestamp,
    request_id: RequestId,
    gateway_request_id: GatewayRequestId,
    endpoint: EndpointId,
    key_id: String,
    user_id: UserId,
    state: &'static str,
    status: &'static str,
    queue_position: Option<u64>,
    origin: &'static str,
    webhook: Option<String>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    retry_of: Option<RequestId>,
    options: Options,
    attempts: Vec<AttemptView>,
    logs: Logs,
    input: Bounded,
    /// Null where no model has answered.
    output: Option<Bounded>,
    outcome: Option<OutcomeView>,
    deliveries: Vec<DeliveryShown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runner_hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle: Option<Lifecycle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payloads: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<Retries>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptView {
    number: u32,
    gateway_request_id: GatewayRequestId,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    how: &'static str,
    http_status: Option<u16>,
    error_type: Option<ErrorType>,
}

#[derive(Serialize)]
struct Logs {
    /// The latest.
    entries: Vec<Line>,
    /// How many there are in all.
    total: usize,
}

#[derive(Serialize)]
struct Line {
    timestamp: Option<Timestamp>,
    level: &'static str,
    source: String,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeView {
    ending: &'static str,
    http_status: Option<u16>,
    error_type: Option<ErrorType>,
    detail: Option<String>,
    /// Seconds that the model ran.
    inference_seconds: Option<f64>,
    billable_units: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryShown {
    id: String,
    target: String,
    state: &'static str,
    next_at: Option<Timestamp>,
    attempts: Vec<TryView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TryView {
    attempt: u32,
    at: Timestamp,
    latency_seconds: f64,
    http_status: Option<u16>,
    reason: String,
    fault: Option<&'static str>,
    answer: String,
}

pub(super) fn of(view: RequestView, known: Known, now: Timestamp) -> Detail {
    Detail {
        now,
        state: stage(&view).as_str(),
        status: view.status.as_str(),
        output: output(&view),
        outcome: view.outcome.as_ref().map(outcome),
        request_id: view.id,
        gateway_request_id: view.gateway_request_id,
        endpoint: view.endpoint,
        key_id: view.caller.key_id,
        user_id: view.caller.user_id,
        queue_position: view.queue_position,
        origin: view.origin.as_str(),
        webhook: view.webhook.as_ref().map(address),
        created_at: view.created_at,
        started_at: view.started_at,
        finished_at: view.finished_at,
        retry_of: view.retry_of,
        options: options(view.options),
        attempts: known.attempts.into_iter().map(attempt).collect(),
        logs: logs(view.logs),
        input: known.input.map_or_else(Bounded::dropped, |input| Bounded::of(&input)),
        deliveries: known.deliveries.into_iter().map(delivery).collect(),
    }
}

fn stage(view: &RequestView) -> Stage {
    match (view.status, &view.outcome) {
        (QueueStatus::InQueue, _) => Stage::Waiting,
        (QueueStatus::Completed, Some(outcome)) => Stage::Ended(Ending::of(outcome)),
        (QueueStatus::InProgress | QueueStatus::Completed, _) => Stage::Running,
    }
}

pub(super) fn output_is_gone(payload: Payload) -> bool {
    payload == Payload::Dropped
}

fn output(view: &RequestView) -> Option<Bounded> {
    match &view.outcome {
        Some(Outcome::Answered { .. }) if output_is_gone(view.payload) => Some(Bounded::dropped()),
        Some(Outcome::Answered { body, .. }) => Some(Bounded::of(body)),
        Some(Outcome::Failed { .. }) | None => None,
    }
}

fn outcome(outcome: &Outcome) -> OutcomeView {
    let ending = Ending::of(outcome).as_str();
    match outcome {
        Outcome::Answered { http_status, body, headers, inference } => OutcomeView {
            ending,
            http_status: Some(*http_status),
            error_type: None,
            detail: (*http_status >= 400).then(|| ErrorBody::parse(body).map(|body| body.summary())).flatten(),
            inference_seconds: Some(inference.as_secs_f64()),
            billable_units: headers.billable_units.clone(),
        },
        Outcome::Failed { error_type, detail } => OutcomeView {
            ending,
            http_status: None,
            error_type: Some(*error_type),
            detail: Some(detail.clone()),
            inference_seconds: None,
            billable_units: None,
        },
    }
}

fn options(options: RequestOptions) -> Options {
    Options {
        labels: options.labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        runner_hint: options.runner_hint,
        lifecycle: options.lifecycle,
        payloads: (options.payloads == Payloads::Drop).then_some("drop"),
        retries: (options.retries != Retries::default()).then_some(options.retries),
    }
}

fn attempt(attempt: Attempt) -> AttemptView {
    let (how, http_status, error_type) = match attempt.how {
        AttemptHow::Running => ("running", None, None),
        AttemptHow::Answered(status) => ("answered", Some(status), None),
        AttemptHow::Failed(error_type) => ("failed", None, Some(error_type)),
        AttemptHow::HandedBack => ("handed_back", None, None),
        AttemptHow::Lapsed => ("lapsed", None, None),
    };
    AttemptView {
        number: attempt.number,
        gateway_request_id: attempt.gateway_request_id,
        started_at: attempt.started_at,
        ended_at: attempt.ended_at,
        how,
        http_status,
        error_type,
    }
}

fn logs(mut entries: Vec<LogEntry>) -> Logs {
    let total = entries.len();
    let shown = entries.split_off(total.saturating_sub(LINES_MAX)).into_iter().map(|entry| Line {
        timestamp: entry.timestamp,
        level: entry.level.as_str(),
        source: entry.source,
        message: entry.message,
    });
    Logs { entries: shown.collect(), total }
}

pub(super) fn delivery(view: DeliveryView) -> DeliveryShown {
    DeliveryShown {
        id: view.delivery.id,
        target: address(&view.delivery.target),
        state: match view.state {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
        },
        next_at: view.next_at,
        attempts: view.attempts.into_iter().map(tried).collect(),
    }
}

fn tried(attempt: DeliveryAttempt) -> TryView {
    TryView {
        attempt: attempt.attempt,
        at: attempt.at,
        latency_seconds: attempt.latency.as_secs_f64(),
        http_status: attempt.http_status,
        reason: attempt.reason,
        fault: attempt.fault.map(fault),
        answer: String::from_utf8_lossy(&attempt.answer).into_owned(),
    }
}

/// Who has to change something.
pub(super) fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Theirs => "theirs",
        Fault::Ours => "ours",
    }
}

/// As it is called, but for a password within it.
pub(super) fn address(url: &Url) -> String {
    let mut shown = url.clone();
    if shown.password().is_some() {
        shown.set_password(Some("…")).ok();
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use plantain_wire::status::LogLevel;

    use super::*;

    #[test]
    fn the_latest_lines_are_shown_and_all_are_counted() {
        let line = |n: usize| LogEntry::new(format!("line {n}"), LogLevel::Info, Timestamp::UNIX_EPOCH);
        let shown = logs((0..LINES_MAX + 5).map(line).collect());
        assert_eq!((shown.entries.len(), shown.total), (LINES_MAX, LINES_MAX + 5));
        assert_eq!(shown.entries.last().unwrap().message, format!("line {}", LINES_MAX + 4));
        assert_eq!(logs(vec![line(0)]).entries.len(), 1);
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let shown = address(&"https://me:hunter2@shop.test/hook?job=1".parse().unwrap());
        assert!(!shown.contains("hunter2") && shown.ends_with("@shop.test/hook?job=1"), "{shown}");
        assert_eq!(address(&"https://shop.test/hook".parse().unwrap()), "https://shop.test/hook");
    }

    #[test]
    fn an_attempt_ends_in_one_word() {
        let id = GatewayRequestId::parse("g1").unwrap();
        let word = |how| {
            let view =
                attempt(Attempt { number: 1, gateway_request_id: id.clone(), started_at: None, ended_at: None, how });
            (view.how, view.http_status, view.error_type)
        };
        assert_eq!(word(AttemptHow::Running), ("running", None, None));
        assert_eq!(word(AttemptHow::Answered(422)), ("answered", Some(422), None));
        let failed = AttemptHow::Failed(ErrorType::RunnerDisconnected);
        assert_eq!(word(failed), ("failed", None, Some(ErrorType::RunnerDisconnected)));
        assert_eq!((word(AttemptHow::HandedBack).0, word(AttemptHow::Lapsed).0), ("handed_back", "lapsed"));
    }
}

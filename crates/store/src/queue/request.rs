//! Rows of requests, and what they mean.

use bytes::Bytes;
use jiff::Timestamp;
use url::Url;

use plantain_queue::history::{Origin, Payload};
use plantain_queue::model::{Caller, ClaimedRequest, Failures, Lease, NewDelivery, Outcome, Priority, RequestView};
use plantain_queue::notice::{self, Announced};
use plantain_queue::runner::AnswerHeaders;
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, RequestId, UserId};
use plantain_wire::options::RequestOptions;
use plantain_wire::status::{LogEntry, LogLevel, QueueStatus};
use plantain_work::random;

use crate::error::DatabaseError;
use crate::queue::place::Place;
use crate::time;

/// What a lease that ran out failed with: whoever held it is gone.
pub(crate) const LAPSED: ErrorType = ErrorType::RunnerDisconnected;

/// The number that orders normal before low.
pub(crate) fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Normal => 0,
        Priority::Low => 1,
    }
}

/// What such a number means. The table's own check admits no other than these two.
pub(crate) fn by_rank(rank: i64) -> Priority {
    if rank == 0 { Priority::Normal } else { Priority::Low }
}

/// How far the store itself counts who waits before a request. The engine knows the true place; this is what is told where
/// it does not.
pub(crate) const AHEAD_COUNTED_MAX: i64 = 100;

/// A claim's row, column by column in the order of the statement.
pub(crate) struct ClaimedRow {
    pub id: String,
    pub attempt: i64,
    pub gateway_request_id: String,
    pub endpoint: String,
    pub user_id: String,
    pub key_id: String,
    pub webhook: Option<String>,
    pub start_by: Option<i64>,
    pub created_at: i64,
    pub failures: i64,
    pub last_error: Option<String>,
    pub cancel_requested: bool,
    pub input: Option<Vec<u8>>,
    pub options: String,
    pub server_errors: i64,
    pub timeouts: i64,
    pub connection_errors: i64,
    pub note: Option<String>,
}

/// What a request that can't be read still owes, as far as its row tells whom to announce its end to.
pub(crate) fn owed_unread(row: &EndRow, outcome: &Outcome, now: Timestamp) -> Vec<NewDelivery> {
    let read = || {
        let request_id: RequestId = row.id.parse().ok()?;
        let (user_id, webhook): (UserId, Url) = (row.user_id.parse().ok()?, row.webhook.as_deref()?.parse().ok()?);
        let gateway_request_id = GatewayRequestId::from(&request_id);
        let announced = Announced {
            request_id: &request_id,
            gateway_request_id: &gateway_request_id,
            user_id: &user_id,
            webhook: Some(&webhook),
        };
        Some(notice::owed(&announced, outcome, random::id(now).to_string(), now))
    };
    read().unwrap_or_default()
}

/// What is looked at of a request that can't be read.
pub(crate) struct EndRow {
    pub id: String,
    pub user_id: String,
    pub webhook: Option<String>,
}

impl TryFrom<ClaimedRow> for ClaimedRequest {
    type Error = DatabaseError;

    fn try_from(row: ClaimedRow) -> Result<ClaimedRequest, DatabaseError> {
        let place = Place { table: "queue_requests", row: &row.id };
        Ok(ClaimedRequest {
            lease: Lease { request_id: place.parse("id", &row.id)?, attempt: place.number("attempt", row.attempt)? },
            gateway_request_id: place.parse("gateway_request_id", &row.gateway_request_id)?,
            endpoint: place.parse("endpoint", &row.endpoint)?,
            caller: caller(&place, &row.user_id, row.key_id)?,
            webhook: row.webhook.map(|url| place.parse("webhook", &url)).transpose()?,
            start_by: place.maybe_time("start_by", row.start_by)?,
            created_at: place.time("created_at", row.created_at)?,
            failures: place.number("failures", row.failures)?,
            last_error: row.last_error.map(|word| error_type(&place, "last_error", &word)).transpose()?,
            failures_by: Failures {
                server_errors: place.number("server_errors", row.server_errors)?,
                timeouts: place.number("timeouts", row.timeouts)?,
                connection_errors: place.number("connection_errors", row.connection_errors)?,
            },
            options: options(&place, &row.options)?,
            note: row.note,
            cancel_requested: row.cancel_requested,
            input: row.input.ok_or_else(|| place.wrong("input"))?.into(),
        })
    }
}

/// What a status call reads, column by column in the order of the statement.
pub(crate) struct ViewRow {
    pub id: String,
    pub endpoint: String,
    pub user_id: String,
    pub key_id: String,
    pub gateway_request_id: String,
    pub webhook: Option<String>,
    pub state: String,
    pub attempt: i64,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub options: String,
    pub origin: String,
    pub retry_of: Option<String>,
    pub payloads: String,
    pub outcome: Option<OutcomeRow>,
}

impl ViewRow {
    pub fn is_waiting(&self) -> bool {
        self.state == "ready" || self.state == "delayed"
    }

    /// `ahead` is asked for where the request is waiting.
    pub fn into_view(self, ahead: Option<i64>, logs: Vec<LogEntry>) -> Result<RequestView, DatabaseError> {
        let place = Place { table: "queue_requests", row: &self.id };
        let id: RequestId = place.parse("id", &self.id)?;
        let status = status(&place, &self.state)?;
        // What has ended is shown even where something that nobody needs any more can't be read.
        let ended = status == QueueStatus::Completed;
        let webhook = self.webhook.map(|url| place.parse("webhook", &url)).transpose();
        let gateway_request_id = place.parse("gateway_request_id", &self.gateway_request_id);
        let options = options(&place, &self.options);
        Ok(RequestView {
            endpoint: place.parse("endpoint", &self.endpoint)?,
            caller: caller(&place, &self.user_id, self.key_id)?,
            gateway_request_id: gateway_request_id.or_else(|e| if ended { Ok((&id).into()) } else { Err(e) })?,
            webhook: webhook.or_else(|e| if ended { Ok(None) } else { Err(e) })?,
            options: options.or_else(|e| if ended { Ok(RequestOptions::default()) } else { Err(e) })?,
            origin: Origin::parse(&self.origin).ok_or_else(|| place.wrong("origin"))?,
            retry_of: self.retry_of.map(|id| place.parse("retry_of", &id)).transpose()?,
            payload: Payload::parse(&self.payloads).ok_or_else(|| place.wrong("payloads"))?,
            id,
            status,
            queue_position: ahead.map(|ahead| place.number("seq", ahead)).transpose()?,
            logs,
            attempts: place.number("attempt", self.attempt)?,
            created_at: place.time("created_at", self.created_at)?,
            started_at: place.maybe_time("started_at", self.started_at)?,
            finished_at: place.maybe_time("finished_at", self.finished_at)?,
            outcome: self.outcome.map(|outcome| outcome.into_outcome(&self.id)).transpose()?,
        })
    }
}

/// How a request ended, as columns.
pub(crate) struct OutcomeRow {
    pub http_status: Option<i64>,
    pub inference: Option<i64>,
    pub body: Option<Bytes>,
    /// JSON; `None` where the model said nothing beside its body.
    pub headers: Option<String>,
    pub error_type: Option<String>,
    pub detail: Option<String>,
}

impl OutcomeRow {
    pub fn new(outcome: Outcome) -> OutcomeRow {
        match outcome {
            Outcome::Answered { http_status, body, headers, inference } => OutcomeRow {
                headers: headers_text(&headers),
                http_status: Some(http_status.into()),
                inference: Some(time::span_to_micros(inference)),
                body: Some(body),
                error_type: None,
                detail: None,
            },
            Outcome::Failed { error_type, detail } => OutcomeRow {
                http_status: None,
                inference: None,
                body: None,
                headers: None,
                error_type: Some(error_type.as_str().to_owned()),
                detail: Some(detail),
            },
        }
    }

    fn into_outcome(self, id: &str) -> Result<Outcome, DatabaseError> {
        let place = Place { table: "queue_outcomes", row: id };
        match (self.http_status, self.error_type) {
            (Some(http_status), None) => Ok(Outcome::Answered {
                http_status: place.number("http_status", http_status)?,
                body: self.body.unwrap_or_default(),
                // Without them the answer is still worth showing.
                headers: self.headers.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                inference: time::span_from_micros(self.inference.unwrap_or(0)),
            }),
            (None, Some(word)) => Ok(Outcome::Failed {
                error_type: error_type(&place, "error_type", &word)?,
                detail: self.detail.unwrap_or_default(),
            }),
            _ => Err(place.wrong("error_type")),
        }
    }
}

/// A log line, as columns.
pub(crate) struct LogRow {
    pub at: Option<i64>,
    pub level: String,
    pub source: String,
    pub message: String,
}

impl From<LogRow> for LogEntry {
    fn from(row: LogRow) -> LogEntry {
        LogEntry {
            message: row.message,
            timestamp: row.at.and_then(time::from_micros),
            level: LogLevel::parse(&row.level),
            source: row.source,
        }
    }
}

/// The state of a request that goes back to the queue, and the time that belongs to it.
pub(crate) fn requeued(at: Timestamp, now: Timestamp) -> (&'static str, Option<i64>) {
    if at <= now { ("ready", None) } else { ("delayed", Some(time::to_micros(at))) }
}

fn caller(place: &Place<'_>, user_id: &str, key_id: String) -> Result<Caller, DatabaseError> {
    Ok(Caller { user_id: place.parse("user_id", user_id)?, key_id })
}

fn status(place: &Place<'_>, state: &str) -> Result<QueueStatus, DatabaseError> {
    match state {
        "ready" | "delayed" => Ok(QueueStatus::InQueue),
        "running" => Ok(QueueStatus::InProgress),
        "completed" => Ok(QueueStatus::Completed),
        _ => Err(place.wrong("state")),
    }
}

fn options(place: &Place<'_>, text: &str) -> Result<RequestOptions, DatabaseError> {
    if text == NO_OPTIONS {
        return Ok(RequestOptions::default());
    }
    serde_json::from_str(text).map_err(|_| place.wrong("options"))
}

/// What most requests ask for.
const NO_OPTIONS: &str = "{}";

/// A request's options as they are kept.
pub(crate) fn options_text(options: &RequestOptions) -> String {
    // Maps with text for keys can always be written.
    serde_json::to_string(options).unwrap_or_else(|_| NO_OPTIONS.to_owned())
}

fn headers_text(headers: &AnswerHeaders) -> Option<String> {
    if *headers == AnswerHeaders::default() { None } else { serde_json::to_string(headers).ok() }
}

fn error_type(place: &Place<'_>, column: &'static str, word: &str) -> Result<ErrorType, DatabaseError> {
    ErrorType::parse(word).ok_or_else(|| place.wrong(column))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_outcome_survives_its_columns() {
        let answered = Outcome::Answered {
            http_status: 422,
            body: Bytes::from_static(b"{\"seed\": 17454220438242315174}"),
            headers: AnswerHeaders { billable_units: Some("2.5".into()), ..AnswerHeaders::default() },
            inference: Duration::from_millis(3420),
        };
        let failed = Outcome::Failed { error_type: ErrorType::ClientCancelled, detail: "no".into() };
        for outcome in [answered, failed] {
            assert_eq!(OutcomeRow::new(outcome.clone()).into_outcome("r").unwrap(), outcome);
        }
    }

    #[test]
    fn a_row_that_makes_no_sense_says_where_it_is() {
        let neither = OutcomeRow {
            http_status: None,
            inference: None,
            body: None,
            headers: None,
            error_type: None,
            detail: None,
        };
        let error = neither.into_outcome("r7").unwrap_err().to_string();
        assert_eq!(error, "queue_outcomes.error_type of r7 does not hold what it should");
        let place = Place { table: "queue_requests", row: "r7" };
        assert!(status(&place, "FAILED").is_err());
        assert!(error_type(&place, "last_error", "runner_on_holiday").is_err());
    }

    #[test]
    fn what_is_due_now_is_ready() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(requeued(now, now), ("ready", None));
        assert_eq!(requeued(Timestamp::from_second(1).unwrap(), now), ("delayed", Some(1_000_000)));
    }
}

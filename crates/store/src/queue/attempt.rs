//! Rows of attempts, and what they mean.
//!
//! Only attempts after which the request went on have a row. The last one of a request is in the request's own row and
//! outcome, so that a request that ends with its first attempt costs nothing here.

use plantain_queue::history::{Attempt, AttemptHow};
use plantain_queue::model::{AttemptEnd, Outcome, RequestView};
use plantain_wire::error::ErrorType;
use plantain_wire::options::Condition;
use plantain_wire::status::QueueStatus;

use crate::error::DatabaseError;
use crate::queue::place::Place;

/// How an attempt ended that was not the last, as columns; and what is added to the request's counts.
pub(crate) struct EndedRow {
    pub how: &'static str,
    pub http_status: Option<i64>,
    pub error_type: Option<&'static str>,
    pub failures: i64,
    pub server_errors: i64,
    pub timeouts: i64,
    pub connection_errors: i64,
}

impl EndedRow {
    pub fn new(end: &AttemptEnd) -> EndedRow {
        let (how, http_status, error_type, condition) = match end {
            AttemptEnd::Failed(error_type) => ("failed", None, Some(error_type.as_str()), Condition::of(*error_type)),
            AttemptEnd::Answered { http_status } => {
                ("answered", Some(i64::from(*http_status)), None, Some(Condition::ServerError))
            }
            AttemptEnd::HandedBack => ("handed_back", None, None, None),
        };
        let counts = |counted| i64::from(condition == Some(counted));
        EndedRow {
            how,
            http_status,
            error_type,
            failures: i64::from(*end != AttemptEnd::HandedBack),
            server_errors: counts(Condition::ServerError),
            timeouts: counts(Condition::Timeout),
            connection_errors: counts(Condition::ConnectionError),
        }
    }
}

/// An attempt's row, column by column in the order of the statement.
pub(crate) struct AttemptRow {
    pub attempt: i64,
    pub gateway_request_id: String,
    pub started_at: Option<i64>,
    pub ended_at: i64,
    pub how: String,
    pub http_status: Option<i64>,
    pub error_type: Option<String>,
}

impl AttemptRow {
    pub fn into_attempt(self, request: &str) -> Result<Attempt, DatabaseError> {
        let place = Place { table: "queue_attempts", row: request };
        let failed = || self.error_type.as_deref().and_then(ErrorType::parse);
        let how = match self.how.as_str() {
            "answered" => {
                let status = self.http_status.ok_or_else(|| place.wrong("http_status"))?;
                AttemptHow::Answered(place.number("http_status", status)?)
            }
            "failed" => AttemptHow::Failed(failed().ok_or_else(|| place.wrong("error_type"))?),
            "handed_back" => AttemptHow::HandedBack,
            "lapsed" => AttemptHow::Lapsed,
            _ => return Err(place.wrong("how")),
        };
        Ok(Attempt {
            number: place.number("attempt", self.attempt)?,
            gateway_request_id: place.parse("gateway_request_id", &self.gateway_request_id)?,
            started_at: place.maybe_time("started_at", self.started_at)?,
            ended_at: Some(place.time("ended_at", self.ended_at)?),
            how,
        })
    }
}

/// All attempts, with the last one as the request itself shows it.
pub(crate) fn with_last(
    mut earlier: Vec<Attempt>,
    view: &RequestView,
    started_at: Option<i64>,
) -> Result<Vec<Attempt>, DatabaseError> {
    let on_record = earlier.last().is_some_and(|last| last.number >= view.attempts);
    let how = match (view.status, &view.outcome) {
        (QueueStatus::InQueue, _) => None,
        (QueueStatus::InProgress, _) => Some(AttemptHow::Running),
        (QueueStatus::Completed, Some(Outcome::Answered { http_status, .. })) => {
            Some(AttemptHow::Answered(*http_status))
        }
        (QueueStatus::Completed, Some(Outcome::Failed { error_type, .. })) => Some(AttemptHow::Failed(*error_type)),
        (QueueStatus::Completed, None) => None,
    };
    if let (Some(how), false, 1..) = (how, on_record, view.attempts) {
        let place = Place { table: "queue_requests", row: view.id.as_str() };
        earlier.push(Attempt {
            number: view.attempts,
            gateway_request_id: view.gateway_request_id.clone(),
            started_at: place.maybe_time("attempt_started_at", started_at)?,
            ended_at: view.finished_at,
            how,
        });
    }
    Ok(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_counts_under_its_own_condition() {
        let counted = |end: AttemptEnd| {
            let row = EndedRow::new(&end);
            (row.how, row.failures, row.server_errors, row.timeouts, row.connection_errors)
        };
        assert_eq!(counted(AttemptEnd::HandedBack), ("handed_back", 0, 0, 0, 0));
        assert_eq!(counted(AttemptEnd::Answered { http_status: 503 }), ("answered", 1, 1, 0, 0));
        assert_eq!(counted(AttemptEnd::Failed(ErrorType::RunnerDisconnected)), ("failed", 1, 1, 0, 0));
        assert_eq!(counted(AttemptEnd::Failed(ErrorType::RequestTimeout)), ("failed", 1, 0, 1, 0));
        assert_eq!(counted(AttemptEnd::Failed(ErrorType::RunnerConnectionRefused)), ("failed", 1, 0, 0, 1));
    }

    #[test]
    fn a_row_that_makes_no_sense_says_so() {
        let row = |how: &str, http_status, error_type: Option<&str>| AttemptRow {
            attempt: 1,
            gateway_request_id: "g".into(),
            started_at: None,
            ended_at: 0,
            how: how.into(),
            http_status,
            error_type: error_type.map(Into::into),
        };
        for bad in [
            row("answered", None, None),
            row("answered", Some(-1), None),
            row("failed", None, Some("runner_on_holiday")),
            row("gone", None, None),
        ] {
            assert!(bad.into_attempt("r").is_err());
        }
        let good = row("answered", Some(503), None).into_attempt("r").unwrap();
        assert_eq!((good.how, good.number, good.started_at), (AttemptHow::Answered(503), 1, None));
    }
}

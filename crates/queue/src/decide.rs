//! What happens next to a claimed request and to an attempted delivery: pure, from values alone.

use std::time::Duration;

use jiff::Timestamp;

use plantain_outbound::delivery::Delivery;
use plantain_outbound::schedule::Schedule;
use plantain_wire::error::ErrorType;
use plantain_work::clock::after;

use crate::model::{AttemptEnd, ClaimedRequest, DeliveryNext, Outcome};
use crate::runner::{Answer, RunFailure};

/// What a request may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Attempts in all, the first included; fal's ceiling is 10.
    pub attempts_max: u32,
    /// Pause after the first failed attempt; doubles with each further one.
    pub backoff: Duration,
    /// The longest pause between attempts.
    pub backoff_max: Duration,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { attempts_max: 10, backoff: Duration::from_millis(500), backoff_max: Duration::from_secs(30) }
    }
}

/// What a claimed request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    Run,
    Finish(Outcome),
}

/// Before an attempt: cancelled requests and those whose start deadline has passed are ended, as are those whose attempts
/// are used up. Cancelling comes first, since it is what the caller wanted last.
pub fn before_attempt(claimed: &ClaimedRequest, budget: &Budget, now: Timestamp) -> Before {
    if claimed.cancel_requested {
        return Before::Finish(cancelled());
    }
    if claimed.start_by.is_some_and(|start_by| start_by <= now) {
        let detail = "The request did not start before its deadline.".to_owned();
        return Before::Finish(Outcome::Failed { error_type: ErrorType::RequestTimeout, detail });
    }
    if claimed.failures >= budget.attempts_max {
        let error_type = claimed.last_error.unwrap_or(ErrorType::RunnerDisconnected);
        let detail = format!("All {} attempts failed; the last one with {error_type}.", budget.attempts_max);
        return Before::Finish(Outcome::Failed { error_type, detail });
    }
    Before::Run
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempted {
    Answered {
        answer: Answer,
        inference: Duration,
    },
    Failed(RunFailure),
    /// The caller wanted it no more, and the runner stopped or had to be left.
    Cancelled,
    /// The process stops.
    Interrupted,
}

/// What an attempt leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    Finish(Outcome),
    Requeue { at: Timestamp, attempt: AttemptEnd },
}

/// After an attempt. The model's own answer stands whatever it says; a failure of the infrastructure is repeated where fal
/// repeats it, within the budget. `jitter` is any random number.
pub fn after_attempt(
    claimed: &ClaimedRequest,
    attempted: Attempted,
    budget: &Budget,
    now: Timestamp,
    jitter: u32,
) -> After {
    match attempted {
        Attempted::Answered { answer, inference } => {
            After::Finish(Outcome::Answered { http_status: answer.http_status, body: answer.body, inference })
        }
        Attempted::Cancelled => After::Finish(cancelled()),
        Attempted::Interrupted => After::Requeue { at: now, attempt: AttemptEnd::HandedBack },
        Attempted::Failed(failure) => {
            let used_up = claimed.failures.saturating_add(1) >= budget.attempts_max;
            if used_up || !repeated(failure.error_type) {
                return After::Finish(Outcome::Failed { error_type: failure.error_type, detail: failure.detail });
            }
            let at = after(now, backoff(budget, claimed.failures, jitter));
            // At its start deadline the request comes up once more, to be ended.
            let at = claimed.start_by.map_or(at, |start_by| at.min(start_by));
            After::Requeue { at, attempt: AttemptEnd::Failed(failure.error_type) }
        }
    }
}

/// fal repeats what a runner answered with 503 or 504, lost connections, incomplete answers and attempts that took too long.
fn repeated(error_type: ErrorType) -> bool {
    match error_type {
        ErrorType::RequestTimeout
        | ErrorType::StartupTimeout
        | ErrorType::RunnerSchedulingFailure
        | ErrorType::RunnerConnectionTimeout
        | ErrorType::RunnerDisconnected
        | ErrorType::RunnerConnectionRefused
        | ErrorType::RunnerConnectionError
        | ErrorType::RunnerIncompleteResponse => true,
        ErrorType::RunnerServerError
        | ErrorType::ClientDisconnected
        | ErrorType::ClientCancelled
        | ErrorType::BadRequest
        | ErrorType::InternalError
        | ErrorType::ConcurrentRequestsLimit => false,
    }
}

/// Doubles with each failure up to the longest pause; jitter moves it by up to a fifth either way.
fn backoff(budget: &Budget, failures: u32, jitter: u32) -> Duration {
    let doubled = budget.backoff.saturating_mul(1 << failures.min(16)).min(budget.backoff_max);
    let factor = 0.8 + 0.4 * f64::from(jitter) / f64::from(u32::MAX);
    doubled.mul_f64(factor)
}

/// How a cancelled request ends.
pub fn cancelled() -> Outcome {
    Outcome::Failed { error_type: ErrorType::ClientCancelled, detail: "Request cancelled by the client.".to_owned() }
}

/// How a request ends whose record can't be read any more: repeating can't help.
pub fn unreadable() -> Outcome {
    let detail = "The request's record in the queue's database can't be read.".to_owned();
    Outcome::Failed { error_type: ErrorType::InternalError, detail }
}

/// After one attempt at a delivery: done, again later, or never again. A receiver may ask for more time than the schedule
/// gives, not for less.
pub fn after_delivery(said: &Delivery, schedule: &Schedule, attempt: u32, now: Timestamp, jitter: u32) -> DeliveryNext {
    match said {
        Delivery::Delivered => DeliveryNext::Delivered,
        Delivery::Dead(_) => DeliveryNext::Dead,
        Delivery::Retry { after: asked } => match schedule.delay(attempt, jitter) {
            None => DeliveryNext::Dead,
            Some(delay) => DeliveryNext::Retry { at: after(now, asked.map_or(delay, |asked| asked.max(delay))) },
        },
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use plantain_outbound::delivery::DeadReason;
    use plantain_wire::id::{GatewayRequestId, RequestId, UserId};

    use super::*;
    use crate::model::{Caller, Lease};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn claimed() -> ClaimedRequest {
        let request_id = RequestId::parse("r").unwrap();
        ClaimedRequest {
            gateway_request_id: GatewayRequestId::from(&request_id),
            lease: Lease { request_id, attempt: 1 },
            endpoint: "a/b".parse().unwrap(),
            caller: Caller { user_id: UserId::parse("u").unwrap(), key_id: "k".into() },
            input: Bytes::new(),
            webhook: None,
            start_by: None,
            created_at: NOW,
            failures: 0,
            last_error: None,
            cancel_requested: false,
        }
    }

    fn ends_with(before: Before) -> Option<ErrorType> {
        match before {
            Before::Run => None,
            Before::Finish(Outcome::Failed { error_type, .. }) => Some(error_type),
            Before::Finish(answered) => panic!("nothing was answered: {answered:?}"),
        }
    }

    #[test]
    fn a_claimed_request_is_run_unless_its_end_is_due() {
        let late = Some(NOW);
        let soon = Some(after(NOW, Duration::from_secs(1)));
        let table = [
            (claimed(), None),
            (ClaimedRequest { start_by: soon, ..claimed() }, None),
            (ClaimedRequest { start_by: late, ..claimed() }, Some(ErrorType::RequestTimeout)),
            (ClaimedRequest { failures: 9, ..claimed() }, None),
            (ClaimedRequest { failures: 10, ..claimed() }, Some(ErrorType::RunnerDisconnected)),
            (
                ClaimedRequest { failures: 10, last_error: Some(ErrorType::StartupTimeout), ..claimed() },
                Some(ErrorType::StartupTimeout),
            ),
            (ClaimedRequest { cancel_requested: true, start_by: late, ..claimed() }, Some(ErrorType::ClientCancelled)),
        ];
        for (request, expected) in table {
            assert_eq!(ends_with(before_attempt(&request, &Budget::default(), NOW)), expected, "{request:?}");
        }
    }

    fn after_failure(error_type: ErrorType, failures: u32) -> After {
        let failure = RunFailure { error_type, detail: "why".into() };
        let claimed = ClaimedRequest { failures, ..claimed() };
        after_attempt(&claimed, Attempted::Failed(failure), &Budget::default(), NOW, u32::MAX / 2)
    }

    #[test]
    fn only_what_fal_repeats_is_repeated_and_only_within_the_budget() {
        for error_type in ErrorType::ALL {
            let again = matches!(after_failure(error_type, 0), After::Requeue { .. });
            let word = error_type.as_str();
            let expected = (word.starts_with("runner_") && word != "runner_server_error") || word.ends_with("_timeout");
            assert_eq!(again, expected, "{word}");
            assert!(matches!(after_failure(error_type, 9), After::Finish(_)), "{word}");
        }
    }

    #[test]
    fn pauses_double_up_to_their_bound() {
        let pause = |failures| match after_failure(ErrorType::RunnerDisconnected, failures) {
            After::Requeue { at, .. } => at.as_millisecond(),
            finished => panic!("{finished:?}"),
        };
        let close = |got: i64, expected: i64| assert!((got - expected).abs() <= 1, "{got} is not {expected}");
        close(pause(0), 500);
        close(pause(1), 1000);
        close(pause(3), 4000);
        close(pause(8), 30_000);
    }

    #[test]
    fn a_pause_does_not_outlast_the_start_deadline() {
        let failure = RunFailure { error_type: ErrorType::RunnerDisconnected, detail: String::new() };
        let start_by = Timestamp::from_millisecond(100).unwrap();
        let claimed = ClaimedRequest { start_by: Some(start_by), ..claimed() };
        let next = after_attempt(&claimed, Attempted::Failed(failure), &Budget::default(), NOW, 0);
        assert!(matches!(next, After::Requeue { at, .. } if at == start_by), "{next:?}");
        assert_eq!(ends_with(before_attempt(&claimed, &Budget::default(), start_by)), Some(ErrorType::RequestTimeout));
    }

    #[test]
    fn the_models_answer_stands_and_an_interrupted_attempt_costs_nothing() {
        let answer = Answer::new(422, "{}");
        let attempted = Attempted::Answered { answer, inference: Duration::from_secs(1) };
        let finished = after_attempt(&claimed(), attempted, &Budget::default(), NOW, 0);
        assert!(matches!(finished, After::Finish(Outcome::Answered { http_status: 422, .. })));
        let handed_back = after_attempt(&claimed(), Attempted::Interrupted, &Budget::default(), NOW, 0);
        assert_eq!(handed_back, After::Requeue { at: NOW, attempt: AttemptEnd::HandedBack });
        let stopped = after_attempt(&claimed(), Attempted::Cancelled, &Budget::default(), NOW, 0);
        assert_eq!(stopped, After::Finish(cancelled()));
    }

    #[test]
    fn a_delivery_is_repeated_until_its_schedule_ends() {
        let schedule = Schedule::Custom(vec![Duration::from_secs(10)]);
        let next = |said, attempt| after_delivery(&said, &schedule, attempt, NOW, u32::MAX / 2);
        let retry = |seconds: Option<u64>| Delivery::Retry { after: seconds.map(Duration::from_secs) };
        let at = |next: DeliveryNext| match next {
            DeliveryNext::Retry { at } => at.as_second(),
            other => panic!("{other:?}"),
        };
        assert_eq!(next(Delivery::Delivered, 1), DeliveryNext::Delivered);
        assert_eq!(next(Delivery::Dead(DeadReason::Gone), 1), DeliveryNext::Dead);
        assert!((9..=10).contains(&at(next(retry(None), 1))));
        assert!((9..=10).contains(&at(next(retry(Some(3)), 1))));
        assert_eq!(at(next(retry(Some(60)), 1)), 60);
        assert_eq!(next(retry(Some(60)), 2), DeliveryNext::Dead);
    }
}

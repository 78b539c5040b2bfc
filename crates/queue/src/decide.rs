//! What happens next to a claimed request and to an attempted delivery: pure, from values alone.

use std::time::Duration;

use jiff::Timestamp;

use plantain_outbound::delivery::Delivery;
use plantain_outbound::schedule::Schedule;
use plantain_wire::error::ErrorType;
use plantain_wire::options::{ATTEMPTS_MAX, Condition};
use plantain_work::clock::after;

use crate::model::{AttemptEnd, ClaimedRequest, DeliveryNext, Outcome};
use crate::runner::{Answer, AnswerHeaders, RunFailure};

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

/// Which failures may be repeated, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub budget: &'a Budget,
    /// After failures of these kinds the endpoint's operator wants no further attempt.
    pub skip_retry: &'a [Condition],
}

impl Rules<'_> {
    /// Never more than fal's ceiling.
    fn attempts_max(&self) -> u32 {
        self.budget.attempts_max.min(ATTEMPTS_MAX)
    }

    /// Whether another attempt may follow the failures of this kind, the latest included.
    fn allow(&self, claimed: &ClaimedRequest, condition: Condition, failures: u32) -> bool {
        !self.skip_retry.contains(&condition) && claimed.options.retries.allow(condition, failures)
    }

    /// Whether an attempt that has just failed may be followed by another.
    fn allow_another(&self, claimed: &ClaimedRequest, condition: Condition) -> bool {
        let failures = claimed.failures_by.of(condition).saturating_add(1);
        claimed.failures.saturating_add(1) < self.attempts_max() && self.allow(claimed, condition, failures)
    }

    /// Whether the failures so far leave room for an attempt: those of workers that vanished were judged by nobody yet.
    fn used_up(&self, claimed: &ClaimedRequest) -> bool {
        let spent = |condition: &Condition| {
            let failures = claimed.failures_by.of(*condition);
            failures > 0 && !self.allow(claimed, *condition, failures)
        };
        claimed.failures >= self.attempts_max() || Condition::ALL.iter().any(spent)
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
pub fn before_attempt(claimed: &ClaimedRequest, rules: Rules<'_>, now: Timestamp) -> Before {
    if claimed.cancel_requested {
        return Before::Finish(cancelled());
    }
    if claimed.start_by.is_some_and(|start_by| start_by <= now) {
        return Before::Finish(Outcome::start_deadline_passed());
    }
    if rules.used_up(claimed) {
        let error_type = claimed.last_error.unwrap_or(ErrorType::RunnerDisconnected);
        let attempts = claimed.failures;
        let detail = format!("No attempt is left after {attempts} that failed; the last one with {error_type}.");
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

/// After an attempt. A failure of the infrastructure and an answer that says the model is not there are repeated where fal
/// repeats them, within the budgets; any other answer stands, as does the last one when the budgets are used up. `jitter` is
/// any random number.
pub fn after_attempt(
    claimed: &ClaimedRequest,
    attempted: Attempted,
    rules: Rules<'_>,
    now: Timestamp,
    jitter: u32,
) -> After {
    let again = |attempt| {
        let at = after(now, backoff(rules.budget, claimed.failures, jitter));
        // At its start deadline the request comes up once more, to be ended.
        let at = claimed.start_by.map_or(at, |start_by| at.min(start_by));
        After::Requeue { at, attempt }
    };
    match attempted {
        Attempted::Answered { answer, .. }
            if asks_for_another(answer.http_status, &answer.headers)
                && rules.allow_another(claimed, Condition::ServerError) =>
        {
            again(AttemptEnd::Answered { http_status: answer.http_status })
        }
        Attempted::Answered { answer: Answer { http_status, body, headers }, inference } => {
            After::Finish(Outcome::Answered { http_status, body, headers, inference })
        }
        Attempted::Cancelled => After::Finish(cancelled()),
        Attempted::Interrupted => After::Requeue { at: now, attempt: AttemptEnd::HandedBack },
        Attempted::Failed(RunFailure { error_type, detail }) => match Condition::of(error_type) {
            Some(condition) if rules.allow_another(claimed, condition) => again(AttemptEnd::Failed(error_type)),
            _ => After::Finish(Outcome::Failed { error_type, detail }),
        },
    }
}

/// fal repeats what a runner answered with 503 or 504. The runner may overrule that, in both directions, for all of 5xx and
/// for 429.
pub fn asks_for_another(http_status: u16, headers: &AnswerHeaders) -> bool {
    match (http_status, headers.needs_retry) {
        (429 | 500..=599, Some(wanted)) => wanted,
        (503 | 504, None) => true,
        _ => false,
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
    use crate::model::{Caller, Failures, Lease};
    use plantain_wire::options::{RequestOptions, Retries};

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
            options: RequestOptions::default(),
            failures: 0,
            failures_by: Failures::default(),
            note: None,
            last_error: None,
            cancel_requested: false,
        }
    }

    fn usual() -> Rules<'static> {
        const BUDGET: Budget =
            Budget { attempts_max: 10, backoff: Duration::from_millis(500), backoff_max: Duration::from_secs(30) };
        Rules { budget: &BUDGET, skip_retry: &[] }
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
            assert_eq!(ends_with(before_attempt(&request, usual(), NOW)), expected, "{request:?}");
        }
    }

    #[test]
    fn a_vanished_worker_counts_against_what_the_caller_allows() {
        let lost = |server_errors, options: RequestOptions| ClaimedRequest {
            failures: server_errors,
            failures_by: Failures { server_errors, ..Failures::default() },
            last_error: Some(ErrorType::RunnerDisconnected),
            options,
            ..claimed()
        };
        let once = || RequestOptions { retries: Retries::none(), ..RequestOptions::default() };
        assert_eq!(before_attempt(&lost(0, once()), usual(), NOW), Before::Run);
        assert_eq!(ends_with(before_attempt(&lost(1, once()), usual(), NOW)), Some(ErrorType::RunnerDisconnected));
        let free = lost(1, RequestOptions::default());
        assert_eq!(before_attempt(&free, usual(), NOW), Before::Run);
        let skipping = Rules { skip_retry: &[Condition::ServerError], ..usual() };
        assert_eq!(ends_with(before_attempt(&free, skipping, NOW)), Some(ErrorType::RunnerDisconnected));
    }

    fn answered(http_status: u16, needs_retry: Option<bool>) -> Attempted {
        let headers = AnswerHeaders { needs_retry, ..AnswerHeaders::default() };
        let answer = Answer { headers, ..Answer::new(http_status, "busy") };
        Attempted::Answered { answer, inference: Duration::from_secs(1) }
    }

    #[test]
    fn an_answer_is_repeated_where_fal_repeats_it_or_the_runner_says_so() {
        for (status, needs_retry, expected) in [
            (200, Some(true), false),
            (302, None, false),
            (400, Some(true), false),
            (422, None, false),
            (429, None, false),
            (429, Some(true), true),
            (500, None, false),
            (500, Some(true), true),
            (500, Some(false), false),
            (502, None, false),
            (503, None, true),
            (503, Some(false), false),
            (504, None, true),
            (504, Some(true), true),
            (600, Some(true), false),
        ] {
            let next = after_attempt(&claimed(), answered(status, needs_retry), usual(), NOW, 0);
            match next {
                After::Requeue { attempt, .. } => {
                    assert!(expected, "{status} {needs_retry:?}");
                    assert_eq!(attempt, AttemptEnd::Answered { http_status: status });
                }
                After::Finish(_) => assert!(!expected, "{status} {needs_retry:?}"),
            }
        }
    }

    #[test]
    fn the_last_answer_is_the_outcome_when_the_budget_ends() {
        let tired = ClaimedRequest { failures: 9, ..claimed() };
        let After::Finish(Outcome::Answered { http_status, body, .. }) =
            after_attempt(&tired, answered(503, None), usual(), NOW, 0)
        else {
            panic!("the tenth attempt is the last");
        };
        assert_eq!((http_status, &body[..]), (503, &b"busy"[..]));
    }

    #[test]
    fn each_condition_has_a_budget_of_its_own() {
        let config = r#"{"server_error":{"retries":1},"timeout":{"retries":0}}"#;
        let options = RequestOptions { retries: Retries::read(None, Some(config)), ..RequestOptions::default() };
        let failures_by = Failures { server_errors: 1, timeouts: 0, connection_errors: 5 };
        let tried = ClaimedRequest { options, failures: 6, failures_by, ..claimed() };
        let failed = |error_type| Attempted::Failed(RunFailure { error_type, detail: String::new() });
        for (attempted, rules, expected) in [
            (answered(503, None), usual(), false),
            (failed(ErrorType::RunnerDisconnected), usual(), false),
            (failed(ErrorType::RequestTimeout), usual(), false),
            (failed(ErrorType::RunnerConnectionRefused), usual(), true),
            (
                failed(ErrorType::RunnerConnectionRefused),
                Rules { skip_retry: &[Condition::ConnectionError], ..usual() },
                false,
            ),
        ] {
            let next = after_attempt(&tried, attempted.clone(), rules, NOW, 0);
            assert_eq!(matches!(next, After::Requeue { .. }), expected, "{attempted:?}");
        }
        let endless = Budget { attempts_max: 1000, ..Budget::default() };
        let rules = Rules { budget: &endless, skip_retry: &[] };
        let tenth = ClaimedRequest { failures: 9, ..claimed() };
        assert!(matches!(after_attempt(&tenth, answered(503, None), rules, NOW, 0), After::Finish(_)), "the ceiling");
    }

    fn after_failure(error_type: ErrorType, failures: u32) -> After {
        let failure = RunFailure { error_type, detail: "why".into() };
        let claimed = ClaimedRequest { failures, ..claimed() };
        after_attempt(&claimed, Attempted::Failed(failure), usual(), NOW, u32::MAX / 2)
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
        let next = after_attempt(&claimed, Attempted::Failed(failure), usual(), NOW, 0);
        assert!(matches!(next, After::Requeue { at, .. } if at == start_by), "{next:?}");
        assert_eq!(ends_with(before_attempt(&claimed, usual(), start_by)), Some(ErrorType::RequestTimeout));
    }

    #[test]
    fn the_models_answer_stands_and_an_interrupted_attempt_costs_nothing() {
        let answer = Answer::new(422, "{}");
        let attempted = Attempted::Answered { answer, inference: Duration::from_secs(1) };
        let finished = after_attempt(&claimed(), attempted, usual(), NOW, 0);
        assert!(matches!(finished, After::Finish(Outcome::Answered { http_status: 422, .. })));
        let handed_back = after_attempt(&claimed(), Attempted::Interrupted, usual(), NOW, 0);
        assert_eq!(handed_back, After::Requeue { at: NOW, attempt: AttemptEnd::HandedBack });
        let stopped = after_attempt(&claimed(), Attempted::Cancelled, usual(), NOW, 0);
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

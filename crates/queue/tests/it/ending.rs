//! Whatever happens to a request, it ends, once, within its budget.

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use plantain_queue::decide::{After, Attempted, Before, Budget, Rules, after_attempt, before_attempt};
use plantain_queue::model::{AttemptEnd, Caller, ClaimedRequest, Failures, Lease};
use plantain_queue::runner::{Answer, AnswerHeaders, RunFailure};
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, UserId};
use plantain_wire::options::{ATTEMPTS_MAX, Condition, RequestOptions, Retries};

use crate::bench::name;

fn claimed() -> ClaimedRequest {
    let request_id = name("r");
    ClaimedRequest {
        gateway_request_id: GatewayRequestId::from(&request_id),
        lease: Lease { request_id, attempt: 1 },
        endpoint: "a/b".parse().unwrap(),
        caller: Caller { user_id: UserId::parse("u").unwrap(), key_id: "k".into() },
        input: Bytes::new(),
        webhook: None,
        start_by: None,
        created_at: Timestamp::UNIX_EPOCH,
        options: RequestOptions::default(),
        failures: 0,
        failures_by: Failures::default(),
        note: None,
        last_error: None,
        cancel_requested: false,
    }
}

/// What can happen to one attempt, the sudden death of its process included.
#[derive(Clone, Debug)]
enum Fate {
    Ends(Attempted),
    Dies,
}

fn fate() -> impl Strategy<Value = Fate> {
    let failed = proptest::sample::select(ErrorType::ALL.to_vec())
        .prop_map(|error_type| Attempted::Failed(RunFailure { error_type, detail: String::new() }));
    let status = prop_oneof![any::<u16>(), proptest::sample::select(vec![429, 500, 503, 504])];
    let answered = (status, any::<Option<bool>>()).prop_map(|(http_status, needs_retry)| {
        let headers = AnswerHeaders { needs_retry, ..AnswerHeaders::default() };
        let answer = Answer { headers, ..Answer::new(http_status, Bytes::new()) };
        Attempted::Answered { answer, inference: std::time::Duration::ZERO }
    });
    prop_oneof![
        4 => failed.prop_map(Fate::Ends),
        4 => answered.prop_map(Fate::Ends),
        1 => Just(Fate::Ends(Attempted::Cancelled)),
        1 => Just(Fate::Ends(Attempted::Interrupted)),
        2 => Just(Fate::Dies),
    ]
}

/// What a caller may say about retries.
fn retries() -> impl Strategy<Value = Retries> {
    let budgets = proptest::collection::vec(0..12_u32, 3).prop_map(|budgets| {
        let budgets = Condition::ALL.iter().zip(budgets);
        let budgets: Vec<_> = budgets
            .map(|(condition, retries)| format!(r#""{}":{{"retries":{retries}}}"#, condition.as_str()))
            .collect();
        Retries::read(None, Some(&format!("{{{}}}", budgets.join(","))))
    });
    prop_oneof![Just(Retries::default()), Just(Retries::none()), budgets]
}

fn counted(failures: &mut Failures, condition: Option<Condition>) {
    match condition {
        Some(Condition::ServerError) => failures.server_errors += 1,
        Some(Condition::Timeout) => failures.timeouts += 1,
        Some(Condition::ConnectionError) => failures.connection_errors += 1,
        None => {}
    }
}

proptest! {
    #[test]
    fn every_request_ends_within_its_budget(
        fates in proptest::collection::vec(fate(), 40),
        attempts_max in 1..12_u32,
        start_by in proptest::option::of(0..200_000_i64),
        retries in retries(),
        skip_retry in proptest::sample::subsequence(Condition::ALL.to_vec(), 0..3),
        jitter in any::<u32>(),
    ) {
        let budget = Budget { attempts_max, ..Budget::default() };
        let start_by = start_by.map(|millis| Timestamp::from_millisecond(millis).unwrap());
        let rules = Rules { budget: &budget, skip_retry: &skip_retry };
        let options = RequestOptions { retries: retries.clone(), ..RequestOptions::default() };
        let mut request = ClaimedRequest { start_by, options, ..claimed() };
        let mut now = Timestamp::UNIX_EPOCH;
        let mut free = 0;
        for fate in fates {
            prop_assert!(request.failures <= attempts_max.min(ATTEMPTS_MAX));
            if let Before::Finish(_) = before_attempt(&request, rules, now) {
                return Ok(());
            }
            for condition in Condition::ALL {
                let failures = request.failures_by.of(condition);
                prop_assert!(failures == 0 || retries.allow(condition, failures), "{condition:?} {failures}");
                prop_assert!(failures == 0 || !skip_retry.contains(&condition), "{condition:?}");
            }
            prop_assert!(request.start_by.is_none_or(|start_by| start_by > now), "nothing starts after its deadline");
            let failed_with = match fate {
                Fate::Dies => Some(ErrorType::RunnerDisconnected),
                Fate::Ends(attempted) => match after_attempt(&request, attempted, rules, now, jitter) {
                    After::Finish(_) => return Ok(()),
                    After::Requeue { at, attempt } => {
                        prop_assert!(at >= now);
                        now = at;
                        match attempt {
                            AttemptEnd::Failed(error_type) => Some(error_type),
                            AttemptEnd::Answered { .. } => Some(ErrorType::RunnerDisconnected),
                            AttemptEnd::HandedBack => None,
                        }
                    }
                },
            };
            counted(&mut request.failures_by, failed_with.and_then(Condition::of));
            request.failures += u32::from(failed_with.is_some());
            free += u32::from(failed_with.is_none());
            request.last_error = failed_with.or(request.last_error);
            request.lease.attempt += 1;
        }
        // Only stops of the process can have kept it going for that long.
        prop_assert!(free >= 40 - attempts_max);
    }
}

//! Whatever happens to a request, it ends, once, within its budget.

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use plantain_queue::decide::{After, Attempted, Before, Budget, after_attempt, before_attempt};
use plantain_queue::model::{AttemptEnd, Caller, ClaimedRequest, Lease};
use plantain_queue::runner::{Answer, RunFailure};
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, UserId};

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
        failures: 0,
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
    let answered = any::<u16>().prop_map(|http_status| Attempted::Answered {
        answer: Answer::new(http_status, Bytes::new()),
        inference: std::time::Duration::ZERO,
    });
    prop_oneof![
        4 => failed.prop_map(Fate::Ends),
        1 => answered.prop_map(Fate::Ends),
        1 => Just(Fate::Ends(Attempted::Cancelled)),
        1 => Just(Fate::Ends(Attempted::Interrupted)),
        2 => Just(Fate::Dies),
    ]
}

proptest! {
    #[test]
    fn every_request_ends_within_its_budget(
        fates in proptest::collection::vec(fate(), 40),
        attempts_max in 1..12_u32,
        start_by in proptest::option::of(0..200_000_i64),
        jitter in any::<u32>(),
    ) {
        let budget = Budget { attempts_max, ..Budget::default() };
        let start_by = start_by.map(|millis| Timestamp::from_millisecond(millis).unwrap());
        let mut request = ClaimedRequest { start_by, ..claimed() };
        let mut now = Timestamp::UNIX_EPOCH;
        let mut free = 0;
        for fate in fates {
            prop_assert!(request.failures <= attempts_max);
            if let Before::Finish(_) = before_attempt(&request, &budget, now) {
                return Ok(());
            }
            prop_assert!(request.start_by.is_none_or(|start_by| start_by > now), "nothing starts after its deadline");
            let failed_with = match fate {
                Fate::Dies => Some(ErrorType::RunnerDisconnected),
                Fate::Ends(attempted) => match after_attempt(&request, attempted, &budget, now, jitter) {
                    After::Finish(_) => return Ok(()),
                    After::Requeue { at, attempt } => {
                        prop_assert!(at >= now);
                        now = at;
                        match attempt {
                            AttemptEnd::Failed(error_type) => Some(error_type),
                            AttemptEnd::HandedBack => None,
                        }
                    }
                },
            };
            request.failures += u32::from(failed_with.is_some());
            free += u32::from(failed_with.is_none());
            request.last_error = failed_with.or(request.last_error);
            request.lease.attempt += 1;
        }
        // Only stops of the process can have kept it going for that long.
        prop_assert!(free >= 40 - attempts_max);
    }
}

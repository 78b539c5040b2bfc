//! What an answer means for a webhook delivery: done, again later, or never again.
//!
//! Follows fal's rules of autumn 2026: every 2xx is delivered, redirects are not followed and final, private addresses are
//! final, everything else is tried again.

use std::time::Duration;

use crate::policy::Refusal;
use crate::send::{Answer, SendError};

/// The longest wait that a receiver may ask for. Results may be gone afterwards.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// The next step of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    /// Try again: after the schedule's delay, and not before what the receiver asked for.
    Retry {
        after: Option<Duration>,
    },
    /// Trying again can't help.
    Dead(DeadReason),
}

/// Why a delivery is given up at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeadReason {
    #[error("the receiver answered with a redirect ({status}), which is not followed: register the final address")]
    Redirected { status: u16 },
    #[error("the receiver said that it is gone for good (410)")]
    Gone,
    #[error("{0}")]
    Refused(Refusal),
    #[error("the request can't be made")]
    Unsendable,
}

/// Decides from one attempt's outcome.
pub fn classify(outcome: &Result<Answer, SendError>) -> Delivery {
    match outcome {
        Ok(answer) => by_status(answer),
        Err(SendError::Refused(refusal)) => Delivery::Dead(DeadReason::Refused(refusal.clone())),
        Err(SendError::Unsendable) => Delivery::Dead(DeadReason::Unsendable),
        Err(SendError::Unreachable(_) | SendError::TimedOut { .. } | SendError::Broken) => {
            Delivery::Retry { after: None }
        }
    }
}

fn by_status(answer: &Answer) -> Delivery {
    match answer.status {
        200..=299 => Delivery::Delivered,
        status @ 300..=399 => Delivery::Dead(DeadReason::Redirected { status }),
        410 => Delivery::Dead(DeadReason::Gone),
        429 | 503 => Delivery::Retry { after: answer.retry_after.map(|after| after.min(RETRY_AFTER_MAX)) },
        _ => Delivery::Retry { after: None },
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::transport::NoConnection;

    fn answered(status: u16, retry_after: Option<u64>) -> Delivery {
        let retry_after = retry_after.map(Duration::from_secs);
        classify(&Ok(Answer { status, retry_after, latency: Duration::ZERO, first_bytes: Bytes::new() }))
    }

    fn retry(seconds: Option<u64>) -> Delivery {
        Delivery::Retry { after: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn answers_are_sorted_by_their_status() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answered(status, None), Delivery::Delivered);
        }
        for status in [300, 301, 302, 304, 307, 308] {
            assert_eq!(answered(status, None), Delivery::Dead(DeadReason::Redirected { status }));
        }
        assert_eq!(answered(410, Some(5)), Delivery::Dead(DeadReason::Gone));
        for status in [100, 400, 401, 403, 404, 408, 409, 422, 500, 502, 504, 599, 999] {
            assert_eq!(answered(status, Some(5)), retry(None), "{status}");
        }
    }

    #[test]
    fn a_busy_receiver_may_ask_for_time_but_not_for_ever() {
        assert_eq!(answered(429, Some(30)), retry(Some(30)));
        assert_eq!(answered(503, None), retry(None));
        assert_eq!(answered(503, Some(86_400)), retry(Some(3600)));
    }

    #[test]
    fn only_faults_of_the_address_are_final() {
        assert_eq!(classify(&Err(SendError::Broken)), retry(None));
        assert_eq!(classify(&Err(SendError::TimedOut { deadline: Duration::ZERO })), retry(None));
        assert_eq!(classify(&Err(SendError::Unreachable(NoConnection::NameUnknown))), retry(None));
        assert_eq!(classify(&Err(SendError::Unsendable)), Delivery::Dead(DeadReason::Unsendable));
        let refused = classify(&Err(SendError::Refused(Refusal::Scheme)));
        assert_eq!(refused, Delivery::Dead(DeadReason::Refused(Refusal::Scheme)));
    }
}

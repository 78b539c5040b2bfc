//! What a simulated model does where its input doesn't say: how long it takes, what it logs, and which runs fail. Pure.

use std::time::Duration;

use bytes::Bytes;
use plantain_queue::runner::{Answer, RunFailure};
use plantain_wire::error::{Detail, ErrorBody, ErrorType, ModelErrorType};
use plantain_wire::id::GatewayRequestId;
use sha2::{Digest, Sha256};

/// As configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub duration: Duration,
    /// Lines in the log, spread over the run.
    pub logs: u32,
    /// Partial outputs, spread over the run.
    pub partials: u32,
    /// JSON text.
    pub output: Bytes,
    /// Which part of the runs fails, 0 to 1.
    pub failure_rate: f64,
    /// How they fail, each as often as the others; none: `runner_server_error`.
    pub failures: Vec<Failing>,
    /// Another seed draws other failures.
    pub seed: u64,
}

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Around the model.
    Kind(ErrorType),
    /// The model's own answer: 400 to 599.
    Status(u16),
}

impl Script {
    /// Ends well after this time, with an empty object.
    pub fn lasting(duration: Duration) -> Script {
        Script {
            duration,
            logs: 0,
            partials: 0,
            output: Bytes::from_static(b"{}"),
            failure_rate: 0.0,
            failures: Vec::new(),
            seed: 0,
        }
    }

    /// How this attempt fails, if it does. The same for the same seed and attempt, always and everywhere; the first attempt's
    /// id is the request's own, later ones draw again.
    pub(super) fn fate(&self, attempt: &GatewayRequestId) -> Option<Failing> {
        let digest = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(attempt.as_str()).finalize();
        let number = |from: usize| digest[from..from + 4].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let unlucky = (number(0) as f64) < self.failure_rate * (u64::from(u32::MAX) + 1) as f64;
        let ways = self.failures.len().max(1) as u64;
        let way = usize::try_from(number(4) % ways).unwrap_or_default();
        unlucky.then(|| self.failures.get(way).copied().unwrap_or(Failing::Kind(ErrorType::RunnerServerError)))
    }
}

impl Failing {
    pub(super) fn end(self) -> Result<Answer, RunFailure> {
        const MSG: &str = "A simulated failure";
        let place = || vec!["body".into()];
        let (status, body) = match self {
            Failing::Kind(error_type) => return Err(crate::failure(error_type, MSG)),
            Failing::Status(422) => (422, ErrorBody::Validation(vec![Detail::new("value_error", place(), MSG)])),
            Failing::Status(500) => {
                (500, ErrorBody::Validation(vec![Detail::model(ModelErrorType::InternalServerError, place(), MSG)]))
            }
            Failing::Status(status) => (status, ErrorBody::plain(MSG)),
        };
        Ok(Answer::new(status, body.to_json()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(number: u32) -> GatewayRequestId {
        GatewayRequestId::parse(&format!("attempt-{number}")).unwrap()
    }

    #[test]
    fn the_given_part_fails_in_all_given_ways_and_always_the_same() {
        let failures = vec![Failing::Kind(ErrorType::RunnerDisconnected), Failing::Status(422)];
        let script = Script { failure_rate: 0.25, failures, ..Script::lasting(Duration::ZERO) };
        let fates: Vec<_> = (0..4000).map(|number| script.fate(&attempt(number))).collect();
        let (failed, refused) =
            (fates.iter().flatten().count(), fates.iter().filter(|f| **f == Some(Failing::Status(422))).count());
        assert!((850..1150).contains(&failed) && (400..600).contains(&refused), "{failed} {refused}");
        assert_eq!(fates, (0..4000).map(|number| script.fate(&attempt(number))).collect::<Vec<_>>());
        let other = Script { seed: 1, ..script };
        assert_ne!(fates, (0..4000).map(|number| other.fate(&attempt(number))).collect::<Vec<_>>());
    }

    #[test]
    fn never_and_always_mean_it() {
        let with = |rate| Script { failure_rate: rate, ..Script::lasting(Duration::ZERO) };
        assert!((0..1000).all(|number| with(0.0).fate(&attempt(number)).is_none()));
        let expected = Some(Failing::Kind(ErrorType::RunnerServerError));
        assert!((0..1000).all(|number| with(1.0).fate(&attempt(number)) == expected));
    }

    #[test]
    fn a_simulated_answer_looks_like_a_models() {
        for (status, words) in [(422, "value_error"), (500, "internal_server_error"), (503, "A simulated failure")] {
            let answer = Failing::Status(status).end().unwrap();
            assert_eq!(answer.http_status, status);
            assert!(String::from_utf8_lossy(&answer.body).contains(words));
        }
    }
}

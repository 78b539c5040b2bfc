//! How often failures of the infrastructure are to be repeated: fal's conditions and their separate budgets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::ErrorType;

/// Attempts in all that a request can get, whatever its caller asks for.
pub const ATTEMPTS_MAX: u32 = 10;

/// Why an attempt failed, as far as retries are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The runner answered 503 or 504, or went away.
    ServerError,
    /// The attempt took longer than the endpoint allows.
    Timeout,
    /// The runner could not be reached.
    ConnectionError,
}

impl Condition {
    pub const ALL: [Condition; 3] = [Condition::ServerError, Condition::Timeout, Condition::ConnectionError];

    pub fn as_str(self) -> &'static str {
        match self {
            Condition::ServerError => "server_error",
            Condition::Timeout => "timeout",
            Condition::ConnectionError => "connection_error",
        }
    }

    pub fn parse(word: &str) -> Option<Condition> {
        Condition::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// `None` where fal never repeats.
    pub fn of(error_type: ErrorType) -> Option<Condition> {
        match error_type {
            ErrorType::RequestTimeout | ErrorType::StartupTimeout => Some(Condition::Timeout),
            ErrorType::RunnerConnectionTimeout
            | ErrorType::RunnerConnectionRefused
            | ErrorType::RunnerConnectionError => Some(Condition::ConnectionError),
            ErrorType::RunnerSchedulingFailure
            | ErrorType::RunnerDisconnected
            | ErrorType::RunnerIncompleteResponse => Some(Condition::ServerError),
            ErrorType::RunnerServerError
            | ErrorType::ClientDisconnected
            | ErrorType::ClientCancelled
            | ErrorType::BadRequest
            | ErrorType::InternalError
            | ErrorType::ConcurrentRequestsLimit => None,
        }
    }
}

/// What the caller allows: everything within the queue's own budget, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Retries(BTreeMap<Condition, u32>);

#[derive(Deserialize)]
struct Written {
    retries: u32,
}

impl Retries {
    /// `no_retry` wins over `config`; words that can't be read are ignored, condition by condition.
    pub fn read(no_retry: Option<&str>, config: Option<&str>) -> Retries {
        let refused = no_retry
            .map(str::trim)
            .is_some_and(|word| ["1", "true", "yes"].iter().any(|yes| word.eq_ignore_ascii_case(yes)));
        match refused {
            true => Retries::none(),
            false => config.map(Retries::parse).unwrap_or_default(),
        }
    }

    /// One attempt only.
    pub fn none() -> Retries {
        Retries(Condition::ALL.into_iter().map(|condition| (condition, 0)).collect())
    }

    fn parse(json: &str) -> Retries {
        let conditions: BTreeMap<String, &RawValue> = serde_json::from_str(json).unwrap_or_default();
        let budget = |(word, value): (String, &RawValue)| {
            let written: Written = serde_json::from_str(value.get()).ok()?;
            Some((Condition::parse(&word)?, written.retries.min(ATTEMPTS_MAX - 1)))
        };
        Retries(conditions.into_iter().filter_map(budget).collect())
    }

    /// Whether another attempt may follow `failures` failed ones of this condition.
    pub fn allow(&self, condition: Condition, failures: u32) -> bool {
        self.0.get(&condition).is_none_or(|budget| failures <= *budget)
    }

    pub(super) fn is_default(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_a_budget_of_its_own() {
        let retries = Retries::read(None, Some(r#"{"server_error":{"retries":1},"timeout":{"retries":0},"x":{}}"#));
        for (condition, failures, allowed) in [
            (Condition::ServerError, 1, true),
            (Condition::ServerError, 2, false),
            (Condition::Timeout, 1, false),
            (Condition::ConnectionError, 9, true),
        ] {
            assert_eq!(retries.allow(condition, failures), allowed, "{condition:?} {failures}");
        }
    }

    #[test]
    fn refusing_all_retries_wins() {
        for word in ["1", "true", "Yes"] {
            assert_eq!(Retries::read(Some(word), Some(r#"{"timeout":{"retries":3}}"#)), Retries::none(), "{word}");
        }
        assert_ne!(Retries::read(Some("0"), None), Retries::none());
    }

    #[test]
    fn what_cannot_be_read_is_ignored_and_budgets_have_a_ceiling() {
        for bad in
            ["", "no", "[]", r#"{"timeout":3}"#, r#"{"timeout":{"retries":-1}}"#, r#"{"timeout":{"retries":"2"}}"#]
        {
            assert_eq!(Retries::read(None, Some(bad)), Retries::default(), "{bad}");
        }
        let greedy = Retries::read(None, Some(r#"{"timeout":{"retries":99}}"#));
        assert!(greedy.allow(Condition::Timeout, 9) && !greedy.allow(Condition::Timeout, 10));
    }

    #[test]
    fn only_what_fal_repeats_has_a_condition() {
        let none: Vec<_> = ErrorType::ALL.into_iter().filter(|kind| Condition::of(*kind).is_none()).collect();
        assert_eq!(none.len(), 6, "{none:?}");
    }
}

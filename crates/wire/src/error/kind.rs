//! What can go wrong around a model, as the words of `error_type`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of an infrastructure error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    RequestTimeout,
    StartupTimeout,
    RunnerSchedulingFailure,
    RunnerConnectionTimeout,
    RunnerDisconnected,
    RunnerConnectionRefused,
    RunnerConnectionError,
    RunnerIncompleteResponse,
    RunnerServerError,
    ClientDisconnected,
    ClientCancelled,
    BadRequest,
    InternalError,
    /// Said by synchronous calls only; queued requests wait instead.
    ConcurrentRequestsLimit,
}

impl ErrorType {
    pub const ALL: [ErrorType; 14] = [
        ErrorType::RequestTimeout,
        ErrorType::StartupTimeout,
        ErrorType::RunnerSchedulingFailure,
        ErrorType::RunnerConnectionTimeout,
        ErrorType::RunnerDisconnected,
        ErrorType::RunnerConnectionRefused,
        ErrorType::RunnerConnectionError,
        ErrorType::RunnerIncompleteResponse,
        ErrorType::RunnerServerError,
        ErrorType::ClientDisconnected,
        ErrorType::ClientCancelled,
        ErrorType::BadRequest,
        ErrorType::InternalError,
        ErrorType::ConcurrentRequestsLimit,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::RequestTimeout => "request_timeout",
            ErrorType::StartupTimeout => "startup_timeout",
            ErrorType::RunnerSchedulingFailure => "runner_scheduling_failure",
            ErrorType::RunnerConnectionTimeout => "runner_connection_timeout",
            ErrorType::RunnerDisconnected => "runner_disconnected",
            ErrorType::RunnerConnectionRefused => "runner_connection_refused",
            ErrorType::RunnerConnectionError => "runner_connection_error",
            ErrorType::RunnerIncompleteResponse => "runner_incomplete_response",
            ErrorType::RunnerServerError => "runner_server_error",
            ErrorType::ClientDisconnected => "client_disconnected",
            ErrorType::ClientCancelled => "client_cancelled",
            ErrorType::BadRequest => "bad_request",
            ErrorType::InternalError => "internal_error",
            ErrorType::ConcurrentRequestsLimit => "concurrent_requests_limit",
        }
    }

    /// `None` for a word that isn't one of ours; fal adds some from time to time.
    pub fn parse(word: &str) -> Option<ErrorType> {
        ErrorType::ALL.into_iter().find(|known| known.as_str() == word)
    }

    pub fn http_status(self) -> u16 {
        match self {
            ErrorType::RequestTimeout | ErrorType::StartupTimeout => 504,
            ErrorType::RunnerSchedulingFailure
            | ErrorType::RunnerConnectionTimeout
            | ErrorType::RunnerDisconnected
            | ErrorType::RunnerConnectionRefused
            | ErrorType::RunnerConnectionError => 503,
            ErrorType::RunnerIncompleteResponse => 502,
            ErrorType::RunnerServerError | ErrorType::InternalError => 500,
            ErrorType::ClientDisconnected | ErrorType::ClientCancelled => 499,
            ErrorType::BadRequest => 400,
            ErrorType::ConcurrentRequestsLimit => 429,
        }
    }

    /// Could the same request succeed if it were sent again? This is what `X-Fal-Needs-Retry` says.
    pub fn transient(self) -> bool {
        !matches!(self, ErrorType::ClientDisconnected | ErrorType::ClientCancelled | ErrorType::BadRequest)
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_word_code_and_hint() {
        let table = [
            ("request_timeout", 504, true),
            ("startup_timeout", 504, true),
            ("runner_scheduling_failure", 503, true),
            ("runner_connection_timeout", 503, true),
            ("runner_disconnected", 503, true),
            ("runner_connection_refused", 503, true),
            ("runner_connection_error", 503, true),
            ("runner_incomplete_response", 502, true),
            ("runner_server_error", 500, true),
            ("client_disconnected", 499, false),
            ("client_cancelled", 499, false),
            ("bad_request", 400, false),
            ("internal_error", 500, true),
            ("concurrent_requests_limit", 429, true),
        ];
        assert_eq!(table.len(), ErrorType::ALL.len());
        for (word, code, transient) in table {
            let kind = ErrorType::parse(word).expect(word);
            assert_eq!((kind.as_str(), kind.http_status(), kind.transient()), (word, code, transient));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{word}\""));
        }
        assert_eq!(ErrorType::parse("runner_on_holiday"), None);
    }
}

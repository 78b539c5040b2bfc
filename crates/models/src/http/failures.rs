//! What it means for an attempt that a server gave no answer, or half of one. Pure.

use plantain_outbound::transport::{BodyError, Failure, NoConnection};
use plantain_queue::runner::RunFailure;
use plantain_wire::error::ErrorType;

/// Nothing of an answer came.
pub(crate) fn of_call(failure: &Failure) -> RunFailure {
    let (error_type, detail) = match failure {
        Failure::NoConnection(NoConnection::TimedOut) => {
            (ErrorType::RunnerConnectionTimeout, "The model's server did not take the connection in time.")
        }
        Failure::NoConnection(NoConnection::Refused) => {
            (ErrorType::RunnerConnectionRefused, "The model's server refused the connection.")
        }
        Failure::NoConnection(NoConnection::NameUnknown) => {
            (ErrorType::RunnerConnectionError, "The name of the model's server could not be resolved.")
        }
        Failure::NoConnection(NoConnection::Tls) => {
            (ErrorType::RunnerConnectionError, "No encrypted connection to the model's server could be made.")
        }
        Failure::TimedOut => (ErrorType::RequestTimeout, "The model did not answer in time."),
        Failure::Broken => {
            (ErrorType::RunnerDisconnected, "The model's server closed the connection without an answer.")
        }
        Failure::Refused(_) | Failure::Unsendable => {
            (ErrorType::InternalError, "The request to the model's server can't be made as it is configured.")
        }
    };
    crate::failure(error_type, detail)
}

/// The status came, and not all of the body.
pub(crate) fn of_body(error: &BodyError, bytes_max: usize) -> RunFailure {
    match error {
        BodyError::TooLarge { .. } => {
            let detail = format!("The model's answer is larger than {bytes_max} bytes.");
            crate::failure(ErrorType::RunnerServerError, detail)
        }
        BodyError::Failed(_) => incomplete(),
    }
}

pub(crate) fn incomplete() -> RunFailure {
    crate::failure(
        ErrorType::RunnerIncompleteResponse,
        "The model's server closed the connection before its answer was complete.",
    )
}

/// The body is there, and not what was agreed. A body that ends too early may be whole the next time; nonsense stays nonsense.
pub(crate) fn of_json(error: &serde_json::Error) -> RunFailure {
    match error.is_eof() {
        true => incomplete(),
        false => crate::failure(ErrorType::RunnerServerError, "The model's answer is not the JSON that it should be."),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn each_way_to_get_no_answer_has_its_word() {
        for (failure, expected) in [
            (Failure::NoConnection(NoConnection::Refused), "runner_connection_refused"),
            (Failure::NoConnection(NoConnection::TimedOut), "runner_connection_timeout"),
            (Failure::NoConnection(NoConnection::NameUnknown), "runner_connection_error"),
            (Failure::NoConnection(NoConnection::Tls), "runner_connection_error"),
            (Failure::TimedOut, "request_timeout"),
            (Failure::Broken, "runner_disconnected"),
            (Failure::Unsendable, "internal_error"),
        ] {
            assert_eq!(of_call(&failure).error_type.as_str(), expected);
        }
        assert_eq!(of_body(&BodyError::TooLarge { start: Bytes::new() }, 5).error_type, ErrorType::RunnerServerError);
        assert_eq!(of_body(&BodyError::Failed(Failure::Broken), 5).error_type, ErrorType::RunnerIncompleteResponse);
    }

    #[test]
    fn a_body_that_ends_too_early_is_worth_another_try_and_nonsense_is_not() {
        let said = |json: &str| of_json(&serde_json::from_str::<serde_json::Value>(json).unwrap_err()).error_type;
        assert_eq!(said("{\"a\":"), ErrorType::RunnerIncompleteResponse);
        assert_eq!(said(""), ErrorType::RunnerIncompleteResponse);
        assert_eq!(said("<html>"), ErrorType::RunnerServerError);
    }
}

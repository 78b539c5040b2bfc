//! What the other queue's answers mean for an attempt here. Pure.

use plantain_client::{ClientError, ResultReply};
use plantain_queue::runner::{Answer, AnswerHeaders, RunFailure};
use plantain_wire::error::ErrorType;
use plantain_wire::header;

use super::Repeats;

/// A submit that brought no id. Only what surely did nothing, or may safely be repeated, is worth another attempt.
pub(super) fn of_submit(error: &ClientError, repeats: Repeats) -> RunFailure {
    match error {
        ClientError::Rejected { status: status @ (401 | 403), .. } => key_refused(*status),
        ClientError::Rejected { .. } => crate::failure(ErrorType::RunnerServerError, sentence(error)),
        error if error.may_have_arrived() && repeats == Repeats::Unsafe => lost_track(),
        error => crate::failure(ErrorType::RunnerConnectionError, sentence(error)),
    }
}

/// A call that changes nothing over there failed for good.
pub(super) fn of_asking(error: &ClientError) -> RunFailure {
    match error {
        ClientError::Rejected { status: 404, .. } => {
            crate::failure(ErrorType::RunnerServerError, "The other queue does not know the request any more.")
        }
        ClientError::Rejected { status: status @ (401 | 403), .. } => key_refused(*status),
        error if error.transient() => crate::failure(ErrorType::RunnerConnectionError, sentence(error)),
        error => crate::failure(ErrorType::RunnerServerError, sentence(error)),
    }
}

/// Nobody knows whether a submit arrived, and sending it again might be billed twice.
pub(super) fn lost_track() -> RunFailure {
    let detail = "It is unknown whether the other queue accepted the request. It was not sent again, since it might run and be billed twice.";
    crate::failure(ErrorType::InternalError, detail)
}

fn key_refused(status: u16) -> RunFailure {
    tracing::error!(status, "models.key_refused: the other queue refuses the configured key");
    crate::failure(ErrorType::RunnerServerError, "The other queue refused this server's key.")
}

fn sentence(error: &ClientError) -> String {
    format!("The other queue: {error}.")
}

/// A result, byte for byte. It was tried as often as that queue tries, so it is not tried again here.
pub(super) fn of_result(reply: ResultReply, headers: &[(String, String)]) -> Answer {
    let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let own = [header::REQUEST_ID, header::NEEDS_RETRY, header::RETRYABLE, header::BILLABLE_UNITS];
    let passed_on = headers.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect();
    let headers = AnswerHeaders {
        needs_retry: (reply.http_status >= 500 || reply.http_status == 429).then_some(false),
        billable_units: find(header::BILLABLE_UNITS),
        content_type: None,
        passed_on,
    };
    Answer { http_status: reply.http_status, body: reply.body, headers }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use plantain_client::error::{Fault, Lost, NotSent};
    use plantain_outbound::transport::NoConnection;

    use super::*;

    #[test]
    fn a_submit_that_may_have_arrived_is_repeated_only_where_that_is_safe() {
        let rejected = |status| ClientError::Rejected { status, body: Bytes::new() };
        let refused = ClientError::NotSent(NotSent::NoConnection(NoConnection::Refused));
        let busy = |status| ClientError::Busy { status, retry_after: None };
        for (error, with_fal, with_plantain) in [
            (refused, "runner_connection_error", "runner_connection_error"),
            (busy(429), "runner_connection_error", "runner_connection_error"),
            (busy(503), "internal_error", "runner_connection_error"),
            (ClientError::Unknown(Lost::TimedOut), "internal_error", "runner_connection_error"),
            (ClientError::Protocol(Fault::Unreadable), "internal_error", "runner_connection_error"),
            (rejected(401), "runner_server_error", "runner_server_error"),
            (rejected(404), "runner_server_error", "runner_server_error"),
        ] {
            assert_eq!(of_submit(&error, Repeats::Unsafe).error_type.as_str(), with_fal, "{error}");
            assert_eq!(of_submit(&error, Repeats::Safe).error_type.as_str(), with_plantain, "{error}");
        }
    }

    #[test]
    fn a_result_keeps_its_status_its_bytes_and_its_bill() {
        let reply = ResultReply { http_status: 504, body: Bytes::from_static(b"{ }"), error_type: None };
        let pairs = [("x-fal-billable-units", "3"), ("x-fal-request-id", "r9"), ("x-fal-served-from", "eu")];
        let headers: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let answer = of_result(reply, &headers);
        assert_eq!((answer.http_status, answer.body.as_ref()), (504, &b"{ }"[..]));
        assert_eq!((answer.headers.needs_retry, answer.headers.billable_units.as_deref()), (Some(false), Some("3")));
        assert_eq!(answer.headers.passed_on, [("x-fal-served-from".to_owned(), "eu".to_owned())]);
    }
}

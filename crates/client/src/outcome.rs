//! What an answer means: pure sorting of status codes and headers.

use std::time::Duration;

use bytes::Bytes;
use plantain_outbound::transport::{BodyError, Failure};
use plantain_wire::error::{ErrorBody, ErrorType};

use crate::error::{ClientError, Fault, Lost, NotSent};

/// An answer whose body was read.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The answer is about a request, and not from a proxy that knows none.
    pub(crate) names_request: bool,
    pub(crate) error_type: Option<ErrorType>,
    pub(crate) retry_after: Option<Duration>,
    /// Headers that begin with `x-fal-`, in lower case.
    pub(crate) fal_headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The answer if it is a 2xx, else the error that it stands for.
    pub(crate) fn success(self) -> Result<Answer, ClientError> {
        match self.status {
            200..=299 => Ok(self),
            _ => Err(self.into_error()),
        }
    }

    pub(crate) fn into_error(self) -> ClientError {
        match self.status {
            status @ (408 | 429 | 503) => ClientError::Busy { status, retry_after: self.retry_after },
            status @ 400..=499 => ClientError::Rejected { status, body: self.body },
            status @ 500..=599 => ClientError::Unknown(Lost::ServerError(status)),
            status => ClientError::Protocol(Fault::Status(status)),
        }
    }

    /// Is this what became of the request, or did the call itself fail? A result call answers with the model's own status,
    /// so a 422 or a 503 may be either.
    pub(crate) fn is_a_result(&self) -> bool {
        let said_by_the_queue = self.names_request || self.error_type.is_some();
        match self.status {
            200..=299 => true,
            401 | 403 => false,
            404 => ErrorBody::parse(&self.body).is_some() && self.names_request,
            408 | 429 | 500..=599 => said_by_the_queue,
            400..=499 => true,
            _ => false,
        }
    }
}

pub(crate) fn from_failure(failure: Failure) -> ClientError {
    match failure {
        Failure::NoConnection(why) => ClientError::NotSent(NotSent::NoConnection(why)),
        // No policy is installed here, so nothing but a fault of ours could cause a refusal.
        Failure::Unsendable | Failure::Refused(_) => ClientError::NotSent(NotSent::Unsendable),
        Failure::TimedOut => ClientError::Unknown(Lost::TimedOut),
        Failure::Broken => ClientError::Unknown(Lost::Broken),
    }
}

pub(crate) fn from_body_error(error: BodyError, bytes_max: usize) -> ClientError {
    match error {
        BodyError::TooLarge { .. } => ClientError::Protocol(Fault::TooLarge { bytes_max }),
        // The request was answered, so whatever broke, it had arrived.
        BodyError::Failed(Failure::TimedOut) => ClientError::Unknown(Lost::TimedOut),
        BodyError::Failed(_) => ClientError::Unknown(Lost::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, names_request: bool, body: &'static str) -> Answer {
        let error_type = None;
        let body = Bytes::from_static(body.as_bytes());
        Answer { status, names_request, error_type, retry_after: None, fal_headers: Vec::new(), body }
    }

    #[test]
    fn errors_are_sorted_by_what_the_caller_may_do() {
        for status in [408, 429, 503] {
            assert!(matches!(answer(status, false, "").into_error(), ClientError::Busy { .. }));
        }
        for status in [400, 401, 403, 404, 409, 422] {
            assert!(matches!(answer(status, false, "").into_error(), ClientError::Rejected { .. }));
        }
        for status in [500, 502, 504] {
            assert_eq!(answer(status, false, "").into_error(), ClientError::Unknown(Lost::ServerError(status)));
        }
        for status in [301, 302, 307] {
            assert_eq!(answer(status, false, "").into_error(), ClientError::Protocol(Fault::Status(status)));
        }
        assert!(answer(202, false, "").success().is_ok());
    }

    #[track_caller]
    fn result(expected: bool, status: u16, names_request: bool, body: &'static str) {
        assert_eq!(answer(status, names_request, body).is_a_result(), expected, "{status} {names_request} {body}");
    }

    #[test]
    fn a_models_own_error_is_told_from_a_failed_call() {
        result(true, 200, false, "{}");
        result(true, 422, false, r#"{"detail":[]}"#);
        result(true, 499, true, r#"{"detail":"Request cancelled by the client."}"#);
        result(true, 504, true, r#"{"detail":"Request timed out"}"#);
        result(true, 404, true, r#"{"detail":"Path /x not found"}"#);
        result(false, 404, true, r#"{"status":"NOT_FOUND"}"#);
        result(false, 404, false, "<html>");
        result(false, 401, true, r#"{"detail":"no"}"#);
        result(false, 502, false, "<html>nginx</html>");
        result(false, 503, false, "");
        result(false, 429, false, "");
        result(false, 302, true, "");
    }
}

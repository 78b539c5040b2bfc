//! What a caller can do about a failed call.

use std::time::Duration;

use bytes::Bytes;
use plantain_outbound::transport::NoConnection;
use plantain_wire::error::ErrorBody;

/// A call that failed, by what may be done next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nothing reached the other side: safe to repeat.
    #[error("the request was not sent: {0}")]
    NotSent(NotSent),
    /// It was sent, and it is unknown what became of it. A submit must not be repeated: ask instead.
    #[error("the request was sent, but {0}")]
    Unknown(Lost),
    /// The other side understood and refused. Repeating the same can't help.
    #[error("the request was refused with status {status}: {}", refusal(.body))]
    Rejected { status: u16, body: Bytes },
    /// The other side asks to come back later. Only a 429 surely did nothing.
    #[error("the other side is busy (status {status})")]
    Busy { status: u16, retry_after: Option<Duration> },
    /// The answer isn't one of the protocol. A submit may have been accepted.
    #[error("the other side doesn't speak the protocol: {0}")]
    Protocol(Fault),
}

/// Why a request was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    #[error("{0}")]
    NoConnection(NoConnection),
    /// The address or a header can't be expressed in HTTP.
    #[error("it can't be made")]
    Unsendable,
}

/// How an answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    #[error("no answer came in time")]
    TimedOut,
    #[error("the connection broke")]
    Broken,
    /// 500, 502, 504 and their like: the server or something before it failed halfway.
    #[error("the server failed with status {0}")]
    ServerError(u16),
}

/// How an answer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the body is not what this call returns")]
    Unreadable,
    #[error("the body is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("the stream is not a stream of events")]
    NotAStream,
}

impl ClientError {
    /// Could the request have taken effect? After a submit, only `false` allows to submit again.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            ClientError::Unknown(_) | ClientError::Protocol(_) => true,
            // A 408 or 503 may come from a proxy behind which the request was accepted; a 429 surely kept nothing.
            ClientError::Busy { status, .. } => *status != 429,
            ClientError::NotSent(_) | ClientError::Rejected { .. } => false,
        }
    }

    /// Could the same call work later, as far as the transport is concerned? Says nothing about whether repeating is safe.
    pub fn transient(&self) -> bool {
        match self {
            ClientError::NotSent(NotSent::NoConnection(_)) | ClientError::Unknown(_) | ClientError::Busy { .. } => true,
            ClientError::NotSent(NotSent::Unsendable) | ClientError::Rejected { .. } | ClientError::Protocol(_) => {
                false
            }
        }
    }
}

/// The server's own words where the body is an error body, without guessing at anything else.
fn refusal(body: &[u8]) -> String {
    ErrorBody::parse(body).map_or_else(|| "no reason was given".to_owned(), |body| body.summary())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_have_arrived_forbids_a_second_submit() {
        let rejected = ClientError::Rejected { status: 401, body: Bytes::from_static(b"{\"detail\":\"no key\"}") };
        assert_eq!(rejected.to_string(), "the request was refused with status 401: no key");
        for (error, arrived, transient) in [
            (ClientError::NotSent(NotSent::NoConnection(NoConnection::Refused)), false, true),
            (ClientError::NotSent(NotSent::Unsendable), false, false),
            (ClientError::Unknown(Lost::TimedOut), true, true),
            (ClientError::Busy { status: 429, retry_after: None }, false, true),
            (ClientError::Busy { status: 503, retry_after: None }, true, true),
            (ClientError::Protocol(Fault::Unreadable), true, false),
            (rejected, false, false),
        ] {
            assert_eq!((error.may_have_arrived(), error.transient()), (arrived, transient), "{error}");
        }
    }
}

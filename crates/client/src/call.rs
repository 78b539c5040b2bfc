//! One HTTP call with a deadline and a bound, and the few repetitions that calls which change nothing may have.

use std::time::Duration;

use http::header::{DATE, HeaderMap, RETRY_AFTER};
use plantain_outbound::{retry_after, transport};
use plantain_wire::error::ErrorType;
use plantain_wire::header;

use crate::error::{ClientError, Lost};
use crate::outcome::{Answer, from_body_error, from_failure};

/// How long a call may take from the first step to the last byte of a small answer.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(30);

/// The largest answer of every call but result: a status with a long log.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Pauses before the second and third try of a call that is safe to repeat. Short, since whoever calls has patience and
/// plans of its own.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// The longest pause that a server may ask for within a call; beyond it the caller is told instead.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(2);

/// Sends once and reads the whole answer.
pub(crate) async fn once(
    request: reqwest::RequestBuilder,
    deadline: Duration,
    bytes_max: usize,
) -> Result<Answer, ClientError> {
    let calling = async {
        let response = request.send().await.map_err(|error| from_failure(transport::failure(&error)))?;
        let mut answer = head(response.status().as_u16(), response.headers());
        answer.body =
            transport::read_whole(response, bytes_max).await.map_err(|error| from_body_error(error, bytes_max))?;
        Ok(answer)
    };
    tokio::time::timeout(deadline, calling).await.unwrap_or(Err(ClientError::Unknown(Lost::TimedOut)))
}

pub(crate) fn head(status: u16, headers: &HeaderMap) -> Answer {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Answer {
        status,
        names_request: text(header::REQUEST_ID).is_some(),
        error_type: text(header::ERROR_TYPE).and_then(ErrorType::parse),
        retry_after: text(RETRY_AFTER.as_str()).and_then(|value| retry_after::parse(value, text(DATE.as_str()))),
        fal_headers: fal_headers(headers),
        body: bytes::Bytes::new(),
    }
}

/// The most headers of a reply that are kept.
const FAL_HEADERS_MAX: usize = 32;

fn fal_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let texts = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let fals = texts.filter(|(name, _)| name.starts_with("x-fal-"));
    fals.take(FAL_HEADERS_MAX).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Repeats a call that changes nothing on the other side.
pub(crate) async fn safely<T, F>(call: impl Fn() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    for pause in RETRY_PAUSES {
        match call().await {
            Err(error) => match pause_after(&error, pause) {
                Some(pause) => wait(pause).await,
                None => return Err(error),
            },
            done => return done,
        }
    }
    call().await
}

/// `None`: don't repeat.
fn pause_after(error: &ClientError, usual: Duration) -> Option<Duration> {
    match error {
        ClientError::Busy { retry_after: Some(asked), .. } if *asked > RETRY_AFTER_MAX => None,
        ClientError::Busy { retry_after: Some(asked), .. } => Some((*asked).max(usual)),
        error => error.transient().then_some(usual),
    }
}

#[expect(clippy::disallowed_methods, reason = "a pause inside a call, which no test has to hurry along")]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Fault, NotSent};
    use plantain_outbound::transport::NoConnection;

    #[test]
    fn only_passing_troubles_are_waited_out_and_only_shortly() {
        let usual = Duration::from_millis(200);
        let busy = |seconds| ClientError::Busy { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
        for (error, pause) in [
            (ClientError::Unknown(Lost::ServerError(502)), Some(usual)),
            (ClientError::NotSent(NotSent::NoConnection(NoConnection::Refused)), Some(usual)),
            (ClientError::NotSent(NotSent::Unsendable), None),
            (ClientError::Protocol(Fault::Unreadable), None),
            (ClientError::Rejected { status: 404, body: bytes::Bytes::new() }, None),
            (ClientError::Busy { status: 503, retry_after: None }, Some(usual)),
            (busy(0), Some(usual)),
            (busy(1), Some(Duration::from_secs(1))),
            (busy(60), None),
        ] {
            assert_eq!(pause_after(&error, usual), pause, "{error}");
        }
    }
}

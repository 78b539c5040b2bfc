//! The status stream: every change of a request as it happens, until it has ended.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use http::header::{ACCEPT, CONTENT_TYPE};
use plantain_outbound::transport;
use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::RequestId;
use plantain_wire::status::{QueueStatus, StatusBody, Urls};
use reqwest::{Method, RequestBuilder, Response};

use crate::call::{ANSWER_BYTES_MAX, CALL_DEADLINE, head};
use crate::endpoints::join;
use crate::error::{ClientError, Fault, Lost};
use crate::outcome::{from_body_error, from_failure};
use crate::queue::{Logs, QueueClient, asking_for};
use crate::sse::Reader;

/// How long nothing at all may come: three of the keep-alives that a server sends every 15 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// Where the reading of a stream stands.
enum Reading {
    Start(Box<RequestBuilder>, RequestId),
    Open(Box<Open>),
    End,
}

struct Open {
    response: Response,
    reader: Reader,
    ready: VecDeque<Vec<u8>>,
    about: RequestId,
}

impl QueueClient {
    /// Follows a request. The first item is its present state; log entries come once each.
    ///
    /// Ends after COMPLETED, after the first error, or where the server closes early: what the last item said tells which.
    /// An early end is no verdict about the request; ask for its status. Connects when first polled.
    pub fn stream(
        &self,
        endpoint: &EndpointId,
        id: &RequestId,
        logs: Logs,
    ) -> BoxStream<'static, Result<StatusBody, ClientError>> {
        let status_url = Urls::new(&self.endpoints.queue, endpoint, id).status_url;
        let url = asking_for(logs, join(&status_url, "stream"));
        let request = self.request(Method::GET, url).header(ACCEPT, "text/event-stream");
        stream::unfold(Reading::Start(Box::new(request), id.clone()), next).boxed()
    }
}

async fn next(reading: Reading) -> Option<(Result<StatusBody, ClientError>, Reading)> {
    let opened = match reading {
        Reading::End => return None,
        Reading::Open(open) => Ok(open),
        Reading::Start(request, about) => open(*request, about).await,
    };
    let (item, open) = match opened {
        Ok(mut open) => (open.next(IDLE_TIMEOUT).await, Some(open)),
        Err(error) => (Err(error), None),
    };
    let item = item.transpose()?;
    let goes_on = item.as_ref().is_ok_and(|status| status.status != QueueStatus::Completed);
    let reading = open.filter(|_| goes_on).map_or(Reading::End, Reading::Open);
    Some((item, reading))
}

async fn open(request: RequestBuilder, about: RequestId) -> Result<Box<Open>, ClientError> {
    let sent = tokio::time::timeout(CALL_DEADLINE, request.send()).await;
    let response = sent.map_err(|_| ClientError::Unknown(Lost::TimedOut))?;
    let response = response.map_err(|error| from_failure(transport::failure(&error)))?;
    if !response.status().is_success() {
        let mut answer = head(response.status().as_u16(), response.headers());
        let body = tokio::time::timeout(CALL_DEADLINE, transport::read_whole(response, ANSWER_BYTES_MAX)).await;
        let body = body.map_err(|_| ClientError::Unknown(Lost::TimedOut))?;
        answer.body = body.map_err(|error| from_body_error(error, ANSWER_BYTES_MAX))?;
        return Err(answer.into_error());
    }
    let content_type = response.headers().get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if !content_type.starts_with(b"text/event-stream") {
        return Err(ClientError::Protocol(Fault::NotAStream));
    }
    Ok(Box::new(Open { response, reader: Reader::default(), ready: VecDeque::new(), about }))
}

impl Open {
    /// `None`: the server closed.
    async fn next(&mut self, idle_timeout: Duration) -> Result<Option<StatusBody>, ClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                let status = StatusBody::parse_about(&self.about, &event)
                    .map_err(|_| ClientError::Protocol(Fault::Unreadable))?;
                return Ok(Some(status));
            }
            let chunk = tokio::time::timeout(idle_timeout, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| ClientError::Unknown(Lost::TimedOut))?;
            let chunk = chunk.map_err(|error| from_failure(transport::failure(&error)))?;
            let Some(chunk) = chunk else { return Ok(None) };
            self.ready.extend(self.reader.feed(&chunk).map_err(|_| ClientError::Protocol(Fault::Unreadable))?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_falls_silent_ends_the_stream() {
        let first = Ok::<_, std::io::Error>("data: {\"status\":\"IN_QUEUE\",\"queue_position\":0}\n\n: ping\n");
        let body = reqwest::Body::wrap_stream(stream::iter([first]).chain(stream::pending()));
        let about = RequestId::parse("r1").unwrap();
        let response = Response::from(http::Response::new(body));
        let mut open = Open { response, reader: Reader::default(), ready: VecDeque::new(), about };
        let patience = Duration::from_millis(20);
        let first = open.next(patience).await.unwrap().unwrap();
        assert_eq!((first.request_id.as_str(), first.queue_position), ("r1", Some(0)));
        assert_eq!(open.next(patience).await, Err(ClientError::Unknown(Lost::TimedOut)));
    }
}

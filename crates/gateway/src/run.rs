//! `POST /{owner}/{app}[/{path}]` on the run face: the model's answer on the caller's own connection, or, with `/stream`
//! behind the id, what it hands out on its way.
//!
//! There is no queue and no second attempt here. Whoever closes the connection ends the run.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use plantain_queue::decide;
use plantain_queue::engine::{RunError, RunRequest, Stream, StreamEvent};
use plantain_queue::model::{Caller, Outcome};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::{ErrorBody, ErrorType};
use plantain_wire::id::RequestId;
use plantain_work::random;
use serde_json::json;

use crate::account::Admitted;
use crate::keys::Account;
use crate::refusal::Refusal;
use crate::submit::options;
use crate::{Gateway, body, reply};

/// How often something is written while nothing comes: fal's own rhythm.
const PING_EVERY: Duration = Duration::from_secs(15);

/// A comment, which clients skip.
const PING: &str = ": ping\n\n";

pub(crate) async fn run(
    State(gateway): State<Gateway>,
    Admitted(account): Admitted,
    Extension(asked): Extension<RunAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let input = body::json_input(&gateway, account.user_id.as_str(), &headers, body).await?;
    let user = account.user_id.clone();
    let request = RunRequest {
        id: RequestId::from_uuid(random::id(gateway.clock.now())),
        endpoint: asked.endpoint,
        key_concurrency: account.limits.concurrency.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
        caller: caller(account),
        input,
        options: options(&headers)?,
    };
    let (id, app) = (request.id.clone(), request.endpoint.app().to_owned());
    let answered = match asked.way {
        Way::Whole => match gateway.engine.run_now(request).await {
            Ok(outcome) => Ok(render(within(&gateway, user.as_str(), outcome).await)),
            Err(error) => Err(error),
        },
        Way::Stream => match gateway.engine.run_stream(request).await {
            Ok(events) => Ok(listen(&gateway, events).await),
            Err(error) => Err(error),
        },
    };
    let response = answered.or_else(|error| match error {
        RunError::UnknownEndpoint => Err(Refusal::UnknownApplication { app }),
        RunError::NoStream => Err(Refusal::UnknownPath { path: "/stream".to_owned() }),
        RunError::Busy => Ok(busy()),
    })?;
    Ok(reply::about(&id, response))
}

fn caller(account: Account) -> Caller {
    Caller { user_id: account.user_id, key_id: account.key_id }
}

/// The output takes part in the bound of all payloads. It is here already: where there is no room it is handed out all the
/// same, since a caller that is sent away would have the model run again.
async fn within(gateway: &Gateway, user: &str, mut outcome: Outcome) -> Outcome {
    if let Outcome::Answered { body, .. } = &mut outcome
        && let Ok(held) = gateway.memory.hold(user, body.clone()).await
    {
        *body = held;
    }
    outcome
}

/// What is run, and how its answer comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunAddress {
    pub(crate) endpoint: EndpointId,
    pub(crate) way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Whole,
    Stream,
}

impl RunAddress {
    /// `path` begins with a slash. `None` where it is no endpoint's.
    pub(crate) fn parse(path: &str) -> Option<RunAddress> {
        let path = path.strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let (id, way) = match path.strip_suffix("/stream") {
            // An application may be called so.
            Some(id) if EndpointId::parse(id).is_ok() => (id, Way::Stream),
            _ => (path, Way::Whole),
        };
        Some(RunAddress { endpoint: EndpointId::parse(id).ok()?, way })
    }
}

fn render(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Answered { http_status, body, headers, .. } => {
            let mut response = reply::answer(http_status, body, &headers);
            if http_status >= 400 {
                reply::explain(&mut response, None, decide::asks_for_another(http_status, &headers));
            }
            response
        }
        Outcome::Failed { error_type, detail } => {
            let body = ErrorBody::request(error_type, detail).to_json();
            let mut response = reply::json(error_type.http_status(), body);
            reply::explain(&mut response, Some(error_type), error_type.transient());
            response
        }
    }
}

/// The model's kind of error with a word of the infrastructure's, so that every client finds what it looks for.
fn busy() -> Response {
    let error_type = ErrorType::ConcurrentRequestsLimit;
    let msg = "Too many runs at once. Wait for one to end, or submit to the queue, where requests wait.";
    let body = json!({
        "detail": [{ "loc": ["body"], "msg": msg, "type": error_type.as_str() }],
        "error_type": error_type.as_str(),
    });
    let mut response = reply::json(error_type.http_status(), body.to_string());
    reply::explain(&mut response, Some(error_type), true);
    response
}

/// Begins to answer with the first event, or when the line would be quiet for too long: until then an error can still be told
/// by its own status.
async fn listen(gateway: &Gateway, events: Stream) -> Response {
    let mut listener = Listener { gateway: gateway.clone(), events, ping: ping(gateway) };
    let first = match listener.event().await {
        None => return listening(None, None),
        Some(Heard::Event(StreamEvent::End(outcome))) if is_error(&outcome) => return render(outcome),
        Some(heard) => heard,
    };
    let (chunk, more) = listener.told(first);
    listening(Some(chunk), more)
}

fn is_error(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Answered { http_status: ..=399, .. })
}

fn listening(first: Option<Chunk>, rest: Option<Listener>) -> Response {
    let rest = stream::unfold(rest, |listener| async { listener?.next().await });
    let chunks = stream::iter(first).chain(rest);
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(chunks)).into_response()
}

type Ping = Pin<Box<dyn Future<Output = ()> + Send>>;

fn ping(gateway: &Gateway) -> Ping {
    Box::pin(gateway.clock.sleep(PING_EVERY))
}

/// Somebody who listens to a run; the run ends with them.
struct Listener {
    gateway: Gateway,
    events: Stream,
    ping: Ping,
}

enum Heard {
    Event(StreamEvent),
    /// For so long that the line must show that it is alive.
    Nothing,
}

type Chunk = Result<Bytes, Infallible>;

impl Listener {
    async fn next(mut self) -> Option<(Chunk, Option<Listener>)> {
        let heard = self.event().await?;
        Some(self.told(heard))
    }

    async fn event(&mut self) -> Option<Heard> {
        let heard = tokio::select! {
            biased;
            event = self.events.next() => Heard::Event(event?),
            () = &mut self.ping => Heard::Nothing,
        };
        self.ping = ping(&self.gateway);
        Some(heard)
    }

    /// What is written, and who listens on.
    fn told(self, heard: Heard) -> (Chunk, Option<Listener>) {
        match heard {
            Heard::Nothing => (Ok(Bytes::from_static(PING.as_bytes())), Some(self)),
            Heard::Event(StreamEvent::Partial(json)) => (Ok(data(&json)), Some(self)),
            Heard::Event(StreamEvent::End(outcome)) => (Ok(data(&last(outcome))), None),
        }
    }
}

/// The output, or the error in the body that a run would have answered with.
fn last(outcome: Outcome) -> Bytes {
    match outcome {
        Outcome::Answered { body, .. } => body,
        Outcome::Failed { error_type, detail } => ErrorBody::request(error_type, detail).to_json().into(),
    }
}

/// One event. JSON over several lines goes out as several lines of one event; to its readers a carriage return alone ends a
/// line too.
fn data(json: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(json.len() + 16);
    let lines = json.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    for line in lines.flat_map(|line| line.split(|byte| *byte == b'\r')) {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}

/// What the path of a run means, for the routes.
pub(crate) fn read(path: &str) -> Result<RunAddress, Refusal> {
    RunAddress::parse(path).ok_or_else(|| Refusal::UnknownPath { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_is_run_and_how() {
        let reads = |path: &str| RunAddress::parse(path).map(|asked| (asked.endpoint.to_string(), asked.way));
        for (path, id, way) in [
            ("/fal-ai/nano-banana/edit", "fal-ai/nano-banana/edit", Way::Whole),
            ("/fal-ai/nano-banana/edit/", "fal-ai/nano-banana/edit", Way::Whole),
            ("/fal-ai/nano-banana/stream", "fal-ai/nano-banana", Way::Stream),
            ("/fal-ai/nano-banana/edit/stream", "fal-ai/nano-banana/edit", Way::Stream),
            ("/fal-ai/stream", "fal-ai/stream", Way::Whole),
            ("/fal-ai/stream/stream", "fal-ai/stream", Way::Stream),
            ("/workflows/me/flow/stream", "workflows/me/flow", Way::Stream),
        ] {
            assert_eq!(reads(path), Some((id.to_owned(), way)), "{path}");
        }
        for nothing in ["", "/", "/a", "//", "/stream", "/a/../b"] {
            assert_eq!(reads(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn an_event_never_breaks_its_frame() {
        assert_eq!(data(b"{\"a\": 1}"), "data: {\"a\": 1}\n\n");
        assert_eq!(data(b"{\r\n\"a\": 1\n}\n"), "data: {\ndata: \"a\": 1\ndata: }\ndata: \n\n");
        assert_eq!(data(b"{\r\"a\": 1}"), "data: {\ndata: \"a\": 1}\n\n");
    }

    #[test]
    fn a_full_house_is_said_in_both_forms() {
        let response = busy();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["x-fal-needs-retry"], "1");
        assert_eq!(response.headers()["x-fal-error-type"], "concurrent_requests_limit");
    }
}

//! `GET …/requests/{id}/status/stream`: every change of a request as a server-sent event, until it has ended.
//!
//! One client appends each event's log to what it has, so events carry new lines only. The connection is closed after the
//! COMPLETED event, which is what the official clients wait for.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use plantain_queue::engine::{Engine, Logs, Watch};
use plantain_queue::model::RequestView;
use plantain_wire::id::RequestId;
use plantain_wire::status::{QueueStatus, StatusBody};
use plantain_work::{Clock, Shutdown};
use url::Url;

use crate::account::Authenticated;
use crate::address::RequestAddress;
use crate::bases::Bases;
use crate::refusal::Refusal;
use crate::status::wanted_logs;
use crate::{Gateway, lookup, reply, view};

/// How often something is written while nothing changes: fal's own rhythm, which clients and proxies expect.
const PING_EVERY: Duration = Duration::from_secs(15);

/// A comment, which clients skip.
const PING: &str = ": ping\n\n";

pub(crate) async fn stream(
    State(gateway): State<Gateway>,
    Authenticated(account): Authenticated,
    Extension(asked): Extension<RequestAddress>,
    Extension(bases): Extension<Bases>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    // Watched before it is read, so that no change falls in between.
    let watch = gateway.engine.watch(&asked.id);
    let logs = wanted_logs(query.as_deref());
    let found = lookup::glance(&gateway, &account, &asked, logs).await?;
    let teller = Teller { base: bases.queue, with_logs: logs == Logs::With, told: None };
    let Gateway { engine, clock, shutdown, .. } = gateway;
    let id = asked.id.clone();
    let listener = Box::new(Listener { engine, clock, shutdown, watch, id: asked.id, teller, unread: Some(found) });
    let events = stream::unfold(Some(listener), |listener| async { listener?.next().await });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    Ok(reply::about(&id, (headers, Body::from_stream(events)).into_response()))
}

/// Somebody who reads a status stream. Thousands of them do nothing most of the time, so each is kept small: one box that is
/// handed on, and no room for what is needed only while something is told.
struct Listener {
    engine: Engine,
    clock: Clock,
    shutdown: Shutdown,
    watch: Watch,
    id: RequestId,
    teller: Teller,
    /// A state that has not been looked at yet.
    unread: Option<Arc<RequestView>>,
}

type Chunk = Result<Bytes, std::convert::Infallible>;

impl Listener {
    /// The next piece of the stream, and who listens on after it.
    async fn next(mut self: Box<Self>) -> Option<(Chunk, Option<Box<Listener>>)> {
        let ping = self.clock.sleep(PING_EVERY);
        let mut ping = std::pin::pin!(ping);
        loop {
            if let Some(view) = self.unread.take()
                && let Some(said) = self.teller.tell(&view)
            {
                let listener = (said.status != QueueStatus::Completed).then_some(self);
                return Some((Ok(Bytes::from(format!("data: {}\n\n", said.to_json()))), listener));
            }
            tokio::select! {
                () = self.shutdown.begun() => return None,
                () = &mut ping => return Some((Ok(Bytes::from_static(PING.as_bytes())), Some(self))),
                () = self.watch.changed() => {}
            }
            let logs = if self.teller.with_logs { Logs::With } else { Logs::Without };
            match Box::pin(self.engine.glance(&self.id, logs)).await {
                Ok(Some(view)) => self.unread = Some(view),
                // It has expired; the caller learns so from the next call.
                Ok(None) => return None,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "gateway.stream_read_failed"),
            }
        }
    }
}

/// Says what is new since the last time.
struct Teller {
    base: Url,
    with_logs: bool,
    told: Option<Told>,
}

/// What was said last.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told {
    status: QueueStatus,
    queue_position: Option<u64>,
    /// Lines of the log that were shown so far.
    lines: usize,
}

impl Teller {
    /// `None` where nothing changed that the caller wants to know.
    fn tell(&mut self, view: &RequestView) -> Option<StatusBody> {
        let lines = if self.with_logs { view.logs.len() } else { 0 };
        let now = Told { status: view.status, queue_position: view.queue_position, lines };
        let shown = self.told.map_or(0, |told| told.lines.min(lines));
        if self.told == Some(now) {
            return None;
        }
        self.told = Some(now);
        let logs = self.with_logs.then(|| view.logs[shown..].to_vec());
        Some(view::status_of(view, &self.base, logs))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use plantain_queue::history::{Origin, Payload};
    use plantain_queue::model::Caller;
    use plantain_wire::id::{GatewayRequestId, RequestId, UserId};
    use plantain_wire::options::RequestOptions;
    use plantain_wire::status::{LogEntry, LogLevel};

    use super::*;

    fn state(status: QueueStatus, queue_position: Option<u64>, lines: &[&str]) -> RequestView {
        let id = RequestId::parse("r").unwrap();
        let line = |text: &&str| LogEntry::new(*text, LogLevel::Info, Timestamp::UNIX_EPOCH);
        RequestView {
            gateway_request_id: GatewayRequestId::from(&id),
            id,
            endpoint: "a/b".parse().unwrap(),
            caller: Caller { user_id: UserId::parse("u").unwrap(), key_id: "k".into() },
            webhook: None,
            status,
            queue_position,
            logs: lines.iter().map(line).collect(),
            attempts: 1,
            created_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            finished_at: None,
            outcome: None,
            options: RequestOptions::default(),
            origin: Origin::Queue,
            retry_of: None,
            payload: Payload::Keep,
        }
    }

    fn teller(with_logs: bool) -> Teller {
        Teller { base: "http://a.test".parse().unwrap(), with_logs, told: None }
    }

    fn lines(said: Option<StatusBody>) -> Option<Vec<String>> {
        Some(said.expect("something new").logs?.into_iter().map(|line| line.message).collect())
    }

    #[test]
    fn only_what_is_new_is_told() {
        let mut teller = teller(true);
        assert_eq!(lines(teller.tell(&state(QueueStatus::InQueue, Some(2), &[]))), Some(vec![]));
        assert!(teller.tell(&state(QueueStatus::InQueue, Some(2), &[])).is_none());
        let moved_up = teller.tell(&state(QueueStatus::InQueue, Some(1), &[])).unwrap();
        assert_eq!(moved_up.queue_position, Some(1));
        let running = |lines| state(QueueStatus::InProgress, None, lines);
        assert_eq!(lines(teller.tell(&running(&["a"]))), Some(vec!["a".into()]));
        assert_eq!(lines(teller.tell(&running(&["a", "b", "c"]))), Some(vec!["b".into(), "c".into()]));
        assert!(teller.tell(&running(&["a", "b", "c"])).is_none());
        assert_eq!(lines(teller.tell(&state(QueueStatus::Completed, None, &["a", "b", "c"]))), Some(vec![]));
    }

    #[test]
    fn without_logs_new_lines_are_no_news() {
        let mut teller = teller(false);
        assert_eq!(lines(teller.tell(&state(QueueStatus::InProgress, None, &["a"]))), None);
        assert!(teller.tell(&state(QueueStatus::InProgress, None, &["a", "b"])).is_none());
    }
}

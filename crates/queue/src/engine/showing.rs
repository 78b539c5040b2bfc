//! Taking requests in and showing them, so that neither costs more the more there is.

use std::sync::Arc;

use jiff::Timestamp;

use plantain_wire::id::{GatewayRequestId, RequestId};
use plantain_wire::status::{LogEntry, QueueStatus};

use crate::engine::board::Posted;
use crate::engine::{Engine, retention};
use crate::history::{Origin, Payload};
use crate::model::{ClaimedRequest, NewRequest, Outcome, RequestView};
use crate::places::Waiting;
use crate::store::{Enqueued, StoreError};

/// Whether a request's log is shown with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    With,
    Without,
}

impl Engine {
    /// Where a request stands, as status calls show it: mostly a look into memory. The output is left out, and so may be the
    /// log [`Logs::Without`]. What this process does is seen at once; what another one does, when it has said so or after a
    /// second.
    pub async fn glance(&self, id: &RequestId, logs: Logs) -> Result<Option<Arc<RequestView>>, StoreError> {
        let board = &self.0.news.board;
        let posted = match board.look(id) {
            Some(posted) => posted,
            None => {
                let reading = board.begin(id);
                let read = self.0.store.request(id).await.map(|view| view.map(Posted::of));
                board.put(&reading, read.as_ref().ok().cloned().flatten());
                let Some(posted) = read? else { return Ok(None) };
                posted
            }
        };
        if !retention::is_kept(&posted.view, self.0.clock.now(), self.0.config.retention) {
            return Ok(None);
        }
        if logs == Logs::With && !posted.has_logs {
            return Ok(self.status(id).await?.map(Arc::new));
        }
        if posted.view.status != QueueStatus::InQueue {
            return Ok(Some(posted.view));
        }
        Ok(Some(Arc::new(self.placed((*posted.view).clone()).await?)))
    }

    /// With the place that a waiting request has now.
    pub(super) async fn placed(&self, mut view: RequestView) -> Result<RequestView, StoreError> {
        if view.status == QueueStatus::InQueue {
            let parts = &*self.0;
            let ahead = parts.lines.ahead(&*parts.store, &parts.turns, view.endpoint.app(), &view.id).await?;
            view.queue_position = Some(ahead.or(view.queue_position).unwrap_or(0));
        }
        Ok(view)
    }

    pub(super) async fn take_in(&self, request: NewRequest) -> Result<Enqueued, StoreError> {
        let (key_id, priority) = (request.caller.key_id.clone(), request.priority);
        let waiting = Waiting { id: request.id.clone(), key_id, priority };
        let announced = self.0.lines.announce(request.endpoint.app(), waiting);
        let (id, board) = (request.id.clone(), &self.0.news.board);
        board.expect(new(&request));
        let enqueued = self.0.store.enqueue(request).await;
        let is_new = matches!(enqueued, Ok(Enqueued::New));
        board.arrived(&id, is_new);
        if is_new {
            announced.waits();
        }
        enqueued
    }
}

/// A request as it is shown when it has just been taken in.
fn new(request: &NewRequest) -> RequestView {
    RequestView {
        id: request.id.clone(),
        endpoint: request.endpoint.clone(),
        caller: request.caller.clone(),
        gateway_request_id: GatewayRequestId::from(&request.id),
        webhook: request.webhook.clone(),
        status: QueueStatus::InQueue,
        queue_position: None,
        logs: Vec::new(),
        attempts: 0,
        created_at: request.created_at,
        started_at: None,
        finished_at: None,
        outcome: None,
        options: request.options.clone(),
        origin: Origin::Queue,
        retry_of: request.retry_of.clone(),
        payload: Payload::of(&request.options, &request.input),
    }
}

/// What a claim does to what is shown.
pub(super) fn begun<'a>(claimed: &'a ClaimedRequest, now: Timestamp) -> impl FnOnce(&mut RequestView) + 'a {
    move |view| {
        view.status = QueueStatus::InProgress;
        view.queue_position = None;
        view.attempts = claimed.lease.attempt;
        view.gateway_request_id = claimed.gateway_request_id.clone();
        view.started_at.get_or_insert(now);
    }
}

/// What the end of a request does to what is shown.
pub(super) fn ended<'a>(
    outcome: &'a Outcome,
    last_lines: Vec<LogEntry>,
    now: Timestamp,
) -> impl FnOnce(&mut RequestView) + 'a {
    move |view| {
        view.status = QueueStatus::Completed;
        view.outcome = Some(outcome.clone());
        view.logs.extend(last_lines);
        view.finished_at = Some(now);
    }
}

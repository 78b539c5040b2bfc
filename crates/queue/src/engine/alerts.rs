//! Tells an operator when a receiver's host fails for long, and when it is back: in the log, and by a request to an address of
//! the operator's choice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use url::Url;

use plantain_outbound::send::SendError;
use plantain_outbound::{Bounds, classify, delivery::Delivery};
use plantain_work::Shutdown;

use crate::engine::Parts;
use crate::hosts::Change;

/// Messages that may wait. Beyond it the log alone has them.
const WAITING_MAX: usize = 100;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Pauses before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

/// One message, ready to be posted.
pub(super) type Message = Bytes;

#[derive(Debug)]
pub(super) struct Alerts {
    /// `None` where no address was given.
    to_post: Option<mpsc::Sender<Message>>,
}

impl Alerts {
    /// And where messages come out, if there is an address to post them to.
    pub(super) fn new(address: Option<&Url>) -> (Alerts, Option<mpsc::Receiver<Message>>) {
        match address {
            None => (Alerts { to_post: None }, None),
            Some(_) => {
                let (sender, receiver) = mpsc::channel(WAITING_MAX);
                (Alerts { to_post: Some(sender) }, Some(receiver))
            }
        }
    }

    pub(super) fn tell(&self, host: &str, change: Change, now: Timestamp) {
        let message = match &change {
            Change::Failing { since, reason } => {
                tracing::error!(host, %since, reason, "delivery.host_failing");
                json!({ "event": "delivery.host_failing", "host": host, "since": since, "at": now, "reason": reason })
            }
            Change::Recovered { since } => {
                tracing::info!(host, %since, "delivery.host_recovered");
                json!({ "event": "delivery.host_recovered", "host": host, "since": since, "at": now })
            }
        };
        if let Some(to_post) = &self.to_post
            && to_post.try_send(message.to_string().into()).is_err()
        {
            tracing::warn!(host, "delivery.alert_dropped: too many wait");
        }
    }
}

/// Posts one message after the other, until `shutdown` begins.
pub(super) async fn post(parts: Arc<Parts>, mut messages: mpsc::Receiver<Message>, shutdown: Shutdown) {
    let Some(address) = &parts.config.alert_url else { return };
    loop {
        let message = tokio::select! {
            biased;
            () = shutdown.begun() => return,
            message = messages.recv() => message,
        };
        let Some(message) = message else { return };
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            () = deliver(&parts, address, message) => {}
        }
    }
}

async fn deliver(parts: &Parts, address: &Url, message: Message) {
    let mut pauses = PAUSES.into_iter();
    loop {
        let outcome = once(parts, address, message.clone()).await;
        let why = match (classify(&outcome), &outcome) {
            (Delivery::Delivered, _) => return,
            (Delivery::Dead(dead), _) => return tracing::warn!(reason = %dead, "delivery.alert_failed"),
            (Delivery::Retry { .. }, Ok(answer)) => format!("it was answered {}", answer.status),
            (Delivery::Retry { .. }, Err(error)) => error.to_string(),
        };
        let Some(pause) = pauses.next() else { return tracing::warn!(reason = why, "delivery.alert_failed") };
        parts.clock.sleep(pause).await;
    }
}

async fn once(parts: &Parts, address: &Url, message: Message) -> Result<plantain_outbound::send::Answer, SendError> {
    let json = http::HeaderValue::from_static("application/json");
    let headers = http::HeaderMap::from_iter([(http::header::CONTENT_TYPE, json)]);
    parts.outbound.post(address, headers, message, Bounds::answer_within(TIMEOUT)).await
}

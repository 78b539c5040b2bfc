//! The delivery lane: posts owed webhooks, signed anew for every attempt, and records what became of each.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use plantain_outbound::delivery::{DeadReason, Delivery};
use plantain_outbound::send::{Answer, SendError};
use plantain_outbound::{Bounds, classify};
use plantain_work::lane::{Claim, ClaimFailed, Lane, Left};
use plantain_work::{Shutdown, clock, random};

use crate::decide;
use crate::engine::Parts;
use crate::engine::settling::settle;
use crate::hosts::{self, Heard, Hosts, Place};
use crate::model::{ClaimedDelivery, DeliveryAttempt, DeliveryLease, DeliveryNext, Fault, Settled};
use crate::signer::Signed;

/// What a lease lasts beyond its attempt: the time to write down how it ended.
const LEASE_MARGIN: Duration = Duration::from_secs(10);

pub(super) struct DeliveryLane {
    parts: Arc<Parts>,
}

impl DeliveryLane {
    pub(super) fn new(parts: Arc<Parts>) -> DeliveryLane {
        DeliveryLane { parts }
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        self.parts.hosts()
    }

    fn timeout(&self, attempt: u32) -> Duration {
        let config = &self.parts.config;
        if attempt <= 1 { config.first_delivery_timeout } else { config.later_delivery_timeout }
    }

    async fn post(&self, task: &ClaimedDelivery) -> Result<Answer, SendError> {
        let Signed { headers: signed, body } =
            self.parts.signer.sign(&task.delivery, &task.options, self.parts.clock.now());
        let mut headers = http::HeaderMap::with_capacity(signed.len() + 1);
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        for (name, value) in signed {
            let value = http::HeaderValue::try_from(value).map_err(|_| SendError::Unsendable)?;
            headers.insert(name, value);
        }
        let bounds = Bounds::answer_within(self.timeout(task.on_schedule()));
        self.parts.outbound.post(&task.delivery.target, headers, body, bounds).await
    }

    async fn record(
        &self,
        task: &ClaimedDelivery,
        place: HostPlace<'_>,
        outcome: Result<Answer, SendError>,
        stop: &Shutdown,
    ) -> Left {
        let parts = &self.parts;
        let now = parts.clock.now();
        let said = classify(&outcome);
        let next = decide::after_delivery(&said, &parts.config.schedule, task.on_schedule(), now, random::jitter());
        let latency = latency(&outcome);
        let (heard, reason) = (hosts::heard(&outcome), reason(&said, &outcome));
        place.end(heard, latency, &reason, now);
        let attempt = DeliveryAttempt {
            attempt: task.attempt,
            at: now - latency,
            latency,
            http_status: outcome.as_ref().ok().map(|answer| answer.status),
            reason,
            fault: fault(&said, &outcome),
            answer: outcome.map_or_else(|_| Bytes::new(), |answer| answer.first_bytes),
        };
        let id = &task.delivery.id;
        let write = || parts.store.settle_delivery(id, attempt.clone(), next.clone());
        let settled = settle(&parts.clock, stop, "delivery", write).await;
        // Whoever has the delivery now says how it ends.
        if settled != Some(Settled::LeaseLost) {
            report(task, &attempt, &next);
        }
        match (settled, &next) {
            (Some(_), DeliveryNext::Delivered | DeliveryNext::Dead) => Left::Nothing,
            _ => Left::More,
        }
    }

    /// What is under way when the process must go is sent again by the next one: at least once, not at most once.
    async fn hand_back(&self, task: &ClaimedDelivery, stop: &Shutdown) {
        let parts = &self.parts;
        let now = parts.clock.now();
        let attempt = DeliveryAttempt {
            attempt: task.attempt,
            at: now,
            latency: Duration::ZERO,
            http_status: None,
            reason: "the queue was stopped in the middle of the attempt".to_owned(),
            fault: Some(Fault::Ours),
            answer: Bytes::new(),
        };
        let (id, next) = (&task.delivery.id, DeliveryNext::HandedBack { at: now });
        settle(&parts.clock, stop, "delivery", || parts.store.settle_delivery(id, attempt.clone(), next.clone())).await;
    }
}

#[async_trait]
impl Lane for DeliveryLane {
    type Task = (ClaimedDelivery, Place);

    fn name(&self) -> &'static str {
        "queue.delivery"
    }

    async fn claim(&self, free: usize) -> Result<Claim<(ClaimedDelivery, Place)>, ClaimFailed> {
        let config = &self.parts.config;
        let lease = DeliveryLease {
            first: config.first_delivery_timeout + LEASE_MARGIN,
            later: config.later_delivery_timeout + LEASE_MARGIN,
        };
        let now = self.parts.clock.now();
        let load = self.hosts().load(now);
        let claimed = self.parts.store.claim_deliveries(free, load, lease, now).await;
        let claimed = claimed.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "queue.claim_deliveries_failed");
            ClaimFailed
        })?;
        let mut hosts = self.hosts();
        let begin = |delivery: ClaimedDelivery| {
            let place = Place {
                host: delivery.delivery.host(),
                account: delivery.delivery.user_id.as_str().to_owned(),
                began: now,
            };
            hosts.begin(place.clone());
            (delivery, place)
        };
        let tasks = claimed.tasks.into_iter().map(begin).collect();
        let next_due = [claimed.next_due, hosts.next_end_of_rest(now)].into_iter().flatten().min();
        Ok(Claim { tasks, next_due, held_back: claimed.held_back })
    }

    async fn run(&self, (task, place): (ClaimedDelivery, Place), stop: Shutdown) -> Left {
        let place = HostPlace { lane: self, place: Some(place) };
        tokio::select! {
            () = stop.aborted() => {
                self.hand_back(&task, &stop).await;
                Left::More
            }
            outcome = self.post(&task) => self.record(&task, place, outcome, &stop).await,
        }
    }
}

/// Counts one delivery to a host for as long as it is kept.
struct HostPlace<'a> {
    lane: &'a DeliveryLane,
    place: Option<Place>,
}

impl HostPlace<'_> {
    fn end(mut self, heard: Heard, latency: Duration, reason: &str, now: Timestamp) {
        if let Some(place) = self.place.take() {
            let change = self.lane.hosts().end(&place, Some((heard, latency, reason)), now);
            if let Some(change) = change {
                self.lane.parts.alerts.tell(&place.host, change, now);
            }
        }
    }
}

impl Drop for HostPlace<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.lane.hosts().end(&place, None, place.began);
        }
    }
}

fn latency(outcome: &Result<Answer, SendError>) -> Duration {
    match outcome {
        Ok(answer) => answer.latency,
        Err(SendError::TimedOut { deadline }) => *deadline,
        Err(_) => Duration::ZERO,
    }
}

fn reason(said: &Delivery, outcome: &Result<Answer, SendError>) -> String {
    match (said, outcome) {
        (Delivery::Delivered, _) => String::new(),
        (Delivery::Dead(dead @ DeadReason::Redirected { .. }), _) => dead.to_string(),
        (_, Err(error)) => error.to_string(),
        (_, Ok(answer)) => format!("the receiver answered {}", answer.status),
    }
}

fn fault(said: &Delivery, outcome: &Result<Answer, SendError>) -> Option<Fault> {
    match (said, outcome) {
        (Delivery::Delivered, _) => None,
        (_, Ok(_)) => Some(Fault::Theirs),
        (_, Err(error)) => Some(error.fault()),
    }
}

fn report(task: &ClaimedDelivery, attempt: &DeliveryAttempt, next: &DeliveryNext) {
    let (request_id, number) = (&task.delivery.request_id, attempt.attempt);
    match next {
        DeliveryNext::Delivered => tracing::info!(%request_id, attempt = number, "delivery.delivered"),
        DeliveryNext::Retry { at } => {
            tracing::warn!(%request_id, attempt = number, reason = attempt.reason, next_at = %at, "delivery.failed");
        }
        DeliveryNext::HandedBack { .. } => {}
        DeliveryNext::Dead => {
            let age = clock::until(task.created_at, attempt.at);
            tracing::error!(%request_id, attempt = number, reason = attempt.reason, ?age, "delivery.dead");
        }
    }
}

//! The delivery lane: posts owed webhooks, signed anew for every attempt, and records what became of each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use plantain_outbound::delivery::{DeadReason, Delivery};
use plantain_outbound::send::{Answer, SendError};
use plantain_outbound::{Bounds, classify};
use plantain_wire::header;
use plantain_work::lane::{Claim, ClaimFailed, Lane};
use plantain_work::{Shutdown, clock, random};

use crate::decide;
use crate::engine::Parts;
use crate::engine::settling::settle;
use crate::model::{ClaimedDelivery, DeliveryAttempt, DeliveryLease, DeliveryNext, HostLoad, NewDelivery};

/// What a lease lasts beyond its attempt: the time to write down how it ended.
const LEASE_MARGIN: Duration = Duration::from_secs(10);

pub(super) struct DeliveryLane {
    parts: Arc<Parts>,
    hosts: Mutex<HostLoad>,
}

impl DeliveryLane {
    pub(super) fn new(parts: Arc<Parts>) -> DeliveryLane {
        let hosts = Mutex::new(HostLoad::new(parts.config.deliveries_per_host));
        DeliveryLane { parts, hosts }
    }

    fn hosts(&self) -> std::sync::MutexGuard<'_, HostLoad> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timeout(&self, attempt: u32) -> Duration {
        let config = &self.parts.config;
        if attempt <= 1 { config.first_delivery_timeout } else { config.later_delivery_timeout }
    }

    async fn post(&self, delivery: &NewDelivery, attempt: u32) -> Result<Answer, SendError> {
        let now = self.parts.clock.now();
        let signed = self.parts.signer.sign(&delivery.request_id, &delivery.user_id, now, &delivery.body);
        let mut headers = http::HeaderMap::with_capacity(signed.len() + 2);
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        let id = http::HeaderValue::try_from(delivery.id.as_str()).map_err(|_| SendError::Unsendable)?;
        headers.insert(header::WEBHOOK_DELIVERY_ID, id);
        for (name, value) in signed {
            let value = http::HeaderValue::try_from(value).map_err(|_| SendError::Unsendable)?;
            headers.insert(name, value);
        }
        let bounds = Bounds::answer_within(self.timeout(attempt));
        self.parts.outbound.post(&delivery.target, headers, delivery.body.clone(), bounds).await
    }

    async fn record(&self, task: &ClaimedDelivery, outcome: Result<Answer, SendError>, stop: &Shutdown) {
        let parts = &self.parts;
        let now = parts.clock.now();
        let said = classify(&outcome);
        let next = decide::after_delivery(&said, &parts.config.schedule, task.on_schedule(), now, random::jitter());
        let began_at = now - latency(&outcome);
        let attempt = DeliveryAttempt {
            attempt: task.attempt,
            at: began_at,
            latency: latency(&outcome),
            http_status: outcome.as_ref().ok().map(|answer| answer.status),
            reason: reason(&said, &outcome),
            answer: outcome.map_or_else(|_| Bytes::new(), |answer| answer.first_bytes),
        };
        report(task, &attempt, &next);
        let id = &task.delivery.id;
        settle(&parts.clock, stop, "delivery", || parts.store.settle_delivery(id, attempt.clone(), next.clone())).await;
    }
}

impl DeliveryLane {
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
            answer: Bytes::new(),
        };
        let (id, next) = (&task.delivery.id, DeliveryNext::Retry { at: now });
        settle(&parts.clock, stop, "delivery", || parts.store.settle_delivery(id, attempt.clone(), next.clone())).await;
    }
}

#[async_trait]
impl Lane for DeliveryLane {
    type Task = ClaimedDelivery;

    fn name(&self) -> &'static str {
        "queue.delivery"
    }

    async fn claim(&self, free: usize) -> Result<Claim<ClaimedDelivery>, ClaimFailed> {
        let config = &self.parts.config;
        let lease = DeliveryLease {
            first: config.first_delivery_timeout + LEASE_MARGIN,
            later: config.later_delivery_timeout + LEASE_MARGIN,
        };
        let hosts = self.hosts().clone();
        let claimed = self.parts.store.claim_deliveries(free, hosts, lease, self.parts.clock.now()).await;
        let claimed = claimed.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "queue.claim_deliveries_failed");
            ClaimFailed
        })?;
        let mut hosts = self.hosts();
        for task in &claimed.tasks {
            hosts.admit(&task.delivery.host());
        }
        Ok(Claim { tasks: claimed.tasks, next_due: claimed.next_due })
    }

    async fn run(&self, task: ClaimedDelivery, stop: Shutdown) {
        let _place = HostPlace { lane: self, host: task.delivery.host() };
        tokio::select! {
            () = stop.aborted() => self.hand_back(&task, &stop).await,
            outcome = self.post(&task.delivery, task.on_schedule()) => self.record(&task, outcome, &stop).await,
        }
    }
}

/// Counts one delivery to a host for as long as it is kept.
struct HostPlace<'a> {
    lane: &'a DeliveryLane,
    host: String,
}

impl Drop for HostPlace<'_> {
    fn drop(&mut self) {
        self.lane.hosts().release(&self.host);
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

fn report(task: &ClaimedDelivery, attempt: &DeliveryAttempt, next: &DeliveryNext) {
    let (request_id, number) = (&task.delivery.request_id, attempt.attempt);
    match next {
        DeliveryNext::Delivered => tracing::info!(%request_id, attempt = number, "delivery.delivered"),
        DeliveryNext::Retry { at } => {
            tracing::warn!(%request_id, attempt = number, reason = attempt.reason, next_at = %at, "delivery.failed");
        }
        DeliveryNext::Dead => {
            let age = clock::until(task.created_at, attempt.at);
            tracing::error!(%request_id, attempt = number, reason = attempt.reason, ?age, "delivery.dead");
        }
    }
}

//! The deadline lane: ends waiting requests whose start deadline has passed, on time, however busy the runners are.
//!
//! It takes such a request under a lease like any other attempt and ends it without a runner. A process that dies in between
//! leaves a lease that runs out, and the request lane finds the same deadline passed.

use std::sync::Arc;

use async_trait::async_trait;

use plantain_work::Shutdown;
use plantain_work::lane::{Claim, ClaimFailed, Lane, Left};

use crate::engine::Parts;
use crate::engine::requests::RequestLane;
use crate::model::ClaimedRequest;

/// Requests that are ended at the same time. Each is one write, and writes that wait together are committed together.
pub(super) const DEADLINE_SLOTS: usize = 32;

pub(super) struct DeadlineLane {
    parts: Arc<Parts>,
    requests: RequestLane,
}

impl DeadlineLane {
    pub(super) fn new(parts: Arc<Parts>) -> DeadlineLane {
        let requests = RequestLane::new(parts.clone());
        DeadlineLane { parts, requests }
    }
}

#[async_trait]
impl Lane for DeadlineLane {
    type Task = ClaimedRequest;

    fn name(&self) -> &'static str {
        "queue.deadline"
    }

    async fn claim(&self, free: usize) -> Result<Claim<ClaimedRequest>, ClaimFailed> {
        let (config, now) = (&self.parts.config, self.parts.clock.now());
        let claimed = self.parts.store.claim_overdue(free, config.lease, now).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "queue.claim_overdue_failed");
            ClaimFailed
        })?;
        for task in &claimed.tasks {
            self.parts.lines.left(task.endpoint.app(), &task.lease.request_id);
            self.parts.news.changed(&task.lease.request_id);
        }
        Ok(Claim { tasks: claimed.tasks, next_due: claimed.next_due, held_back: false })
    }

    /// The deadline has passed, so this ends the request.
    async fn run(&self, claimed: ClaimedRequest, stop: Shutdown) -> Left {
        self.requests.run(claimed, stop).await
    }
}

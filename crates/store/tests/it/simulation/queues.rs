//! The queue's processes: they take submits in, run requests and post what is owed, as the engine's lanes do it.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use plantain_outbound::classify;
use plantain_outbound::send::{Answer as Said, SendError};
use plantain_queue::decide::{self, After, Attempted, Before, Rules};
use plantain_queue::model::{
    Caller, Cancelled, ClaimedDelivery, ClaimedRequest, DeliveryAttempt, DeliveryLease, HostLoad, Idempotency, Lease,
    NewRequest, Next, Outcome, Priority, Pulse,
};
use plantain_queue::notice::{self, Announced};
use plantain_queue::runner::{Answer, RunFailure};
use plantain_queue::store::Enqueued;
use plantain_queue::turns::Turns;
use plantain_studio::job::{Job, JobId};
use plantain_wire::error::ErrorType;
use plantain_wire::id::{GatewayRequestId, RequestId};
use plantain_wire::options::RequestOptions;
use plantain_wire::signature::sign_webhook;
use plantain_wire::status::QueueStatus;
use plantain_work::clock::{after, until};

use super::network::{Address, Message, Standing};
use super::world::World;

const LEASE: Duration = Duration::from_secs(15);
const FIRST_TIMEOUT: Duration = Duration::from_secs(15);
const LATER_TIMEOUT: Duration = Duration::from_secs(60);

pub struct QueueProcess {
    here: Address,
    /// How far its clock is off, in seconds.
    pub skew: i64,
    turns: Turns,
    running: Vec<ClaimedRequest>,
    posting: Vec<(ClaimedDelivery, Timestamp)>,
}

impl QueueProcess {
    pub fn new(index: usize) -> QueueProcess {
        let turns = Turns::new(100);
        QueueProcess { here: Address { index, life: 0 }, skew: 0, turns, running: Vec::new(), posting: Vec::new() }
    }
}

impl World {
    fn queue_time(&self, index: usize) -> Timestamp {
        self.at(self.queues[index].skew)
    }

    pub fn queue_dies(&mut self, index: usize) {
        let old = &self.queues[index];
        let life = old.here.life + 1;
        self.queues[index] = QueueProcess { skew: old.skew, ..QueueProcess::new(index) };
        self.queues[index].here.life = life;
        self.tell(format!("queue {index} dies"));
    }

    pub fn queue_has_work(&self, index: usize) -> bool {
        !self.queues[index].running.is_empty()
    }

    pub async fn queue_claims(&mut self, index: usize) {
        let (now, count) = (self.queue_time(index), 1 + self.chance.index(2));
        let turns = self.queues[index].turns.clone();
        let claimed = self.stores.queue.claim_requests(count, &turns, LEASE, now).await.unwrap();
        self.due(claimed.next_due);
        for task in claimed.tasks {
            self.tell(format!("queue {index} claims {:?}", task.lease));
            self.laws.claimed(&task, after(now, LEASE), now);
            self.queues[index].running.push(task);
        }
    }

    /// One attempt comes to its end, or is ended before it began.
    pub async fn queue_works(&mut self, index: usize) {
        let count = self.queues[index].running.len();
        if count == 0 {
            return;
        }
        let chosen = self.chance.index(count);
        let claimed = self.queues[index].running.swap_remove(chosen);
        let (now, budget) = (self.queue_time(index), self.budget.clone());
        let rules = Rules { budget: &budget, skip_retry: &[] };
        let after = match decide::before_attempt(&claimed, rules, now) {
            Before::Finish(outcome) => After::Finish(outcome),
            Before::Run => {
                let attempted = self.attempt(&claimed);
                let jitter = self.jitter();
                decide::after_attempt(&claimed, attempted, rules, now, jitter)
            }
        };
        let next = match after {
            After::Requeue { at, attempt } => Next::Requeue { at, attempt },
            After::Finish(outcome) => self.finish(&claimed, outcome, now),
        };
        self.settle(&claimed.lease, next.clone(), now).await;
        // The store's answer was lost, and the write is made again.
        if self.chance.one_in(6) {
            self.settle(&claimed.lease, next, now).await;
        }
    }

    fn attempt(&mut self, claimed: &ClaimedRequest) -> Attempted {
        let answered = |answer| Attempted::Answered { answer, inference: Duration::from_millis(10) };
        match self.chance.below(20) {
            0 => answered(Answer::new(503, r#"{"detail":"busy"}"#)),
            1 => answered(Answer::new(422, r#"{"detail":"no"}"#)),
            2 => answered(Answer::new(200, "<html>")),
            3..=5 => {
                let failure = RunFailure { error_type: ErrorType::RunnerDisconnected, detail: "gone".into() };
                Attempted::Failed(failure)
            }
            6..=7 => Attempted::Interrupted,
            _ => {
                let output = self.output(&claimed.lease.request_id);
                answered(Answer::new(200, output))
            }
        }
    }

    fn finish(&mut self, claimed: &ClaimedRequest, outcome: Outcome, now: Timestamp) -> Next {
        let announced = Announced {
            request_id: &claimed.lease.request_id,
            gateway_request_id: &claimed.gateway_request_id,
            user_id: &claimed.caller.user_id,
            webhook: claimed.webhook.as_ref(),
        };
        let deliveries = notice::owed(&announced, &outcome, self.name(), now);
        Next::Finish { outcome, deliveries }
    }

    async fn settle(&mut self, lease: &Lease, next: Next, now: Timestamp) {
        let settled = self.stores.queue.settle(lease, next.clone(), &[], now).await.unwrap();
        self.tell(format!("settles {lease:?}: {settled:?} {}", kind(&next)));
        self.laws.settled(lease, &next, settled);
        self.look_at_request(&lease.request_id).await;
    }

    pub async fn queue_beats(&mut self, index: usize) {
        let leases: Vec<Lease> = self.queues[index].running.iter().map(|claimed| claimed.lease.clone()).collect();
        let until = after(self.queue_time(index), LEASE);
        let pulses = self.stores.queue.heartbeat(&leases, until).await.unwrap();
        for (lease, pulse) in leases.iter().zip(pulses) {
            match pulse {
                Pulse::Lost => self.queues[index].running.retain(|claimed| claimed.lease != *lease),
                Pulse::Held => self.laws.prolonged(lease, until),
                Pulse::CancelRequested => {
                    self.laws.prolonged(lease, until);
                    let flagged = self.queues[index].running.iter_mut().find(|claimed| claimed.lease == *lease);
                    flagged.expect("it is held").cancel_requested = true;
                }
            }
        }
    }

    pub async fn queue_posts(&mut self, index: usize) {
        const MARGIN: Duration = Duration::from_secs(10);
        let (now, count) = (self.queue_time(index), 1 + self.chance.index(2));
        let lease = DeliveryLease { first: FIRST_TIMEOUT + MARGIN, later: LATER_TIMEOUT + MARGIN };
        let claimed = self.stores.queue.claim_deliveries(count, HostLoad::new(16), lease, now).await.unwrap();
        self.due(claimed.next_due);
        for task in claimed.tasks {
            self.tell(format!("queue {index} posts {} attempt {}", task.delivery.id, task.attempt));
            self.laws.delivery_claimed(&task);
            let owed = &task.delivery;
            let headers = sign_webhook(&self.key, &owed.request_id, &owed.user_id, now.as_second(), &owed.body);
            let from = self.queues[index].here;
            self.queues[index].posting.push((task.clone(), now));
            self.send(Message::Webhook { claimed: Box::new(task), headers, from }, true);
        }
    }

    pub async fn queue_loses_patience(&mut self, index: usize) {
        let now = self.queue_time(index);
        let deadline = |claimed: &ClaimedDelivery| match claimed.on_schedule() {
            ..=1 => FIRST_TIMEOUT,
            _ => LATER_TIMEOUT,
        };
        let late = |(claimed, since): &(ClaimedDelivery, Timestamp)| until(*since, now) >= deadline(claimed);
        while let Some(at) = self.queues[index].posting.iter().position(late) {
            let (claimed, _) = self.queues[index].posting.swap_remove(at);
            let said = Err(SendError::TimedOut { deadline: deadline(&claimed) });
            self.record(claimed, said, now).await;
        }
    }

    pub async fn answer_arrives(&mut self, claimed: ClaimedDelivery, status: u16, to: Address) {
        let process = &mut self.queues[to.index];
        let same = |posting: &(ClaimedDelivery, Timestamp)| {
            posting.0.delivery.id == claimed.delivery.id && posting.0.attempt == claimed.attempt
        };
        let Some(at) = process.posting.iter().position(same).filter(|_| process.here == to) else { return };
        process.posting.swap_remove(at);
        let said = Said { status, retry_after: None, latency: Duration::ZERO, first_bytes: Bytes::new() };
        let now = self.queue_time(to.index);
        self.record(claimed, Ok(said), now).await;
    }

    async fn record(&mut self, claimed: ClaimedDelivery, said: Result<Said, SendError>, now: Timestamp) {
        let jitter = self.jitter();
        let next = decide::after_delivery(&classify(&said), &self.schedule, claimed.on_schedule(), now, jitter);
        let attempt = DeliveryAttempt {
            attempt: claimed.attempt,
            at: now,
            latency: Duration::ZERO,
            http_status: said.as_ref().ok().map(|said| said.status),
            reason: String::new(),
            fault: None,
            answer: Bytes::new(),
        };
        let id = &claimed.delivery.id;
        let settled = self.stores.queue.settle_delivery(id, attempt, next.clone()).await.unwrap();
        self.tell(format!("{id} attempt {}: {said:?} {settled:?} {next:?}", claimed.attempt));
        self.laws.delivery_settled(&claimed, &next, settled);
    }

    /// The address is the balancer's: any process may take it in.
    pub async fn submit_arrives(&mut self, job: Job, from: Address) {
        let index = self.chance.index(self.queues.len());
        let (id, now) = (RequestId::parse(&self.name()).unwrap(), self.queue_time(index));
        let key = Idempotency { key: job.id.to_string(), fingerprint: [0; 32] };
        let webhook = format!("http://studio.test/api/fal/webhook?jobId={}&token={}", job.id, job.token.reveal());
        let request = NewRequest {
            id: id.clone(),
            endpoint: job.spec.endpoint.clone(),
            caller: Caller { user_id: self.account.clone(), key_id: "key".into() },
            input: Bytes::from_static(b"{}"),
            webhook: Some(webhook.parse().unwrap()),
            priority: Priority::Normal,
            start_by: None,
            // A queue that knows no such key is not told one.
            idempotency: self.policy.idempotent_backend.then_some(key),
            options: RequestOptions::default(),
            max_queue_length: None,
            retry_of: None,
            created_at: now,
        };
        let accepted = match self.stores.queue.enqueue(request).await.unwrap() {
            Enqueued::New => id,
            Enqueued::Known { id } => id,
            refused => panic!("nothing is wrong with the submit: {refused:?}"),
        };
        self.tell(format!("{} is request {accepted}", job.id));
        self.laws.request_accepted(&accepted, &job.id);
        self.send(Message::Submitted { job: job.id, request: accepted, to: from }, true);
    }

    pub async fn question_arrives(&mut self, job: JobId, request: RequestId, from: Address) {
        let view = self.stores.queue.request(&request).await.unwrap().expect("it was accepted");
        let standing = match (view.status, view.outcome) {
            (QueueStatus::Completed, Some(outcome)) => Standing::Ended(Box::new(outcome)),
            (QueueStatus::InProgress, _) => Standing::Running,
            _ => Standing::Waiting,
        };
        self.send(Message::Told { job, request, standing, to: from }, true);
    }

    pub async fn cancel_arrives(&mut self, request: RequestId) {
        let view = self.stores.queue.request(&request).await.unwrap().expect("it was accepted");
        let (now, outcome) = (self.now, decide::cancelled());
        let gateway = GatewayRequestId::from(&request);
        let announced = Announced {
            request_id: &request,
            gateway_request_id: &gateway,
            user_id: &view.caller.user_id,
            webhook: view.webhook.as_ref(),
        };
        let owed = notice::owed(&announced, &outcome, self.name(), now);
        let cancelled = self.stores.queue.cancel(&request, outcome, owed, now).await.unwrap();
        self.tell(format!("cancel of {request}: {cancelled:?}"));
        if cancelled == Cancelled::Removed {
            self.laws.cancelled(&request);
        }
        self.look_at_request(&request).await;
    }

    pub fn jitter(&mut self) -> u32 {
        u32::try_from(self.chance.below(1 << 32)).unwrap_or(u32::MAX)
    }
}

fn kind(next: &Next) -> String {
    match next {
        Next::Requeue { attempt, .. } => format!("{attempt:?}"),
        Next::Finish { outcome: Outcome::Answered { http_status, .. }, .. } => http_status.to_string(),
        Next::Finish { outcome: Outcome::Failed { error_type, .. }, .. } => error_type.to_string(),
    }
}

//! What must hold after every step, and when the schedule has ended. The ledger knows what was promised; the stores say what is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use plantain_queue::decide;
use plantain_queue::model::{
    ClaimedDelivery, ClaimedRequest, DeliveryNext, DeliveryState, Lease, NewDelivery, Next, Outcome, RequestView,
    Settled,
};
use plantain_studio::job::{Ended, Job, JobId, JobResult, JobState};
use plantain_wire::id::RequestId;
use plantain_wire::status::QueueStatus;

#[derive(Debug, Default)]
pub struct Laws {
    requests: BTreeMap<RequestId, RequestLaw>,
    deliveries: BTreeMap<String, DeliveryLaw>,
    jobs: BTreeMap<JobId, JobLaw>,
}

#[derive(Debug)]
struct RequestLaw {
    job: JobId,
    /// The number of the latest attempt that was handed out.
    newest: u32,
    leased_until: Option<Timestamp>,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
struct DeliveryLaw {
    request: RequestId,
    newest: u32,
    ended: bool,
    /// The receiver said 200 to one of its attempts.
    accepted: bool,
}

#[derive(Debug)]
struct JobLaw {
    latest: Job,
    applied: u32,
    requests: BTreeSet<RequestId>,
}

impl Laws {
    pub fn requests(&self) -> Vec<RequestId> {
        self.requests.keys().cloned().collect()
    }

    pub fn jobs(&self) -> Vec<JobId> {
        self.jobs.keys().cloned().collect()
    }

    /// The seller was told that the job is taken in.
    pub fn job_accepted(&mut self, job: &Job) {
        self.jobs.insert(job.id.clone(), JobLaw { latest: job.clone(), applied: 0, requests: BTreeSet::new() });
    }

    /// The queue took a submit in.
    pub fn request_accepted(&mut self, id: &RequestId, job: &JobId) {
        let asked = &mut self.jobs.get_mut(job).expect("a job that was accepted").requests;
        asked.insert(id.clone());
        assert_eq!(asked.len(), 1, "{job} is generated, and billed, twice: {asked:?}");
        let law = RequestLaw { job: job.clone(), newest: 0, leased_until: None, outcome: None };
        self.requests.entry(id.clone()).or_insert(law);
    }

    /// By the claimer's own clock.
    pub fn claimed(&mut self, claimed: &ClaimedRequest, until: Timestamp, now: Timestamp) {
        let law = self.requests.get_mut(&claimed.lease.request_id).expect("only what was accepted is claimed");
        assert!(law.outcome.is_none(), "{:?} has ended and was claimed", claimed.lease);
        assert!(claimed.lease.attempt > law.newest, "{:?} was claimed before", claimed.lease);
        assert!(law.leased_until.is_none_or(|held| held <= now), "{:?} is still held by another", claimed.lease);
        (law.newest, law.leased_until) = (claimed.lease.attempt, Some(until));
    }

    pub fn prolonged(&mut self, lease: &Lease, until: Timestamp) {
        let law = self.requests.get_mut(&lease.request_id).expect("known");
        assert!(law.newest == lease.attempt && law.outcome.is_none(), "{lease:?} is lost and was prolonged");
        law.leased_until = Some(until);
    }

    /// A stale holder changes nothing; what has ended stays so.
    pub fn settled(&mut self, lease: &Lease, next: &Next, settled: Settled) {
        if settled == Settled::LeaseLost {
            return;
        }
        let law = self.requests.get_mut(&lease.request_id).expect("known");
        assert_eq!(law.newest, lease.attempt, "a holder that had lost {lease:?} settled it");
        assert!(law.leased_until.is_some(), "{lease:?} was settled twice");
        law.leased_until = None;
        if let Next::Finish { outcome, .. } = next {
            assert_eq!(law.outcome, None, "{lease:?} ended twice");
            law.outcome = Some(outcome.clone());
        }
    }

    /// It was waiting.
    pub fn cancelled(&mut self, id: &RequestId) {
        let law = self.requests.get_mut(id).expect("known");
        assert!(law.outcome.is_none() && law.leased_until.is_none(), "{id} did not wait any more");
        law.outcome = Some(decide::cancelled());
    }

    pub fn request_seen(&self, view: &RequestView) {
        let law = &self.requests[&view.id];
        assert_eq!(view.outcome, law.outcome, "{} ended in another way than it was settled", view.id);
        assert_eq!(view.status == QueueStatus::Completed, law.outcome.is_some(), "{}: {:?}", view.id, view.status);
    }

    pub fn delivery_claimed(&mut self, claimed: &ClaimedDelivery) {
        let request = &self.requests[&claimed.delivery.request_id];
        assert!(request.outcome.is_some(), "{} is announced and has not ended", claimed.delivery.request_id);
        let law = self.delivery(&claimed.delivery);
        assert!(!law.ended, "{} has ended and was claimed", claimed.delivery.id);
        assert!(claimed.attempt > law.newest, "attempt {} was handed out before", claimed.attempt);
        law.newest = claimed.attempt;
    }

    pub fn webhook_accepted(&mut self, delivery: &str) {
        self.deliveries.get_mut(delivery).expect("it was claimed").accepted = true;
    }

    pub fn delivery_settled(&mut self, claimed: &ClaimedDelivery, next: &DeliveryNext, settled: Settled) {
        if settled == Settled::LeaseLost {
            return;
        }
        let law = self.deliveries.get_mut(&claimed.delivery.id).expect("it was claimed");
        assert!(law.newest == claimed.attempt && !law.ended, "a stale attempt settled {}", claimed.delivery.id);
        law.ended = !matches!(next, DeliveryNext::Retry { .. });
        assert!(*next != DeliveryNext::Delivered || law.accepted, "{} was never accepted", claimed.delivery.id);
    }

    /// It had ended, and an operator wants it sent again.
    pub fn redelivered(&mut self, delivery: &NewDelivery) {
        self.delivery(delivery).ended = false;
    }

    fn delivery(&mut self, delivery: &NewDelivery) -> &mut DeliveryLaw {
        let request = delivery.request_id.clone();
        let new = || DeliveryLaw { request, newest: 0, ended: false, accepted: false };
        self.deliveries.entry(delivery.id.clone()).or_insert_with(new)
    }

    /// Whether everything that was promised has come about, as far as anybody was told.
    pub fn are_met(&self) -> bool {
        let announced = |id: &RequestId| self.deliveries.values().any(|law| law.request == *id && law.ended);
        self.jobs.values().all(|law| law.latest.outcome.is_some())
            && self.requests.iter().all(|(id, law)| law.outcome.is_some() && announced(id))
    }

    /// The answer of the model was taken in.
    pub fn applied(&mut self, id: &JobId) {
        let law = self.jobs.get_mut(id).expect("known");
        law.applied += 1;
        assert_eq!(law.applied, 1, "a result was applied twice to {id}");
    }

    /// States move forward only.
    pub fn job_seen(&mut self, job: &Job) {
        let law = self.jobs.get_mut(&job.id).expect("known");
        let before = &law.latest;
        if before.outcome.is_some() {
            assert_eq!(before, job, "a job that had ended was changed");
        }
        assert!(before.epoch <= job.epoch && before.phase <= job.phase, "backwards: {before:?} {job:?}");
        assert!(before.request_id.is_none() || before.request_id == job.request_id, "{before:?} {job:?}");
        assert!(before.result_at.is_none() || before.result_at == job.result_at, "{before:?} {job:?}");
        assert_eq!(job.result_at.is_some(), law.applied == 1, "a result without an application: {job:?}");
        law.latest = job.clone();
    }

    /// At the end of a schedule.
    pub fn ended(&self, view: &RequestView, owed: &[(String, DeliveryState)], attempts_max: u32) {
        self.request_seen(view);
        assert!(view.outcome.is_some(), "{} was accepted and did not end", view.id);
        let [(id, state)] = owed else { panic!("{} owes one webhook: {owed:?}", view.id) };
        let DeliveryLaw { newest, accepted, .. } = self.deliveries.get(id).expect("it was claimed at least once");
        match state {
            DeliveryState::Delivered => assert!(accepted, "{id} counts as delivered and was never accepted"),
            DeliveryState::Dead => assert!(*newest >= attempts_max, "{id} was given up after {newest} attempts"),
            DeliveryState::Pending => panic!("{id} is still owed"),
        }
    }

    /// At the end of a schedule. `idempotent`: no submit may remain unknown.
    pub fn job_ended(&mut self, job: &Job, result: Option<&JobResult>, idempotent: bool) {
        self.job_seen(job);
        let law = &self.jobs[&job.id];
        assert!(job.outcome.is_some() && job.leased_until.is_none(), "{} did not end: {job:?}", job.id);
        assert_eq!(result.is_some(), law.applied == 1, "{} and its result", job.id);
        let Some(result) = result else {
            let unheard = job.state() == JobState::Canceled || (!idempotent && job.state() == JobState::Failed);
            assert!(unheard, "{} ended without its result: {job:?}", job.id);
            return;
        };
        let request = job.request_id.as_ref().expect("a result has a request");
        let outcome = self.requests[request].outcome.as_ref().expect("a result of a request that has not ended");
        assert_eq!(self.requests[request].job, job.id, "the result of another job");
        match (&result.ended, outcome) {
            (Ended::Output(given), Outcome::Answered { http_status: 200, body, .. }) => assert_eq!(given, body),
            (Ended::Error { .. }, Outcome::Answered { http_status, .. }) => assert_ne!(*http_status, 200),
            (Ended::Error { .. }, Outcome::Failed { .. }) => {}
            (Ended::Output(_), _) => panic!("an output out of a failure: {outcome:?}"),
        }
    }
}

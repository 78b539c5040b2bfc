//! The studio's processes: they submit, follow, take webhooks in and save, as the studio's lane and receiver do it.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use plantain_queue::model::{ClaimedDelivery, Outcome as QueueOutcome};
use plantain_studio::job::arrival::{Arrival, Arrived, Callback, WebhookFacts};
use plantain_studio::job::step::{self, Step};
use plantain_studio::job::transition::{JobEvent, PutOff};
use plantain_studio::job::{Ended, Finished, Job, JobError, JobId, JobResult, Outcome, ResultSource};
use plantain_studio::store::Applied;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::signature::{SignedHeaders, SigningKey, sign_webhook, verify};
use plantain_wire::webhook::{WebhookBody, WebhookStatus};
use plantain_work::clock::{after, until};
use plantain_work::lane::Beat;

use super::network::{Address, Message, Standing};
use super::world::{World, word};

const LEASE: Duration = Duration::from_secs(10);

/// How long an answer of the queue is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct StudioProcess {
    here: Address,
    /// How far its clock is off, in seconds.
    pub skew: i64,
    held: Vec<Held>,
}

struct Held {
    job: Job,
    /// Since when it waits for the queue's answer.
    asked: Option<Timestamp>,
}

impl StudioProcess {
    pub fn new(index: usize) -> StudioProcess {
        StudioProcess { here: Address { index, life: 0 }, skew: 0, held: Vec::new() }
    }

    pub fn holds(&self) -> usize {
        self.held.len()
    }

    fn place_of(&self, job: &JobId) -> Option<usize> {
        self.held.iter().position(|held| held.job.id == *job)
    }
}

impl World {
    fn studio_time(&self, index: usize) -> Timestamp {
        self.at(self.studios[index].skew)
    }

    pub fn studio_dies(&mut self, index: usize) {
        let old = &self.studios[index];
        let (skew, life) = (old.skew, old.here.life + 1);
        self.studios[index] = StudioProcess { here: Address { index, life }, skew, held: Vec::new() };
        self.tell(format!("studio {index} dies"));
    }

    pub async fn studio_claims(&mut self, index: usize) {
        let (now, count) = (self.studio_time(index), 1 + self.chance.index(2));
        let claimed = self.stores.jobs.claim(count, LEASE, now).await.unwrap();
        self.due(claimed.next_due);
        for job in claimed.jobs {
            self.tell(format!("studio {index} claims {} {:?} {}", job.id, job.phase, job.epoch));
            self.laws.job_seen(&job);
            self.studios[index].held.retain(|held| held.job.id != job.id);
            self.studios[index].held.push(Held { job, asked: None });
        }
    }

    pub async fn studio_beats(&mut self, index: usize) {
        let until = after(self.studio_time(index), LEASE);
        for fence in self.studios[index].held.iter().map(|held| held.job.fence()).collect::<Vec<_>>() {
            if self.stores.jobs.heartbeat(&fence, until).await.unwrap() == Beat::Lost {
                self.studios[index].held.retain(|held| held.job.fence() != fence);
            }
        }
    }

    /// One held job goes a step on.
    pub async fn studio_acts(&mut self, index: usize) {
        let count = self.studios[index].held.len();
        if count == 0 {
            return;
        }
        let chosen = self.chance.index(count);
        let held = self.studios[index].held.swap_remove(chosen);
        let now = self.studio_time(index);
        match held.asked {
            Some(since) if until(since, now) < PATIENCE => self.studios[index].held.push(held),
            Some(_) => {
                let why = if held.job.request_id.is_none() { PutOff::SubmitUnknown } else { PutOff::Failed };
                self.put_off(index, &held.job, why).await;
            }
            None => self.begin(index, held.job, now).await,
        }
    }

    async fn begin(&mut self, index: usize, job: Job, now: Timestamp) {
        let epoch = job.epoch;
        match step::next(&job, &self.policy, now) {
            Step::Submit => self.submit(index, job, now).await,
            Step::AwaitCallback(pause) => {
                let event = JobEvent::PutOff { epoch, pause, why: PutOff::Waiting };
                self.apply(&job.id, event, now).await;
            }
            Step::Follow => {
                let request = job.request_id.clone().expect("a job that is followed has a request");
                if job.cancel_asked_at.is_some() {
                    self.send(Message::Cancel { request: request.clone() }, true);
                }
                let from = self.studios[index].here;
                self.send(Message::Ask { job: job.id.clone(), request, from }, true);
                let asked = Some(now);
                self.studios[index].held.push(Held { job, asked });
            }
            Step::Save => self.save(job, now).await,
            Step::End(outcome) => {
                self.apply(&job.id, JobEvent::Ends { epoch, outcome }, now).await;
            }
        }
    }

    async fn submit(&mut self, index: usize, job: Job, now: Timestamp) {
        let first = job.submit_started_at.is_none();
        let begins = JobEvent::SubmitBegins { epoch: job.epoch, uploads: Vec::new() };
        let Applied::Changed(job) = self.apply(&job.id, begins, now).await else { return };
        if self.chance.one_in(10) {
            // No connection: it surely reached nobody.
            let why = if first { PutOff::Failed } else { PutOff::SubmitUnknown };
            return self.put_off(index, &job, why).await;
        }
        if self.chance.one_in(25) {
            // Between the note and the submit.
            return self.studio_dies(index);
        }
        let from = self.studios[index].here;
        // One connection carries it once.
        self.send(Message::Submit { job: job.clone(), from }, false);
        let asked = Some(now);
        self.studios[index].held.push(Held { job: *job, asked });
    }

    async fn put_off(&mut self, index: usize, job: &Job, why: PutOff) {
        let jitter = self.jitter();
        let pause = step::backoff(job.failures, None, jitter);
        let now = self.studio_time(index);
        self.apply(&job.id, JobEvent::PutOff { epoch: job.epoch, pause, why }, now).await;
    }

    async fn save(&mut self, job: Job, now: Timestamp) {
        let result = self.stores.jobs.result(&job.id).await.unwrap().expect("what is to be saved is here");
        let outcome = match result.ended {
            Ended::Output(_) => Outcome::Succeeded(Finished {
                pictures: Vec::new(),
                media: Vec::new(),
                description: None,
                notices: Vec::new(),
                cutout: None,
                tilt_degrees: None,
            }),
            Ended::Error { .. } if job.cancel_asked_at.is_some() => Outcome::Canceled,
            Ended::Error { .. } => Outcome::Failed(JobError::new("model_error", "no", "no")),
        };
        self.apply(&job.id, JobEvent::Ends { epoch: job.epoch, outcome }, now).await;
    }

    async fn apply(&mut self, id: &JobId, event: JobEvent, now: Timestamp) -> Applied {
        let applied = self.stores.jobs.apply(id, &event, now).await.unwrap();
        self.tell(format!("{id} {event:?}: {}", word(&applied)));
        match &applied {
            Applied::Changed(job) => self.laws.job_seen(job),
            Applied::Refused(_) | Applied::NotFound => self.look_at_job(id).await,
        }
        applied
    }

    /// A fact, whoever holds the job by now; whoever asked goes on.
    pub async fn submit_reply_arrives(&mut self, job: JobId, request: RequestId, to: Address) {
        if self.studios[to.index].here != to {
            return;
        }
        let now = self.studio_time(to.index);
        let applied = self.apply(&job, JobEvent::Submitted { request_id: request, told_again: false }, now).await;
        let Some(at) = self.studios[to.index].place_of(&job) else { return };
        let held = &mut self.studios[to.index].held[at];
        match applied {
            Applied::Changed(next) if next.epoch == held.job.epoch => (held.job, held.asked) = (*next, None),
            _ => drop(self.studios[to.index].held.swap_remove(at)),
        }
    }

    pub async fn standing_arrives(&mut self, job: JobId, request: RequestId, standing: Standing, to: Address) {
        let Some(at) = self.studios[to.index].place_of(&job).filter(|_| self.studios[to.index].here == to) else {
            return;
        };
        let held = self.studios[to.index].held.swap_remove(at).job;
        let (now, epoch) = (self.studio_time(to.index), held.epoch);
        let waiting = |pause| JobEvent::PutOff { epoch, pause: Duration::from_secs(pause), why: PutOff::Waiting };
        match standing {
            Standing::Waiting => drop(self.apply(&job, waiting(1), now).await),
            Standing::Running => {
                self.apply(&job, JobEvent::Running { epoch }, now).await;
                self.apply(&job, waiting(1), now).await;
            }
            // The webhook's grace.
            Standing::Ended(_) if self.chance.one_in(2) => drop(self.apply(&job, waiting(3), now).await),
            Standing::Ended(outcome) => {
                let result = Some(JobResult { source: ResultSource::Reconciler, ended: ended(&outcome) });
                self.arrives(&Arrival { request_id: request, result, webhook: None }, now).await;
            }
        }
    }

    pub async fn webhook_arrives(&mut self, claimed: ClaimedDelivery, headers: SignedHeaders, from: Address) {
        let index = self.chance.index(self.studios.len());
        let now = self.studio_time(index);
        let owed = &claimed.delivery;
        let callback = callback(&owed.target);
        let status = match self.is_unwell() {
            true => 503,
            false => self.receive(&headers, &owed.body, callback, now).await,
        };
        self.tell(format!("studio {index} answers {status} to {} attempt {}", owed.id, claimed.attempt));
        if status == 200 {
            self.laws.webhook_accepted(&owed.id);
        }
        self.send(Message::Answered { claimed: Box::new(claimed), status, to: from }, true);
    }

    /// Verify, parse, judge and write; then answer.
    async fn receive(&mut self, headers: &SignedHeaders, body: &Bytes, callback: Callback, now: Timestamp) -> u16 {
        let Ok(read) = SignedHeaders::read(headers.iter().map(|(name, value)| (name, value.as_bytes()))) else {
            return 401;
        };
        let Ok(verified) = verify(&read, body, &self.keys, now.as_second()) else { return 401 };
        let Ok(said) = WebhookBody::parse(body) else { return 400 };
        if said.request_id != verified.request_id {
            return 400;
        }
        let payload = said.payload.map(|payload| Bytes::copy_from_slice(payload.get().as_bytes()));
        let ended = match (said.status, payload) {
            (WebhookStatus::Ok, Some(output)) => Some(Ended::Output(output)),
            (WebhookStatus::Ok, None) => None,
            (WebhookStatus::Error, body) => Some(Ended::Error { body, said: said.error.as_deref().map(str::to_owned) }),
        };
        let webhook = WebhookFacts {
            user_id: Some(verified.user_id),
            callback,
            headers: Vec::new(),
            body: body.clone(),
            body_sha256: String::from_utf8_lossy(body).into_owned(),
        };
        let result = ended.map(|ended| JobResult { source: ResultSource::Webhook, ended });
        let arrival = Arrival { request_id: said.request_id, result, webhook: Some(webhook) };
        match self.arrives(&arrival, now).await {
            Arrived::Applied(_) | Arrived::Noted(_) | Arrived::Duplicate(_) => 200,
            Arrived::UnknownRequest => 404,
            Arrived::NotOurs(_) => 401,
        }
    }

    async fn arrives(&mut self, arrival: &Arrival, now: Timestamp) -> Arrived {
        let arrived = self.stores.jobs.result_arrived(arrival, now).await.unwrap();
        self.tell(format!("result of {}: {arrived:?}", arrival.request_id));
        match &arrived {
            Arrived::Applied(job) => {
                self.laws.applied(job);
                self.look_at_job(job).await;
            }
            Arrived::Noted(job) | Arrived::Duplicate(job) => self.look_at_job(job).await,
            Arrived::UnknownRequest | Arrived::NotOurs(_) => {}
        }
        arrived
    }

    /// Somebody sends a result that is not the queue's: with a key, an account, a token or an hour that is not right.
    pub async fn somebody_lies(&mut self) {
        let (requests, jobs) = (self.laws.requests(), self.laws.jobs());
        if requests.is_empty() {
            return;
        }
        let (request, job) = (self.chance.pick(&requests).clone(), self.chance.pick(&jobs).clone());
        let job = self.stores.jobs.job(&job).await.unwrap().expect("it was accepted");
        let said =
            format!(r#"{{"request_id":"{request}","gateway_request_id":"{request}","status":"OK","payload":{{}}}}"#);
        let body = Bytes::from(said);
        let (now, ours) = (self.now, self.account.clone());
        let known = self.stores.jobs.account().await.unwrap().is_some();
        let stranger = SigningKey::from_seed([8; 32]);
        let sign =
            |key: &SigningKey, user: &UserId, age: i64| sign_webhook(key, &request, user, now.as_second() - age, &body);
        let token = Callback { job: Some(job.id.clone()), token: Some("guessed".into()) };
        let (headers, callback) = match self.chance.below(4) {
            0 => (sign(&stranger, &ours, 0), Callback::default()),
            1 => (sign(&self.key, &ours, 301), Callback::default()),
            2 if known => (sign(&self.key, &UserId::parse("user_them").unwrap(), 0), Callback::default()),
            _ => (sign(&self.key, &ours, 0), token),
        };
        let status = self.receive(&headers, &body, callback, now).await;
        self.tell(format!("a lie about {request} is answered with {status}"));
        assert_ne!(status, 200, "a lie was believed");
    }
}

/// As the receiver reads it from the address.
fn callback(target: &url::Url) -> Callback {
    let find = |name: &str| target.query_pairs().find(|(given, _)| given == name).map(|(_, value)| value.into_owned());
    Callback { job: find("jobId").and_then(|id| JobId::parse(&id)), token: find("token") }
}

/// As the client reads it from the result call.
fn ended(outcome: &QueueOutcome) -> Ended {
    match outcome {
        QueueOutcome::Answered { http_status: 200, body, .. } => Ended::Output(body.clone()),
        QueueOutcome::Answered { body, .. } => Ended::Error { body: Some(body.clone()), said: None },
        QueueOutcome::Failed { detail, .. } => Ended::Error { body: None, said: Some(detail.clone()) },
    }
}

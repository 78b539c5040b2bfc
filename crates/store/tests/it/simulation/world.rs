//! The scheduler: chooses by chance who does what next, moves the clocks, carries messages, and ends each schedule with a calm
//! in which everything that was accepted has to end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use plantain_outbound::schedule::Schedule;
use plantain_queue::decide::Budget;
use plantain_queue::history::Filter;
use plantain_queue::store::QueueStore;
use plantain_store::queue::open_queue;
use plantain_store::studio::open_studio;
use plantain_studio::job::step::Policy;
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{CallbackToken, Job, JobId, JobSpec};
use plantain_studio::store::{Applied, StudioStore};
use plantain_testkit::Chance;
use plantain_wire::id::{RequestId, UserId};
use plantain_wire::jwks::KeySet;
use plantain_wire::models::nano_banana::{AspectRatio, EDIT_ENDPOINT};
use plantain_wire::signature::SigningKey;
use plantain_work::clock::after;

use super::laws::Laws;
use super::network::{InFlight, Message};
use super::queues::QueueProcess;
use super::studios::StudioProcess;

/// Processes of each kind.
const REPLICAS: usize = 2;

/// Steps in the storm.
const STORM: u64 = 60;

/// Rounds of the calm: more than any backoff needs, and any lease, that of a process whose clock was an hour ahead among them.
const CALM: usize = 6_000;

/// Every schedule begins here.
const BEGIN: &str = "2026-11-20T12:00:00Z";

/// A step of a clock that is set.
const CLOCK_STEP: i64 = 3600;

#[derive(Clone)]
pub struct Stores {
    pub queue: Arc<dyn QueueStore>,
    pub jobs: Arc<dyn StudioStore>,
}

impl Stores {
    pub async fn open(folder: &Path) -> Stores {
        let queue = open_queue(folder.join("queue.db").to_str().unwrap()).await.unwrap();
        let jobs = open_studio(folder.join("studio.db").to_str().unwrap()).await.unwrap().jobs;
        Stores { queue, jobs }
    }
}

/// What the network and the machines do to everybody.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// One message in so many is lost; 0: none.
    loss: u64,
    twice: u64,
    delay_seconds: u64,
    /// One webhook in so many is answered with 503; 0: none.
    unwell: u64,
    /// The receiver never gets well again: what it is owed dies, and the studio has to ask.
    for_good: bool,
}

pub struct World {
    pub seed: u64,
    pub chance: Chance,
    pub now: Timestamp,
    pub stores: Stores,
    pub laws: Laws,
    pub policy: Policy,
    pub schedule: Schedule,
    pub budget: Budget,
    pub key: SigningKey,
    pub keys: KeySet,
    pub account: UserId,
    weather: Weather,
    pub queues: Vec<QueueProcess>,
    pub studios: Vec<StudioProcess>,
    pub network: Vec<InFlight>,
    story: Vec<String>,
    made: u32,
    /// The earliest that a claim has named in this round.
    next_due: Option<Timestamp>,
}

impl World {
    pub fn new(seed: u64, stores: Stores) -> World {
        let mut chance = Chance::of(seed);
        let weather = Weather {
            loss: *chance.pick(&[0, 3, 6, 12]),
            twice: *chance.pick(&[0, 3, 8]),
            delay_seconds: *chance.pick(&[1, 5, 40]),
            unwell: *chance.pick(&[0, 0, 2, 1]),
            for_good: chance.one_in(4),
        };
        let second = Duration::from_secs(1);
        let policy = Policy {
            idempotent_backend: !chance.one_in(3),
            webhook: true,
            patience: second * 24 * 3600,
            unknown_patience: second * 600,
        };
        let key = SigningKey::from_seed([7; 32]);
        World {
            seed,
            now: BEGIN.parse().unwrap(),
            stores,
            laws: Laws::default(),
            policy,
            schedule: Schedule::Custom([2, 5, 10, 30, 60, 120].map(|delay| second * delay).to_vec()),
            budget: Budget { attempts_max: 4, ..Budget::default() },
            keys: KeySet::new(vec![key.verifying_key()]).unwrap(),
            key,
            account: UserId::parse("user_us").unwrap(),
            weather,
            queues: (0..REPLICAS).map(QueueProcess::new).collect(),
            studios: (0..REPLICAS).map(StudioProcess::new).collect(),
            network: Vec::new(),
            story: vec![format!("{weather:?} {policy:?}")],
            made: 0,
            next_due: None,
            chance,
        }
    }

    pub fn story(&self) -> impl Iterator<Item = &str> {
        self.story.iter().map(String::as_str)
    }

    pub fn steps(&self) -> u64 {
        self.story.len() as u64
    }

    pub fn tell(&mut self, what: impl std::fmt::Display) {
        self.story.push(format!("{} {what}", self.now));
    }

    /// Whether the receiver takes nothing in now.
    pub fn is_unwell(&mut self) -> bool {
        self.weather.unwell > 0 && self.chance.one_in(self.weather.unwell)
    }

    pub fn due(&mut self, named: Option<Timestamp>) {
        self.next_due = self.next_due.into_iter().chain(named).min();
    }

    /// Unique over all schedules, and the same for the same seed.
    pub fn name(&mut self) -> String {
        self.made += 1;
        format!("{:08x}-0000-7000-8000-{:012x}", self.seed & 0xffff_ffff, self.made)
    }

    /// What a process's own clock shows.
    pub fn at(&self, skew: i64) -> Timestamp {
        self.now + SignedDuration::from_secs(skew)
    }

    pub fn send(&mut self, message: Message, may_come_twice: bool) {
        let Weather { loss, twice, delay_seconds, .. } = self.weather;
        let copies = if may_come_twice && twice > 0 && self.chance.one_in(twice) { 2 } else { 1 };
        for _ in 0..copies {
            if loss > 0 && self.chance.one_in(loss) {
                self.tell("lost");
                continue;
            }
            let delay = Duration::from_millis(self.chance.below(delay_seconds * 1000));
            self.network.push(InFlight { arrives: after(self.now, delay), message: message.clone() });
        }
    }

    pub async fn run(&mut self) {
        self.insert_job().await;
        for _ in 0..STORM {
            self.step().await;
        }
        self.calm_down();
        for round in 0..CALM {
            if self.laws.are_met() {
                break;
            }
            let told = self.story.len();
            self.next_due = None;
            self.everybody(round % REPLICAS).await;
            // Where nothing happened, nothing will until the stores say so, or a held job's patience ends.
            let soon = after(self.now, Duration::from_secs(if told == self.story.len() { 20 } else { 1 }));
            let quiet = told == self.story.len() && self.studios.iter().all(|process| process.holds() == 0);
            self.now = self.next_due.filter(|due| quiet && *due > soon).unwrap_or(soon);
        }
        self.judge().await;
    }

    async fn step(&mut self) {
        let (queue, studio) = (self.chance.index(REPLICAS), self.chance.index(REPLICAS));
        match self.chance.below(100) {
            0..=3 => self.insert_job().await,
            4..=6 => self.seller_cancels().await,
            7..=14 => self.queue_claims(queue).await,
            15..=24 => self.queue_works(queue).await,
            25..=27 => self.queue_beats(queue).await,
            28..=36 => self.queue_posts(queue).await,
            37..=39 => self.queue_loses_patience(queue).await,
            40..=49 => self.studio_claims(studio).await,
            50..=61 => self.studio_acts(studio).await,
            62..=64 => self.studio_beats(studio).await,
            65..=79 => self.message_arrives().await,
            80..=90 => {
                let pause = Duration::from_millis(self.chance.below(8_000));
                self.now = after(self.now, pause);
            }
            91..=92 => self.now = after(self.now, Duration::from_secs(20 + self.chance.below(20))),
            93..=94 => self.queue_dies(queue),
            95..=96 => self.studio_dies(studio),
            97 => self.clock_is_set(),
            98 => self.somebody_lies().await,
            _ => self.operator_redelivers().await,
        }
    }

    fn clock_is_set(&mut self) {
        let index = self.chance.index(REPLICAS);
        let step = *self.chance.pick(&[-CLOCK_STEP, -40, 0, 40, CLOCK_STEP]);
        if self.chance.one_in(2) {
            self.queues[index].skew = step;
        } else {
            self.studios[index].skew = step;
        }
        self.tell(format!("a clock is off by {step} s"));
    }

    fn calm_down(&mut self) {
        let Weather { unwell, for_good, .. } = self.weather;
        let unwell = if for_good { unwell } else { 0 };
        self.weather = Weather { loss: 0, twice: 0, delay_seconds: 1, unwell, for_good };
        self.queues.iter_mut().for_each(|process| process.skew = 0);
        self.studios.iter_mut().for_each(|process| process.skew = 0);
        self.tell("calm");
    }

    /// One process of each kind does all that it can, and the network carries all that it has.
    async fn everybody(&mut self, index: usize) {
        self.queue_claims(index).await;
        while self.queue_has_work(index) {
            self.queue_works(index).await;
        }
        self.queue_posts(index).await;
        self.queue_loses_patience(index).await;
        self.studio_claims(index).await;
        for _ in 0..self.studios[index].holds() {
            self.studio_acts(index).await;
        }
        while let Some(last) = self.network.iter().map(|one| one.arrives).max() {
            self.now = self.now.max(last);
            self.message_arrives().await;
        }
    }

    async fn insert_job(&mut self) {
        let id = JobId::parse(&self.name()).unwrap();
        let spec = JobSpec {
            preset: "amazon_main".into(),
            user_prompt: None,
            prompt: "a chair".into(),
            aspect_ratio: AspectRatio::R1x1,
            endpoint: EDIT_ENDPOINT.parse().unwrap(),
            num_images: 1,
            identifier: None,
            products: None,
            whatsapp: None,
            sources: Vec::new(),
            image_urls: Vec::new(),
            choice: Default::default(),
            notices: Vec::new(),
            staging: Default::default(),
            making: Default::default(),
            callback: None,
            notify: None,
            in_batch: false,
        };
        let token = CallbackToken::stored(format!("{:016x}", self.chance.number()));
        let job = Job::new(id, token, spec, self.now);
        self.stores.jobs.insert(&job).await.unwrap();
        self.laws.job_accepted(&job);
        self.tell(format!("job {}", job.id));
    }

    async fn seller_cancels(&mut self) {
        let jobs = self.laws.jobs();
        let id = self.chance.pick(&jobs).clone();
        let applied = self.stores.jobs.apply(&id, &JobEvent::CancelAsked, self.now).await.unwrap();
        self.tell(format!("the seller cancels {id}: {}", word(&applied)));
        if let Applied::Changed(job) = applied
            && let Some(request) = job.request_id
        {
            self.send(Message::Cancel { request }, true);
        }
        self.look_at_job(&id).await;
    }

    async fn operator_redelivers(&mut self) {
        for request in self.laws.requests() {
            for owed in self.stores.queue.deliveries(&request).await.unwrap() {
                let redelivered = self.stores.queue.redeliver(&owed.delivery.id, self.now).await.unwrap();
                if redelivered == plantain_queue::dead_letters::Redelivered::Owed {
                    self.tell(format!("redelivers {}", owed.delivery.id));
                    self.laws.redelivered(&owed.delivery);
                }
            }
        }
    }

    async fn message_arrives(&mut self) {
        let due: Vec<usize> = (0..self.network.len()).filter(|at| self.network[*at].arrives <= self.now).collect();
        if due.is_empty() {
            return;
        }
        let chosen = *self.chance.pick(&due);
        match self.network.swap_remove(chosen).message {
            Message::Submit { job, from } => self.submit_arrives(*job, from).await,
            Message::Submitted { job, request, to } => self.submit_reply_arrives(job, request, to).await,
            Message::Webhook { claimed, headers, from } => self.webhook_arrives(*claimed, headers, from).await,
            Message::Answered { claimed, status, to } => self.answer_arrives(*claimed, status, to).await,
            Message::Ask { job, request, from } => self.question_arrives(job, request, from).await,
            Message::Told { job, request, standing, to } => self.standing_arrives(job, request, standing, to).await,
            Message::Cancel { request } => self.cancel_arrives(request).await,
        }
    }

    pub async fn look_at_request(&mut self, id: &RequestId) {
        let view = self.stores.queue.request(id).await.unwrap().expect("it was accepted");
        self.laws.request_seen(&view);
    }

    pub async fn look_at_job(&mut self, id: &JobId) {
        let job = self.stores.jobs.job(id).await.unwrap().expect("it was accepted");
        self.laws.job_seen(&job);
    }

    async fn judge(&mut self) {
        let attempts_max = self.schedule.attempts_max();
        for id in self.laws.requests() {
            let view = self.stores.queue.request(&id).await.unwrap().expect("accepted and lost");
            let owed = self.stores.queue.deliveries(&id).await.unwrap();
            let owed: Vec<_> = owed.into_iter().map(|owed| (owed.delivery.id, owed.state)).collect();
            self.laws.ended(&view, &owed, attempts_max);
        }
        for id in self.laws.jobs() {
            let job = self.stores.jobs.job(&id).await.unwrap().expect("accepted and lost");
            let result = self.stores.jobs.result(&id).await.unwrap();
            self.laws.job_ended(&job, result.as_ref(), self.policy.idempotent_backend);
        }
        // Nobody but the accepted ones is in the queue.
        let page = self.stores.queue.list(&Filter { limit: 200, ..Filter::default() }).await.unwrap();
        let prefix = format!("{:08x}-", self.seed & 0xffff_ffff);
        let ours = page.requests.iter().filter(|one| one.id.as_str().starts_with(&prefix)).count();
        assert_eq!(ours, self.laws.requests().len().min(200), "requests that nobody was promised");
        let later = after(self.now, Duration::from_secs(24 * 3600));
        let left = self.stores.jobs.claim(10, Duration::from_secs(1), later).await.unwrap().jobs;
        assert!(left.is_empty(), "still owed: {left:?}");
    }

    /// The output of a run: its own for each request, with a number that no double holds.
    pub fn output(&mut self, request: &RequestId) -> Bytes {
        Bytes::from(format!(r#"{{"images":[],"of":"{request}", "seed":17454220438242315174}}"#))
    }
}

pub fn word(applied: &Applied) -> String {
    match applied {
        Applied::Changed(job) => format!("{:?} {}", job.phase, job.epoch),
        Applied::Refused(why) => why.to_string(),
        Applied::NotFound => "not found".into(),
    }
}

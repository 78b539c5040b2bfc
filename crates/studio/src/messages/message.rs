//! A message and its states: pending, until it is delivered or given up. Pure.
//!
//! Whoever takes a message for an attempt raises `attempts`; with the id that number is the fence of its lease, and `due_at`
//! is its end. An attempt that nobody settled is made again once it is over.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use plantain_outbound::delivery::Delivery;
use plantain_outbound::schedule::{Schedule, attempt_timeout};
use plantain_whatsapp::graph;
use plantain_work::clock::after;

use crate::bulk::batch::BatchId;
use crate::job::{Job, JobId, Outcome, Owner};
use crate::messages::hook::{HookId, HookSecret};
use crate::messages::whatsapp::receipt::Receipt;

/// How much longer than its attempt a lease lasts.
const LEASE_SLACK: Duration = Duration::from_secs(15);

/// How long handing a letter in may take: a little more than the mailer gives it.
const MAIL_TIME_MAX: Duration = Duration::from_secs(100);

/// How long messages that are delivered or given up are kept.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Attempts that are kept of one message: the newest.
pub const ATTEMPTS_KEPT: u32 = 100;

/// Names a message, on each attempt and each redelivery alike: a UUID that sorts by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct MessageId(JobId);

impl MessageId {
    pub fn new(now: Timestamp) -> MessageId {
        MessageId(JobId::new(now))
    }

    /// `None` for anything but a UUID in its usual form.
    pub fn parse(text: &str) -> Option<MessageId> {
        JobId::parse(text).map(MessageId)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// `POST` to an address.
    Webhook,
    /// A letter to a mailbox.
    Mail,
    /// A template to a number.
    Whatsapp,
}

impl Channel {
    pub const ALL: [Channel; 3] = [Channel::Webhook, Channel::Mail, Channel::Whatsapp];

    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Webhook => "webhook",
            Channel::Mail => "mail",
            Channel::Whatsapp => "whatsapp",
        }
    }

    pub fn parse(word: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.as_str() == word)
    }

    /// A person reads it, who doesn't want one for each photo of a batch.
    pub fn is_read_by_people(self) -> bool {
        matches!(self, Channel::Mail | Channel::Whatsapp)
    }

    /// How long an attempt may take, the schedule's number `tried` from 1.
    fn attempt_time_max(self, tried: u32) -> Duration {
        match self {
            Channel::Webhook => attempt_timeout(tried),
            Channel::Mail => MAIL_TIME_MAX,
            Channel::Whatsapp => graph::ATTEMPT_TIME_MAX,
        }
    }

    /// Messages to one line wait for each other, those to others don't: the target's host, or the channel's one server.
    pub fn line(self, target: &str) -> String {
        match self {
            Channel::Webhook => Url::parse(target).ok().and_then(|url| host(&url)),
            Channel::Mail | Channel::Whatsapp => None,
        }
        .unwrap_or_else(|| self.as_str().to_owned())
    }
}

fn host(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Event {
    #[serde(rename = "job.succeeded")]
    JobSucceeded,
    #[serde(rename = "job.failed")]
    JobFailed,
    #[serde(rename = "job.canceled")]
    JobCanceled,
    /// The seller has chosen a picture.
    #[serde(rename = "picture.used")]
    PictureUsed,
    /// Nothing of a batch waits or runs any more.
    #[serde(rename = "batch.done")]
    BatchDone,
    /// Somebody wants to see whether messages arrive.
    #[serde(rename = "hook.test")]
    HookTest,
}

impl Event {
    pub const ALL: [Event; 6] = [
        Event::JobSucceeded,
        Event::JobFailed,
        Event::JobCanceled,
        Event::PictureUsed,
        Event::BatchDone,
        Event::HookTest,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Event::JobSucceeded => "job.succeeded",
            Event::JobFailed => "job.failed",
            Event::JobCanceled => "job.canceled",
            Event::PictureUsed => "picture.used",
            Event::BatchDone => "batch.done",
            Event::HookTest => "hook.test",
        }
    }

    pub fn parse(word: &str) -> Option<Event> {
        Event::ALL.into_iter().find(|event| event.as_str() == word)
    }

    /// How a job ended; `None` where it has not.
    pub fn of_end(job: &Job) -> Option<Event> {
        job.outcome.as_ref().map(|outcome| match outcome {
            Outcome::Succeeded(_) => Event::JobSucceeded,
            Outcome::Failed(_) => Event::JobFailed,
            Outcome::Canceled => Event::JobCanceled,
        })
    }

    pub fn is_end_of_job(self) -> bool {
        matches!(self, Event::JobSucceeded | Event::JobFailed | Event::JobCanceled)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It is sent until it arrives.
    Pending,
    Delivered,
    /// Nobody tries any more, unless somebody asks for it.
    Dead,
}

impl MessageState {
    pub const ALL: [MessageState; 3] = [MessageState::Pending, MessageState::Delivered, MessageState::Dead];

    pub fn as_str(self) -> &'static str {
        match self {
            MessageState::Pending => "pending",
            MessageState::Delivered => "delivered",
            MessageState::Dead => "dead",
        }
    }

    pub fn parse(word: &str) -> Option<MessageState> {
        MessageState::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One message, as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: MessageId,
    /// Whose the job or the batch is.
    pub owner: Option<Owner>,
    pub job: Option<JobId>,
    pub batch: Option<BatchId>,
    /// Which hook wanted it; `None`: the job's own callback.
    pub hook: Option<HookId>,
    pub channel: Channel,
    /// For a webhook its address, as it was given; for a letter the mailbox; for WhatsApp the number's digits.
    pub target: String,
    /// What it is signed with; the operator's is in the settings.
    pub secret: Option<HookSecret>,
    pub event: Event,
    /// [`crate::messages::facts::Facts`] as JSON.
    pub body: Bytes,
    pub state: MessageState,
    /// Attempts that were begun.
    pub attempts: u32,
    /// Those of them that the schedule doesn't count.
    pub earlier: u32,
    /// Somebody makes an attempt, unless it is over by now.
    pub in_hand: bool,
    /// When it is tried next, or the attempt is over; `None` where nothing is to be done.
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// What is known of it since it left, where others tell how it fares.
    pub receipt: Option<Receipt>,
    /// It was given up since whoever it goes to wants none: nothing is wrong, and only the operator and whoever it goes to are told.
    pub unwanted: bool,
}

/// One attempt, as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    pub at: Timestamp,
    pub latency: Duration,
    /// Of the answer, where there was one.
    pub status: Option<u16>,
    /// How the answer began.
    pub answer: Bytes,
    /// Why it failed, where the status doesn't say it.
    pub why: Option<String>,
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Again {
        after: Duration,
    },
    /// It was taken, and others will tell how it fares; after this long somebody looks at it.
    Awaits {
        patience: Duration,
    },
    /// The process stopped; the schedule doesn't count the attempt.
    CutOff,
    Dead,
    /// Whoever it goes to wants none.
    Unwanted,
}

impl Verdict {
    /// What a receiver's answer to the schedule's attempt number `tried` leads to.
    pub fn of(delivery: &Delivery, tried: u32, schedule: &Schedule, jitter: u32) -> Verdict {
        match delivery {
            Delivery::Delivered => Verdict::Delivered,
            Delivery::Dead(_) => Verdict::Dead,
            Delivery::Retry { after } => match schedule.delay(tried, jitter) {
                Some(delay) => Verdict::Again { after: delay.max(after.unwrap_or_default()) },
                None => Verdict::Dead,
            },
        }
    }
}

impl Message {
    /// It goes to whom its maker named, who is somebody else as far as anybody knows.
    pub fn is_to_named(&self) -> bool {
        self.hook.is_none() && self.channel.is_read_by_people()
    }

    /// Its state as its maker is told it: what somebody who was named wants is nobody else's business.
    pub fn told_state(&self) -> MessageState {
        if self.unwanted && self.is_to_named() { MessageState::Delivered } else { self.state }
    }

    /// Whose places an attempt takes: what is nobody's counts as one owner's, and what goes to the settings' hook as another's.
    pub fn whose(&self) -> &str {
        match (&self.hook, &self.owner) {
            (Some(hook), _) if *hook == HookId::settings() => hook.as_str(),
            (_, owner) => owner.as_ref().map(Owner::as_str).unwrap_or_default(),
        }
    }

    /// The number of the newest attempt in its schedule, from 1.
    pub fn tried(&self) -> u32 {
        self.attempts.saturating_sub(self.earlier)
    }

    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state == MessageState::Pending && self.due_at.is_some_and(|due| due <= now)
    }

    /// Taken for the next attempt. Only what is due is taken.
    pub fn taken(&self, now: Timestamp) -> Message {
        let next = Message { attempts: self.attempts.saturating_add(1), in_hand: true, ..self.clone() };
        let lease = self.channel.attempt_time_max(next.tried()) + LEASE_SLACK;
        Message { due_at: Some(after(now, lease)), ..next }
    }

    /// After attempt number `attempt`; `None` where another one was begun since, or nobody is at it.
    pub fn settled(&self, attempt: u32, verdict: Verdict, now: Timestamp) -> Option<Message> {
        if self.state != MessageState::Pending || !self.in_hand || self.attempts != attempt {
            return None;
        }
        let settled = Message { in_hand: false, due_at: None, ..self.clone() };
        Some(match verdict {
            Verdict::Delivered => Message { state: MessageState::Delivered, ..settled },
            Verdict::Dead => Message { state: MessageState::Dead, ..settled },
            Verdict::Unwanted => Message { state: MessageState::Dead, unwanted: true, ..settled },
            Verdict::Again { after: pause } | Verdict::Awaits { patience: pause } => {
                Message { due_at: Some(after(now, pause)), ..settled }.told_so()
            }
            Verdict::CutOff => Message { due_at: Some(now), earlier: self.earlier.saturating_add(1), ..settled },
        })
    }

    /// Owed anew, with a schedule from its beginning; `None` while somebody is at it.
    pub fn sent_again(&self, now: Timestamp) -> Option<Message> {
        if self.in_hand && !self.is_due(now) {
            return None;
        }
        let earlier = self.attempts;
        let due_at = Some(now);
        let state = MessageState::Pending;
        Some(Message { state, earlier, in_hand: false, due_at, receipt: None, unwanted: false, ..self.clone() })
    }
}

#[cfg(test)]
mod tests;

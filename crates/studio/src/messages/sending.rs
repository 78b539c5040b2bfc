//! The lane that sends what is due: one attempt, kept with what follows from it.
//!
//! An attempt whose process dies is made again when its lease is over; receivers know a message again by its id.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use plantain_mail::attempt::Outcome;
use plantain_outbound::delivery::{DeadReason, Delivery, classify};
use plantain_outbound::send::{Answer, SendError};
use plantain_work::lane::{self, Claim, ClaimFailed, Lane, Left};
use plantain_work::{Shutdown, Tasks, clock, random};

use crate::error::StudioError;
use crate::messages::hook::{Hook, HookId};
use crate::messages::message::{Attempt, Channel, Message, Verdict};
use crate::messages::store::InHand;
use crate::service::{Inner, Studio};

/// Messages that are sent at once.
const SLOTS: usize = 64;

/// Between tries to make the settings' hook known to a store that can't be reached.
const PAUSE: Duration = Duration::from_secs(5);

impl Studio {
    pub(crate) fn start_messages(&self, tasks: &Tasks, shutdown: &Shutdown) {
        let lane = Arc::new(MessageLane { inner: self.0.clone(), in_hand: Mutex::default() });
        let (wake, clock) = (self.0.outbox.clone(), self.0.clock.clone());
        tasks.spawn("studio.messages", lane::run(lane, SLOTS, wake, clock, tasks.clone(), shutdown.clone()));
        tasks.spawn("studio.settings_hook", set_settings_hook(self.0.clone(), shutdown.clone()));
    }
}

impl Studio {
    /// Makes one attempt at everything that is due now, one after the other, and tells at how many.
    pub async fn send_messages(&self) -> Result<usize, StudioError> {
        let inner = &self.0;
        let due = inner.store.claim_messages(SLOTS, &InHand::default(), inner.clock.now()).await?.messages;
        for message in &due {
            let begun = inner.clock.now();
            let sent = inner.send(message).await;
            inner.settle_message(message, begun, sent).await;
        }
        Ok(due.len())
    }
}

/// The store has to know whom the settings name, since the messages are owed there.
async fn set_settings_hook(inner: Arc<Inner>, shutdown: Shutdown) {
    let hook = inner.messages.operator.as_ref().map(|operator| Hook {
        id: HookId::settings(),
        owner: None,
        channel: Channel::Webhook,
        target: operator.url.to_string(),
        events: Vec::new(),
        // It stays in the settings.
        secret: None,
        created_at: inner.clock.now(),
    });
    while let Err(error) = inner.store.set_settings_hook(hook.as_ref()).await {
        tracing::error!(error = &error as &dyn std::error::Error, "messages.settings_hook: not known to the store yet");
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            () = inner.clock.sleep(PAUSE) => {}
        }
    }
}

struct MessageLane {
    inner: Arc<Inner>,
    in_hand: Mutex<InHand>,
}

impl MessageLane {
    fn in_hand(&self) -> MutexGuard<'_, InHand> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Lane for MessageLane {
    type Task = Message;

    fn name(&self) -> &'static str {
        "studio.message"
    }

    async fn claim(&self, free: usize) -> Result<Claim<Message>, ClaimFailed> {
        let in_hand = self.in_hand().clone();
        let claimed = self.inner.store.claim_messages(free, &in_hand, self.inner.clock.now()).await;
        let claimed = claimed.map_err(|error| {
            tracing::error!(%error, "studio.messages: no work could be claimed");
            ClaimFailed
        })?;
        claimed.messages.iter().for_each(|message| self.in_hand().began(message));
        Ok(Claim { tasks: claimed.messages, next_due: claimed.next_due, held_back: false })
    }

    async fn run(&self, message: Message, stop: Shutdown) -> Left {
        let begun = self.inner.clock.now();
        let sent = tokio::select! {
            biased;
            sent = self.inner.send(&message) => sent,
            () = stop.aborted() => Sent::cut_off(),
        };
        self.in_hand().ended(&message);
        self.inner.settle_message(&message, begun, sent).await;
        Left::More
    }
}

/// What came of one attempt.
pub(crate) struct Sent {
    pub status: Option<u16>,
    pub answer: Bytes,
    pub why: Option<String>,
    /// `None`: the attempt was cut off.
    pub delivery: Option<Delivery>,
    /// It was taken, and others will tell how it fares within this time.
    pub awaits: Option<Duration>,
    /// Whoever it goes to wants none.
    pub unwanted: bool,
}

/// Why a message never leaves, however often it is tried.
pub(crate) enum Unsent {
    Never(&'static str),
    /// Whoever it goes to wants none.
    Unwanted(&'static str),
}

impl From<Unsent> for Sent {
    fn from(unsent: Unsent) -> Sent {
        match unsent {
            Unsent::Never(why) => Sent::never(why),
            Unsent::Unwanted(why) => Sent { unwanted: true, ..Sent::never(why) },
        }
    }
}

impl Sent {
    /// As a receiver on the web answered, or didn't.
    pub fn of_post(outcome: &Result<Answer, SendError>) -> Sent {
        let delivery = classify(outcome);
        let why = match (&delivery, outcome) {
            (Delivery::Dead(reason), _) => Some(reason.to_string()),
            (_, Err(error)) => Some(error.to_string()),
            (_, Ok(_)) => None,
        };
        let answer = outcome.as_ref().ok();
        Sent {
            status: answer.map(|answer| answer.status),
            answer: answer.map(|answer| answer.first_bytes.clone()).unwrap_or_default(),
            why,
            delivery: Some(delivery),
            awaits: None,
            unwanted: false,
        }
    }

    /// It can't be sent, however often it is tried.
    pub fn never(why: &str) -> Sent {
        let delivery = Some(Delivery::Dead(DeadReason::Unsendable));
        Sent { status: None, answer: Bytes::new(), why: Some(why.to_owned()), delivery, awaits: None, unwanted: false }
    }

    /// As a mail server answered, or didn't.
    pub fn of_letter(attempt: plantain_mail::attempt::Attempt) -> Sent {
        let plantain_mail::attempt::Attempt { outcome, code, said } = attempt;
        let delivery = Some(match outcome {
            Outcome::Sent => Delivery::Delivered,
            Outcome::Later => Delivery::Retry { after: None },
            Outcome::Never => Delivery::Dead(DeadReason::Unsendable),
        });
        let (answer, why) = match code {
            Some(_) => (Bytes::from(said), None),
            None => (Bytes::new(), Some(said)),
        };
        Sent { status: code, answer, why, delivery, awaits: None, unwanted: false }
    }

    /// It may work later: the cause lies here.
    pub fn later(why: &str) -> Sent {
        let delivery = Some(Delivery::Retry { after: None });
        Sent { status: None, answer: Bytes::new(), why: Some(why.to_owned()), delivery, awaits: None, unwanted: false }
    }

    /// It was taken, and others will tell how it fares.
    pub fn awaited(status: Option<u16>, answer: Bytes, why: Option<&str>, patience: Duration) -> Sent {
        Sent { status, answer, why: why.map(str::to_owned), delivery: None, awaits: Some(patience), unwanted: false }
    }

    pub fn cut_off() -> Sent {
        let why = Some("The studio was stopped before the receiver answered.".to_owned());
        Sent { status: None, answer: Bytes::new(), why, delivery: None, awaits: None, unwanted: false }
    }
}

impl Inner {
    /// One attempt, by the message's channel.
    async fn send(&self, message: &Message) -> Sent {
        match message.channel {
            Channel::Webhook => self.post(message).await,
            Channel::Mail => self.mail(message).await,
            Channel::Whatsapp => self.whatsapp(message).await,
        }
    }

    async fn settle_message(&self, message: &Message, begun: Timestamp, sent: Sent) {
        let now = self.clock.now();
        let verdict = match (sent.awaits, &sent.delivery) {
            _ if sent.unwanted => Verdict::Unwanted,
            (Some(patience), _) => Verdict::Awaits { patience },
            (None, Some(delivery)) => Verdict::of(delivery, message.tried(), &self.messages.schedule, random::jitter()),
            (None, None) => Verdict::CutOff,
        };
        let Sent { status, answer, why, .. } = sent;
        let latency = clock::until(begun, now);
        let attempt = Attempt { number: message.attempts, at: begun, latency, status, answer, why };
        let (id, event) = (&message.id, message.event.as_str());
        match self.store.settle_message(id, &attempt, verdict, now).await {
            Ok(Some(_)) if verdict == Verdict::Dead => {
                tracing::warn!(message = %id, event, status, why = attempt.why, "message.dead {id}");
            }
            Ok(Some(_)) => tracing::info!(message = %id, event, status, ?verdict, "message.sent {id}"),
            Ok(None) => tracing::debug!(message = %id, "message.overtaken {id}"),
            // Nothing is lost: the lease runs out and the message is sent again.
            Err(error) => tracing::error!(message = %id, %error, "message.unsettled {id}"),
        }
        if let Some(job) = &message.job {
            self.hub.changed(job);
        }
    }
}

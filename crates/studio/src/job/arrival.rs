//! What an arriving result means: for which job it is, whether it may be believed, and what it changes.
//!
//! The signature was checked before. Here it is decided whether an authentic result is *ours*: fal signs for all its
//! customers with the same keys, and the job id in a callback address is a hint, never a proof. A result is applied once;
//! whatever comes later is accepted and changes nothing.

use bytes::Bytes;
use jiff::Timestamp;

use plantain_wire::id::{RequestId, UserId};

use crate::job::transition::{self, JobEvent};
use crate::job::{Job, JobId, JobResult, Phase};

/// A result, from a webhook or from our own asking.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    pub request_id: RequestId,
    /// `None`: the request has ended, but its output could not be put into the webhook and must be asked for.
    pub result: Option<JobResult>,
    /// `None` where the studio asked for the result itself.
    pub webhook: Option<WebhookFacts>,
}

/// What is known of a webhook whose signature is right.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookFacts {
    /// The account that it was signed for, where it still has to be held against the one that is believed: the receiver
    /// had none to compare it with. The HMAC form names none.
    pub user_id: Option<UserId>,
    pub callback: Callback,
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Bytes,
    /// SHA-256 of the body, in hex: what tells a repetition from another event.
    pub body_sha256: String,
}

/// What the callback address said. Anybody can write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callback {
    pub job: Option<JobId>,
    pub token: Option<String>,
}

/// The jobs that an arrival may be about, and the account that was believed so far.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The job of this request id.
    pub by_request: Option<&'a Job>,
    /// The job that the callback address names.
    pub by_callback: Option<&'a Job>,
    pub account: Option<&'a UserId>,
}

/// What is to be written in one transaction, and what is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The job's next state. Where the arrival is [`Arrived::Applied`], its result is written with it.
    pub job: Option<Job>,
    /// The webhook is kept as an event of this job with this state.
    pub event: Option<(JobId, EventState)>,
    /// From now on only this account is believed.
    pub pin: Option<UserId>,
    pub arrived: Arrived,
}

/// What becomes of a kept webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    Applied,
    Ignored(Ignored),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// The job has its result already.
    Duplicate,
    /// It said that the request had ended, without saying how.
    NoPayload,
    /// The job had ended without it: cancelled, or given up.
    TooLate,
}

impl EventState {
    pub fn as_str(self) -> &'static str {
        match self {
            EventState::Applied => "applied",
            EventState::Ignored(Ignored::Duplicate) => "ignored_duplicate",
            EventState::Ignored(Ignored::NoPayload) => "ignored_no_payload",
            EventState::Ignored(Ignored::TooLate) => "ignored_too_late",
        }
    }
}

/// What is answered to whoever brought the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Durable, and it changed the job.
    Applied(JobId),
    /// Accepted; it changes nothing.
    Duplicate(JobId),
    /// The request has ended; its result must be asked for.
    Noted(JobId),
    /// No job of ours has this request, or not yet: the sender should come again.
    UnknownRequest,
    NotOurs(NotOurs),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    #[error("the webhook was signed for another account")]
    OtherAccount,
    #[error("the webhook's request belongs to another job than the address names")]
    OtherJob,
    #[error("the token in the address is not this job's")]
    WrongToken,
}

/// Judges one arrival.
pub fn judge(arrival: &Arrival, known: Known<'_>, now: Timestamp) -> Judgement {
    let job = match whose(arrival, known) {
        Ok(Some(job)) => job,
        Ok(None) => return nothing(Arrived::UnknownRequest),
        Err(why) => return nothing(Arrived::NotOurs(why)),
    };
    let (next, state, arrived) = consequence(job, arrival, now);
    let webhook = arrival.webhook.as_ref();
    let pin = webhook.and_then(|webhook| webhook.user_id.clone()).filter(|_| known.account.is_none());
    Judgement { job: next, event: webhook.map(|_| (job.id.clone(), state)), pin, arrived }
}

fn nothing(arrived: Arrived) -> Judgement {
    Judgement { job: None, event: None, pin: None, arrived }
}

/// The job that the arrival is about. A request id that we stored decides; only where none is stored yet may the callback's
/// secret token bind the result to its job, because the webhook can overtake the submit's reply.
fn whose<'a>(arrival: &Arrival, known: Known<'a>) -> Result<Option<&'a Job>, NotOurs> {
    let Some(webhook) = &arrival.webhook else { return Ok(known.by_request) };
    if webhook.user_id.is_some() && known.account.is_some() && webhook.user_id.as_ref() != known.account {
        return Err(NotOurs::OtherAccount);
    }
    let Callback { job: named, token } = &webhook.callback;
    let proven = |job: &Job| token.as_deref().is_some_and(|token| job.token.is(token));
    if let Some(job) = known.by_request {
        if named.as_ref().is_some_and(|named| *named != job.id) {
            return Err(NotOurs::OtherJob);
        }
        return if token.is_some() && !proven(job) { Err(NotOurs::WrongToken) } else { Ok(Some(job)) };
    }
    let Some(job) = known.by_callback else { return Ok(None) };
    match (&job.request_id, token) {
        // It was bound to this very request between the two lookups.
        (Some(known), _) if *known == arrival.request_id => Ok(Some(job)),
        _ if job.submit_started_at.is_none() => Ok(None),
        (Some(_), _) => Err(NotOurs::OtherJob),
        (None, None) => Ok(None),
        (None, Some(_)) if proven(job) => Ok(Some(job)),
        (None, Some(_)) => Err(NotOurs::WrongToken),
    }
}

fn consequence(job: &Job, arrival: &Arrival, now: Timestamp) -> (Option<Job>, EventState, Arrived) {
    let ignored = |why| EventState::Ignored(why);
    if job.result_at.is_some() {
        return (None, ignored(Ignored::Duplicate), Arrived::Duplicate(job.id.clone()));
    }
    if job.phase == Phase::Done {
        return (None, ignored(Ignored::TooLate), Arrived::Duplicate(job.id.clone()));
    }
    match &arrival.result {
        Some(_) => {
            let next = transition::with_result(job, &arrival.request_id, now);
            (Some(next), EventState::Applied, Arrived::Applied(job.id.clone()))
        }
        None => {
            let submitted = JobEvent::Submitted { request_id: arrival.request_id.clone() };
            let bound = transition::apply(job, &submitted, now).ok();
            (bound, ignored(Ignored::NoPayload), Arrived::Noted(job.id.clone()))
        }
    }
}

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
            let submitted = JobEvent::Submitted { request_id: arrival.request_id.clone(), told_again: false };
            let bound = transition::apply(job, &submitted, now).ok();
            (bound, ignored(Ignored::NoPayload), Arrived::Noted(job.id.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Ended, JobError, Outcome, ResultSource, sample};

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_176_100).unwrap()
    }

    fn request(id: &str) -> RequestId {
        RequestId::parse(id).unwrap()
    }

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    fn output(source: ResultSource) -> Option<JobResult> {
        Some(JobResult { source, ended: Ended::Output(Bytes::from_static(b"{}")) })
    }

    /// A webhook for `r1` to the callback address of `job`, from an account that the receiver could not check.
    fn webhook(job: &Job) -> Arrival {
        let callback = Callback { job: Some(job.id.clone()), token: Some(job.token.reveal().to_owned()) };
        let webhook = WebhookFacts {
            user_id: Some(user("us")),
            callback,
            headers: Vec::new(),
            body: Bytes::new(),
            body_sha256: String::new(),
        };
        Arrival { request_id: request("r1"), result: output(ResultSource::Webhook), webhook: Some(webhook) }
    }

    fn with_callback(job: &Job, callback: Callback) -> Arrival {
        let mut arrival = webhook(job);
        arrival.webhook.as_mut().unwrap().callback = callback;
        arrival
    }

    fn followed() -> Job {
        let job = leaving();
        Job { request_id: Some(request("r1")), phase: Phase::Follow, ..job }
    }

    fn leaving() -> Job {
        Job { submit_started_at: Some(now()), epoch: 1, ..sample::job() }
    }

    fn known<'a>(by_request: Option<&'a Job>, by_callback: Option<&'a Job>) -> Known<'a> {
        Known { by_request, by_callback, account: None }
    }

    #[track_caller]
    fn changes_nothing(judgement: &Judgement, arrived: Arrived) {
        assert_eq!((judgement.job.is_none(), judgement.pin.as_ref(), &judgement.arrived), (true, None, &arrived));
    }

    #[test]
    fn the_first_result_is_applied_and_pins_its_account() {
        let job = followed();
        let judgement = judge(&webhook(&job), known(Some(&job), Some(&job)), now());
        let next = judgement.job.unwrap();
        assert_eq!((next.phase, next.epoch, next.result_at), (Phase::Save, 2, Some(now())));
        assert_eq!(judgement.event, Some((job.id.clone(), EventState::Applied)));
        assert_eq!((judgement.pin, judgement.arrived), (Some(user("us")), Arrived::Applied(job.id)));
    }

    #[test]
    fn a_webhook_that_overtakes_the_submit_reply_is_bound_by_its_token() {
        let job = leaving();
        let judgement = judge(&webhook(&job), known(None, Some(&job)), now());
        assert_eq!(judgement.job.unwrap().request_id, Some(request("r1")));
        assert_eq!(judgement.arrived, Arrived::Applied(job.id.clone()));
        // Without the token, or before anything was submitted, nobody knows the request.
        for (job, callback) in [
            (&job, Callback { job: Some(job.id.clone()), token: None }),
            (&sample::job(), Callback { job: Some(job.id.clone()), token: Some(job.token.reveal().to_owned()) }),
        ] {
            let judgement = judge(&with_callback(job, callback), known(None, Some(job)), now());
            changes_nothing(&judgement, Arrived::UnknownRequest);
            assert_eq!(judgement.event, None);
        }
        let forged = Callback { job: Some(job.id.clone()), token: Some("guess".into()) };
        let judgement = judge(&with_callback(&job, forged), known(None, Some(&job)), now());
        changes_nothing(&judgement, Arrived::NotOurs(NotOurs::WrongToken));
    }

    #[test]
    fn an_account_that_is_not_the_believed_one_changes_nothing() {
        let (job, other) = (followed(), user("them"));
        let known = Known { by_request: Some(&job), by_callback: Some(&job), account: Some(&other) };
        changes_nothing(&judge(&webhook(&job), known, now()), Arrived::NotOurs(NotOurs::OtherAccount));
        let ours = user("us");
        let known = Known { account: Some(&ours), ..known };
        let judgement = judge(&webhook(&job), known, now());
        assert_eq!((judgement.pin, judgement.arrived), (None, Arrived::Applied(job.id.clone())));
    }

    #[test]
    fn the_address_of_another_job_changes_neither_job() {
        let (job, other) = (followed(), Job { request_id: Some(request("r2")), ..leaving() });
        let judgement = judge(&webhook(&other), known(Some(&job), Some(&other)), now());
        changes_nothing(&judgement, Arrived::NotOurs(NotOurs::OtherJob));
        // Nor does a request that nobody knows, at the address of a job that has its own.
        changes_nothing(
            &judge(&webhook(&other), known(None, Some(&other)), now()),
            Arrived::NotOurs(NotOurs::OtherJob),
        );
        let wrong = Callback { job: Some(job.id.clone()), token: Some(other.token.reveal().to_owned()) };
        let judgement = judge(&with_callback(&job, wrong), known(Some(&job), Some(&job)), now());
        changes_nothing(&judgement, Arrived::NotOurs(NotOurs::WrongToken));
    }

    #[test]
    fn a_known_request_needs_no_token() {
        let job = followed();
        for callback in [Callback::default(), Callback { job: Some(job.id.clone()), token: None }] {
            let judgement = judge(&with_callback(&job, callback), known(Some(&job), None), now());
            assert_eq!(judgement.arrived, Arrived::Applied(job.id.clone()));
        }
    }

    #[test]
    fn whatever_comes_after_the_first_result_is_accepted_and_ignored() {
        let first = followed();
        let job = judge(&webhook(&first), known(Some(&first), None), now()).job.unwrap();
        let error = Ended::Error { body: None, said: None };
        let reconciler = Arrival { result: output(ResultSource::Reconciler), webhook: None, ..webhook(&job) };
        let failed = JobResult { source: ResultSource::Webhook, ended: error };
        for arrival in [webhook(&job), Arrival { result: Some(failed), ..webhook(&job) }, reconciler] {
            let judgement = judge(&arrival, known(Some(&job), Some(&job)), now());
            assert!(judgement.job.is_none());
            assert_eq!(judgement.arrived, Arrived::Duplicate(job.id.clone()));
        }
    }

    #[test]
    fn a_result_after_the_end_is_recorded_as_too_late() {
        let failed = Outcome::Failed(JobError::new("submit_unknown", "m", "h"));
        let job = Job { phase: Phase::Done, outcome: Some(failed), finished_at: Some(now()), ..followed() };
        let judgement = judge(&webhook(&job), known(Some(&job), None), now());
        assert!(judgement.job.is_none());
        assert_eq!(judgement.event, Some((job.id.clone(), EventState::Ignored(Ignored::TooLate))));
    }

    #[test]
    fn an_end_without_a_payload_binds_the_request_and_leaves_the_result_to_be_asked_for() {
        let job = leaving();
        let arrival = Arrival { result: None, ..webhook(&job) };
        let judgement = judge(&arrival, known(None, Some(&job)), now());
        let next = judgement.job.unwrap();
        assert_eq!((next.phase, next.request_id, next.result_at), (Phase::Follow, Some(request("r1")), None));
        assert_eq!(judgement.event, Some((job.id.clone(), EventState::Ignored(Ignored::NoPayload))));
        assert_eq!(judgement.arrived, Arrived::Noted(job.id));
    }

    #[test]
    fn the_reconciler_needs_no_account() {
        let job = followed();
        let arrival = Arrival { result: output(ResultSource::Reconciler), webhook: None, ..webhook(&job) };
        let judgement = judge(&arrival, known(Some(&job), None), now());
        assert_eq!((judgement.event, judgement.pin, judgement.arrived), (None, None, Arrived::Applied(job.id)));
    }
}

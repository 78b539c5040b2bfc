//! Which messages a change owes. The adapters call it inside the change's own commit. Pure, but for the ids.

use bytes::Bytes;
use jiff::Timestamp;

use crate::bulk::batch::{Batch, Counts};
use crate::job::{Job, JobError, JobId, JobState, Owner};
use crate::messages::facts::Facts;
use crate::messages::hook::Hook;
use crate::messages::message::{Channel, Event, Message, MessageId, MessageState};

/// What is owed for an event of a job: to each hook that wants it, and to the job's own callback once it has ended.
pub fn by_job(job: &Job, event: Event, hooks: &[Hook], now: Timestamp) -> Vec<Message> {
    let body = Facts::of_job(job).to_body();
    let blank = Message { owner: job.owner.clone(), job: Some(job.id.clone()), ..blank(event, body, now) };
    let callback = job.spec.callback.as_ref().filter(|_| event.is_end_of_job()).map(|callback| Message {
        id: MessageId::new(now),
        target: callback.url.clone(),
        secret: callback.secret.clone(),
        ..blank.clone()
    });
    let wanted = hooks.iter().filter(|hook| hook.wants(event) && hook.concerns(job.owner.as_ref()));
    wanted.map(|hook| to(hook, &blank, now)).chain(callback).collect()
}

/// What is owed for a job that failed since its record can't be read: little is known of it, not even its callback.
pub fn by_lost_job(id: &JobId, owner: Option<&Owner>, why: &JobError, hooks: &[Hook], now: Timestamp) -> Vec<Message> {
    let facts = Facts {
        job: Some(id.clone()),
        status: JobState::Failed.as_str().to_owned(),
        error: Some(why.clone()),
        is_private: owner.is_some(),
        ..Facts::default()
    };
    let event = Event::JobFailed;
    let blank = Message { owner: owner.cloned(), job: Some(id.clone()), ..blank(event, facts.to_body(), now) };
    let wanted = hooks.iter().filter(|hook| hook.wants(event) && hook.concerns(owner));
    wanted.map(|hook| to(hook, &blank, now)).collect()
}

/// What is owed when a batch is done.
pub fn by_batch(batch: &Batch, counts: Counts, hooks: &[Hook], now: Timestamp) -> Vec<Message> {
    let (event, body) = (Event::BatchDone, Facts::of_batch(batch, counts).to_body());
    let blank = Message { owner: batch.owner.clone(), batch: Some(batch.id.clone()), ..blank(event, body, now) };
    let wanted = hooks.iter().filter(|hook| hook.wants(event) && hook.concerns(batch.owner.as_ref()));
    wanted.map(|hook| to(hook, &blank, now)).collect()
}

/// Of the hooks that a job concerns, those that hear of each job of a batch: people are told of the batch's end alone.
pub fn within_batch(hooks: Vec<Hook>) -> Vec<Hook> {
    hooks.into_iter().filter(|hook| !hook.channel.is_read_by_people()).collect()
}

/// A message about nothing, for somebody who wants to see it arrive.
pub fn test(hook: &Hook, now: Timestamp) -> Message {
    let facts = Facts { status: "TEST".to_owned(), ..Facts::default() };
    let blank = Message { owner: hook.owner.clone(), ..blank(Event::HookTest, facts.to_body(), now) };
    to(hook, &blank, now)
}

fn to(hook: &Hook, blank: &Message, now: Timestamp) -> Message {
    Message {
        id: MessageId::new(now),
        // What the operator's hook is told is the operator's, whoever has the job.
        owner: hook.owner.clone(),
        hook: Some(hook.id.clone()),
        channel: hook.channel,
        target: hook.target.clone(),
        secret: hook.secret.clone(),
        ..blank.clone()
    }
}

fn blank(event: Event, body: Bytes, now: Timestamp) -> Message {
    Message {
        id: MessageId::new(now),
        owner: None,
        job: None,
        batch: None,
        hook: None,
        channel: Channel::Webhook,
        target: String::new(),
        secret: None,
        event,
        body,
        state: MessageState::Pending,
        attempts: 0,
        earlier: 0,
        in_hand: false,
        due_at: Some(now),
        created_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Outcome, Phase, sample};
    use crate::messages::hook::{self, Callback};

    #[test]
    fn a_change_is_told_to_whom_it_concerns_and_who_wants_it() {
        let (own, other) = (Owner::session("a"), Owner::session("b"));
        let hooks = [
            hook::sample(None, "https://all.example/"),
            hook::sample(Some(own.clone()), "https://own.example/"),
            Hook {
                events: vec![Event::JobFailed, Event::PictureUsed],
                ..hook::sample(Some(own.clone()), "https://few.example/")
            },
            hook::sample(Some(other), "https://other.example/"),
        ];
        let now = Timestamp::UNIX_EPOCH;
        let mut job = sample::job().owned_by(Some(own));
        job.spec.callback = Some(Callback { url: "https://once.example/?b=1&a=2".into(), secret: None });
        job.phase = Phase::Done;
        job.outcome = Some(Outcome::Failed(JobError::new("no_product", "No.", "Do.")));
        let targets = |job: &Job, event| {
            let owed = by_job(job, event, &hooks, now);
            owed.iter().map(|message| message.target[8..].to_owned()).collect::<Vec<_>>()
        };
        let all = ["all.example/", "own.example/", "few.example/", "once.example/?b=1&a=2"];
        assert_eq!(targets(&job, Event::JobFailed), all);
        assert_eq!(targets(&job, Event::PictureUsed), all[..3], "the callback hears of the end alone");
        assert_eq!(targets(&job, Event::JobSucceeded), [all[0], all[1], all[3]]);
        assert_eq!(targets(&Job { owner: None, ..job.clone() }, Event::JobFailed), [all[0], all[3]]);

        let owed = by_job(&job, Event::JobFailed, &hooks, now);
        assert_eq!(owed[0].owner, None, "the operator's hook is nobody else's business");
        assert!(owed[1..].iter().all(|message| message.owner == job.owner));
        let ids: std::collections::HashSet<_> = owed.iter().map(|message| &message.id).collect();
        assert_eq!(ids.len(), 4, "each message has an id of its own");
        let facts = Facts::of_body(&owed[3].body).unwrap();
        assert_eq!((facts.status.as_str(), facts.error.unwrap().code.as_str()), ("FAILED", "no_product"));
        assert!(facts.is_private && facts.job == Some(job.id) && owed[3].is_due(now));
    }
}

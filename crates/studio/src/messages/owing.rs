//! Which messages a change owes. The adapters call it inside the change's own commit. Pure, but for the ids.

use bytes::Bytes;
use jiff::Timestamp;

use plantain_mail::address::MailAddress;

use crate::bulk::batch::{Batch, Counts, Refused};
use crate::job::{Job, JobError, JobId, JobState, Owner};
use crate::messages::facts::Facts;
use crate::messages::hook::Hook;
use crate::messages::letter::LetterTo;
use crate::messages::message::{Channel, Event, Message, MessageId, MessageState};
use crate::messages::whatsapp::wish::WhatsappWish;

/// Who hears of a change.
pub struct Listeners {
    hooks: Vec<Hook>,
    /// The account whose change it is was closed: nothing is left of what it wished for, and the operator hears alone.
    has_left: bool,
}

impl Listeners {
    /// Of the hooks that the change concerns.
    pub fn of(mut hooks: Vec<Hook>, has_left: bool) -> Listeners {
        hooks.retain(|hook| !has_left || hook.owner.is_none());
        Listeners { hooks, has_left }
    }

    /// What its maker wished for, as long as that counts.
    fn heed<'w, T>(&self, wish: &'w Option<T>) -> Option<&'w T> {
        wish.as_ref().filter(|_| !self.has_left)
    }

    /// An account that wants letters gets one, not two.
    fn letter<'w>(&self, wish: &'w Option<LetterTo>) -> Option<&'w LetterTo> {
        self.heed(wish).filter(|to| !is_written_to(&self.hooks, to))
    }
}

/// What is owed for an event of a job: to each hook that wants it, and to the job's own callback once it has ended.
pub fn by_job(job: &Job, event: Event, listeners: &Listeners, now: Timestamp) -> Vec<Message> {
    let wishes = &job.spec;
    if listeners.hooks.is_empty() && wishes.callback.is_none() && wishes.notify.is_none() && wishes.whatsapp.is_none() {
        // Most jobs: nothing is made of their pictures' reports.
        return Vec::new();
    }
    let facts = Facts::of_job(job);
    let blank = Message { owner: job.owner.clone(), job: Some(job.id.clone()), ..blank(event, facts.to_body(), now) };
    let callback = listeners.heed(&job.spec.callback).filter(|_| event.is_end_of_job()).map(|callback| Message {
        id: MessageId::new(now),
        target: callback.url.clone(),
        secret: callback.secret.clone(),
        ..blank.clone()
    });
    let is_told = matches!(event, Event::JobSucceeded | Event::JobFailed);
    let letter = listeners.letter(&job.spec.notify).filter(|_| is_told);
    let letter = letter.map(|to| letter_to(to, Facts::of_job(job), &blank, now));
    let hooks = listeners.hooks.iter();
    let wanted = hooks.filter(|hook| hook.wants(event) && hook.concerns(job.owner.as_ref()));
    // What is shown is a picture, and only a success has one.
    let whatsapp = listeners.heed(&job.spec.whatsapp).filter(|_| event == Event::JobSucceeded);
    let whatsapp = whatsapp.map(|wish| by_whatsapp(wish, Facts::of_job(job), &blank, now));
    wanted.map(|hook| to(hook, &blank, now)).chain(callback).chain(letter).chain(whatsapp).collect()
}

fn is_written_to(hooks: &[Hook], to: &LetterTo) -> bool {
    let mailbox = |hook: &Hook| MailAddress::parse(&hook.target).is_ok_and(|own| own.key() == to.address.key());
    hooks.iter().any(|hook| hook.channel == Channel::Mail && mailbox(hook))
}

fn letter_to(to: &LetterTo, facts: Facts, blank: &Message, now: Timestamp) -> Message {
    let facts = Facts { language: Some(to.language.clone()), ..facts };
    Message {
        id: MessageId::new(now),
        channel: Channel::Mail,
        target: to.address.to_string(),
        body: facts.to_body(),
        ..blank.clone()
    }
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

/// What is owed when a batch is done. `why`: nothing came of it.
pub fn by_batch(
    batch: &Batch,
    counts: Counts,
    why: Option<JobError>,
    listeners: &Listeners,
    now: Timestamp,
) -> Vec<Message> {
    let facts = Facts::of_batch(batch, counts, why);
    let blank = Message { batch: Some(batch.id.clone()), ..blank(Event::BatchDone, facts.to_body(), now) };
    of_batch(batch.owner.as_ref(), (&batch.notify, &batch.whatsapp), facts, blank, listeners, now)
}

/// What is owed for a batch that never began.
pub fn by_refused(refused: &Refused, listeners: &Listeners, now: Timestamp) -> Vec<Message> {
    let facts = Facts::of_refused(refused);
    let blank = blank(Event::BatchDone, facts.to_body(), now);
    of_batch(refused.owner.as_ref(), (&refused.notify, &refused.whatsapp), facts, blank, listeners, now)
}

fn of_batch(
    owner: Option<&Owner>,
    (notify, whatsapp): (&Option<LetterTo>, &Option<WhatsappWish>),
    facts: Facts,
    blank: Message,
    listeners: &Listeners,
    now: Timestamp,
) -> Vec<Message> {
    let blank = Message { owner: owner.cloned(), ..blank };
    let letter = listeners.letter(notify).map(|to| letter_to(to, facts.clone(), &blank, now));
    let whatsapp = listeners.heed(whatsapp).map(|wish| by_whatsapp(wish, facts, &blank, now));
    let wanted = listeners.hooks.iter().filter(|hook| hook.wants(blank.event) && hook.concerns(owner));
    wanted.map(|hook| to(hook, &blank, now)).chain(letter).chain(whatsapp).collect()
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

fn by_whatsapp(wish: &WhatsappWish, facts: Facts, blank: &Message, now: Timestamp) -> Message {
    let facts = Facts { language: Some(wish.language.clone()), ..facts };
    Message {
        id: MessageId::new(now),
        channel: Channel::Whatsapp,
        target: wish.digits().to_owned(),
        body: facts.to_body(),
        ..blank.clone()
    }
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
        receipt: None,
        unwanted: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Outcome, Phase, sample};
    use crate::messages::hook::{self, Callback};

    fn heard(hooks: &[Hook]) -> Listeners {
        Listeners::of(hooks.to_vec(), false)
    }

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
            let owed = by_job(job, event, &heard(&hooks), now);
            owed.iter().map(|message| message.target[8..].to_owned()).collect::<Vec<_>>()
        };
        let all = ["all.example/", "own.example/", "few.example/", "once.example/?b=1&a=2"];
        assert_eq!(targets(&job, Event::JobFailed), all);
        assert_eq!(targets(&job, Event::PictureUsed), all[..3], "the callback hears of the end alone");
        assert_eq!(targets(&job, Event::JobSucceeded), [all[0], all[1], all[3]]);
        assert_eq!(targets(&Job { owner: None, ..job.clone() }, Event::JobFailed), [all[0], all[3]]);

        let owed = by_job(&job, Event::JobFailed, &heard(&hooks), now);
        assert_eq!(owed[0].owner, None, "the operator's hook is nobody else's business");
        assert!(owed[1..].iter().all(|message| message.owner == job.owner));
        let ids: std::collections::HashSet<_> = owed.iter().map(|message| &message.id).collect();
        assert_eq!(ids.len(), 4, "each message has an id of its own");
        let facts = Facts::of_body(&owed[3].body).unwrap();
        assert_eq!((facts.status.as_str(), facts.error.unwrap().code.as_str()), ("FAILED", "no_product"));
        assert!(facts.is_private && facts.job == Some(job.id.clone()) && owed[3].is_due(now));

        job.spec.whatsapp = Some(WhatsappWish::parse("+91 98765 43210").unwrap().in_language("hi"));
        let whatsapp =
            |event| by_job(&job, event, &heard(&[]), now).into_iter().find(|one| one.channel == Channel::Whatsapp);
        assert_eq!(whatsapp(Event::JobFailed), None, "there is no picture to show");
        assert_eq!(whatsapp(Event::PictureUsed), None);
        let message = whatsapp(Event::JobSucceeded).unwrap();
        assert_eq!((message.target.as_str(), &message.owner), ("919876543210", &job.owner));
        assert_eq!(Facts::of_body(&message.body).unwrap().language.as_deref(), Some("hi"));
    }

    #[test]
    fn a_letter_tells_of_success_and_failure_once_and_a_leaver_is_told_nothing() {
        let now = Timestamp::UNIX_EPOCH;
        let mut job = sample::job().owned_by(Some(Owner::session("a")));
        job.spec.callback = Some(Callback { url: "https://once.example/".into(), secret: None });
        job.spec.notify =
            Some(LetterTo { address: MailAddress::parse("Asha@shop.example").unwrap(), language: "hi".into() });
        let told = |job: &Job, event, hooks: &[Hook]| {
            let owed = by_job(job, event, &heard(hooks), now);
            owed.into_iter().map(|message| (message.channel, message.target)).collect::<Vec<_>>()
        };
        let once = (Channel::Webhook, "https://once.example/".to_owned());
        let letter = (Channel::Mail, "Asha@shop.example".to_owned());
        for event in [Event::JobSucceeded, Event::JobFailed] {
            assert_eq!(told(&job, event, &[]), [once.clone(), letter.clone()]);
        }
        assert_eq!(told(&job, Event::JobCanceled, &[]), std::slice::from_ref(&once), "who cancels knows it");
        assert_eq!(told(&job, Event::PictureUsed, &[]), []);
        let account = Hook { channel: Channel::Mail, ..hook::sample(job.owner.clone(), "asha@shop.example") };
        let both = told(&job, Event::JobFailed, &[account]);
        assert_eq!(both, [(Channel::Mail, "asha@shop.example".to_owned()), once], "one letter into one mailbox");
        let owed = by_job(&job, Event::JobFailed, &heard(&[]), now);
        assert_eq!(Facts::of_body(&owed[1].body).unwrap().language.as_deref(), Some("hi"));
        assert_eq!((&owed[1].hook, &owed[1].job, &owed[1].owner), (&None, &Some(job.id.clone()), &job.owner));
        for event in [Event::JobCanceled, Event::JobFailed] {
            assert_eq!(by_job(&job, event, &Listeners::of(Vec::new(), true), now), []);
            let (own, all) = (hook::sample(job.owner.clone(), "https://own.example/"), "https://all.example/");
            let owed = by_job(&job, event, &Listeners::of(vec![own, hook::sample(None, all)], true), now);
            assert!(owed.len() == 1 && owed[0].target == all, "the operator hears alone: {owed:?}");
        }
    }
}

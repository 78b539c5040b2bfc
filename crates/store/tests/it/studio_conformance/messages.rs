//! Messages: owed with what owes them, sent by one at a time, kept with their attempts.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use plantain_mail::address::MailAddress;
use plantain_store::studio::StudioStores;
use plantain_studio::bulk::batch::{Batch, BatchId, BatchState, Item, ItemState, Refused, Steer};
use plantain_studio::bulk::store::Steered;
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{Finished, Job, JobError, Outcome, Owner};
use plantain_studio::messages::facts::Facts;
use plantain_studio::messages::hook::{Callback, Hook, HookId, HookSecret};
use plantain_studio::messages::letter::LetterTo;
use plantain_studio::messages::message::{Attempt, Channel, Event, Message, MessageId, MessageState, Verdict};
use plantain_studio::messages::owing;
use plantain_studio::messages::store::{A_LINE_MAX, AN_OWNER_MAX, InHand, MessageFilter, SentAgain};
use plantain_studio::messages::view::Eyes;
use plantain_studio::messages::whatsapp::wish::WhatsappWish;
use plantain_studio::store::Forgotten;

use super::{LEASE, changed, inserted, job, later, now};

fn hook(owner: Option<Owner>, target: &str, events: &[Event]) -> Hook {
    Hook {
        id: HookId::new(now()),
        owner,
        channel: Channel::Webhook,
        target: target.to_owned(),
        events: events.to_vec(),
        secret: Some(HookSecret::random()),
        created_at: now(),
    }
}

fn own() -> Owner {
    Owner::session("a")
}

async fn all(stores: &StudioStores) -> Vec<Message> {
    stores
        .jobs
        .messages(&MessageFilter { limit: 100, eyes: Eyes::Operators, ..MessageFilter::default() })
        .await
        .unwrap()
}

fn attempt(message: &Message, status: u16) -> Attempt {
    Attempt {
        number: message.attempts,
        at: later(7),
        latency: Duration::from_millis(41),
        status: Some(status),
        answer: "not <b>here".into(),
        why: Some("no\0body".replace('\0', " ")),
    }
}

/// Ends a job that was claimed at `age`.
async fn ends(stores: &StudioStores, job: &Job, age: u64, outcome: Outcome) -> Job {
    let claimed = stores.jobs.claim(9, LEASE, later(age)).await.unwrap();
    let epoch = claimed.jobs.iter().find(|claimed| claimed.id == job.id).unwrap().epoch;
    changed(stores, &job.id, JobEvent::Ends { epoch, outcome }).await
}

fn made() -> Outcome {
    Outcome::Succeeded(Finished {
        pictures: vec![super::keeping::picture(['2', '3']); 3],
        media: Vec::new(),
        description: None,
        notices: Vec::new(),
        cutout: None,
        tilt_degrees: None,
    })
}

pub async fn hooks_are_kept_up_to_a_limit_and_removed(stores: &StudioStores) {
    let (first, second) = (
        hook(Some(own()), "https://a.example/?b=%2F&a=1", &[Event::JobFailed, Event::BatchDone]),
        Hook { created_at: later(1), ..hook(Some(own()), "https://b.example/", &[]) },
    );
    assert!(stores.jobs.add_hook(&first, 2).await.unwrap());
    let third = Hook { created_at: later(1), ..hook(Some(own()), "https://c.example/", &[]) };
    let at_once = join_all([&second, &third].map(|hook| stores.jobs.add_hook(hook, 2)));
    let kept: Vec<bool> = at_once.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 1, "two at once are not one too many");
    assert!(stores.jobs.add_hook(&hook(Some(Owner::session("b")), "https://d.example/", &[]), 2).await.unwrap());
    let hooks = stores.jobs.hooks(&own()).await.unwrap();
    assert_eq!((hooks.len(), hooks.contains(&first)), (2, true));
    assert_eq!(stores.jobs.hook(&first.id).await.unwrap(), Some(first.clone()));
    assert!(stores.jobs.remove_hook(&first.id).await.unwrap());
    assert!(!stores.jobs.remove_hook(&first.id).await.unwrap());
    assert!(!stores.jobs.remove_hook(&HookId::stored("x\0y".into())).await.unwrap());
    assert_eq!(stores.jobs.hook(&first.id).await.unwrap(), None);
}

pub async fn a_jobs_end_and_its_messages_are_one_commit(stores: &StudioStores) {
    let settings = Hook { id: HookId::settings(), secret: None, ..hook(None, "https://all.example/", &[]) };
    stores.jobs.set_settings_hook(Some(&settings)).await.unwrap();
    stores.jobs.set_settings_hook(Some(&settings)).await.unwrap();
    let mine = hook(Some(own()), "https://own.example/", &[Event::JobSucceeded, Event::PictureUsed]);
    let failures = hook(Some(own()), "https://failures.example/", &[Event::JobFailed]);
    for hook in [&mine, &failures, &hook(Some(Owner::session("b")), "https://other.example/", &[])] {
        assert!(stores.jobs.add_hook(hook, 9).await.unwrap());
    }
    let mut job = job(0).owned_by(Some(own()));
    let secret = Some(HookSecret::random());
    job.spec.callback = Some(Callback { url: "https://n8n.example/7?signature=a%2Bb".into(), secret: secret.clone() });
    stores.jobs.insert(&job).await.unwrap();
    assert_eq!(all(stores).await, []);
    ends(stores, &job, 1, made()).await;

    let owed = all(stores).await;
    let targets: BTreeSet<&str> = owed.iter().map(|message| message.target.as_str()).collect();
    let wanted = ["https://all.example/", "https://n8n.example/7?signature=a%2Bb", "https://own.example/"];
    assert_eq!(targets, BTreeSet::from(wanted), "as they were given");
    let called = owed.iter().find(|message| message.hook.is_none()).unwrap();
    assert_eq!((&called.secret, called.event, called.state), (&secret, Event::JobSucceeded, MessageState::Pending));
    let facts = Facts::of_body(&called.body).unwrap();
    assert_eq!((facts.job.as_ref(), facts.pictures.len(), facts.is_private), (Some(&job.id), 3, true));

    // Choosing owes once for each new choice.
    for chosen in [Some(2), Some(2), None] {
        stores.jobs.choose(&job.id, chosen, later(9)).await.unwrap().unwrap();
    }
    let used: Vec<Message> = all(stores).await.into_iter().filter(|m| m.event == Event::PictureUsed).collect();
    assert_eq!(used.len(), 2, "the settings' hook and the owner's");
    assert_eq!(Facts::of_body(&used[0].body).unwrap().chosen, Some(2));
    // An end that is refused owes nothing.
    let before = all(stores).await.len();
    stores.jobs.apply(&job.id, &JobEvent::CancelAsked, later(10)).await.unwrap();
    assert_eq!(all(stores).await.len(), before);
    // What is forgotten takes along what was settled; what is pending still goes out.
    let first = claimed(stores, 1, &[], 10).await.remove(0);
    stores.jobs.settle_message(&first.id, &attempt(&first, 204), Verdict::Delivered, later(10)).await.unwrap().unwrap();
    assert_eq!(stores.jobs.forget(&job.id, later(11)).await.unwrap(), Forgotten::Gone);
    let left = all(stores).await;
    assert_eq!(left.len(), before - 1);
    assert!(left.iter().all(|message| message.job.is_none() && message.state == MessageState::Pending), "{left:?}");
    assert_eq!(Facts::of_body(&left[0].body).unwrap().job.as_ref(), Some(&job.id), "it says all that it said");
    assert_eq!(claimed(stores, 9, &[], 12).await.len(), before - 1);
    // A job of nobody's concerns the settings' hook alone, until there is none.
    let of_jobs = async || all(stores).await.into_iter().filter(|message| message.job.is_some()).collect::<Vec<_>>();
    let canceled = inserted(stores, 20).await;
    stores.jobs.apply(&canceled.id, &JobEvent::CancelAsked, later(21)).await.unwrap();
    let owed = of_jobs().await;
    assert_eq!((owed.len(), owed[0].event, owed[0].hook.clone()), (1, Event::JobCanceled, Some(HookId::settings())));
    stores.jobs.set_settings_hook(None).await.unwrap();
    assert_eq!(of_jobs().await[0].state, MessageState::Dead);
    let other = inserted(stores, 30).await;
    stores.jobs.apply(&other.id, &JobEvent::CancelAsked, later(31)).await.unwrap();
    assert_eq!(of_jobs().await.len(), 1);
}

/// A batch of an owner who wants to hear of its end.
async fn batch_of(stores: &StudioStores, numbers: &[u32]) -> Batch {
    if stores.jobs.hooks(&own()).await.unwrap().is_empty() {
        assert!(
            stores.jobs.add_hook(&hook(Some(own()), "https://own.example/", &[Event::BatchDone]), 9).await.unwrap()
        );
    }
    let batch = Batch {
        id: BatchId::new(now()),
        owner: Some(own()),
        state: BatchState::Open,
        preset: "ebay".into(),
        prompt: None,
        num_images: 1,
        products: None,
        file_name: Some("shoes.zip".into()),
        created_at: now(),
        finished_at: None,
        notify: None,
        whatsapp: None,
    };
    let item = |number: u32| Item {
        number,
        name: format!("{number}.jpg"),
        sku: None,
        preset: None,
        prompt: None,
        products: None,
        blob: Some("aa".repeat(32)),
        state: ItemState::Waiting,
        job: None,
        error: None,
    };
    let items: Vec<Item> = numbers.iter().copied().map(item).collect();
    stores.jobs.insert_batch(&batch, &items).await.unwrap();
    batch
}

pub async fn the_end_of_a_canceled_batch_owes_a_message_once(stores: &StudioStores) {
    let batch = batch_of(stores, &[1, 2]).await;
    let claim = async |age| stores.jobs.claim_items(9, 9, LEASE, later(age)).await.unwrap();
    let cancel = async |id: &BatchId, age| stores.jobs.steer(id, Steer::Cancel, later(age)).await.unwrap();
    let runs = job(1);
    assert!(stores.jobs.begin_item(&batch.id, 1, &runs).await.unwrap());
    assert_eq!(cancel(&batch.id, 3).await, Steered::Done);
    claim(4).await;
    assert_eq!(all(stores).await, [], "a job runs");
    stores.jobs.apply(&runs.id, &JobEvent::CancelAsked, later(5)).await.unwrap();
    for age in [6, 7] {
        claim(age).await;
    }
    cancel(&batch.id, 7).await;
    let owed = all(stores).await;
    assert_eq!((owed.len(), owed[0].batch.as_ref(), owed[0].event), (1, Some(&batch.id), Event::BatchDone));
    let facts = Facts::of_body(&owed[0].body).unwrap();
    assert_eq!((facts.status.as_str(), facts.counts.unwrap().canceled), ("CANCELED", 2));

    let idle = batch_of(stores, &[1]).await;
    cancel(&idle.id, 8).await;
    cancel(&idle.id, 9).await;
    claim(10).await;
    let owed = all(stores).await;
    assert_eq!((owed.len(), owed[0].batch.as_ref()), (2, Some(&idle.id)), "nothing of it ran");
    assert_eq!(Facts::of_body(&owed[0].body).unwrap().status, "CANCELED");
}

pub async fn trying_a_batch_again_of_which_nothing_failed_changes_nothing(stores: &StudioStores) {
    let batch = batch_of(stores, &[1]).await;
    let made = job(1);
    assert!(stores.jobs.begin_item(&batch.id, 1, &made).await.unwrap());
    stores.jobs.apply(&made.id, &JobEvent::CancelAsked, later(2)).await.unwrap();
    let claim = async |age| stores.jobs.claim_items(9, 9, LEASE, later(age)).await.unwrap();
    claim(3).await;
    let done = stores.jobs.batch(&batch.id).await.unwrap();
    assert_eq!(done.as_ref().map(|(batch, _)| batch.state), Some(BatchState::Done));
    assert_eq!(stores.jobs.steer(&batch.id, Steer::Retry, later(4)).await.unwrap(), Steered::Done);
    claim(5).await;
    assert_eq!(stores.jobs.batch(&batch.id).await.unwrap(), done);
    assert_eq!(all(stores).await.len(), 1, "nobody is told twice");
}

pub async fn the_end_of_a_batch_owes_a_message(stores: &StudioStores) {
    let batch = batch_of(stores, &[1]).await;
    let claim = async |age| stores.jobs.claim_items(9, 9, LEASE, later(age)).await.unwrap();
    claim(1).await;
    assert_eq!(all(stores).await, []);
    let why = JobError::new("not_a_picture", "No.", "Do.");
    assert!(stores.jobs.fail_item(&batch.id, 1, &why, later(2)).await.unwrap());
    claim(3).await;
    claim(4).await;
    let owed = all(stores).await;
    assert_eq!((owed.len(), owed[0].batch.as_ref(), owed[0].event), (1, Some(&batch.id), Event::BatchDone));
    let facts = Facts::of_body(&owed[0].body).unwrap();
    assert_eq!((facts.status.as_str(), facts.counts.unwrap().failed), ("DONE", 1));
    assert_eq!(facts.error, Some(why), "nothing came of it");
}

pub async fn a_batch_of_which_every_photo_was_refused_says_why(stores: &StudioStores) {
    let (batch, item) = super::bulk::lone(Some(own()));
    let why = JobError::new("same_picture", "No.", "Do.");
    let refused = Item { state: ItemState::Skipped, blob: None, error: Some(why.clone()), ..item };
    let batch = Batch { notify: Some(letter_to()), ..batch };
    stores.jobs.insert_batch(&batch, &[refused]).await.unwrap();
    assert_eq!(stores.jobs.batch(&batch.id).await.unwrap().unwrap().0.notify, Some(letter_to()));
    for age in [1, 2] {
        stores.jobs.claim_items(9, 9, LEASE, later(age)).await.unwrap();
    }
    let owed = all(stores).await;
    assert_eq!((owed.len(), owed[0].channel, owed[0].target.as_str()), (1, Channel::Mail, "asha@shop.example"));
    let facts = Facts::of_body(&owed[0].body).unwrap();
    assert_eq!((facts.counts.unwrap().skipped, facts.error, facts.language.as_deref()), (1, Some(why), Some("hi")));
}

pub async fn a_batch_that_is_tried_again_writes_one_letter_to_whom_it_names(stores: &StudioStores) {
    let (batch, item) = super::bulk::lone(Some(own()));
    let whatsapp = Some(WhatsappWish::parse("+91 98765 43210").unwrap());
    stores.jobs.insert_batch(&Batch { notify: Some(letter_to()), whatsapp, ..batch.clone() }, &[item]).await.unwrap();
    // The photo is another batch's too, so that it stays.
    let (other, same) = super::bulk::lone(Some(Owner::session("b")));
    stores.jobs.insert_batch(&other, &[same]).await.unwrap();
    stores.jobs.steer(&other.id, Steer::Pause, later(1)).await.unwrap();
    let why = JobError::new("not_a_picture", "No.", "Do.");
    for age in [1, 11] {
        stores.jobs.claim_items(9, 9, LEASE, later(age)).await.unwrap();
        let made = job(age);
        assert!(stores.jobs.begin_item(&batch.id, 1, &made).await.unwrap());
        stores.jobs.claim(9, LEASE, later(age + 1)).await.unwrap();
        changed(stores, &made.id, JobEvent::Ends { epoch: 1, outcome: Outcome::Failed(why.clone()) }).await;
        stores.jobs.claim_items(9, 9, LEASE, later(age + 2)).await.unwrap();
        stores.jobs.steer(&batch.id, Steer::Retry, later(age + 3)).await.unwrap();
    }
    let mut channels: Vec<_> = all(stores).await.into_iter().map(|message| message.channel.as_str()).collect();
    channels.sort_unstable();
    assert_eq!(channels, ["mail", "whatsapp"], "each hears of the first end alone");
}

pub async fn a_batch_that_never_began_is_told(stores: &StudioStores) {
    let mine = hook(Some(own()), "https://own.example/", &[Event::BatchDone]);
    let other = hook(Some(Owner::session("b")), "https://other.example/", &[]);
    let failures = hook(Some(own()), "https://failures.example/", &[Event::JobFailed]);
    for hook in [&mine, &other, &failures] {
        assert!(stores.jobs.add_hook(hook, 9).await.unwrap());
    }
    let why = JobError::new("archive_broken", "No.", "Do.");
    let refused = Refused {
        owner: Some(own()),
        preset: "ebay".into(),
        file_name: Some("shoes.zip".into()),
        notify: Some(letter_to()),
        whatsapp: Some(WhatsappWish::parse("+91 98765 43210").unwrap()),
        why: why.clone(),
    };
    stores.jobs.owe_refused(&refused, later(1)).await.unwrap();
    let owed = all(stores).await;
    let targets: BTreeSet<&str> = owed.iter().map(|message| message.target.as_str()).collect();
    assert_eq!(targets, BTreeSet::from(["919876543210", "asha@shop.example", "https://own.example/"]));
    for message in &owed {
        let facts = Facts::of_body(&message.body).unwrap();
        assert_eq!((message.event, &message.batch, &message.owner), (Event::BatchDone, &None, &Some(own())));
        assert_eq!(
            (facts.status.as_str(), facts.counts.unwrap().total(), facts.error),
            ("REFUSED", 0, Some(why.clone()))
        );
    }
}

fn letter_to() -> LetterTo {
    LetterTo { address: MailAddress::parse("asha@shop.example").unwrap(), language: "hi".into() }
}

pub async fn a_letter_to_an_address_that_was_given_with_a_job_goes_with_it(stores: &StudioStores) {
    let mut job = job(0).owned_by(Some(own()));
    job.spec.notify = Some(letter_to());
    job.spec.callback = Some(Callback { url: "https://once.example/".into(), secret: None });
    stores.jobs.insert(&job).await.unwrap();
    assert_eq!(stores.jobs.job(&job.id).await.unwrap().unwrap().spec.notify, Some(letter_to()));
    ends(stores, &job, 1, made()).await;
    let targets = async || {
        let owed = all(stores).await;
        owed.into_iter().map(|message| message.target).collect::<BTreeSet<_>>()
    };
    let both = ["asha@shop.example", "https://once.example/"].map(str::to_owned);
    assert_eq!(targets().await, BTreeSet::from(both.clone()));
    assert_eq!(stores.jobs.forget(&job.id, later(9)).await.unwrap(), Forgotten::Gone);
    assert_eq!(targets().await, BTreeSet::from([both[1].clone()]), "the address is nowhere any more");
}

/// How a database is looked at from beside, by its address.
pub async fn what_was_given_up_is_counted_from_beside(stores: &StudioStores, address: &str) {
    let ids = [owed(stores, "https://a.example/", 1, 0).await, owed(stores, "https://b.example/", 2, 1).await].concat();
    assert_eq!(plantain_store::studio::given_up(address).await.unwrap(), 0);
    for message in claimed(stores, 9, &[], 10).await {
        let verdict = if message.id == ids[2] { Verdict::Unwanted } else { Verdict::Dead };
        stores.jobs.settle_message(&message.id, &attempt(&message, 410), verdict, later(11)).await.unwrap().unwrap();
    }
    let counted = plantain_store::studio::given_up(address).await.unwrap();
    assert_eq!(counted, 2, "not the one that nobody wants");
    assert!(stores.jobs.message(&ids[2]).await.unwrap().unwrap().0.unwanted);
    assert_eq!(stores.jobs.send_again(&ids[2], later(12)).await.unwrap(), SentAgain::Owed);
    assert!(!stores.jobs.message(&ids[2]).await.unwrap().unwrap().0.unwanted, "it may be wanted by now");
}

pub async fn what_somebody_who_was_named_wants_is_told_to_the_operator_alone(stores: &StudioStores) {
    let mut job = job(0).owned_by(Some(own()));
    job.spec.notify = Some(letter_to());
    job.spec.whatsapp = Some(WhatsappWish::parse("+91 98765 43210").unwrap());
    job.spec.callback = Some(Callback { url: "https://once.example/".into(), secret: None });
    stores.jobs.insert(&job).await.unwrap();
    ends(stores, &job, 1, made()).await;
    for message in claimed(stores, 9, &[], 10).await {
        let sent = attempt(&message, 550);
        stores.jobs.settle_message(&message.id, &sent, Verdict::Unwanted, later(11)).await.unwrap().unwrap();
    }
    let listed = async |state, eyes| {
        let filter = MessageFilter { state: Some(state), eyes, ..MessageFilter::default() };
        let listed = stores.jobs.messages(&filter).await.unwrap();
        listed.into_iter().map(|message| message.channel.as_str()).collect::<BTreeSet<_>>()
    };
    let named = BTreeSet::from(["mail", "whatsapp"]);
    assert_eq!(listed(MessageState::Delivered, Eyes::Makers).await, named);
    assert_eq!(listed(MessageState::Dead, Eyes::Makers).await, BTreeSet::from(["webhook"]));
    assert_eq!(listed(MessageState::Delivered, Eyes::Operators).await, BTreeSet::new());
    assert_eq!(listed(MessageState::Dead, Eyes::Operators).await.len(), 3);
    for message in all(stores).await {
        assert_eq!((message.state, message.unwanted), (MessageState::Dead, true));
        assert_eq!(message.told_state() == MessageState::Delivered, named.contains(message.channel.as_str()));
    }
}

pub async fn attempts_of_many_messages_are_told_at_once(stores: &StudioStores) {
    let ids = [owed(stores, "https://a.example/", 1, 0).await, owed(stores, "https://b.example/", 2, 1).await].concat();
    let later_on = Verdict::Again { after: Duration::from_secs(1) };
    for (age, verdict) in [(10, later_on), (20, Verdict::Delivered)] {
        for message in claimed(stores, 9, &[], age).await {
            if message.id != ids[2] {
                let sent = attempt(&message, 503);
                stores.jobs.settle_message(&message.id, &sent, verdict, later(age)).await.unwrap();
            }
        }
    }
    let told = stores.jobs.attempts(&ids).await.unwrap();
    assert_eq!(told.len(), 2, "the third has none");
    for id in &ids[..2] {
        let (_, own) = stores.jobs.message(id).await.unwrap().unwrap();
        assert_eq!(told[id], own);
        assert_eq!(own.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2]);
    }
    assert!(stores.jobs.attempts(&[]).await.unwrap().is_empty());
}

/// So many messages to one target, owed at that age.
async fn owed(stores: &StudioStores, target: &str, count: u64, age: u64) -> Vec<MessageId> {
    owed_by(stores, Some(own()), target, count, age).await
}

async fn owed_by(stores: &StudioStores, owner: Option<Owner>, target: &str, count: u64, age: u64) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for more in 0..count {
        let message = owing::test(&hook(owner.clone(), target, &[]), later(age + more));
        assert!(stores.jobs.owe(&message).await.unwrap());
        ids.push(message.id);
    }
    ids
}

async fn claimed(stores: &StudioStores, count: usize, busy: &[&str], age: u64) -> Vec<Message> {
    let lines = busy.iter().map(|line| ((*line).to_owned(), A_LINE_MAX)).collect();
    let in_hand = InHand { lines, ..InHand::default() };
    stores.jobs.claim_messages(count, &in_hand, later(age)).await.unwrap().messages
}

pub async fn one_owner_leaves_places_to_the_others(stores: &StudioStores) {
    // Ten hosts of one owner hang; another one's message came last.
    for host in 0..10 {
        owed(stores, &format!("https://{host}.example/"), 8, 0).await;
    }
    let other = Some(Owner::session("b"));
    let last = owed_by(stores, other.clone(), "https://quick.example/", 1, 50).await;
    let taken = stores.jobs.claim_messages(64, &InHand::default(), later(100)).await.unwrap().messages;
    assert_eq!((taken.len(), &taken.last().unwrap().id), (AN_OWNER_MAX + 1, &last[0]));

    let mut in_hand = InHand::default();
    taken.iter().for_each(|message| in_hand.began(message));
    assert_eq!(in_hand.busy_owners(), [own().as_str()]);
    assert_eq!(stores.jobs.claim_messages(64, &in_hand, later(100)).await.unwrap().messages, []);
    // To a host that both have, the owner who may have no more doesn't stand before the other.
    owed(stores, "https://shared.example/", 8, 60).await;
    let shared = owed_by(stores, other, "https://shared.example/", 1, 70).await;
    let taken_next = stores.jobs.claim_messages(64, &in_hand, later(100)).await.unwrap().messages;
    assert_eq!(taken_next.iter().map(|message| &message.id).collect::<Vec<_>>(), [&shared[0]]);
    taken[..3].iter().for_each(|message| in_hand.ended(message));
    assert_eq!(stores.jobs.claim_messages(64, &in_hand, later(100)).await.unwrap().messages.len(), 3);
    // What is nobody's counts as one owner's.
    for host in 0..10 {
        owed_by(stores, None, &format!("https://nobody-{host}.example/"), 8, 0).await;
    }
    let nobodys = stores.jobs.claim_messages(64, &in_hand, later(100)).await.unwrap().messages;
    assert_eq!(nobodys.iter().filter(|message| message.owner.is_none()).count(), AN_OWNER_MAX);
}

pub async fn a_hook_has_one_test_under_way(stores: &StudioStores) {
    let (tested, other) = (hook(Some(own()), "https://a.example/", &[]), hook(Some(own()), "https://b.example/", &[]));
    let tests: Vec<Message> = (0..8).map(|age| owing::test(&tested, later(age))).collect();
    let owed = join_all(tests.iter().map(|test| stores.jobs.owe(test))).await;
    assert_eq!(owed.into_iter().filter(|owed| *owed.as_ref().unwrap()).count(), 1);
    assert!(stores.jobs.owe(&owing::test(&other, later(9))).await.unwrap(), "another hook's is another");
    for message in claimed(stores, 9, &[], 10).await {
        let sent = attempt(&message, 204);
        stores.jobs.settle_message(&message.id, &sent, Verdict::Delivered, later(11)).await.unwrap().unwrap();
    }
    assert!(stores.jobs.owe(&owing::test(&tested, later(12))).await.unwrap(), "the one before has arrived");
}

pub async fn a_message_is_sent_by_one_at_a_time_until_it_is_settled(stores: &StudioStores) {
    let id = owed(stores, "https://a.example/", 1, 0).await.remove(0);
    let early = stores.jobs.claim_messages(9, &InHand::default(), super::later(0)).await.unwrap();
    let first = early.messages.into_iter().next().unwrap();
    assert_eq!((&first.id, first.attempts, first.in_hand), (&id, 1, true));
    assert_eq!(early.next_due, first.due_at, "when the lease is over");
    assert_eq!(claimed(stores, 9, &[], 1).await, []);
    assert_eq!(stores.jobs.send_again(&id, later(1)).await.unwrap(), SentAgain::InHand);
    let again = Verdict::Again { after: Duration::from_secs(10) };
    let settled = stores.jobs.settle_message(&id, &attempt(&first, 500), again, later(2)).await.unwrap().unwrap();
    assert_eq!((settled.state, settled.due_at), (MessageState::Pending, Some(later(12))));
    let stale = stores.jobs.settle_message(&id, &attempt(&first, 200), Verdict::Delivered, later(3)).await.unwrap();
    assert_eq!(stale, None, "an attempt is settled once");

    // Whoever stalls with the second attempt is overtaken by the third.
    let second = claimed(stores, 9, &[], 12).await.remove(0);
    let third = claimed(stores, 9, &[], 9_000).await.remove(0);
    assert_eq!((second.attempts, third.attempts), (2, 3));
    let late = stores.jobs.settle_message(&id, &attempt(&second, 200), Verdict::Delivered, later(9_001)).await.unwrap();
    assert_eq!(late, None);
    stores.jobs.settle_message(&id, &attempt(&third, 410), Verdict::Dead, later(9_002)).await.unwrap().unwrap();
    let (dead, log) = stores.jobs.message(&id).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.due_at, dead.in_hand), (MessageState::Dead, None, false));
    assert_eq!(log, [attempt(&first, 500), attempt(&third, 410)]);
    assert_eq!(claimed(stores, 9, &[], 99_000).await, []);

    assert_eq!(stores.jobs.send_again(&id, later(99_000)).await.unwrap(), SentAgain::Owed);
    let fourth = claimed(stores, 9, &[], 99_000).await.remove(0);
    assert_eq!((fourth.attempts, fourth.tried()), (4, 1), "its schedule begins anew");
    stores.jobs.settle_message(&id, &attempt(&fourth, 200), Verdict::Delivered, later(99_001)).await.unwrap().unwrap();
    assert_eq!(all(stores).await[0].state, MessageState::Delivered);
    let nobody = MessageId::new(now());
    assert_eq!(stores.jobs.send_again(&nobody, now()).await.unwrap(), SentAgain::NotFound);
    assert_eq!(stores.jobs.message(&nobody).await.unwrap(), None);
}

pub async fn one_receiver_leaves_places_to_the_others(stores: &StudioStores) {
    owed(stores, "https://hangs.example/a", 20, 0).await;
    let quick = owed(stores, "https://quick.example/", 1, 50).await;
    let taken = claimed(stores, 64, &[], 100).await;
    assert_eq!(taken.len(), A_LINE_MAX + 1);
    assert_eq!(taken.last().unwrap().id, quick[0]);
    assert_eq!(claimed(stores, 64, &["hangs.example:443"], 100).await, []);
    assert_eq!(claimed(stores, 3, &[], 100).await.len(), 3);
}

pub async fn many_claims_at_once_never_share_a_message(stores: &StudioStores) {
    for host in 0..4 {
        owed_by(stores, Some(Owner::session(&host.to_string())), &format!("https://{host}.example/"), 8, 0).await;
    }
    let claims = join_all((0..8).map(|_| claimed(stores, 8, &[], 100))).await;
    let mut ids: Vec<_> = claims.into_iter().flatten().map(|message| message.id).collect();
    ids.extend(claimed(stores, 64, &[], 100).await.into_iter().map(|message| message.id));
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (32, 32));
}

pub async fn messages_are_listed_and_old_ones_forgotten(stores: &StudioStores) {
    let ids = owed(stores, "https://a.example/", 3, 0).await;
    let job = inserted(stores, 0).await;
    assert!(stores.jobs.add_hook(&hook(None, "https://b.example/", &[]), 9).await.unwrap());
    stores.jobs.apply(&job.id, &JobEvent::CancelAsked, later(5)).await.unwrap();
    let list = async |filter: MessageFilter| {
        let listed = stores.jobs.messages(&filter).await.unwrap();
        listed.into_iter().map(|message| message.id).collect::<Vec<_>>()
    };
    let usual = MessageFilter::default;
    let newest_first = [ids[2].clone(), ids[1].clone(), ids[0].clone()];
    assert_eq!(list(MessageFilter { owner: Some(own()), ..usual() }).await, newest_first);
    let page = MessageFilter { owner: Some(own()), before: Some(ids[2].clone()), limit: 1, ..usual() };
    assert_eq!(list(page).await, newest_first[1..2]);
    assert_eq!(list(MessageFilter { job: Some(job.id.clone()), ..usual() }).await.len(), 1);
    assert_eq!(list(MessageFilter { job: Some(job.id.clone()), owner: Some(own()), ..usual() }).await, []);
    assert_eq!(list(usual()).await.len(), 4);
    let first = claimed(stores, 1, &[], 9).await.remove(0);
    stores.jobs.settle_message(&first.id, &attempt(&first, 204), Verdict::Delivered, later(9)).await.unwrap().unwrap();
    assert_eq!(list(MessageFilter { state: Some(MessageState::Delivered), ..usual() }).await, [first.id]);
    // Settled ones go a month later, when another is owed; what is pending stays.
    owed(stores, "https://a.example/", 1, 40 * 24 * 60 * 60).await;
    assert_eq!(list(usual()).await.len(), 4);
    assert_eq!(list(MessageFilter { state: Some(MessageState::Delivered), ..usual() }).await, []);
}

pub async fn nobody_named_with_a_batch_hears_of_it_once_it_is_thrown_away(stores: &StudioStores) {
    assert!(stores.jobs.add_hook(&hook(Some(own()), "https://own.example/", &[Event::BatchDone]), 9).await.unwrap());
    let whatsapp = Some(WhatsappWish::parse("+91 98765 43210").unwrap());
    let begun = async || {
        let (batch, item) = super::bulk::lone(Some(own()));
        let named = Batch { notify: Some(letter_to()), whatsapp: whatsapp.clone(), ..batch };
        stores.jobs.insert_batch(&named, &[item]).await.unwrap();
        named.id
    };
    let claim = async |age| stores.jobs.claim_items(9, 9, LEASE, later(age)).await.unwrap();
    let ended = begun().await;
    claim(1).await;
    let why = JobError::new("not_a_picture", "No.", "Do.");
    assert!(stores.jobs.fail_item(&ended, 1, &why, later(2)).await.unwrap());
    claim(3).await;
    assert_eq!(all(stores).await.len(), 3, "an address, a number and a hook");
    assert!(stores.jobs.discard_batch(&ended, later(4)).await.unwrap());
    let left = all(stores).await;
    assert_eq!((left.len(), left[0].target.as_str(), &left[0].batch), (1, "https://own.example/", &None));

    let waiting = begun().await;
    assert!(stores.jobs.discard_batch(&waiting, later(5)).await.unwrap());
    claim(6).await;
    assert_eq!(all(stores).await, left, "its end is told to nobody");
}

//! What of WhatsApp is kept: how messages fare that left, and who wants none.

use std::time::Duration;

use futures_util::future::join_all;
use plantain_store::studio::StudioStores;
use plantain_studio::messages::message::{Attempt, Channel, Message, MessageState, Verdict};
use plantain_studio::messages::store::{InHand, MessageFilter};
use plantain_studio::messages::view::Eyes;
use plantain_studio::messages::whatsapp::receipt::{Heard, Note};
use plantain_studio::messages::whatsapp::wish::WhatsappWish;
use plantain_whatsapp::notice::Standing;

use super::{changed, job, later};
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{Finished, Job, Outcome};
use plantain_studio::store::Forgotten;

/// A job that wants to be told and has succeeded, and its message in hand.
async fn in_hand(stores: &StudioStores) -> (Job, Message) {
    let mut job = job(0);
    job.spec.whatsapp = Some(WhatsappWish::parse("919876543210").unwrap().in_language("hi"));
    stores.jobs.insert(&job).await.unwrap();
    let epoch = stores.jobs.claim(9, super::LEASE, later(1)).await.unwrap().jobs[0].epoch;
    let finished = Finished {
        pictures: vec![super::keeping::picture(['2', '3'])],
        media: Vec::new(),
        description: None,
        notices: Vec::new(),
        cutout: None,
        tilt_degrees: None,
    };
    changed(stores, &job.id, JobEvent::Ends { epoch, outcome: Outcome::Succeeded(finished) }).await;
    let mut claimed = stores.jobs.claim_messages(9, &InHand::default(), later(9)).await.unwrap().messages;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].channel, claimed[0].target.as_str()), (Channel::Whatsapp, "919876543210"));
    (job, claimed.remove(0))
}

fn heard(wamid: &str, standing: Standing) -> Heard {
    Heard { wamid: wamid.into(), about: None, standing, code: None, why: None, again: None }
}

async fn kept(stores: &StudioStores, message: &Message) -> Message {
    stores.jobs.message(&message.id).await.unwrap().unwrap().0
}

async fn accepted(stores: &StudioStores, message: &Message) {
    for note in [Note::Leaves { attempt: 1 }, Note::Accepted { attempt: 1, wamid: "wamid.\"1\"".into() }] {
        assert!(stores.jobs.note_of_message(&message.id, &note, later(10)).await.unwrap().is_some());
    }
    let attempt = Attempt {
        number: 1,
        at: later(10),
        latency: Duration::from_millis(7),
        status: Some(200),
        answer: "{}".into(),
        why: None,
    };
    let awaits = Verdict::Awaits { patience: Duration::from_secs(600) };
    let settled = stores.jobs.settle_message(&message.id, &attempt, awaits, later(11)).await.unwrap().unwrap();
    assert_eq!((settled.state, settled.due_at), (MessageState::Pending, Some(later(611))));
}

pub async fn an_accepted_message_waits_for_its_notices_and_ends_once(stores: &StudioStores) {
    let (_, message) = in_hand(stores).await;
    accepted(stores, &message).await;
    let hear = async |heard: Heard| stores.jobs.hear_of_message(&heard, later(20)).await.unwrap();
    assert_eq!(hear(heard("wamid.nobody", Standing::Read)).await, None);
    assert_eq!(hear(heard("wa\0mid", Standing::Read)).await, None);
    let many = join_all((0..8).map(|_| hear(heard("wamid.\"1\"", Standing::Delivered)))).await;
    assert_eq!(many.into_iter().flatten().count(), 1, "of many that tell the same one changes something");
    assert_eq!(hear(heard("wamid.\"1\"", Standing::Sent)).await, None);
    let arrived = kept(stores, &message).await;
    assert_eq!((arrived.state, arrived.due_at), (MessageState::Delivered, None));
    let receipt = arrived.receipt.unwrap();
    assert_eq!((receipt.standing, receipt.wamid.as_deref()), (Standing::Delivered, Some("wamid.\"1\"")));

    // Asked for once more, it has no name until the next attempt is accepted.
    stores.jobs.send_again(&message.id, later(30)).await.unwrap();
    assert_eq!(kept(stores, &message).await.receipt, None);
    assert_eq!(hear(heard("wamid.\"1\"", Standing::Read)).await, None);
}

pub async fn a_message_is_known_by_what_was_sent_along_before_its_name_is(stores: &StudioStores) {
    let (_, message) = in_hand(stores).await;
    let note = async |note: Note| stores.jobs.note_of_message(&message.id, &note, later(10)).await.unwrap();
    assert_eq!(note(Note::Leaves { attempt: 2 }).await, None, "another attempt's");
    note(Note::Leaves { attempt: 1 }).await.unwrap();
    let about = |attempt| Heard { about: Some((message.id.clone(), attempt)), ..heard("wamid.2", Standing::Sent) };
    assert_eq!(stores.jobs.hear_of_message(&about(2), later(11)).await.unwrap(), None);
    let known = stores.jobs.hear_of_message(&about(1), later(11)).await.unwrap().unwrap();
    assert!(known.in_hand, "whoever is at it settles it");
    assert_eq!(note(Note::Refused { attempt: 1 }).await, None);
    let accepted = note(Note::Accepted { attempt: 1, wamid: "wamid.2".into() }).await.unwrap();
    assert_eq!(accepted, kept(stores, &message).await);
    assert_eq!(accepted.receipt.unwrap().standing, Standing::Sent);
}

pub async fn a_forgotten_job_takes_its_number_along(stores: &StudioStores) {
    let (job, message) = in_hand(stores).await;
    accepted(stores, &message).await;
    assert_eq!(stores.jobs.forget(&job.id, later(20)).await.unwrap(), Forgotten::Gone);
    let all = stores.jobs.messages(&MessageFilter { eyes: Eyes::Operators, ..MessageFilter::default() }).await.unwrap();
    assert_eq!(all, []);
    assert_eq!(stores.jobs.hear_of_message(&heard("wamid.\"1\"", Standing::Read), later(21)).await.unwrap(), None);
}

pub async fn the_newest_word_about_messages_counts(stores: &StudioStores) {
    let out = async || stores.jobs.has_opted_out("919876543210").await.unwrap();
    assert!(!out().await);
    for (wants, at, is_out) in
        [(false, 10, true), (true, 9, true), (true, 10, true), (true, 11, false), (false, 11, true), (false, 1, true)]
    {
        stores.jobs.keep_consent("919876543210", wants, later(at)).await.unwrap();
        assert_eq!(out().await, is_out, "{wants} at {at}");
    }
    assert!(!stores.jobs.has_opted_out("919876543211").await.unwrap());
}

//! Receipts in every order that notices may come in.

use super::*;
use crate::messages::hook;
use crate::messages::message::{Channel, Verdict};
use crate::messages::owing;

const PATIENCE: Patience = Patience {
    unanswered: Duration::from_secs(60),
    accepted: Duration::from_secs(600),
    sent: Duration::from_secs(6_000),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_176_000 + seconds).unwrap()
}

/// Taken for its first attempt.
fn in_hand() -> Message {
    let message = owing::test(&hook::sample(None, "https://a.example/"), at(0));
    Message { channel: Channel::Whatsapp, target: "919876543210".into(), ..message }.taken(at(0))
}

fn left() -> Message {
    in_hand().noted(&Note::Leaves { attempt: 1 }, at(1)).unwrap()
}

/// Accepted, and waiting for notices.
fn accepted() -> Message {
    let message = left().noted(&Note::Accepted { attempt: 1, wamid: "wamid.1".into() }, at(2)).unwrap();
    message.settled(1, Verdict::Awaits { patience: PATIENCE.accepted }, at(2)).unwrap()
}

fn heard(standing: Standing) -> Heard {
    Heard { wamid: "wamid.1".into(), about: None, standing, code: None, why: None, again: None }
}

#[track_caller]
fn stands(message: &Message) -> (MessageState, Standing) {
    assert_eq!(message.state == MessageState::Pending, message.due_at.is_some());
    (message.state, message.receipt.as_ref().unwrap().standing)
}

#[test]
fn the_answer_of_the_api_is_no_success() {
    let message = accepted();
    assert_eq!(stands(&message), (MessageState::Pending, Standing::Accepted));
    assert!(!message.in_hand && !message.is_due(at(600)) && message.is_due(at(602)));
}

#[test]
fn notices_in_any_order_lead_to_one_end_and_never_backwards() {
    use Standing::{Delivered, Failed, Read, Sent};
    for (order, end) in [
        (&[Sent][..], (MessageState::Pending, Sent)),
        (&[Sent, Sent], (MessageState::Pending, Sent)),
        (&[Sent, Delivered, Read], (MessageState::Delivered, Read)),
        (&[Read, Delivered, Sent], (MessageState::Delivered, Read)),
        (&[Delivered, Sent, Delivered], (MessageState::Delivered, Delivered)),
        (&[Delivered, Failed], (MessageState::Delivered, Delivered)),
        (&[Failed, Sent], (MessageState::Dead, Failed)),
        (&[Failed, Failed], (MessageState::Dead, Failed)),
        (&[Failed, Delivered], (MessageState::Delivered, Delivered)),
    ] {
        let fold = |message: Message, standing: &Standing| message.heard(&heard(*standing), at(9)).unwrap_or(message);
        assert_eq!(stands(&order.iter().fold(accepted(), fold)), end, "{order:?}");
    }
}

#[test]
fn a_notice_about_something_else_changes_nothing() {
    let other = Heard { wamid: "wamid.2".into(), ..heard(Standing::Read) };
    assert_eq!(accepted().heard(&other, at(9)), None);
    let about = Heard { about: Some((accepted().id, 1)), ..other.clone() };
    assert_eq!(accepted().heard(&about, at(9)), None, "Meta's name counts where it is known");
    assert_eq!(in_hand().heard(&heard(Standing::Read), at(9)), None, "nothing has left");
    let (message, unknown) = (left(), heard(Standing::Read));
    assert_eq!(message.heard(&unknown, at(9)), None);
    let wrong = Heard { about: Some((message.id.clone(), 2)), ..unknown };
    assert_eq!(message.heard(&wrong, at(9)), None, "another attempt is meant");
}

#[test]
fn a_message_whose_answer_was_lost_is_known_by_what_was_sent_along() {
    let message = left();
    let notice = Heard { about: Some((message.id.clone(), 1)), ..heard(Standing::Sent) };
    let known = message.heard(&notice, at(3)).unwrap();
    assert!(known.in_hand && known.receipt.as_ref().unwrap().wamid.as_deref() == Some("wamid.1"));
    // The attempt was given up for lost, and is not made again.
    let pause = Duration::from_secs(60);
    let settled = known.settled(1, Verdict::Again { after: pause }, at(30)).unwrap();
    assert_eq!(stands(&settled), (MessageState::Pending, Standing::Sent));
    assert!(matches!(turn(settled.receipt.as_ref(), &PATIENCE, at(90)), Turn::Wait(..)));
    // It arrived before the attempt was settled.
    let arrived = known.heard(&heard(Standing::Delivered), at(4)).unwrap();
    assert_eq!(arrived.state, MessageState::Pending);
    let settled = arrived.settled(1, Verdict::Awaits { patience: pause }, at(5)).unwrap();
    assert_eq!(stands(&settled), (MessageState::Delivered, Standing::Delivered));
}

#[test]
fn what_is_due_waits_is_sent_or_given_up() {
    let receipt = |wamid: Option<&str>, standing| Receipt {
        attempt: 1,
        wamid: wamid.map(str::to_owned),
        standing,
        at: at(0),
        code: None,
        why: None,
    };
    let unanswered = receipt(None, Standing::Accepted);
    for (receipt, seconds, wanted) in [
        (None, 0, "send"),
        (Some(&unanswered), 59, "wait 1"),
        (Some(&unanswered), 60, "send"),
        (Some(&receipt(Some("w"), Standing::Accepted)), 1, "wait 599"),
        (Some(&receipt(Some("w"), Standing::Accepted)), 600, "give up"),
        (Some(&receipt(Some("w"), Standing::Sent)), 600, "wait 5400"),
        (Some(&receipt(Some("w"), Standing::Sent)), 6_000, "give up"),
        (Some(&receipt(Some("w"), Standing::Delivered)), 9_000, "wait 0"),
    ] {
        let said = match turn(receipt, &PATIENCE, at(seconds)) {
            Turn::Send => "send".to_owned(),
            Turn::Wait(left, why) => {
                assert!(why.ends_with('.'));
                format!("wait {}", left.as_secs())
            }
            Turn::GiveUp(_) => "give up".to_owned(),
        };
        assert_eq!(said, wanted, "{receipt:?} {seconds}");
    }
}

#[test]
fn only_the_attempt_that_left_notes_what_came_of_it() {
    assert_eq!(in_hand().noted(&Note::Leaves { attempt: 2 }, at(1)), None);
    assert_eq!(accepted().noted(&Note::Leaves { attempt: 1 }, at(9)), None, "nobody is at it");
    assert_eq!(left().noted(&Note::Accepted { attempt: 2, wamid: "w".into() }, at(2)), None);
    assert_eq!(left().noted(&Note::Refused { attempt: 1 }, at(2)).unwrap().receipt, None);
    assert_eq!(accepted().noted(&Note::Refused { attempt: 1 }, at(9)), None, "it was accepted");
    let faster = left().heard(&Heard { about: Some((left().id, 1)), ..heard(Standing::Sent) }, at(2));
    assert_eq!(faster, None, "each message has an id of its own");
}

#[test]
fn a_failure_that_passes_is_sent_anew_a_few_times_and_a_redelivery_begins_from_nothing() {
    let passing = Heard { code: Some(131_056), again: Some(Duration::from_secs(60)), ..heard(Standing::Failed) };
    let anew = accepted().heard(&passing, at(9)).unwrap();
    assert_eq!((anew.state, anew.receipt.clone(), anew.due_at), (MessageState::Pending, None, Some(at(69))));
    let often = Message { attempts: 5, ..accepted() };
    assert_eq!(often.heard(&passing, at(9)).unwrap().state, MessageState::Dead);
    let dead = accepted().heard(&heard(Standing::Failed), at(9)).unwrap();
    let again = dead.sent_again(at(10)).unwrap();
    assert_eq!((again.state, again.receipt), (MessageState::Pending, None), "the old name says nothing any more");
}

#[test]
fn what_was_sent_along_is_read_again() {
    let id = in_hand().id;
    assert_eq!(read_about(&about(&id, 7)), Some((id, 7)));
    for junk in ["", ".", "x.1", "019a5d6e-8f00-7cc3-98c4-dc0c0c07398f", "019a5d6e-8f00-7cc3-98c4-dc0c0c07398f.-1"] {
        assert_eq!(read_about(junk), None, "{junk}");
    }
}

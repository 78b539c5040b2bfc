//! The states of a message: a table of what follows, and laws that hold whatever happens in which order.

use proptest::prelude::*;

use plantain_outbound::delivery::DeadReason;

use super::*;
use crate::messages::owing;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_176_000 + second).unwrap()
}

fn message() -> Message {
    let hook = crate::messages::hook::sample(None, "https://shop.example/hook?a=b");
    owing::test(&hook, at(0))
}

#[test]
fn an_answer_and_the_schedule_say_what_follows() {
    let seconds = Duration::from_secs;
    let retry = |after: Option<u64>| Delivery::Retry { after: after.map(seconds) };
    let again = |after| Verdict::Again { after: seconds(after) };
    let half = u32::MAX / 2;
    let custom = Schedule::Custom(vec![seconds(10), seconds(30)]);
    for (delivery, tried, verdict) in [
        (Delivery::Delivered, 1, Verdict::Delivered),
        (Delivery::Delivered, 9, Verdict::Delivered),
        (Delivery::Dead(DeadReason::Gone), 1, Verdict::Dead),
        (retry(None), 1, again(10)),
        (retry(None), 2, again(30)),
        (retry(Some(5)), 1, again(10)),
        (retry(Some(500)), 1, again(500)),
        (retry(None), 3, Verdict::Dead),
        (retry(Some(5)), 3, Verdict::Dead),
    ] {
        let said = match Verdict::of(&delivery, tried, &custom, half) {
            // The jitter's middle is not quite the middle.
            Verdict::Again { after } => again(after.as_secs_f64().round() as u64),
            verdict => verdict,
        };
        assert_eq!(said, verdict, "{delivery:?} {tried}");
    }
}

#[test]
fn words_are_read_as_they_are_written() {
    for event in Event::ALL {
        assert_eq!(Event::parse(event.as_str()), Some(event));
        assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
    }
    for state in MessageState::ALL {
        assert_eq!(MessageState::parse(state.as_str()), Some(state));
    }
    for channel in Channel::ALL {
        assert_eq!(Channel::parse(channel.as_str()), Some(channel));
    }
}

#[test]
fn a_line_is_the_host_with_its_port() {
    for (target, line) in [
        ("https://shop.example/a?b=c", "shop.example:443"),
        ("http://shop.example/", "shop.example:80"),
        ("http://[::1]:5678/x", "[::1]:5678"),
        ("nonsense", "webhook"),
    ] {
        assert_eq!(Channel::Webhook.line(target), line);
    }
    assert_eq!(Channel::Mail.line("asha@shop.example"), "mail", "one server takes them all");
}

#[derive(Clone, Debug)]
enum Step {
    /// Seconds pass.
    Wait(u32),
    Take,
    /// Settles the newest attempt, or an older one.
    Settle(u32, Verdict),
    SendAgain,
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        Just(Verdict::Delivered),
        Just(Verdict::Dead),
        Just(Verdict::CutOff),
        (0u64..100).prop_map(|s| Verdict::Again { after: Duration::from_secs(s) }),
    ];
    prop_oneof![
        (0u32..200).prop_map(Step::Wait),
        Just(Step::Take),
        (0u32..3, verdict).prop_map(|(age, verdict)| Step::Settle(age, verdict)),
        Just(Step::SendAgain),
    ]
}

proptest! {
    /// Whatever happens: exactly pending messages are due some day; attempts only rise; a stale attempt changes nothing; what
    /// is delivered stays so until somebody asks; nobody is sent twice at once.
    #[test]
    fn laws_of_a_message(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut message, mut now) = (message(), at(0));
        for step in steps {
            let before = message.clone();
            match step {
                Step::Wait(seconds) => now = after(now, Duration::from_secs(seconds.into())),
                Step::Take if message.is_due(now) => {
                    message = message.taken(now);
                    prop_assert!(message.in_hand && message.attempts == before.attempts + 1);
                    prop_assert!(!message.is_due(now) && message.tried() >= 1);
                }
                Step::Take => {}
                Step::Settle(age, verdict) => {
                    let attempt = message.attempts.saturating_sub(age);
                    match message.settled(attempt, verdict, now) {
                        Some(settled) => {
                            prop_assert!(before.in_hand && attempt == before.attempts && !settled.in_hand);
                            message = settled;
                        }
                        None => prop_assert!(attempt != before.attempts || !before.in_hand),
                    }
                }
                Step::SendAgain => match message.sent_again(now) {
                    Some(again) => {
                        prop_assert!(again.is_due(now) && again.tried() == 0);
                        message = again;
                    }
                    None => prop_assert!(before.in_hand && before.due_at.unwrap() > now),
                },
            }
            prop_assert_eq!(message.state == MessageState::Pending, message.due_at.is_some());
            prop_assert!(!message.in_hand || message.state == MessageState::Pending);
            prop_assert!(message.attempts >= before.attempts && message.earlier <= message.attempts);
            prop_assert_eq!((&message.id, &message.body, &message.target), (&before.id, &before.body, &before.target));
        }
    }
}

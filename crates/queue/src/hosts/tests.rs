//! Tables of what hosts do and what follows.

use plantain_outbound::policy::Refusal;
use plantain_outbound::transport::NoConnection;

use super::*;

const LIMITS: HostLimits = HostLimits {
    places: 64,
    per_host: 16,
    patience: Duration::from_secs(3600),
    failing_after: Duration::from_secs(600),
};

const MOMENT: Duration = Duration::from_millis(5);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn place(host: &str, account: &str, began: i64) -> Place {
    Place { host: host.into(), account: account.into(), began: at(began) }
}

fn hosts() -> Hosts {
    Hosts::new(LIMITS)
}

/// One attempt that began and ended in that second.
fn tell(hosts: &mut Hosts, host: &str, heard: Heard, second: i64) -> Option<Change> {
    let place = place(host, "a", second);
    hosts.begin(place.clone());
    hosts.end(&place, Some((heard, MOMENT, "no")), at(second))
}

/// How many deliveries of one account may begin to a host, at most 100.
fn room_for(hosts: &mut Hosts, host: &str, second: i64) -> usize {
    let mut load = hosts.load(at(second));
    (0..100).take_while(|_| load.admit(host, "a") == Room::Free).count()
}

#[test]
fn every_outcome_says_something_about_its_host() {
    let answered = |status, retry_after: Option<u64>| {
        let retry_after = retry_after.map(Duration::from_secs);
        Ok(Answer { status, retry_after, latency: MOMENT, first_bytes: bytes::Bytes::new() })
    };
    let busy = |seconds: Option<u64>| Heard::Busy { asked: seconds.map(Duration::from_secs) };
    for (outcome, expected) in [
        (answered(200, None), Heard::Delivered),
        (answered(204, Some(9)), Heard::Delivered),
        (answered(302, None), Heard::Answered),
        (answered(401, None), Heard::Answered),
        (answered(410, None), Heard::Answered),
        (answered(429, Some(9)), busy(Some(9))),
        (answered(500, Some(9)), Heard::Down),
        (answered(502, None), busy(None)),
        (answered(503, Some(9)), busy(Some(9))),
        (answered(504, None), busy(None)),
        (answered(599, None), Heard::Down),
        (Err(SendError::TimedOut { deadline: MOMENT }), Heard::Down),
        (Err(SendError::Unreachable(NoConnection::Refused)), Heard::Down),
        (Err(SendError::Broken), Heard::Down),
        (Err(SendError::Refused(Refusal::Scheme)), Heard::Unsent),
        (Err(SendError::Unsendable), Heard::Unsent),
    ] {
        assert_eq!(heard(&outcome), expected, "{outcome:?}");
    }
}

#[test]
fn rests_grow_and_are_bounded() {
    let asked = |seconds| Heard::Busy { asked: Some(Duration::from_secs(seconds)) };
    let busy = Heard::Busy { asked: None };
    for (heard, failures, seconds) in [
        (Heard::Down, 1, None),
        (Heard::Down, 4, None),
        (Heard::Down, 5, Some(10)),
        (Heard::Down, 6, Some(20)),
        (Heard::Down, 8, Some(80)),
        (Heard::Down, 9, Some(120)),
        (Heard::Down, u32::MAX, Some(120)),
        (busy, 1, Some(1)),
        (busy, 3, Some(4)),
        (busy, 5, Some(16)),
        (busy, 40, Some(120)),
        (asked(7), 1, Some(7)),
        (asked(0), 1, Some(0)),
        (asked(7), 5, Some(10)),
        (asked(86_400), 1, Some(300)),
    ] {
        assert_eq!(rest(heard, failures), seconds.map(Duration::from_secs), "{heard:?} {failures}");
    }
}

#[test]
fn a_host_breaks_after_failures_in_a_row_and_closes_with_one_success() {
    let mut hosts = hosts();
    for second in 0..4 {
        tell(&mut hosts, "h", Heard::Down, second);
        assert_eq!(room_for(&mut hosts, "h", second), 4, "after {} failures", second + 1);
    }
    tell(&mut hosts, "h", Heard::Down, 4);
    assert_eq!(hosts.load(at(4)).room("h", "a"), Room::Resting);
    assert_eq!(hosts.next_end_of_rest(at(4)), Some(at(14)));
    assert_eq!(hosts.load(at(13)).room("h", "a"), Room::Resting);
    // Half open: one attempt, and none beside it for as long as it takes.
    assert_eq!(room_for(&mut hosts, "h", 14), 1);
    let probe = place("h", "a", 14);
    hosts.begin(probe.clone());
    assert_eq!(hosts.load(at(120)).room("h", "a"), Room::Resting);
    hosts.end(&probe, Some((Heard::Down, MOMENT, "no")), at(129));
    assert_eq!(hosts.next_end_of_rest(at(129)), Some(at(149)), "twice as long");
    assert_eq!(room_for(&mut hosts, "h", 149), 1);
    tell(&mut hosts, "h", Heard::Delivered, 149);
    assert_eq!(room_for(&mut hosts, "h", 149), 16);
}

#[test]
fn a_refusal_is_no_failure_of_the_host_and_neither_is_what_was_never_sent() {
    for heard in [Heard::Answered, Heard::Unsent] {
        let mut hosts = hosts();
        for second in 0..50 {
            tell(&mut hosts, "h", heard, second);
        }
        assert_eq!(hosts.next_end_of_rest(at(50)), None, "{heard:?}");
        assert!(room_for(&mut hosts, "h", 50) >= 4);
    }
    let mut hosts = hosts();
    (0..4).for_each(|second| drop(tell(&mut hosts, "h", Heard::Down, second)));
    tell(&mut hosts, "h", Heard::Answered, 4);
    tell(&mut hosts, "h", Heard::Down, 5);
    assert_eq!(room_for(&mut hosts, "h", 5), 4, "an answer between failures begins the count anew");
}

#[test]
fn a_busy_host_is_left_alone_for_as_long_as_it_asked() {
    let mut hosts = hosts();
    tell(&mut hosts, "h", Heard::Delivered, 0);
    tell(&mut hosts, "h", Heard::Busy { asked: Some(Duration::from_secs(30)) }, 1);
    tell(&mut hosts, "h", Heard::Busy { asked: Some(Duration::from_secs(5)) }, 2);
    assert_eq!(hosts.load(at(30)).room("h", "a"), Room::Resting, "the longer wish counts");
    assert_eq!(hosts.load(at(30)).room("other", "a"), Room::Free);
    assert_eq!(room_for(&mut hosts, "h", 31), 4, "and comes back slowly");
    tell(&mut hosts, "h", Heard::Busy { asked: Some(Duration::from_secs(300)) }, 31);
    hosts.end_rest("h");
    assert_eq!(room_for(&mut hosts, "h", 32), 4, "an operator may ask at once");
}

#[test]
fn hosts_that_hang_leave_half_of_the_places_to_those_that_answer() {
    let mut hosts = hosts();
    tell(&mut hosts, "good", Heard::Delivered, 0);
    let mut load = hosts.load(at(0));
    let mut hanging = 0;
    for host in 0..1_000 {
        let (host, account) = (format!("hangs{host}"), format!("account{host}"));
        while load.admit(&host, &account) == Room::Free {
            hosts.begin(place(&host, &account, 0));
            hanging += 1;
        }
    }
    assert_eq!(hanging, 32);
    assert_eq!(load.room("unknown", "b"), Room::Full);
    assert_eq!(room_for(&mut hosts, "good", 1), 16);
    assert_eq!(hosts.load(at(1)).quick(), ["good"]);
}

#[test]
fn no_account_takes_more_of_the_doubtful_places_than_it_leaves() {
    let mut hosts = hosts();
    let mut load = hosts.load(at(0));
    let mut taken =
        |account: &str| (0..100).filter(|host| load.admit(&format!("{account}{host}"), account) == Room::Free).count();
    assert_eq!((taken("greedy"), taken("second"), taken("third")), (16, 8, 4));
    assert_eq!(taken("greedy"), 0);
}

#[test]
fn a_quick_host_that_begins_to_hang_counts_as_doubtful() {
    let mut hosts = hosts();
    tell(&mut hosts, "h", Heard::Delivered, 0);
    (0..16).for_each(|_| hosts.begin(place("h", "a", 0)));
    assert_eq!(hosts.load(at(2)).room("h", "a"), Room::Full);
    let load = hosts.load(at(3));
    assert!(load.quick().is_empty());
    assert_eq!(load.room("unknown", "a"), Room::Full, "16 of 32 doubtful places are this account's");
    assert_eq!(load.room("unknown", "b"), Room::Free);
    let slow = place("slow", "a", 3);
    hosts.begin(slow.clone());
    hosts.end(&slow, Some((Heard::Delivered, Duration::from_secs(14), "")), at(17));
    assert!(hosts.load(at(17)).quick().is_empty(), "what arrives after long is not quick");
}

#[test]
fn a_host_is_reported_once_when_it_fails_for_long_and_once_when_it_is_back() {
    let mut hosts = hosts();
    let since = at(0);
    assert_eq!(tell(&mut hosts, "h", Heard::Down, 0), None);
    assert_eq!(tell(&mut hosts, "h", Heard::Answered, 599), None);
    assert_eq!((hosts.troubled(at(599)).len(), hosts.reported(at(599))), (1, 0));
    let failing = Some(Change::Failing { since, reason: "no".into() });
    assert_eq!(tell(&mut hosts, "h", Heard::Unsent, 600), failing);
    assert_eq!(tell(&mut hosts, "h", Heard::Down, 700), None);
    assert_eq!(hosts.reported(at(700)), 1);
    assert_eq!(tell(&mut hosts, "h", Heard::Delivered, 800), Some(Change::Recovered { since }));
    assert_eq!(tell(&mut hosts, "h", Heard::Delivered, 801), None);
    assert!(hosts.troubled(at(801)).is_empty() && hosts.reported(at(801)) == 0);
    tell(&mut hosts, "brief", Heard::Down, 900);
    assert_eq!(tell(&mut hosts, "brief", Heard::Delivered, 901), None);
}

#[test]
fn a_failing_host_that_is_owed_nothing_any_more_is_forgotten_and_one_that_is_tried_is_not() {
    let mut hosts = hosts();
    for host in ["gone", "tried"] {
        tell(&mut hosts, host, Heard::Down, 0);
        tell(&mut hosts, host, Heard::Down, 600);
    }
    assert_eq!((hosts.troubled(at(4_199)).len(), hosts.reported(at(4_199))), (2, 2));
    hosts.begin(place("tried", "a", 4_199));
    assert_eq!((hosts.troubled(at(4_200)).len(), hosts.reported(at(4_200))), (1, 1));
    assert_eq!(hosts.troubled(at(4_200))[0].0, "tried");
    // It begins anew, with nothing held against it.
    assert_eq!(room_for(&mut hosts, "gone", 4_200), room_for(&mut hosts, "new", 4_200));
    tell(&mut hosts, "well", Heard::Delivered, 4_200);
    assert_eq!(hosts.load(at(1 << 33)).quick(), ["well"], "what is well is not forgotten");
}

#[test]
fn an_attempt_that_was_broken_off_says_nothing() {
    let mut hosts = hosts();
    hosts.begin(place("h", "a", 0));
    assert_eq!(hosts.end(&place("h", "a", 0), None, at(1)), None);
    assert!(hosts.under_way.is_empty() && hosts.known.is_empty());
}

#[test]
fn memory_is_bounded_and_forgets_quick_hosts_last() {
    let mut hosts = hosts();
    tell(&mut hosts, "good", Heard::Delivered, 0);
    for number in 0..2_000 {
        tell(&mut hosts, &format!("bad{number}"), Heard::Down, number + 1);
    }
    assert_eq!(hosts.known.len(), KNOWN_MAX);
    assert!(hosts.known.contains_key("good") && !hosts.known.contains_key("bad0"));
}

#[test]
fn the_lines_of_all_hosts_are_looked_at_once_a_second() {
    let mut hosts = hosts();
    let looks: Vec<bool> = [0, 0, 1, 1, 2].iter().map(|second| hosts.load(at(*second)).looks_wide()).collect();
    assert_eq!(looks, [true, false, true, false, true]);
}

#[test]
fn patience_ends() {
    let mut hosts = hosts();
    tell(&mut hosts, "h", Heard::Busy { asked: None }, 7000);
    let load = hosts.load(at(7000));
    assert!(!load.is_out_of_patience("h", at(0), at(10_599)), "it is the host's failing that is waited for");
    assert!(load.is_out_of_patience("h", at(0), at(10_600)));
    assert!(!load.is_out_of_patience("h", at(8000), at(11_599)) && load.is_out_of_patience("h", at(8000), at(11_600)));
    assert!(!load.is_out_of_patience("well", at(0), at(1 << 33)));
    assert!(!HostLoad::new(1).is_out_of_patience("h", at(0), at(1 << 33)));
}

#[test]
fn what_fails_together_makes_a_rest_no_longer() {
    let mut hosts = hosts();
    let places: Vec<Place> = (0..16).map(|_| place("h", "a", 0)).collect();
    places.iter().for_each(|place| hosts.begin(place.clone()));
    for place in &places {
        hosts.end(place, Some((Heard::Down, MOMENT, "no")), at(1));
    }
    assert_eq!(hosts.next_end_of_rest(at(1)), Some(at(11)), "one restart of a receiver is one failure of it");
}

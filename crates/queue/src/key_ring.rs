//! Which signing key signs, and which are published, at a given time: the rotation as a pure decision.
//!
//! Receivers keep published keys for up to a day. So a new key is published a day before it signs, and the one before it stays
//! published for a day after. It knows no file and no clock. Invariant: whoever signs at a time is published at that time,
//! and, rotations in haste apart, was published for longer than any receiver may keep an older set.

use std::time::Duration;

use jiff::Timestamp;

use plantain_wire::jwks::VerifyingKey;
use plantain_wire::signature::SigningKey;

/// The longest time for which a receiver may keep published keys, as fal documents it.
const KEPT_BY_RECEIVERS: Duration = Duration::from_secs(24 * 3600);

/// Added to that: five minutes for which caches on the way may keep the document, five by which clocks may be wrong, and
/// five until every process has read the new keys.
const MARGIN: Duration = Duration::from_secs(15 * 60);

/// From a key's publication to its first signature, and from its last one to its end.
pub const OVERLAP: Duration = Duration::from_secs(KEPT_BY_RECEIVERS.as_secs() + MARGIN.as_secs());

/// The most keys that are published: half of what our own receivers read, and each costs every forged webhook a check.
pub const PUBLISHED_MAX: usize = 8;

/// One key and when its turn begins. Its turn ends with that of the next one.
#[derive(Clone, Debug)]
pub struct RingKey {
    pub key: SigningKey,
    pub signs_from: Timestamp,
}

/// The keys of a queue, in the order of their turns; never empty.
#[derive(Clone, Debug)]
pub struct KeyRing {
    turns: Vec<RingKey>,
    /// Published at all times; they never sign.
    beside: Vec<SigningKey>,
}

/// What is the matter with one key at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Published, so that receivers know it when its turn comes.
    Waiting { signs_from: Timestamp },
    /// `None`: since the beginning.
    Signing { since: Option<Timestamp> },
    /// Published still. `None`: for as long as it is configured.
    Retired { published_until: Option<Timestamp> },
    /// No longer published.
    Gone,
}

/// How soon a new key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// Once every receiver can know it.
    Planned,
    /// Now. Receivers that keep keys and don't ask again for an unknown one refuse webhooks until they do.
    AtOnce,
    /// Now, and no other key is published any more, since somebody else may hold it.
    Withdraw,
}

/// Why no rotation was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotateError {
    #[error("a rotation is under way: the next key signs from {signs_from}; --now lets it sign at once")]
    UnderWay { signs_from: Timestamp },
    #[error(
        "{PUBLISHED_MAX} keys are published already; wait until one is gone, or give all of them up with --withdraw"
    )]
    TooMany,
}

impl KeyRing {
    /// One key that signs, and others that are published beside it for as long as the ring lasts.
    pub fn fixed(signing: SigningKey, beside: Vec<SigningKey>) -> KeyRing {
        KeyRing { turns: vec![RingKey { key: signing, signs_from: Timestamp::MIN }], beside }
    }

    /// `None` without a key. Of two whose turns begin together, the later one signs.
    pub fn of(mut turns: Vec<RingKey>) -> Option<KeyRing> {
        turns.sort_by_key(|turn| turn.signs_from);
        (!turns.is_empty()).then_some(KeyRing { turns, beside: Vec::new() })
    }

    /// In the order of their turns.
    pub fn turns(&self) -> &[RingKey] {
        &self.turns
    }

    /// The last one whose turn has come; the first, where the clock is before all of them.
    fn on_turn(&self, now: Timestamp) -> usize {
        self.turns.iter().rposition(|turn| turn.signs_from <= now).unwrap_or(0)
    }

    pub fn signing(&self, now: Timestamp) -> &SigningKey {
        &self.turns[self.on_turn(now)].key
    }

    /// The one that signs comes first, for receivers that look at one key alone.
    pub fn published(&self, now: Timestamp) -> Vec<VerifyingKey> {
        let signing = self.signing(now).verifying_key();
        let all = self.standings(now).into_iter().filter(|(_, standing)| *standing != Standing::Gone);
        let others = all.map(|(key, _)| key).filter(|key| *key != signing);
        std::iter::once(signing).chain(others).collect()
    }

    /// Every key with what is the matter with it.
    pub fn standings(&self, now: Timestamp) -> Vec<(VerifyingKey, Standing)> {
        let turns = self.turns.iter().enumerate().map(|(at, turn)| (turn.key.verifying_key(), self.standing(at, now)));
        let beside = self.beside.iter().map(|key| (key.verifying_key(), Standing::Retired { published_until: None }));
        turns.chain(beside).collect()
    }

    fn standing(&self, at: usize, now: Timestamp) -> Standing {
        let (signing, signs_from) = (self.on_turn(now), self.turns[at].signs_from);
        if at == signing {
            return Standing::Signing { since: (signs_from > Timestamp::MIN).then_some(signs_from) };
        }
        if at > signing {
            return Standing::Waiting { signs_from };
        }
        let until = later(self.turns[at + 1].signs_from, OVERLAP);
        if now < until { Standing::Retired { published_until: Some(until) } } else { Standing::Gone }
    }

    /// The ring with `new` in it; keys that are gone are left out. In haste a key that waits is taken instead of `new`, since
    /// some receivers know it already.
    pub fn rotated(&self, new: SigningKey, now: Timestamp, haste: Haste) -> Result<KeyRing, RotateError> {
        let at = |signs_from| RingKey { key: new.clone(), signs_from };
        let mut ring = self.without_gone(now);
        let waiting = ring.on_turn(now) + 1;
        let full = ring.published(now).len() >= PUBLISHED_MAX;
        match (haste, ring.turns.get_mut(waiting)) {
            (Haste::Withdraw, _) => return Ok(KeyRing { turns: vec![at(now)], beside: Vec::new() }),
            (Haste::Planned, Some(next)) => return Err(RotateError::UnderWay { signs_from: next.signs_from }),
            (Haste::AtOnce, Some(next)) => next.signs_from = now,
            (_, None) if full => return Err(RotateError::TooMany),
            (Haste::Planned, None) => ring.turns.push(at(later(now, OVERLAP))),
            (Haste::AtOnce, None) => ring.turns.push(at(now)),
        }
        Ok(ring)
    }

    fn without_gone(&self, now: Timestamp) -> KeyRing {
        let stays = |at: &usize| self.standing(*at, now) != Standing::Gone;
        let turns = (0..self.turns.len()).filter(stays).map(|at| self.turns[at].clone()).collect();
        KeyRing { turns, beside: self.beside.clone() }
    }
}

/// At the end of time, where the sum lies beyond it.
fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use plantain_wire::id::{RequestId, UserId};
    use plantain_wire::jwks::{self, KeySet};
    use plantain_wire::signature::{sign_webhook, verify};
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3600;
    const QUARTER: i64 = 900;
    /// From a first signature to the key's publication, in seconds.
    const AHEAD: i64 = 24 * HOUR + QUARTER;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(number: u8) -> SigningKey {
        SigningKey::from_seed([number; 32])
    }

    fn ring(turns: &[(u8, i64)]) -> KeyRing {
        let turn = |(number, from): &(u8, i64)| RingKey { key: key(*number), signs_from: second(*from) };
        KeyRing::of(turns.iter().map(turn).collect()).unwrap()
    }

    fn numbers(ring: &KeyRing, now: i64) -> Vec<u8> {
        let number = |found: VerifyingKey| (1..=9).find(|n| key(*n).verifying_key() == found).unwrap();
        ring.published(second(now)).into_iter().map(number).collect()
    }

    #[test]
    fn who_signs_and_who_is_published_follows_from_the_time_alone() {
        let (one, two) = (ring(&[(1, 0)]), ring(&[(2, 100_000), (1, 0)]));
        let three = ring(&[(1, 0), (2, 100_000), (3, 300_000)]);
        let end = 100_000 + AHEAD;
        // The first of each list signs.
        for (ring, now, expected) in [
            (&one, -5, vec![1]),
            (&one, 0, vec![1]),
            (&one, 9_000_000, vec![1]),
            (&two, 0, vec![1, 2]),
            (&two, 99_999, vec![1, 2]),
            (&two, 100_000, vec![2, 1]),
            (&two, end - 1, vec![2, 1]),
            (&two, end, vec![2]),
            (&three, 100_000, vec![2, 1, 3]),
            (&three, end, vec![2, 3]),
            (&three, 300_000, vec![3, 2]),
            (&three, 300_000 + AHEAD, vec![3]),
        ] {
            assert_eq!(numbers(ring, now), expected, "{now}");
        }
        assert_eq!(numbers(&ring(&[(1, 0), (2, 7), (3, 7)]), 7), [3, 1, 2], "the later one of two that begin together");
        let fixed = KeyRing::fixed(key(4), vec![key(5), key(4)]);
        assert_eq!((numbers(&fixed, 0), numbers(&fixed, 9_000_000)), (vec![4, 5], vec![4, 5]));
        assert!(KeyRing::of(Vec::new()).is_none());
    }

    #[test]
    fn a_rotation_waits_hurries_or_withdraws() {
        let now = second(1_000_000);
        let first = ring(&[(1, 0)]);
        let planned = first.rotated(key(2), now, Haste::Planned).unwrap();
        assert_eq!(planned.turns()[1].signs_from, second(1_000_000 + AHEAD));
        assert_eq!(numbers(&planned, 1_000_000), [1, 2]);
        let again = planned.rotated(key(3), now, Haste::Planned).map(|_| ());
        assert_eq!(again, Err(RotateError::UnderWay { signs_from: second(1_000_000 + AHEAD) }));
        let hurried = planned.rotated(key(3), now, Haste::AtOnce).unwrap();
        assert_eq!(numbers(&hurried, 1_000_000), [2, 1], "the key that receivers may know, not a third one");
        assert_eq!(numbers(&first.rotated(key(3), now, Haste::AtOnce).unwrap(), 1_000_000), [3, 1]);
        assert_eq!(numbers(&planned.rotated(key(3), now, Haste::Withdraw).unwrap(), 1_000_000), [3]);
        let much_later = second(9_000_000);
        let next = planned.rotated(key(3), much_later, Haste::Planned).unwrap();
        assert_eq!(next.turns().len(), 2, "what is gone is not kept for ever");
    }

    #[test]
    fn the_number_of_published_keys_is_bounded() {
        let mut ring = ring(&[(1, 0)]);
        for number in 2..=u8::try_from(PUBLISHED_MAX).unwrap() {
            ring = ring.rotated(key(number), second(i64::from(number)), Haste::AtOnce).unwrap();
        }
        assert_eq!(ring.rotated(key(9), second(20), Haste::AtOnce).map(|_| ()), Err(RotateError::TooMany));
        assert_eq!(numbers(&ring.rotated(key(9), second(20), Haste::Withdraw).unwrap(), 20), [9]);
    }

    /// A receiver that asks for keys once a day and never in between, by way of a cache of five minutes.
    struct Receiver {
        first: i64,
    }

    impl Receiver {
        fn knows(&self, rings: &dyn Fn(i64) -> KeyRing, now: i64) -> KeySet {
            let asked = now - (now - self.first).rem_euclid(24 * HOUR);
            let answered = asked - 300;
            KeySet::parse(jwks::render(&rings(answered).published(second(answered))).as_bytes()).unwrap()
        }
    }

    /// How many webhooks receivers refuse from a day before a rotation to three days after it, each arriving up to four
    /// minutes after it was signed.
    fn refused(haste: Haste) -> (usize, usize) {
        const ROTATED: i64 = 5_000_000;
        let (before, began) = (ring(&[(1, 0)]), second(ROTATED));
        let after = before.rotated(key(2), began, haste).unwrap();
        // It takes the queue a while to see the change.
        let rings = |now: i64| if now < ROTATED + 10 { before.clone() } else { after.clone() };
        let (id, user) = (RequestId::parse("r").unwrap(), UserId::parse("u").unwrap());
        let (mut refused, mut sent) = (0, 0);
        for receiver in (0..24).step_by(3).map(|hour| Receiver { first: ROTATED + hour * HOUR + 7 }) {
            for now in (ROTATED - 24 * HOUR..ROTATED + 72 * HOUR).step_by(2_300) {
                let signed = sign_webhook(rings(now).signing(second(now)), &id, &user, now, b"{}");
                for arrives in [now, now + 240] {
                    sent += 1;
                    refused += usize::from(verify(&signed, b"{}", &receiver.knows(&rings, arrives), arrives).is_err());
                }
            }
        }
        (refused, sent)
    }

    #[test]
    fn no_webhook_is_refused_across_a_rotation_by_receivers_that_keep_keys_for_a_day() {
        let (lost, sent) = refused(Haste::Planned);
        assert!(lost == 0 && sent > 2_000, "{lost} of {sent} were refused");
        for haste in [Haste::AtOnce, Haste::Withdraw] {
            assert!(refused(haste).0 > 0, "{haste:?} has a price, or this test sees nothing");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// However often somebody rotates.
        #[test]
        fn whoever_signs_was_published_for_a_day_and_stays_so(gaps in prop::collection::vec(1..300_000i64, 1..8)) {
            let mut rings = vec![(0, ring(&[(1, -1)]))];
            let mut end = 0;
            for (gap, number) in gaps.into_iter().zip(2..) {
                end += gap;
                // One that comes too early changes nothing.
                if let Ok(next) = rings[rings.len() - 1].1.rotated(key(number), second(end), Haste::Planned) {
                    rings.push((end, next));
                }
            }
            let at = |now: i64| &rings.iter().rev().find(|(since, _)| *since <= now).unwrap_or(&rings[0]).1;
            for now in (0..end + 200_000).step_by(17_000) {
                let signing = at(now).signing(second(now)).verifying_key();
                for seen in [now - 24 * HOUR - 300, now - 12 * HOUR, now - 300, now, now + 300, now + 24 * HOUR] {
                    prop_assert!(at(seen).published(second(seen)).contains(&signing), "{now}, seen at {seen}");
                }
            }
        }
    }
}

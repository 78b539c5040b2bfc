//! How often somebody may call: a minute's worth at once, then evenly (GCRA). [`judge`] decides and is pure; [`Rates`]
//! remembers, in bounded memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, after, until};

/// What may be used at once by somebody who was quiet.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Callers that are remembered: about a hundred bytes each.
const CALLERS_MAX: usize = 20_000;

/// A call that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// When the next call would come if all came evenly: what is to be remembered of the caller.
    pub expected: Timestamp,
    /// Calls that could follow at once.
    pub left: u32,
    /// After that time without calls everything is free again.
    pub whole_in: Duration,
}

/// Counts a call at `now`, or says after what time it would pass. `expected` is what was remembered of the caller's last call
/// that passed; `per_minute` 0 lets none pass.
pub fn judge(expected: Option<Timestamp>, now: Timestamp, per_minute: u32) -> Result<Passed, Duration> {
    let Some(step) = WINDOW.checked_div(per_minute) else { return Err(WINDOW) };
    let at = after(expected.map_or(now, |expected| expected.max(now)), step);
    let ahead = until(now, at);
    let Some(free) = WINDOW.checked_sub(ahead) else { return Err(ahead - WINDOW) };
    let left = free.as_nanos() / step.as_nanos().max(1);
    Ok(Passed { expected: at, left: u32::try_from(left).unwrap_or(u32::MAX), whole_in: ahead })
}

/// The callers that were heard of lately. One process's: others count by themselves.
#[derive(Debug)]
pub struct Rates {
    clock: Clock,
    expected: Mutex<HashMap<String, Timestamp>>,
    callers_max: usize,
}

impl Rates {
    pub fn new(clock: Clock) -> Rates {
        Rates { clock, expected: Mutex::default(), callers_max: CALLERS_MAX }
    }

    /// Counts one call of `caller`, or says after what time it would pass.
    pub fn admit(&self, caller: &str, per_minute: u32) -> Result<Passed, Duration> {
        let now = self.clock.now();
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = judge(expected.get(caller).copied(), now, per_minute)?;
        if expected.len() >= self.callers_max && !expected.contains_key(caller) {
            forget(&mut expected, now);
        }
        expected.insert(caller.to_owned(), passed.expected);
        Ok(passed)
    }
}

/// Drops whoever is quiet; where that is too little, the half that would be quiet first and so loses least of its count.
fn forget(expected: &mut HashMap<String, Timestamp>, now: Timestamp) {
    let before = expected.len();
    expected.retain(|_, at| *at > now);
    if expected.len() > before / 2 {
        let mut times: Vec<Timestamp> = expected.values().copied().collect();
        let half = times.len() / 2;
        let (_, middle, _) = times.select_nth_unstable(half);
        let middle = *middle;
        expected.retain(|_, at| *at > middle);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn a_call_passes_or_is_told_when_it_would() {
        let millis = Duration::from_millis;
        for (expected, now, per_minute, told) in [
            (None, 0, 3, Ok((20_000, 2, millis(20_000)))),
            (Some(20_000), 0, 3, Ok((40_000, 1, millis(40_000)))),
            (Some(40_000), 0, 3, Ok((60_000, 0, millis(60_000)))),
            (Some(60_000), 0, 3, Err(millis(20_000))),
            (Some(60_000), 19_999, 3, Err(millis(1))),
            (Some(60_000), 20_000, 3, Ok((80_000, 0, millis(60_000)))),
            (Some(60_000), 900_000, 3, Ok((920_000, 2, millis(20_000)))),
            (None, 0, 1, Ok((60_000, 0, millis(60_000)))),
            (None, 0, 0, Err(WINDOW)),
        ] {
            let passed = judge(expected.map(at), at(now), per_minute);
            let shown = passed.map(|passed| (passed.expected.as_millisecond(), passed.left, passed.whole_in));
            assert_eq!(shown, told, "{expected:?} {now} {per_minute}");
        }
    }

    proptest! {
        /// However calls come: no minute has more than a minute's worth at once and one that came evenly, and who waits as
        /// long as was told passes.
        #[test]
        fn no_minute_holds_more_than_was_promised(
            per_minute in 1u32..500,
            gaps in proptest::collection::vec(0u64..5_000, 1..400),
        ) {
            let (mut now, mut expected, mut passed) = (at(0), None, Vec::<Timestamp>::new());
            for gap in gaps {
                now = after(now, Duration::from_millis(gap));
                match judge(expected, now, per_minute) {
                    Ok(one) => {
                        prop_assert!(one.left < per_minute && one.whole_in <= WINDOW);
                        expected = Some(one.expected);
                        passed.push(now);
                    }
                    Err(wait) => {
                        prop_assert!(!wait.is_zero() && wait <= WINDOW);
                        prop_assert!(judge(expected, after(now, wait), per_minute).is_ok());
                    }
                }
            }
            for (first, start) in passed.iter().enumerate() {
                let within = passed[first..].iter().take_while(|time| until(*start, **time) < WINDOW).count();
                prop_assert!(within <= 2 * per_minute as usize, "{within} of {per_minute}");
            }
        }
    }

    #[test]
    fn callers_are_counted_apart() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let rates = Rates::new(clock.clone());
        assert!(rates.admit("a", 1).is_ok() && rates.admit("b", 1).is_ok());
        assert_eq!(rates.admit("a", 1), Err(WINDOW));
        clock.advance(WINDOW);
        assert!(rates.admit("a", 1).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_whoever_calls_most_is_not_forgotten() {
        let rates = Rates { callers_max: 100, ..Rates::new(Clock::manual(Timestamp::UNIX_EPOCH)) };
        assert!((0..10).all(|_| rates.admit("busy", 10).is_ok()));
        for stranger in 0..10_000 {
            assert!(rates.admit(&format!("stranger {stranger}"), 10).is_ok());
            assert!(rates.expected.lock().unwrap().len() <= 100);
        }
        assert!(rates.admit("busy", 10).is_err());
    }
}

//! How fast a key may make work: a minute's worth at once, then evenly (GCRA).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use plantain_work::Clock;
use plantain_work::clock::{after, until};

/// What may be used at once by a key that was quiet.
const WINDOW: Duration = Duration::from_secs(60);

/// Keys that are counted before those that have become quiet are dropped.
const KEYS_MAX: usize = 10_000;

pub(crate) struct Rates {
    clock: Clock,
    /// Of each key: when its next call would come if all came evenly.
    expected: Mutex<HashMap<String, Timestamp>>,
}

impl Rates {
    pub(crate) fn new(clock: Clock) -> Rates {
        Rates { clock, expected: Mutex::default() }
    }

    /// Counts one call, or says after what time it would be admitted. `per_minute` 0 admits none.
    pub(crate) fn admit(&self, key: &str, per_minute: u32) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.len() >= KEYS_MAX {
            expected.retain(|_, at| *at > now);
        }
        let next = next(expected.get(key).copied(), now, per_minute)?;
        expected.insert(key.to_owned(), next);
        Ok(())
    }
}

fn next(expected: Option<Timestamp>, now: Timestamp, per_minute: u32) -> Result<Timestamp, Duration> {
    let Some(step) = WINDOW.checked_div(per_minute) else { return Err(WINDOW) };
    let at = after(expected.map_or(now, |expected| expected.max(now)), step);
    let ahead = until(now, at);
    if ahead <= WINDOW { Ok(at) } else { Err(ahead - WINDOW) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_evenly() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let rates = Rates::new(clock.clone());
        for _ in 0..3 {
            assert_eq!(rates.admit("a", 3), Ok(()));
        }
        assert_eq!(rates.admit("a", 3), Err(Duration::from_secs(20)));
        assert_eq!(rates.admit("b", 3), Ok(()));
        clock.advance(Duration::from_secs(20));
        assert_eq!(rates.admit("a", 3), Ok(()));
        assert_eq!(rates.admit("a", 3), Err(Duration::from_secs(20)));
        assert_eq!(rates.admit("a", 0), Err(WINDOW));
    }
}

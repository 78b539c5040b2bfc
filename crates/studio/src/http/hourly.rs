//! How often something is done for somebody within an hour, in bounded memory. Each process counts by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use plantain_work::clock::after;

/// From the first time that is counted.
const COUNTED_TIME: Duration = Duration::from_secs(60 * 60);

/// Whoever is counted at once.
const COUNTED_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Counted {
    since: Timestamp,
    times: u32,
    most: u32,
}

#[derive(Debug, Default)]
pub struct Hourly(Mutex<HashMap<String, Counted>>);

impl Hourly {
    /// Counts one more time for `who`, unless there were `most` already.
    pub fn may(&self, who: &str, most: u32, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= COUNTED_MAX && !counts.contains_key(who) {
            forget(&mut counts, now);
        }
        let counted = counts.entry(who.to_owned()).or_insert(Counted { since: now, times: 0, most });
        if now >= after(counted.since, COUNTED_TIME) {
            *counted = Counted { since: now, times: 0, most };
        }
        let may = counted.times < most;
        counted.times += u32::from(may);
        may
    }
}

/// Those whose time is over; where that is not enough, those who came seldom.
fn forget(counts: &mut HashMap<String, Counted>, now: Timestamp) {
    counts.retain(|_, counted| now < after(counted.since, COUNTED_TIME));
    if counts.len() >= COUNTED_MAX {
        counts.retain(|_, counted| counted.times >= counted.most);
    }
    if counts.len() >= COUNTED_MAX {
        counts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_whoever_came_too_often_is_not_forgotten() {
        let (hourly, now) = (Hourly::default(), Timestamp::UNIX_EPOCH);
        assert_eq!((0..30).filter(|_| hourly.may("greedy", 20, now)).count(), 20);
        for who in 0..20_000 {
            assert!(hourly.may(&who.to_string(), 20, now));
            assert!(hourly.0.lock().unwrap().len() <= COUNTED_MAX);
        }
        assert!(!hourly.may("greedy", 20, now));
        assert!(hourly.may("greedy", 20, after(now, COUNTED_TIME)), "an hour later");
    }
}

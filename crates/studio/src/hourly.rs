//! How often something is done for somebody within an hour, in bounded memory. Each process counts by itself.
//!
//! Nobody who is counted is forgotten before their hour is over: where the memory is full, new names are refused. Whoever could fill
//! it uses up what all may have together long before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
}

#[derive(Debug, Default)]
struct Counts {
    all: HashMap<String, Counted>,
    /// Nobody's hour is over before: until then it is no use to look for room.
    full_until: Option<Timestamp>,
}

/// Who is counted, and how often they may be.
pub type Bound = (String, u32);

/// Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Hourly(Arc<Mutex<Counts>>);

/// Counted, and given back when dropped, unless it is kept.
#[derive(Debug)]
#[must_use]
pub struct Held {
    counts: Hourly,
    names: Vec<(String, Timestamp)>,
}

impl Hourly {
    /// Counts one more time for each, or for none of them where one was counted as often as it may be.
    pub fn hold(&self, bounds: &[Bound], now: Timestamp) -> Option<Held> {
        let mut counts = self.lock();
        let running = |name: &String| counts.all.get(name).filter(|counted| counted.is_running(now));
        let may = bounds.iter().all(|(name, most)| running(name).map_or(0, |counted| counted.times) < *most);
        let new = bounds.iter().filter(|(name, _)| running(name).is_none()).count();
        if !may || !counts.has_room(new, now) {
            return None;
        }
        let names = bounds.iter().map(|(name, _)| (name.clone(), counts.count(name, now)));
        Some(Held { counts: self.clone(), names: names.collect() })
    }

    /// As [`Hourly::hold`], for one and for good.
    pub fn may(&self, who: &str, most: u32, now: Timestamp) -> bool {
        self.hold(&[(who.to_owned(), most)], now).map(Held::keep).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Nothing that can fail happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn is_running(&self, now: Timestamp) -> bool {
        now < after(self.since, COUNTED_TIME)
    }
}

impl Counts {
    /// Forgets those whose hour is over, where that is needed.
    fn has_room(&mut self, new: usize, now: Timestamp) -> bool {
        let is_full = self.all.len() + new > COUNTED_MAX;
        if is_full && self.full_until.is_none_or(|end| end <= now) {
            self.all.retain(|_, counted| counted.is_running(now));
            self.full_until = self.all.values().map(|counted| after(counted.since, COUNTED_TIME)).min();
        }
        self.all.len() + new <= COUNTED_MAX
    }

    /// Since when the name is counted.
    fn count(&mut self, name: &str, now: Timestamp) -> Timestamp {
        let fresh = Counted { since: now, times: 0 };
        let counted = self.all.entry(name.to_owned()).or_insert(fresh);
        if !counted.is_running(now) {
            *counted = fresh;
        }
        counted.times += 1;
        counted.since
    }
}

impl Held {
    pub fn keep(mut self) {
        self.names.clear();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.names.is_empty() {
            return;
        }
        let mut counts = self.counts.lock();
        for (name, since) in &self.names {
            // Another hour may have begun.
            let Some(counted) = counts.all.get_mut(name).filter(|counted| counted.since == *since) else { continue };
            counted.times = counted.times.saturating_sub(1);
            if counted.times == 0 {
                counts.all.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn bounds(names: &[&str]) -> Vec<Bound> {
        names.iter().map(|name| ((*name).to_owned(), 2)).collect()
    }

    #[test]
    fn memory_is_bounded_and_nobody_is_forgotten_before_their_hour_is_over() {
        let hourly = Hourly::default();
        assert_eq!((0..30).filter(|_| hourly.may("greedy", 20, NOW)).count(), 20);
        assert!(hourly.may("modest", 2, NOW));
        let later = after(NOW, COUNTED_TIME / 2);
        assert_eq!((0..20_000).filter(|who| hourly.may(&who.to_string(), 20, later)).count(), COUNTED_MAX - 2);
        assert_eq!(hourly.lock().all.len(), COUNTED_MAX);
        assert!(!hourly.may("greedy", 20, later));
        assert!(hourly.may("modest", 2, later) && !hourly.may("modest", 2, later), "whoever is known goes on");
        assert!(!hourly.may("new", 20, later), "there is no room");
        let hour = after(NOW, COUNTED_TIME);
        assert!(hourly.may("greedy", 20, hour) && hourly.may("new", 20, hour), "an hour later");
    }

    #[test]
    fn all_are_counted_or_none_and_what_is_not_kept_is_given_back() {
        let hourly = Hourly::default();
        let both = hourly.hold(&bounds(&["a", "b"]), NOW).unwrap();
        let one = hourly.hold(&bounds(&["a"]), NOW).unwrap();
        assert!(hourly.hold(&bounds(&["b", "a"]), NOW).is_none());
        one.keep();
        drop(both);
        assert_eq!(hourly.lock().all.len(), 1, "nobody who was not counted takes room");
        assert!(hourly.may("a", 2, NOW) && !hourly.may("a", 2, NOW));

        let late = hourly.hold(&bounds(&["b"]), NOW).unwrap();
        let hour = after(NOW, COUNTED_TIME);
        assert!(hourly.may("b", 1, hour));
        drop(late);
        assert!(!hourly.may("b", 1, hour), "that was of the hour before");
    }
}

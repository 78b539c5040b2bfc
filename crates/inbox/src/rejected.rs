//! Keeping refused webhooks without letting their senders fill the disk.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Refused events that are kept at all: older ones are forgotten.
pub const KEPT_MAX: usize = 1_000;

/// Refused events that are written in a minute; a flood beyond it only counts.
pub const A_MINUTE_MAX: u32 = 60;

/// Lets [`A_MINUTE_MAX`] events through in each minute.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Minute>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Minute {
    /// Minutes since 1970.
    number: i64,
    count: u32,
}

impl Throttle {
    /// May one more be written now?
    pub fn admits(&self, now: Timestamp) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *minute = minute.with_one_more(now.as_second().div_euclid(60));
        minute.count <= A_MINUTE_MAX
    }
}

impl Minute {
    fn with_one_more(self, number: i64) -> Minute {
        let before = if self.number == number { self.count } else { 0 };
        Minute { number, count: before.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_written_sixty_times_a_minute_and_the_next_minute_begins_anew() {
        let throttle = Throttle::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!((0..1_000).filter(|_| throttle.admits(at(30))).count(), 60);
        assert!(!throttle.admits(at(59)));
        assert!(throttle.admits(at(60)));
    }
}

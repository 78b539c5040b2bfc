//! How long jobs took lately, for guessing at those that run now.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Weight of the newest run in the mean: about the last five count.
const NEWEST: f64 = 0.2;

/// A moving mean of run times.
#[derive(Debug, Default)]
pub struct Pace(Mutex<Option<f64>>);

impl Pace {
    pub fn ran(&self, took: Duration) {
        let mut mean = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *mean = Some(mixed(*mean, took.as_secs_f64()));
    }

    /// Seconds of a usual run; `None` before the first.
    pub fn seconds(&self) -> Option<f64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mixed(mean: Option<f64>, newest: f64) -> f64 {
    mean.map_or(newest, |mean| mean + (newest - mean) * NEWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_without_jumping() {
        let pace = Pace::default();
        assert_eq!(pace.seconds(), None);
        pace.ran(Duration::from_secs(10));
        assert_eq!(pace.seconds(), Some(10.0));
        pace.ran(Duration::from_secs(20));
        assert_eq!(pace.seconds(), Some(12.0));
    }
}

//! Whether a body arrives fast enough to wait for it. A pure decision; [`crate::http::upload`] asks it again and again.

use std::time::Duration;

/// What an upload has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// No upload lasts longer, however steady it is.
    pub deadline: Duration,
    /// A connection that brings nothing for so long is taken as dead.
    pub idle: Duration,
    /// Below it, on average, a body is being dripped rather than sent.
    pub bytes_per_second: u64,
    /// The average is not asked before: phones need a while to get going.
    pub grace: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            deadline: Duration::from_secs(600),
            idle: Duration::from_secs(20),
            bytes_per_second: 4 * 1024,
            grace: Duration::from_secs(20),
        }
    }
}

/// How far a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub bytes: u64,
    /// Since the first was waited for.
    pub elapsed: Duration,
    /// Since the last byte.
    pub silent: Duration,
}

impl Pace {
    /// True where it is no use to wait longer.
    pub fn is_lost(&self, arrived: Arrived) -> bool {
        let due = self.bytes_per_second.saturating_mul(arrived.elapsed.as_secs());
        arrived.elapsed >= self.deadline
            || arrived.silent >= self.idle
            || (arrived.elapsed >= self.grace && arrived.bytes < due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_steady_bodies_are_waited_for() {
        let pace = Pace {
            deadline: Duration::from_secs(100),
            idle: Duration::from_secs(10),
            bytes_per_second: 50,
            grace: Duration::from_secs(20),
        };
        for (bytes, elapsed, silent, lost, why) in [
            (0, 0, 0, false, "it has just begun"),
            (0, 9, 9, false, "a slow start"),
            (0, 10, 10, true, "nothing ever came"),
            (1, 19, 1, false, "within the grace"),
            (999, 20, 1, true, "dripped"),
            (1_000, 20, 1, false, "just enough"),
            (1_000_000, 30, 10, true, "cut off in the middle"),
            (u64::MAX, 100, 0, true, "endless"),
        ] {
            let arrived = Arrived { bytes, elapsed: Duration::from_secs(elapsed), silent: Duration::from_secs(silent) };
            assert_eq!(pace.is_lost(arrived), lost, "{why}");
        }
    }
}

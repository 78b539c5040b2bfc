//! Points in time as both databases keep them: whole microseconds since 1970, in a 64-bit integer.

use std::time::Duration;

use jiff::Timestamp;

const MICROS_A_SECOND: i64 = 1_000_000;

/// Rounds down, so that nothing stored becomes due later than was asked.
pub fn to_micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// `None` for a number that no timestamp has, which only a damaged row can hold.
pub fn from_micros(micros: i64) -> Option<Timestamp> {
    // Not `from_microsecond`, which refuses the last second that there is.
    let nanos = i32::try_from(micros.rem_euclid(MICROS_A_SECOND) * 1_000).ok()?;
    Timestamp::new(micros.div_euclid(MICROS_A_SECOND), nanos).ok()
}

/// Stops at the largest number; that is 292,000 years.
pub fn span_to_micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A negative number, which nobody writes, reads as zero.
pub fn span_from_micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_survives_to_the_microsecond() {
        let at: Timestamp = "2026-11-20T12:00:00.123456789Z".parse().unwrap();
        let kept = from_micros(to_micros(at)).unwrap();
        assert_eq!(kept, "2026-11-20T12:00:00.123456Z".parse().unwrap());
        for end in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            assert!(from_micros(to_micros(end)).is_some(), "{end}");
        }
        assert_eq!(from_micros(i64::MAX), None);
    }

    #[test]
    fn a_span_has_ends() {
        assert_eq!(span_from_micros(span_to_micros(Duration::from_micros(17))), Duration::from_micros(17));
        assert_eq!(span_to_micros(Duration::MAX), i64::MAX);
        assert_eq!(span_from_micros(-1), Duration::ZERO);
    }
}

//! The `Retry-After` header: a number of seconds, or a date, which is read against the sender's own `Date`.
//!
//! No clock of ours is involved: two machines whose clocks differ still agree on the difference.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// How long to wait. `None` for what can't be read; zero for a date that has passed.
pub fn parse(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large to read means "very long", and callers cap it.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let wait = http_date(value)?.duration_since(http_date(date?)?);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text.trim()).ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn waits(value: &str, date: Option<&str>, seconds: Option<u64>) {
        assert_eq!(parse(value, date), seconds.map(Duration::from_secs), "{value:?} at {date:?}");
    }

    #[test]
    fn seconds_and_dates_are_read() {
        waits("0", None, Some(0));
        waits(" 120 ", None, Some(120));
        waits("99999999999999999999999", None, Some(4_294_967_295));
        let date = Some("Fri, 20 Nov 2026 12:00:00 GMT");
        waits("Fri, 20 Nov 2026 12:02:00 GMT", date, Some(120));
        waits("Fri, 20 Nov 2026 11:00:00 GMT", date, Some(0));
        waits("Fri, 20 Nov 2026 12:02:00 GMT", None, None);
        for junk in ["", "-1", "1.5", "soon", "1s", "+5"] {
            waits(junk, date, None);
        }
    }
}

//! When a failed delivery is tried again, and how long each attempt may take. Pure arithmetic.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long the first attempt may take, as fal documents it.
pub const FIRST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long each later attempt may take.
pub const LATER_TIMEOUT: Duration = Duration::from_secs(120);

/// Ten retries over about two hours.
const STANDARD_SECONDS: [u64; 10] = [10, 30, 60, 120, 240, 480, 900, 1500, 1800, 2100];

/// As many retries as fal makes since autumn 2026.
const FAL_RETRIES: u32 = 31;
/// fal doesn't publish its intervals, only that they grow and end when the result expires, about an hour after completion:
/// 10 s growing by 13 % give 31 retries in 55 minutes.
const FAL_FIRST: Duration = Duration::from_secs(10);
const FAL_GROWTH: f64 = 1.13;

/// The most delays of a schedule of one's own, and the longest of them.
const CUSTOM_RETRIES_MAX: usize = 100;
const CUSTOM_DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Delays between the attempts of one delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// 10 retries over about 2 hours.
    #[default]
    Standard,
    /// 31 retries within an hour.
    Fal,
    /// One retry after each of these delays.
    Custom(Vec<Duration>),
}

impl Schedule {
    /// How long to wait after `attempt` failed (the first attempt is 1); `None`: give up.
    ///
    /// `jitter` is any random number; it moves the delay by up to 20 % either way, so that deliveries which failed together
    /// don't come back together.
    pub fn delay(&self, attempt: u32, jitter: u32) -> Option<Duration> {
        let index = attempt.saturating_sub(1);
        let delay = match self {
            Schedule::Standard => STANDARD_SECONDS.get(index as usize).copied().map(Duration::from_secs),
            Schedule::Fal if index < FAL_RETRIES => {
                // The exponent is below 31.
                Some(FAL_FIRST.mul_f64(FAL_GROWTH.powi(index as i32)))
            }
            Schedule::Fal => None,
            Schedule::Custom(delays) => delays.get(index as usize).copied(),
        };
        delay.map(|delay| delay.mul_f64(0.8 + 0.4 * f64::from(jitter) / f64::from(u32::MAX)))
    }

    /// How long one delivery may be tried: every delay at its longest, and every attempt until its timeout.
    pub fn longest(&self, first_timeout: Duration, later_timeout: Duration) -> Duration {
        let retries = (1..).map_while(|attempt| self.delay(attempt, u32::MAX));
        retries.fold(first_timeout, |sum, delay| sum.saturating_add(delay).saturating_add(later_timeout))
    }

    /// The most attempts of one delivery, the first included.
    pub fn attempts_max(&self) -> u32 {
        match self {
            Schedule::Standard => STANDARD_SECONDS.len() as u32 + 1,
            Schedule::Fal => FAL_RETRIES + 1,
            Schedule::Custom(delays) => {
                u32::try_from(delays.len()).map_or(u32::MAX, |retries| retries.saturating_add(1))
            }
        }
    }
}

/// How long attempt number `attempt` (from 1) may take.
pub fn attempt_timeout(attempt: u32) -> Duration {
    if attempt <= 1 { FIRST_TIMEOUT } else { LATER_TIMEOUT }
}

/// The text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a schedule is \"standard\", \"fal\", or up to {CUSTOM_RETRIES_MAX} delays of at most a day, such as \"1s,2s,4s\" or \"500ms,1m,2h\""
)]
pub struct ScheduleError;

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        match text.trim() {
            "standard" => Ok(Schedule::Standard),
            "fal" => Ok(Schedule::Fal),
            delays => {
                let delays: Option<Vec<Duration>> = delays.split(',').map(duration).collect();
                let delays = delays.filter(|delays| delays.len() <= CUSTOM_RETRIES_MAX);
                delays.map(Schedule::Custom).ok_or(ScheduleError)
            }
        }
    }
}

/// `500ms`, `10s`, `5m` or `2h`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let delay = match &text[digits..] {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    };
    (delay <= CUSTOM_DELAY_MAX).then_some(delay)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schedule::Standard => f.write_str("standard"),
            Schedule::Fal => f.write_str("fal"),
            Schedule::Custom(delays) => {
                let texts: Vec<String> = delays.iter().map(|delay| format!("{}ms", delay.as_millis())).collect();
                f.write_str(&texts.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: u32 = u32::MAX / 2;

    fn total(schedule: &Schedule) -> f64 {
        (1..).map_while(|attempt| schedule.delay(attempt, MIDDLE)).map(|delay| delay.as_secs_f64()).sum()
    }

    #[test]
    fn each_schedule_ends_when_it_says() {
        assert!((7100.0..7300.0).contains(&total(&Schedule::Standard)), "about two hours");
        assert!((3000.0..3600.0).contains(&total(&Schedule::Fal)), "within the hour for which results are kept");
        let longest = |schedule: Schedule| schedule.longest(FIRST_TIMEOUT, LATER_TIMEOUT).as_secs();
        assert_eq!((longest(Schedule::Standard), longest(Schedule::Custom(vec![]))), (9903, 15));
        for (schedule, retries) in [(Schedule::Standard, 10), (Schedule::Fal, 31), (Schedule::Custom(vec![]), 0)] {
            assert_eq!(schedule.attempts_max(), retries + 1);
            assert!(retries == 0 || schedule.delay(retries, 0).is_some());
            assert_eq!(schedule.delay(retries + 1, 0), None);
            assert_eq!(schedule.delay(u32::MAX, 0), None);
        }
    }

    #[test]
    fn jitter_moves_a_delay_by_a_fifth_at_most() {
        let custom = Schedule::Custom(vec![Duration::from_secs(10)]);
        assert_eq!(custom.delay(1, 0), Some(Duration::from_secs(8)));
        assert_eq!(custom.delay(1, u32::MAX), Some(Duration::from_secs(12)));
        assert_eq!(custom.delay(0, 0), custom.delay(1, 0), "an attempt that was never counted is the first");
    }

    #[test]
    fn schedules_are_read_and_written() {
        let custom =
            Schedule::Custom(vec![Duration::from_millis(500), Duration::from_secs(60), Duration::from_secs(7200)]);
        for (text, schedule) in [("standard", Schedule::Standard), (" fal ", Schedule::Fal), ("500ms, 1m,2h", custom)] {
            assert_eq!(text.parse(), Ok(schedule.clone()));
            assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
        let endless = vec!["1s"; 101].join(",");
        for bad in ["", "1", "s", "1x", "-1s", "1s,", "25h", "99999999999999999999s", "18446744073709551615h", &endless]
        {
            assert_eq!(bad.parse::<Schedule>(), Err(ScheduleError), "{bad}");
        }
    }

    #[test]
    fn later_attempts_may_take_longer() {
        assert_eq!((attempt_timeout(1), attempt_timeout(2)), (Duration::from_secs(15), Duration::from_secs(120)));
    }
}

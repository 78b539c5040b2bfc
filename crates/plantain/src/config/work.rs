//! How much is done at once, and how stubbornly deliveries are repeated.

use std::num::NonZeroUsize;
use std::time::Duration;

use plantain_outbound::schedule::{FIRST_TIMEOUT, Schedule};

use super::error::ConfigError;
use super::source::{Sources, Written};

/// `WEBHOOK_SCHEDULE`, `WEBHOOK_TIMEOUT`, `QUEUE_CONCURRENCY`, `QUEUE_KEY_CONCURRENCY`, `QUEUE_KEY_PER_MINUTE`.
#[derive(Clone, Debug)]
pub struct Work {
    pub schedule: Schedule,
    /// Of a delivery's first attempt.
    pub first_timeout: Duration,
    /// Requests that the queue runs at once.
    pub concurrency: usize,
    /// Of these, for one API key without a number of its own.
    pub key_concurrency: u32,
    /// Calls that make work, for one API key without a number of its own; `None`: as many as it likes.
    pub key_per_minute: Option<u32>,
}

const CONCURRENCY_MAX: usize = 1024;
const KEY_CONCURRENCY: u32 = 10;
const KEY_CONCURRENCY_MAX: u32 = 1024;
const PER_MINUTE_MAX: u32 = 1_000_000;
/// A receiver that has not answered by then never will.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

impl Work {
    pub fn parse(sources: &Sources) -> Result<Work, ConfigError> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Work {
            schedule: sources.get("WEBHOOK_SCHEDULE").map(schedule).transpose()?.unwrap_or_default(),
            first_timeout: sources.get("WEBHOOK_TIMEOUT").map(timeout).transpose()?.unwrap_or(FIRST_TIMEOUT),
            concurrency: sources.get("QUEUE_CONCURRENCY").map(concurrency).transpose()?.unwrap_or_else(cores),
            key_concurrency: sources
                .get("QUEUE_KEY_CONCURRENCY")
                .map(|written| up_to(written, KEY_CONCURRENCY_MAX))
                .transpose()?
                .unwrap_or(KEY_CONCURRENCY),
            key_per_minute: sources
                .get("QUEUE_KEY_PER_MINUTE")
                .map(|written| up_to(written, PER_MINUTE_MAX))
                .transpose()?,
        })
    }
}

fn schedule(written: &Written) -> Result<Schedule, ConfigError> {
    let fix = "write `standard`, `fal` or delays such as 1s,2s,4s";
    written.text.parse().map_err(|_| written.invalid(format!("`{}` is no schedule", written.text.trim()), fix))
}

fn concurrency(written: &Written) -> Result<usize, ConfigError> {
    let number = written.text.trim().parse().ok().filter(|n| (1..=CONCURRENCY_MAX).contains(n));
    number.ok_or_else(|| written.invalid(format!("`{}` is no such number", written.text.trim()), "write 1 to 1024"))
}

fn up_to(written: &Written, max: u32) -> Result<u32, ConfigError> {
    let number = written.text.trim().parse().ok().filter(|number| (1..=max).contains(number));
    let problem = || format!("`{}` is not a number from 1 to {max}", written.text.trim());
    number.ok_or_else(|| written.invalid(problem(), "write a whole number"))
}

/// `500ms`, `15s`, `2m`, or a bare number of seconds.
fn timeout(written: &Written) -> Result<Duration, ConfigError> {
    let text = written.text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: Option<u64> = text[..digits].parse().ok();
    let duration = number.and_then(|number| match &text[digits..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" | "" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    });
    let usable = duration.filter(|d| !d.is_zero() && *d <= TIMEOUT_MAX);
    usable.ok_or_else(|| written.invalid(format!("`{text}` is no such time"), "write 1ms to 120s, for example 15s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(name: &'static str, value: &str) -> Result<Work, ConfigError> {
        Work::parse(&Sources::of([(name, value.to_owned())]).unwrap())
    }

    #[test]
    fn times_and_numbers_are_bounded() {
        for (text, millis) in [("500ms", 500), ("15s", 15_000), ("2m", 120_000), ("7", 7_000)] {
            assert_eq!(work("WEBHOOK_TIMEOUT", text).unwrap().first_timeout, Duration::from_millis(millis), "{text}");
        }
        for bad in ["0s", "121s", "3m", "fast", "s", "-1s", "99999999999999999999s", "18446744073709551615m"] {
            assert!(work("WEBHOOK_TIMEOUT", bad).is_err(), "{bad}");
        }
        assert_eq!(work("QUEUE_CONCURRENCY", " 4 ").unwrap().concurrency, 4);
        for bad in ["0", "1025", "many"] {
            assert!(work("QUEUE_CONCURRENCY", bad).is_err(), "{bad}");
            assert!(work("QUEUE_KEY_CONCURRENCY", bad).is_err(), "{bad}");
        }
        assert_eq!(work("QUEUE_KEY_CONCURRENCY", "3").unwrap().key_concurrency, 3);
        assert_eq!(work("QUEUE_KEY_PER_MINUTE", "60").unwrap().key_per_minute, Some(60));
        assert!(work("QUEUE_KEY_PER_MINUTE", "0").is_err());
    }

    #[test]
    fn schedules_have_names_or_delays() {
        assert_eq!(work("WEBHOOK_SCHEDULE", "fal").unwrap().schedule, Schedule::Fal);
        let delays = vec![Duration::from_secs(1), Duration::from_secs(2)];
        assert_eq!(work("WEBHOOK_SCHEDULE", "1s,2s").unwrap().schedule, Schedule::Custom(delays));
        let said = work("WEBHOOK_SCHEDULE", "often").unwrap_err().to_string();
        assert!(said.contains("WEBHOOK_SCHEDULE") && said.contains("1s,2s,4s"), "{said}");
    }
}

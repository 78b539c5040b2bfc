//! How much is done at once, and how stubbornly deliveries are repeated.

use std::num::NonZeroUsize;
use std::time::Duration;

use plantain_outbound::schedule::{FIRST_TIMEOUT, Schedule};
use url::Url;

use super::error::ConfigError;
use super::source::{Sources, Written};

/// `WEBHOOK_SCHEDULE`, `WEBHOOK_TIMEOUT`, `WEBHOOK_ALERT_URL`, `QUEUE_CONCURRENCY`, `QUEUE_KEY_CONCURRENCY`, `QUEUE_KEY_PER_MINUTE`,
/// `QUEUE_RESULT_RETENTION`, `STOP_TIMEOUT`.
#[derive(Clone, Debug)]
pub struct Work {
    pub schedule: Schedule,
    /// Of a delivery's first attempt.
    pub first_timeout: Duration,
    /// Where an operator is told of receivers that fail for long. May hold a secret.
    pub alert_url: Option<Url>,
    /// Requests that this process runs at once; none: runners elsewhere do.
    pub concurrency: usize,
    /// Of these, for one API key without a number of its own.
    pub key_concurrency: u32,
    /// Calls that make work, for one API key without a number of its own; `None`: as many as it likes.
    pub key_per_minute: Option<u32>,
    /// How long the queue keeps requests that have ended.
    pub retention: Duration,
    /// How long running work may go on after the process was told to stop.
    pub drain: Duration,
}

const CONCURRENCY_MAX: usize = 1024;
const KEY_CONCURRENCY: u32 = 10;
const KEY_CONCURRENCY_MAX: u32 = 1024;
const PER_MINUTE_MAX: u32 = 1_000_000;
/// Below the half minute after which service managers kill.
const DRAIN: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// fal's newest storage period.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// fal's own shorter time is an hour.
const RETENTION_MIN: Duration = HOUR;
const RETENTION_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// A receiver that has not answered by then never will.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

impl Work {
    pub fn parse(sources: &Sources) -> Result<Work, ConfigError> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Work {
            schedule: sources.get("WEBHOOK_SCHEDULE").map(schedule).transpose()?.unwrap_or_default(),
            first_timeout: sources.get("WEBHOOK_TIMEOUT").map(timeout).transpose()?.unwrap_or(FIRST_TIMEOUT),
            alert_url: sources.get("WEBHOOK_ALERT_URL").map(alert_url).transpose()?,
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
            retention: sources.get("QUEUE_RESULT_RETENTION").map(retention).transpose()?.unwrap_or(RETENTION),
            drain: sources.get("STOP_TIMEOUT").map(timeout).transpose()?.unwrap_or(DRAIN),
        })
    }
}

/// The address itself is not repeated: such ones often hold a token.
fn alert_url(written: &Written) -> Result<Url, ConfigError> {
    let url = Url::parse(written.text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| written.invalid("it is no address that can be posted to", "write https://…"))?;
    if !url.username().is_empty() || url.password().is_some() {
        let problem = "it has a user name or password before the @, and such addresses are not posted to";
        return Err(written.invalid(problem, "leave the part before the @ out; a token may stand in the path or query"));
    }
    Ok(url)
}

fn schedule(written: &Written) -> Result<Schedule, ConfigError> {
    let fix = "write `standard`, `fal` or delays such as 1s,2s,4s";
    written.text.parse().map_err(|_| written.invalid(format!("`{}` is no schedule", written.text.trim()), fix))
}

fn concurrency(written: &Written) -> Result<usize, ConfigError> {
    let number = written.text.trim().parse().ok().filter(|n| *n <= CONCURRENCY_MAX);
    number.ok_or_else(|| written.invalid(format!("`{}` is no such number", written.text.trim()), "write 0 to 1024"))
}

fn up_to(written: &Written, max: u32) -> Result<u32, ConfigError> {
    let number = written.text.trim().parse().ok().filter(|number| (1..=max).contains(number));
    let problem = || format!("`{}` is not a number from 1 to {max}", written.text.trim());
    number.ok_or_else(|| written.invalid(problem(), "write a whole number"))
}

/// `90m`, `12h` or `30d`.
fn retention(written: &Written) -> Result<Duration, ConfigError> {
    let duration = span(&written.text).filter(|d| (RETENTION_MIN..=RETENTION_MAX).contains(d));
    let problem = || format!("`{}` is no such time", written.text.trim());
    duration.ok_or_else(|| written.invalid(problem(), "write 1h to 3650d, for example 30d"))
}

/// `500ms`, `15s`, `2m`, or a bare number of seconds.
fn timeout(written: &Written) -> Result<Duration, ConfigError> {
    let usable = span(&written.text).filter(|d| !d.is_zero() && *d <= TIMEOUT_MAX);
    let problem = || format!("`{}` is no such time", written.text.trim());
    usable.ok_or_else(|| written.invalid(problem(), "write 1ms to 120s, for example 15s"))
}

/// A whole number with its unit.
fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: Option<u64> = text[..digits].parse().ok();
    number.and_then(|number| match &text[digits..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" | "" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(60 * 60).map(Duration::from_secs),
        "d" => number.checked_mul(24 * 60 * 60).map(Duration::from_secs),
        _ => None,
    })
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
        assert_eq!(work("QUEUE_CONCURRENCY", "0").unwrap().concurrency, 0);
        assert!(work("QUEUE_CONCURRENCY", "-1").is_err());
        for bad in ["0", "1025", "many"] {
            assert!(bad == "0" || work("QUEUE_CONCURRENCY", bad).is_err(), "{bad}");
            assert!(work("QUEUE_KEY_CONCURRENCY", bad).is_err(), "{bad}");
        }
        assert_eq!(work("QUEUE_KEY_CONCURRENCY", "3").unwrap().key_concurrency, 3);
        assert_eq!(work("QUEUE_KEY_PER_MINUTE", "60").unwrap().key_per_minute, Some(60));
        assert!(work("QUEUE_KEY_PER_MINUTE", "0").is_err());
        for (text, hours) in [("1h", 1), ("90m", 0), ("30d", 720), ("3650d", 87_600)] {
            let kept = work("QUEUE_RESULT_RETENTION", text).unwrap().retention;
            assert_eq!(kept.max(HOUR).as_secs() / 3600, hours.max(1), "{text}");
        }
        assert_eq!(work("STOP_TIMEOUT", "90s").unwrap().drain, Duration::from_secs(90));
        for bad in ["59m", "3651d", "for ever", "0", "9999999999999999999d"] {
            assert!(work("QUEUE_RESULT_RETENTION", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn schedules_have_names_or_delays() {
        assert_eq!(work("WEBHOOK_SCHEDULE", "fal").unwrap().schedule, Schedule::Fal);
        let delays = vec![Duration::from_secs(1), Duration::from_secs(2)];
        assert_eq!(work("WEBHOOK_SCHEDULE", "1s,2s").unwrap().schedule, Schedule::Custom(delays));
        let url = "https://alerts.example/T0/secret";
        assert_eq!(work("WEBHOOK_ALERT_URL", url).unwrap().alert_url.unwrap().as_str(), url);
        for bad in
            ["ftp://alerts.example/secret", "https://me:secret@alerts.example/", "https://secret@alerts.example/"]
        {
            let said = work("WEBHOOK_ALERT_URL", bad).unwrap_err().to_string();
            assert!(said.contains("WEBHOOK_ALERT_URL") && !said.contains("secret"), "{said}");
        }
        let said = work("WEBHOOK_SCHEDULE", "often").unwrap_err().to_string();
        assert!(said.contains("WEBHOOK_SCHEDULE") && said.contains("1s,2s,4s"), "{said}");
    }
}

//! Reads single values of an endpoint's table: texts, times, sizes, numbers, secrets. Each refusal names the key and the fix.

use std::time::Duration;

use plantain_media::slip::{edit_distance, is_near};

use super::{FROM_ENVIRONMENT, Tables};
use crate::config::error::ConfigError;
use crate::config::secret::Secret;

/// No attempt may take longer than a day.
const TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// A shorter time is a slip: no model answers within it.
const PATIENCE_MIN: Duration = Duration::from_millis(100);

/// One table.
pub(super) struct Entry<'t> {
    pub tables: &'t Tables,
    pub pattern: &'t str,
    pub table: &'t toml::Table,
}

impl<'t> Entry<'t> {
    pub(super) fn wrong(&self, key: &str, problem: impl Into<String>, fix: &'static str) -> ConfigError {
        ConfigError::Endpoint {
            file: self.tables.file.clone(),
            endpoint: self.pattern.to_owned(),
            key: key.to_owned(),
            problem: problem.into(),
            fix,
        }
    }

    /// Refuses whatever is not among these keys.
    pub(super) fn only(&self, known: &[&'static str]) -> Result<(), ConfigError> {
        let Some(key) = self.table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
        let nearest =
            known.iter().min_by_key(|known| edit_distance(key, known)).filter(|known| is_near(key, known)).copied();
        Err(ConfigError::UnknownEndpointKey {
            file: self.tables.file.clone(),
            endpoint: self.pattern.to_owned(),
            key: key.clone(),
            nearest,
        })
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'t str>, ConfigError> {
        let value = self.table.get(key).map(|value| value.as_str().map(str::trim).filter(|text| !text.is_empty()));
        match value {
            Some(None) => Err(self.wrong(key, "it is no text", "write it in quotation marks")),
            text => Ok(text.flatten()),
        }
    }

    /// A text that stands in the file, or in the environment variable that it names.
    pub(super) fn secret(&self, key: &str) -> Result<Option<Secret>, ConfigError> {
        self.text(key)?.map(|text| self.revealed(key, text)).transpose()
    }

    pub(super) fn revealed(&self, key: &str, text: &str) -> Result<Secret, ConfigError> {
        let Some(name) = text.strip_prefix(FROM_ENVIRONMENT) else { return Ok(Secret::new(text)) };
        self.tables.environment.get(name).cloned().ok_or_else(|| {
            self.wrong(key, format!("the environment has no `{name}`"), "set the variable where plantain is started")
        })
    }

    /// `500ms`, `30s`, `10m`, `2h`, or a whole number of seconds.
    pub(super) fn time(&self, key: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let time = match value {
            toml::Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            toml::Value::String(text) => time(text.trim()),
            _ => None,
        };
        let time = time.filter(|time| *time <= TIME_MAX);
        time.map(Some)
            .ok_or_else(|| self.wrong(key, "it is no such time", "write at most 24h, such as \"90s\" or \"10m\""))
    }

    /// A time after which something is given up. None at all would give up everything.
    pub(super) fn patience(&self, key: &str) -> Result<Option<Duration>, ConfigError> {
        let fix = "write at least 100ms, such as \"90s\", or leave it out";
        match self.time(key)? {
            Some(time) if time < PATIENCE_MIN => Err(self.wrong(key, "nothing can end within this time", fix)),
            time => Ok(time),
        }
    }

    /// `64MB`, `512KB`, or a whole number of bytes.
    pub(super) fn size(&self, key: &str, most: usize) -> Result<Option<usize>, ConfigError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let size = match value {
            toml::Value::Integer(bytes) => usize::try_from(*bytes).ok(),
            toml::Value::String(text) => size(text.trim()),
            _ => None,
        };
        let size = size.filter(|size| (1..=most).contains(size));
        size.map(Some).ok_or_else(|| self.wrong(key, "it is no such size", "write at most 1024MB, such as \"64MB\""))
    }

    pub(super) fn number(&self, key: &str, most: u64) -> Result<Option<u64>, ConfigError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok()).filter(|number| *number <= most);
        number
            .map(Some)
            .ok_or_else(|| self.wrong(key, "it is no such number", "write a whole number that is not too large"))
    }

    /// With or without a fraction, 0 to `most`.
    pub(super) fn fraction(&self, key: &str, most: f64) -> Result<Option<f64>, ConfigError> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let number = value.as_float().or_else(|| value.as_integer().map(|number| number as f64));
        let number = number.filter(|number| (0.0..=most).contains(number));
        number
            .map(Some)
            .ok_or_else(|| self.wrong(key, "it is no such number", "write a number that is not below 0 nor too large"))
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        match self.table.get(key) {
            None => Ok(false),
            Some(toml::Value::Boolean(yes)) => Ok(*yes),
            Some(_) => Err(self.wrong(key, "it is neither yes nor no", "write true or false")),
        }
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..digits].parse().ok()?, text[digits..].trim()))
}

fn time(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" | "" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let factor: u64 = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor).and_then(|bytes| bytes.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("90s", Some(90_000)),
            ("10 m", Some(600_000)),
            ("2h", Some(7_200_000)),
            ("7", Some(7000)),
            ("m", None),
            ("1d", None),
            ("-1s", None),
            ("99999999999999999999h", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(time(text).map(|time| time.as_millis()), millis, "{text}");
        }
        for (text, bytes) in
            [("64MB", Some(64 << 20)), ("1kb", Some(1024)), ("5", Some(5)), ("5 B", Some(5)), ("5TB", None), ("", None)]
        {
            assert_eq!(size(text), bytes, "{text}");
        }
    }
}

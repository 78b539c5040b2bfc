//! One line of a request's log, in the union of the shapes that the official clients read.

use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// Who wrote a line, where nobody else is named. The only word that the official JavaScript types know.
const SOURCE_USER: &str = "USER";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    Stderr,
    Stdout,
    Error,
    Info,
    Warn,
    Debug,
}

impl LogLevel {
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Stderr => "STDERR",
            LogLevel::Stdout => "STDOUT",
            LogLevel::Error => "ERROR",
            LogLevel::Info => "INFO",
            LogLevel::Warn => "WARN",
            LogLevel::Debug => "DEBUG",
        }
    }

    /// Any case, and common synonyms; what is unknown is information.
    pub fn parse(word: &str) -> LogLevel {
        match word.to_ascii_uppercase().as_str() {
            "STDERR" => LogLevel::Stderr,
            "STDOUT" => LogLevel::Stdout,
            "ERROR" | "CRITICAL" | "FATAL" => LogLevel::Error,
            "WARN" | "WARNING" => LogLevel::Warn,
            "DEBUG" | "TRACE" => LogLevel::Debug,
            _ => LogLevel::Info,
        }
    }
}

/// One line. Newer clients read `level` and `source` beside the message, older ones inside `labels`; both are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub message: String,
    /// Written in UTC with milliseconds. `None` where another server sent none that can be read.
    pub timestamp: Option<Timestamp>,
    pub level: LogLevel,
    pub source: String,
}

impl LogEntry {
    pub fn new(message: impl Into<String>, level: LogLevel, timestamp: Timestamp) -> LogEntry {
        LogEntry { message: message.into(), timestamp: Some(timestamp), level, source: SOURCE_USER.to_owned() }
    }

    /// Understands the flat shape, the `labels` shape and a bare string.
    fn read(value: &Value) -> LogEntry {
        let label = |name: &str| {
            let flat = value.get(name).and_then(Value::as_str);
            flat.or_else(|| value.get("labels")?.get(name)?.as_str())
        };
        LogEntry {
            message: value.as_str().or(label("message")).unwrap_or_default().to_owned(),
            timestamp: label("timestamp").and_then(read_time),
            level: LogLevel::parse(label("level").unwrap_or_default()),
            source: label("source").unwrap_or(SOURCE_USER).to_owned(),
        }
    }
}

/// `None` for what is no list.
pub(super) fn read_all(values: &Value) -> Option<Vec<LogEntry>> {
    Some(values.as_array()?.iter().map(LogEntry::read).collect())
}

/// Python servers often leave the offset out and mean UTC.
fn read_time(text: &str) -> Option<Timestamp> {
    let zoned = text.parse::<Timestamp>().ok();
    zoned.or_else(|| {
        text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp())
    })
}

impl Serialize for LogEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("LogEntry", 5)?;
        entry.serialize_field("message", &self.message)?;
        entry.serialize_field("timestamp", &self.timestamp.map(|at| format!("{at:.3}")))?;
        entry.serialize_field("level", &self.level)?;
        entry.serialize_field("source", &self.source)?;
        entry.serialize_field("labels", &Labels { level: self.level, source: &self.source })?;
        entry.end()
    }
}

impl<'de> Deserialize<'de> for LogEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<LogEntry, D::Error> {
        Value::deserialize(deserializer).map(|value| LogEntry::read(&value))
    }
}

#[derive(Serialize)]
struct Labels<'a> {
    level: LogLevel,
    source: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(json: &str, level: LogLevel, time: Option<&str>) {
        let entry: LogEntry = serde_json::from_str(json).unwrap();
        assert_eq!(entry.message, "hi", "{json}");
        assert_eq!((entry.level, entry.timestamp), (level, time.map(|time| time.parse().unwrap())), "{json}");
    }

    #[test]
    fn all_shapes_of_a_line_are_read() {
        let time = Some("2026-02-17T10:30:01.123Z");
        let flat = r#"{"message":"hi","level":"STDERR","source":"USER","timestamp":"2026-02-17T10:30:01.123Z"}"#;
        reads(flat, LogLevel::Stderr, time);
        let labelled = r#"{"message":"hi","timestamp":"2026-02-17T11:30:01.123+01:00","labels":{"level":"WARNING"}}"#;
        reads(labelled, LogLevel::Warn, time);
        reads(r#"{"message":"hi","timestamp":"2026-02-17T10:30:01.123"}"#, LogLevel::Info, time);
        reads(r#"{"message":"hi","timestamp":17,"level":3}"#, LogLevel::Info, None);
        reads(r#""hi""#, LogLevel::Info, None);
    }

    #[test]
    fn a_line_is_written_for_old_and_new_clients_at_once() {
        let entry = LogEntry::new("hi", LogLevel::Info, "2026-02-17T10:30:01.1234Z".parse().unwrap());
        let json = serde_json::to_string(&entry).unwrap();
        let expected = r#"{"message":"hi","timestamp":"2026-02-17T10:30:01.123Z","level":"INFO","source":"USER","labels":{"level":"INFO","source":"USER"}}"#;
        assert_eq!(json, expected);
        for level in ["STDERR", "STDOUT", "ERROR", "INFO", "WARN", "DEBUG"] {
            assert_eq!(LogLevel::parse(level).as_str(), level);
        }
    }
}

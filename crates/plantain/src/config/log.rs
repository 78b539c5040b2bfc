//! What is logged and in which form.

use super::error::ConfigError;
use super::source::Sources;

/// `LOG_FORMAT`, `RUST_LOG`.
#[derive(Clone, Debug)]
pub struct Log {
    pub format: LogFormat,
    /// A filter as `tracing` reads it.
    pub filter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One object a line.
    Json,
}

impl Log {
    pub fn parse(sources: &Sources) -> Result<Log, ConfigError> {
        let format = match sources.get("LOG_FORMAT") {
            None => LogFormat::Text,
            Some(written) => match written.text.trim() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                other => return Err(written.invalid(format!("`{other}` is no format"), "write `text` or `json`")),
            },
        };
        let filter = sources.get("RUST_LOG");
        if let Some(written) = filter {
            written
                .text
                .parse::<tracing_subscriber::filter::Targets>()
                .map_err(|e| written.invalid(e.to_string(), "write levels as in `info` or `plantain=debug,warn`"))?;
        }
        Ok(Log { format, filter: filter.map(|written| written.text.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &'static str, value: &str) -> Result<Log, ConfigError> {
        Log::parse(&Sources::of([(name, value.to_owned())]).unwrap())
    }

    #[test]
    fn forms_and_filters_are_checked_at_start() {
        assert_eq!(log("LOG_FORMAT", "json").unwrap().format, LogFormat::Json);
        assert!(log("LOG_FORMAT", "xml").unwrap_err().to_string().contains("`text` or `json`"));
        assert!(log("RUST_LOG", "plantain=debug,warn").is_ok());
        assert!(log("RUST_LOG", "plantain=loud").is_err());
    }
}

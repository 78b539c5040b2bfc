//! What a caller says about a request in headers, beside its input: retries, labels, the life of its files.
//!
//! Read once at submit and kept with the request. Values that make no sense are ignored, as fal documents for each of these
//! headers; the start deadline and the priority, which are not, are read by the queue's gateway.

use serde::{Deserialize, Serialize};

use crate::error::ErrorType;
use crate::header;

pub use self::labels::{Labels, LabelsError};
pub use self::lifecycle::{Access, AccessRule, Acl, Expiry, Lifecycle};
pub use self::retries::{ATTEMPTS_MAX, Condition, Retries};

mod labels;
mod lifecycle;
mod retries;

/// The longest runner hint, in bytes. It is compared, never shown to other callers.
const HINT_BYTES_MAX: usize = 256;

/// Everything here may be left out; the default asks for nothing special.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestOptions {
    /// Requests with the same hint go to the same worker where that is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_hint: Option<String>,
    /// Of the files that the request produces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    #[serde(skip_serializing_if = "Payloads::are_kept")]
    pub payloads: Payloads,
    #[serde(skip_serializing_if = "Retries::is_default")]
    pub retries: Retries,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// Whether the JSON of input and output outlives the delivery of the result (`X-Fal-Store-IO`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payloads {
    #[default]
    Keep,
    Drop,
}

impl Payloads {
    fn are_kept(&self) -> bool {
        *self == Payloads::Keep
    }
}

/// A header whose value breaks a documented rule that the caller must hear about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {name} is wrong: {why}")]
pub struct OptionsError {
    pub name: &'static str,
    pub why: LabelsError,
}

impl RequestOptions {
    /// `get` finds a header's value by its name in lower case; values that are not text count as absent.
    pub fn read<'h>(get: impl Fn(&str) -> Option<&'h str>) -> Result<RequestOptions, OptionsError> {
        let hint = get(header::RUNNER_HINT).map(str::trim);
        let hint = hint.filter(|hint| (1..=HINT_BYTES_MAX).contains(&hint.len()));
        let labels = get(header::TAGS).map(Labels::parse).transpose();
        Ok(RequestOptions {
            runner_hint: hint.map(str::to_owned),
            lifecycle: get(header::OBJECT_LIFECYCLE_PREFERENCE).and_then(Lifecycle::parse),
            payloads: payloads(get(header::STORE_IO)),
            retries: Retries::read(get(header::NO_RETRY), get(header::RETRY_CONFIG)),
            labels: labels.map_err(|why| OptionsError { name: header::TAGS, why })?.unwrap_or_default(),
        })
    }

    /// Whether one more attempt is the caller's wish after these failures, the latest with `error_type`.
    /// `failures` counts those of the same condition, the latest included.
    pub fn wants_another(&self, error_type: ErrorType, failures: u32) -> bool {
        Condition::of(error_type).is_none_or(|condition| self.retries.allow(condition, failures))
    }
}

fn payloads(value: Option<&str>) -> Payloads {
    match value.map(str::trim) {
        Some("0") => Payloads::Drop,
        _ => Payloads::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<RequestOptions, OptionsError> {
        let find = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        RequestOptions::read(find)
    }

    #[test]
    fn a_request_without_such_headers_asks_for_nothing() {
        assert_eq!(read(&[]).unwrap(), RequestOptions::default());
        assert_eq!(serde_json::to_string(&RequestOptions::default()).unwrap(), "{}");
        let nonsense = [
            (header::RUNNER_HINT, "  "),
            (header::OBJECT_LIFECYCLE_PREFERENCE, "soon"),
            (header::STORE_IO, "no"),
            (header::NO_RETRY, "0"),
            (header::RETRY_CONFIG, "[]"),
        ];
        assert_eq!(read(&nonsense).unwrap(), RequestOptions::default());
    }

    #[test]
    fn what_is_asked_for_survives_being_stored() {
        let asked = read(&[
            (header::RUNNER_HINT, " warm "),
            (header::OBJECT_LIFECYCLE_PREFERENCE, r#"{"expiration_duration_seconds":60}"#),
            (header::STORE_IO, "0"),
            (header::RETRY_CONFIG, r#"{"timeout":{"retries":0}}"#),
            (header::TAGS, "shop=7,env=test"),
        ])
        .unwrap();
        assert_eq!(asked.runner_hint.as_deref(), Some("warm"));
        assert_eq!(asked.payloads, Payloads::Drop);
        let stored = serde_json::to_string(&asked).unwrap();
        assert_eq!(serde_json::from_str::<RequestOptions>(&stored).unwrap(), asked);
    }

    #[test]
    fn labels_that_break_the_rules_are_refused_by_name() {
        let error = read(&[(header::TAGS, "fal.shop=7")]).unwrap_err().to_string();
        assert!(error.contains("x-fal-tags") && error.contains("reserved"), "{error}");
    }
}

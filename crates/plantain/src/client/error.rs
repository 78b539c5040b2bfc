//! Why a studio did not do what was asked, in its own words where it had any.

use plantain_outbound::transport::{self, Failure, NoConnection};
use serde::Deserialize;
use url::Url;

/// Variants say what a person can do.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The studio refused and said why; the same request will be refused again unless `status` is 5xx or 429.
    #[error("{message}{}", hint_sentence(.hint))]
    Refused { status: u16, code: String, message: String, hint: String },
    #[error("no studio answers at {studio} ({why}); start one with `plantain serve`, or leave --server out")]
    Unreachable { studio: Url, why: NoConnection },
    #[error("the studio at {studio} does not answer in time; look at its log")]
    Silent { studio: Url },
    #[error("the connection to the studio broke; if the job was accepted it goes on, and the studio's page shows it")]
    Broken,
    #[error("what answers there is not a Plantain studio of this version; check --server")]
    NotAStudio,
    #[error("HTTP can't be set up")]
    SetUp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn hint_sentence(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(" {hint}") }
}

/// The studio's form of an error.
#[derive(Deserialize)]
struct Body {
    error: Words,
}

#[derive(Deserialize)]
struct Words {
    code: String,
    message: String,
    #[serde(default)]
    hint: Option<String>,
}

impl ApiError {
    pub(super) fn of(studio: &Url, error: &reqwest::Error) -> ApiError {
        match transport::failure(error) {
            Failure::NoConnection(why) => ApiError::Unreachable { studio: studio.clone(), why },
            Failure::TimedOut => ApiError::Silent { studio: studio.clone() },
            Failure::Broken => ApiError::Broken,
            Failure::Refused(_) | Failure::Unsendable => ApiError::NotAStudio,
        }
    }

    pub(super) fn refused(status: u16, body: &[u8]) -> ApiError {
        let Ok(Body { error }) = serde_json::from_slice::<Body>(body) else {
            return if status == 404 { ApiError::NotAStudio } else { ApiError::unexplained(status) };
        };
        ApiError::Refused { status, code: error.code, message: error.message, hint: error.hint.unwrap_or_default() }
    }

    fn unexplained(status: u16) -> ApiError {
        ApiError::Refused {
            status,
            code: "unexplained".into(),
            message: format!("The studio answered {status} without saying why."),
            hint: String::new(),
        }
    }

    /// May the same question be answered a moment later?
    pub fn transient(&self) -> bool {
        match self {
            ApiError::Refused { status, .. } => *status >= 500 || *status == 429,
            ApiError::Unreachable { .. } | ApiError::Silent { .. } | ApiError::Broken => true,
            ApiError::NotAStudio | ApiError::SetUp(_) => false,
        }
    }

    /// Stable, for programs.
    pub fn code(&self) -> &str {
        match self {
            ApiError::Refused { code, .. } => code,
            ApiError::Unreachable { .. } => "studio_unreachable",
            ApiError::Silent { .. } => "studio_silent",
            ApiError::Broken => "connection_broken",
            ApiError::NotAStudio => "not_a_studio",
            ApiError::SetUp(_) => "http_setup",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_studios_words() {
        let body = br#"{"error":{"code":"not_a_picture","message":"That is no picture.","hint":"Send a JPEG."}}"#;
        let error = ApiError::refused(415, body);
        assert_eq!((error.to_string().as_str(), error.code()), ("That is no picture. Send a JPEG.", "not_a_picture"));
        assert!(!error.transient());
    }

    #[test]
    fn other_servers_and_broken_ones_are_told_apart() {
        for (status, body, code, transient) in [
            (404, &b"<html>"[..], "not_a_studio", false),
            (502, b"<html>", "unexplained", true),
            (503, br#"{"error":{"code":"busy","message":"Busy."}}"#, "busy", true),
            (429, br#"{"error":{"code":"slow_down","message":"Slower.","hint":null}}"#, "slow_down", true),
            (422, br#"{"error":{"code":"unknown_preset","message":"No."}}"#, "unknown_preset", false),
        ] {
            let error = ApiError::refused(status, body);
            assert_eq!((error.code(), error.transient()), (code, transient), "{status}");
        }
    }
}

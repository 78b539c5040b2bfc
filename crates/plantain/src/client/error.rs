//! Why a studio did not do what was asked, in its own words where it had any.

use plantain_outbound::transport::{self, Failure, NoConnection};
use plantain_studio::error::PRESETS_AT;
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
    #[error("what answers at {studio} is not a Plantain studio of this version; check --server")]
    NotAStudio { studio: Url },
    #[error(
        "{studio} is a queue, not a studio; give --server the studio's address, which `plantain serve` shows beside the queue's"
    )]
    Queue { studio: Url },
    /// Found while it was sent, so the studio has nothing of it.
    #[error("the photos can't be read to their end: {0}")]
    Unreadable(std::io::Error),
    #[error("HTTP can't be set up")]
    SetUp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The studio is still reading what was sent before under the same key.
const UNDER_WAY: &str = "in_progress";

fn hint_sentence(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(" {hint}") }
}

/// The studio speaks to programs: what is a path to them is an address to a person.
fn for_terminals(hint: &str, studio: &Url) -> String {
    let list = studio.join("api/presets").map_or_else(|_| "`plantain presets`".to_owned(), String::from);
    hint.replace(PRESETS_AT, &list)
}

/// A queue's form of an error, by which it is known.
#[derive(Deserialize)]
struct QueueBody {
    #[serde(rename = "detail")]
    _detail: serde::de::IgnoredAny,
}

/// What is said of a job or a batch that isn't there, or is somebody else's.
#[derive(Deserialize)]
struct Missing {
    status: String,
}

impl Missing {
    fn is_in(body: &[u8]) -> bool {
        serde_json::from_slice::<Missing>(body).is_ok_and(|missing| missing.status == "NOT_FOUND")
    }
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
            Failure::Refused(_) | Failure::Unsendable => ApiError::NotAStudio { studio: studio.clone() },
        }
    }

    pub(super) fn refused(studio: &Url, status: u16, body: &[u8]) -> ApiError {
        let studio = studio.clone();
        match (serde_json::from_slice::<Body>(body), serde_json::from_slice::<QueueBody>(body)) {
            (Ok(Body { error }), _) => {
                let hint = for_terminals(&error.hint.unwrap_or_default(), &studio);
                ApiError::Refused { status, code: error.code, message: error.message, hint }
            }
            (Err(_), Ok(_)) => ApiError::Queue { studio },
            (Err(_), Err(_)) if status == 404 && Missing::is_in(body) => ApiError::missing(),
            (Err(_), Err(_)) if matches!(status, 400..429 | 501) => ApiError::NotAStudio { studio },
            (Err(_), Err(_)) => ApiError::unexplained(status),
        }
    }

    fn missing() -> ApiError {
        ApiError::Refused {
            status: 404,
            code: "not_found".into(),
            message: "The studio has no such batch or job for whoever asks here.".into(),
            hint: "Check the id, and give the key with which it was handed in as --token.".into(),
        }
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
            ApiError::Refused { status, code, .. } => *status >= 500 || *status == 429 || code == UNDER_WAY,
            ApiError::Unreachable { .. } | ApiError::Silent { .. } | ApiError::Broken => true,
            ApiError::NotAStudio { .. } | ApiError::Queue { .. } | ApiError::Unreadable(_) | ApiError::SetUp(_) => {
                false
            }
        }
    }

    /// Stable, for programs.
    pub fn code(&self) -> &str {
        match self {
            ApiError::Refused { code, .. } => code,
            ApiError::Unreachable { .. } => "studio_unreachable",
            ApiError::Silent { .. } => "studio_silent",
            ApiError::Broken => "connection_broken",
            ApiError::NotAStudio { .. } => "not_a_studio",
            ApiError::Queue { .. } => "not_a_studio",
            ApiError::Unreadable(_) => "photo_unreadable",
            ApiError::SetUp(_) => "http_setup",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn studio() -> Url {
        Url::parse("http://studio.test:8787/").unwrap()
    }

    #[test]
    fn a_list_of_presets_is_named_as_a_person_can_open_it() {
        let body = br#"{"error":{"code":"unknown_preset","message":"No.","hint":"GET /api/presets lists all."}}"#;
        let said = ApiError::refused(&studio(), 422, body).to_string();
        assert_eq!(said, "No. http://studio.test:8787/api/presets lists all.");
    }

    #[test]
    fn a_refusal_is_told_in_the_studios_words() {
        let body = br#"{"error":{"code":"not_a_picture","message":"That is no picture.","hint":"Send a JPEG."}}"#;
        let error = ApiError::refused(&studio(), 415, body);
        assert_eq!((error.to_string().as_str(), error.code()), ("That is no picture. Send a JPEG.", "not_a_picture"));
        assert!(!error.transient());
    }

    #[test]
    fn other_servers_and_broken_ones_are_told_apart() {
        for (status, body, code, transient) in [
            (404, &b"<html>"[..], "not_a_studio", false),
            (405, b"", "not_a_studio", false),
            (404, br#"{"status":"NOT_FOUND"}"#, "not_found", false),
            (404, br#"{"status":"ok"}"#, "not_a_studio", false),
            (403, br#"{"status":"NOT_FOUND"}"#, "not_a_studio", false),
            (401, br#"{"detail":"no"}"#, "not_a_studio", false),
            (422, br#"{"detail":[]}"#, "not_a_studio", false),
            (502, b"<html>", "unexplained", true),
            (409, br#"{"error":{"code":"in_progress","message":"Wait."}}"#, "in_progress", true),
            (409, br#"{"error":{"code":"not_finished","message":"No."}}"#, "not_finished", false),
            (503, br#"{"error":{"code":"busy","message":"Busy."}}"#, "busy", true),
            (429, br#"{"error":{"code":"slow_down","message":"Slower.","hint":null}}"#, "slow_down", true),
            (422, br#"{"error":{"code":"unknown_preset","message":"No."}}"#, "unknown_preset", false),
        ] {
            let error = ApiError::refused(&studio(), status, body);
            assert_eq!((error.code(), error.transient()), (code, transient), "{status}");
        }
    }
}

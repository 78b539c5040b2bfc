//! Endpoint ids: which model a request is for.
//!
//! Owns the grammar `owner/app[/path…]` with its two three-segment namespaces and its legacy form. Knows nothing of which
//! endpoints exist. Invariant: an [`EndpointId`] can be pasted into a URL path as it is, as the official clients do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest endpoint id, in bytes. The longest that fal publishes have about 80.
pub const ENDPOINT_ID_BYTES_MAX: usize = 200;

/// First segments after which owner and app follow, so that three segments name the application.
const NAMESPACES: [&str; 2] = ["workflows", "comfy"];

/// The segment that separates an application from its requests; inside an id it would make addresses ambiguous.
const REQUESTS_SEGMENT: &str = "requests";

/// A model's address, such as `fal-ai/nano-banana/edit`.
///
/// Submit uses the whole id; every later call uses [`EndpointId::app`], without the path.
///
/// ```
/// use plantain_wire::endpoint::EndpointId;
///
/// let edit: EndpointId = "fal-ai/nano-banana/edit".parse()?;
/// assert_eq!(edit.app(), "fal-ai/nano-banana");
/// assert_eq!(edit.path(), Some("edit"));
/// # Ok::<(), plantain_wire::endpoint::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EndpointId {
    text: String,
    app_bytes: usize,
}

/// Why a text is no endpoint id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("an endpoint id has at most {ENDPOINT_ID_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong { bytes: usize },
    #[error("an endpoint id is written owner/app or owner/app/path")]
    TooFewSegments,
    #[error("a segment of an endpoint id is made of letters, digits, '-', '_' and '.'")]
    BadSegment,
    #[error("an endpoint id can't contain the segment \"requests\"")]
    Reserved,
}

impl EndpointId {
    /// Reads `owner/app[/path…]`, `workflows/owner/app[/path…]`, `comfy/owner/app[/path…]`, or the legacy `123456-my-app`,
    /// which means `123456/my-app`.
    pub fn parse(text: &str) -> Result<EndpointId, EndpointError> {
        if text.len() > ENDPOINT_ID_BYTES_MAX {
            return Err(EndpointError::TooLong { bytes: text.len() });
        }
        let text = modern_form(text);
        let segments: Vec<&str> = text.split('/').collect();
        let named_by = if NAMESPACES.contains(&segments[0]) { 3 } else { 2 };
        if segments.len() < named_by {
            return Err(EndpointError::TooFewSegments);
        }
        if !segments.iter().all(|segment| is_segment(segment)) {
            return Err(EndpointError::BadSegment);
        }
        if segments.contains(&REQUESTS_SEGMENT) {
            return Err(EndpointError::Reserved);
        }
        let app_bytes = segments[..named_by].iter().map(|segment| segment.len() + 1).sum::<usize>() - 1;
        Ok(EndpointId { text, app_bytes })
    }

    /// The whole id, as used on submit.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id without its path, as used by status, result and cancel.
    pub fn app(&self) -> &str {
        &self.text[..self.app_bytes]
    }

    /// What follows the application, such as `edit`.
    pub fn path(&self) -> Option<&str> {
        self.text.get(self.app_bytes + 1..)
    }
}

/// `123456-my-app` becomes `123456/my-app`; any other text is returned as it is.
fn modern_form(text: &str) -> String {
    match text.split_once('-') {
        Some((owner, app)) if !text.contains('/') && is_number(owner) && !app.is_empty() => format!("{owner}/{app}"),
        _ => text.to_owned(),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_segment(segment: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    // Dots alone would be resolved away by URL parsers.
    !segment.is_empty() && segment.bytes().all(safe) && segment.bytes().any(|byte| byte != b'.')
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for EndpointId {
    type Err = EndpointError;
    fn from_str(text: &str) -> Result<EndpointId, EndpointError> {
        EndpointId::parse(text)
    }
}

impl TryFrom<String> for EndpointId {
    type Error = EndpointError;
    fn try_from(text: String) -> Result<EndpointId, EndpointError> {
        EndpointId::parse(&text)
    }
}

impl From<EndpointId> for String {
    fn from(id: EndpointId) -> String {
        id.text
    }
}

/// An endpoint id, or the beginning of several with `*` behind it, such as `fal-ai/flux/*`.
///
/// ```
/// use plantain_wire::endpoint::{EndpointId, EndpointPattern};
///
/// let edit: EndpointId = "fal-ai/nano-banana/edit".parse()?;
/// let all = [(EndpointPattern::new("*"), 1), (EndpointPattern::new("fal-ai/*"), 2), (EndpointPattern::new("fal-ai/x"), 3)];
/// assert_eq!(EndpointPattern::best(&all, &edit), Some(&2));
/// # Ok::<(), plantain_wire::endpoint::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPattern(String);

impl EndpointPattern {
    /// Takes any text; one that is no id and doesn't end in `*` fits nothing.
    pub fn new(text: impl Into<String>) -> EndpointPattern {
        EndpointPattern(text.into())
    }

    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How well it fits; `None`: not at all. An exact id fits best, then the longest beginning.
    fn fit(&self, endpoint: &EndpointId) -> Option<usize> {
        match self.0.strip_suffix('*') {
            None => (self.0 == endpoint.as_str()).then_some(usize::MAX),
            Some(prefix) => endpoint.as_str().starts_with(prefix).then_some(prefix.len()),
        }
    }

    /// What the most specific of some patterns stands for; of two that are alike the earlier one.
    pub fn best<'e, T>(entries: &'e [(EndpointPattern, T)], endpoint: &EndpointId) -> Option<&'e T> {
        let fitting = entries.iter().filter_map(|(pattern, entry)| Some((pattern.fit(endpoint)?, entry)));
        // `max_by_key` takes the last of several; the entries are turned round so that it is the earliest.
        fitting.rev().max_by_key(|(fit, _)| *fit).map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, whole: &str, app: &str, path: Option<&str>) {
        let id = EndpointId::parse(text).expect(text);
        assert_eq!((id.as_str(), id.app(), id.path()), (whole, app, path));
    }

    #[track_caller]
    fn refuses(text: &str, why: EndpointError) {
        assert_eq!(EndpointId::parse(text), Err(why), "{text:?}");
    }

    #[test]
    fn the_path_is_dropped_after_submit() {
        reads("fal-ai/nano-banana", "fal-ai/nano-banana", "fal-ai/nano-banana", None);
        reads("fal-ai/nano-banana/edit", "fal-ai/nano-banana/edit", "fal-ai/nano-banana", Some("edit"));
        let kling = "fal-ai/kling-video/v3/pro/text-to-video";
        reads(kling, kling, "fal-ai/kling-video", Some("v3/pro/text-to-video"));
        reads("Own_er/my.app", "Own_er/my.app", "Own_er/my.app", None);
    }

    #[test]
    fn namespaces_take_three_segments() {
        reads("workflows/me/flow", "workflows/me/flow", "workflows/me/flow", None);
        reads("comfy/me/flow/run", "comfy/me/flow/run", "comfy/me/flow", Some("run"));
        refuses("workflows/me", EndpointError::TooFewSegments);
    }

    #[test]
    fn the_legacy_form_names_owner_and_app_with_a_dash() {
        reads("123456-my-app", "123456/my-app", "123456/my-app", None);
        refuses("my-app", EndpointError::TooFewSegments);
        refuses("123-", EndpointError::TooFewSegments);
    }

    #[test]
    fn what_could_change_a_url_is_refused() {
        for text in ["a/..", "a/.", "../b", "a//b", "/a/b", "a/b/", "a/b?c", "a/b#c", "a/b c", "a/b%2f", "a/ü", "a/b\n"]
        {
            refuses(text, EndpointError::BadSegment);
        }
        refuses("", EndpointError::TooFewSegments);
        refuses("a/b/requests/1", EndpointError::Reserved);
        refuses(&format!("a/{}", "b".repeat(199)), EndpointError::TooLong { bytes: 201 });
    }

    #[test]
    fn an_id_is_a_string_in_json() {
        let id: EndpointId = serde_json::from_str("\"fal-ai/nano-banana/edit\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"fal-ai/nano-banana/edit\"");
        assert!(serde_json::from_str::<EndpointId>("\"nothing\"").is_err());
    }
}

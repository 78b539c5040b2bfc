//! What a server's answer says: its status and headers, as the queue understands them, and whether its body will do. Pure.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use plantain_queue::runner::{Answer, AnswerHeaders, RunFailure};
use plantain_wire::header;
use serde::de::IgnoredAny;

use super::failures;

/// A line for the request's log; may come several times. An extension of ours, which is not passed on.
const LOG: &str = "x-plantain-log";

/// The most log lines of one answer's headers.
const LOG_LINES_MAX: usize = 20;

/// The most headers that are passed on, and the most bytes of all of them: callers' servers bound theirs too.
const PASSED_ON_MAX: usize = 32;
const PASSED_ON_BYTES_MAX: usize = 8 * 1024;

/// Headers of fal's that are not passed on: they are read here, or the queue says them itself.
const KEPT_BACK: [&str; 8] = [
    header::REQUEST_ID,
    header::NEEDS_RETRY,
    header::RETRYABLE,
    header::BILLABLE_UNITS,
    header::STOP_RUNNER,
    header::ERROR_TYPE,
    header::REQUEST_TIMEOUT_TYPE,
    super::GATEWAY_REQUEST_ID,
];

/// An answer without its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub status: u16,
    pub headers: AnswerHeaders,
    pub log: Vec<String>,
}

impl Head {
    pub(crate) fn read(status: u16, headers: &HeaderMap) -> Head {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let content_type = text(CONTENT_TYPE.as_str()).filter(|kind| !is_json_type(kind)).map(str::to_owned);
        let log = headers.get_all(LOG).iter().filter_map(|value| value.to_str().ok());
        Head {
            status,
            headers: AnswerHeaders {
                needs_retry: text(header::NEEDS_RETRY).and_then(yes_or_no),
                billable_units: text(header::BILLABLE_UNITS).filter(|units| is_decimal(units)).map(str::to_owned),
                content_type,
                passed_on: passed_on(headers),
            },
            log: log.take(LOG_LINES_MAX).map(str::to_owned).collect(),
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        let succeeded = (200..300).contains(&self.status);
        succeeded && self.headers.content_type.as_deref().is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// The answer as it came. What claims to be JSON and succeeded must be JSON; an error page may be anything.
    pub(crate) fn with_body(self, body: Bytes) -> Result<Answer, RunFailure> {
        let succeeded = (200..300).contains(&self.status);
        match body.is_empty() && self.status == 204 {
            true => return Ok(self.with_output(Bytes::from_static(b"null"))),
            false if succeeded && self.headers.content_type.is_none() => {
                serde_json::from_slice::<IgnoredAny>(&body).map_err(|error| failures::of_json(&error))?;
            }
            false => {}
        }
        Ok(Answer { http_status: self.status, body, headers: self.headers })
    }

    /// An answer whose body was found inside the one that came, and is JSON.
    pub(crate) fn with_output(self, body: Bytes) -> Answer {
        Answer { http_status: self.status, body, headers: AnswerHeaders { content_type: None, ..self.headers } }
    }
}

pub(crate) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn is_json_type(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.is_empty() || kind == "application/json" || kind.ends_with("+json")
}

fn yes_or_no(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// Whole or with a fraction, never negative: `12`, `0.5`.
fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 32 && digits(whole) && digits(fraction)
}

/// What callers may see beside the body, within bounds.
pub(crate) fn passed_on(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut room = PASSED_ON_BYTES_MAX;
    let texts = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let fals = texts.filter(|(name, _)| name.starts_with("x-fal-") && !KEPT_BACK.contains(name));
    let fitting = fals.take_while(|(name, value)| {
        let size = name.len() + value.len();
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    fitting.take(PASSED_ON_MAX).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use plantain_wire::error::ErrorType;

    use super::*;

    fn head(status: u16, pairs: &[(&'static str, &str)]) -> Head {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value);
        }
        Head::read(status, &map)
    }

    #[test]
    fn fals_headers_are_read_passed_on_or_kept_back() {
        let said = head(
            503,
            &[
                ("x-fal-needs-retry", "1"),
                ("x-fal-billable-units", " 2.5 "),
                ("x-fal-stop-runner", "1"),
                ("x-fal-request-id", "theirs"),
                ("x-fal-served-from", "gpu-3"),
                ("x-fal-error-type", "their_own"),
                ("server", "uvicorn"),
                ("x-plantain-log", "loaded"),
                ("x-plantain-log", "done"),
            ],
        );
        assert_eq!(said.headers.needs_retry, Some(true));
        assert_eq!(said.headers.billable_units.as_deref(), Some("2.5"));
        assert_eq!(said.headers.passed_on, [("x-fal-served-from".to_owned(), "gpu-3".to_owned())]);
        assert_eq!(said.log, ["loaded", "done"]);
        let nonsense = head(200, &[("x-fal-needs-retry", "perhaps"), ("x-fal-billable-units", "-1")]).headers;
        assert_eq!((nonsense.needs_retry, nonsense.billable_units), (None, None));
        for (word, is) in [("0", true), ("1.25", true), ("1.", false), (".5", false), ("1e3", false), ("", false)] {
            assert_eq!(is_decimal(word), is, "{word}");
        }
    }

    #[test]
    fn what_is_passed_on_is_bounded() {
        let long = "v".repeat(5000);
        let said = head(200, &[("x-fal-a", &long), ("x-fal-b", &long), ("x-fal-c", "short")]);
        assert_eq!(said.headers.passed_on.len(), 1);
    }

    #[track_caller]
    fn ends(status: u16, kind: Option<&str>, body: &'static str, expected: Result<&str, ErrorType>) {
        let pairs: Vec<_> = kind.map(|kind| ("content-type", kind)).into_iter().collect();
        let ended = head(status, &pairs).with_body(Bytes::from_static(body.as_bytes()));
        let ended = ended.map(|answer| String::from_utf8(answer.body.to_vec()).unwrap());
        assert_eq!(
            ended.map_err(|failure| failure.error_type),
            expected.map(str::to_owned),
            "{status} {kind:?} {body}"
        );
    }

    #[test]
    fn a_success_that_claims_to_be_json_must_be() {
        let json = Some("application/json; charset=utf-8");
        ends(200, json, "{\"seed\": 17454220438242315174}", Ok("{\"seed\": 17454220438242315174}"));
        ends(200, None, "[1]", Ok("[1]"));
        ends(200, json, "{\"a\":", Err(ErrorType::RunnerIncompleteResponse));
        ends(200, json, "", Err(ErrorType::RunnerIncompleteResponse));
        ends(200, json, "{} {}", Err(ErrorType::RunnerServerError));
        ends(200, None, "oops", Err(ErrorType::RunnerServerError));
        ends(204, None, "", Ok("null"));
        ends(200, Some("text/html"), "<p>", Ok("<p>"));
        ends(503, json, "busy", Ok("busy"));
        ends(422, Some("application/problem+json"), "{}", Ok("{}"));
        ends(307, None, "", Ok(""));
    }
}

//! Which language a page speaks: what its address asks for, else what was asked for before, else what the browser prefers.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_TYPE, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue};

use crate::http::words::Words;
use crate::http::{App, guard};

/// The cookie that keeps what somebody chose.
const COOKIE: &str = "plantain_lang";

/// Seconds for which it is kept: as long as browsers keep any.
const COOKIE_SECONDS: u32 = 400 * 24 * 60 * 60;

/// Languages of a header that are looked at.
const ASKED_MAX: usize = 32;

/// What a page speaks to whoever sent these headers, once [`settle`] has seen them.
pub fn of(headers: &HeaderMap) -> &'static Words {
    let asked = headers.get(ACCEPT_LANGUAGE).and_then(|asked| asked.to_str().ok());
    asked.and_then(preferred).unwrap_or(Words::english())
}

/// The language that is asked for most, of those that are spoken here.
fn preferred(asked: &str) -> Option<&'static Words> {
    let one = |range: &str| {
        let (tag, rest) = range.split_once(';').unwrap_or((range, ""));
        let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
        Some((Words::of(tag.trim())?, weight)).filter(|(_, weight)| *weight > 0.0)
    };
    let spoken = asked.split(',').take(ASKED_MAX).filter_map(one);
    // Among equals the first one counts.
    spoken.reduce(|best, other| if other.1 > best.1 { other } else { best }).map(|(words, _)| words)
}

/// Puts what is to be spoken in the place of what the browser prefers, and keeps what the address asks for.
pub async fn settle(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let named = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang");
    let chosen = named.and_then(|(_, tag)| Words::of(&tag));
    let before = guard::cookie(request.headers(), COOKIE).and_then(Words::of);
    let words = chosen.or(before).unwrap_or_else(|| of(request.headers()));
    request.headers_mut().insert(ACCEPT_LANGUAGE, HeaderValue::from_static(words.lang));
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(words.lang));
        headers.append(VARY, HeaderValue::from_static("accept-language, cookie"));
        let kept = chosen.map(|words| app.cookie(COOKIE, words.lang, COOKIE_SECONDS, "Lax"));
        let kept = kept.and_then(|line| HeaderValue::try_from(line).ok());
        headers.extend(kept.map(|cookie| (SET_COOKIE, cookie)));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_best_of_ours_is_spoken() {
        for (asked, lang) in [
            ("hi", Some("hi")),
            ("hi-IN,hi;q=0.9,en;q=0.8", Some("hi")),
            ("de-DE,de;q=0.9,en;q=0.8,hi;q=0.7", Some("en")),
            ("en;q=0.5, hi;q=0.6", Some("hi")),
            ("hi;q=0, en;q=0.1", Some("en")),
            ("de, fr", None),
            ("", None),
            ("*", None),
            ("hi;q=many", None),
            ("hi;;;, ,=,q", Some("hi")),
        ] {
            assert_eq!(preferred(asked).map(|words| words.lang), lang, "{asked}");
        }
        assert_eq!(of(&HeaderMap::new()).lang, "en");
    }
}

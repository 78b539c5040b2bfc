//! What a refusal of the Cloud API means: in plain words, and whether trying again can help. Pure.

use std::time::Duration;

use serde::Deserialize;

/// How long to wait where messages go out too fast; the API names no time of its own.
pub const TOO_FAST_PAUSE: Duration = Duration::from_secs(60);

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same message may be taken later, and not before this long.
    Later(Duration),
    /// Trying again can't help: somebody has to change something.
    Never,
}

/// The `error` of an answer, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ApiError {
    pub code: u32,
    pub message: String,
}

#[derive(Deserialize)]
struct Refused {
    error: ApiError,
}

/// The error in an answer's body; `None` where there is none that can be read.
pub fn read(body: &[u8]) -> Option<ApiError> {
    serde_json::from_slice::<Refused>(body).ok().map(|refused| refused.error)
}

/// What an answer that took nothing means, by its error where it has one, and its status otherwise.
pub fn judged(status: u16, error: Option<&ApiError>) -> Next {
    match (error.map(|error| error.code), status) {
        (Some(4 | 80_007 | 130_429 | 131_048 | 131_056 | 133_016), _) | (_, 429) => Next::Later(TOO_FAST_PAUSE),
        // Something on Meta's side that passes.
        (Some(1 | 2 | 131_000 | 131_016 | 131_057 | 133_004), _) => Next::Later(Duration::ZERO),
        (Some(_), _) => Next::Never,
        (None, 500..=599) => Next::Later(Duration::ZERO),
        (None, _) => Next::Never,
    }
}

/// Whether a message that was accepted, and then failed for this, may be sent anew.
pub fn is_passing(code: u32) -> bool {
    matches!(judged(200, Some(&ApiError { code, message: String::new() })), Next::Later(_))
}

/// What an error's number means, for whoever can do something about it.
pub fn explained(code: u32) -> &'static str {
    match code {
        190 => "The access token has expired or was withdrawn: whoever runs the studio sets a new WHATSAPP_TOKEN.",
        0 | 3 | 10 | 200..=299 => {
            "The access token may not send messages: it needs the permission whatsapp_business_messaging for this number."
        }
        4 | 80_007 | 130_429 => "Messages go out too fast for the business account; it is tried again later.",
        131_056 => "Too many messages went to this number in a short time; it is tried again later.",
        131_048 => {
            "WhatsApp holds messages back since too many of them were reported or blocked; it is tried again later."
        }
        131_026 => {
            "The number can't be reached: it has no WhatsApp, an old version of it, or has not agreed to its newest terms."
        }
        131_047 => {
            "More than 24 hours have passed since this person last wrote, and what was sent is no approved template."
        }
        131_042 => "The WhatsApp business account has no working payment method, so that nothing is delivered.",
        131_049 => "WhatsApp chose not to deliver it, so that this person does not get too many messages.",
        131_030 => "The sender is a test number, and this number is not on its list of allowed receivers.",
        131_050 => "This person wants no such messages any more.",
        131_031 | 368 => "Meta has locked the WhatsApp business account.",
        131_045 | 133_010 => "The sender's number is not registered with the Cloud API.",
        131_051..=131_053 => "WhatsApp could not use the picture.",
        132_000 => "The approved template has another number of words than the studio fills in: see docs/whatsapp.md.",
        132_001 => {
            "There is no approved template of this name in this language: see docs/whatsapp.md, and WHATSAPP_TEMPLATE."
        }
        132_005 | 132_007 | 132_012 | 132_018 => {
            "The approved template is built in another way than the studio fills it: see docs/whatsapp.md."
        }
        132_015 | 132_016 => "Meta has paused or disabled the template since too many people reported it.",
        33 | 100 | 131_008 | 131_009 => {
            "WhatsApp does not understand the request: look at WHATSAPP_PHONE_NUMBER_ID and at how the template is built."
        }
        1 | 2 | 131_000 | 131_016 | 131_057 | 133_004 => "WhatsApp is not available just now; it is tried again later.",
        _ => "WhatsApp refused it.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_fast_or_passes_is_tried_again_and_nothing_else() {
        let later = Next::Later(TOO_FAST_PAUSE);
        let soon = Next::Later(Duration::ZERO);
        for (status, code, next) in [
            (400, Some(130_429), later),
            (400, Some(131_056), later),
            (429, None, later),
            (429, Some(131_047), later),
            (500, Some(131_000), soon),
            (503, None, soon),
            (401, Some(190), Next::Never),
            (400, Some(131_047), Next::Never),
            (400, Some(131_026), Next::Never),
            (404, Some(132_001), Next::Never),
            (400, Some(132_000), Next::Never),
            (400, Some(131_042), Next::Never),
            (500, Some(999_999), Next::Never),
            (404, None, Next::Never),
            (302, None, Next::Never),
        ] {
            let error = code.map(|code| ApiError { code, message: String::new() });
            assert_eq!(judged(status, error.as_ref()), next, "{status} {code:?}");
        }
        assert!(is_passing(131_056) && !is_passing(131_026));
    }

    #[test]
    fn errors_are_read_leniently_and_explained() {
        let body = br#"{"error":{"message":"(#131047) Re-engagement message","type":"OAuthException","code":131047,"fbtrace_id":"A"}}"#;
        assert_eq!(read(body).unwrap().code, 131_047);
        for junk in [&b""[..], b"{}", b"<html>", b"[]", br#"{"error":7}"#, br#"{"error":{"code":-1}}"#] {
            assert_eq!(read(junk), None, "{junk:?}");
        }
        let plain: Vec<&str> = [131_047, 131_026, 130_429, 131_056, 132_000, 132_001, 190].map(explained).to_vec();
        assert!(plain.iter().all(|why| why.ends_with('.') && *why != explained(7)), "each has words of its own");
    }
}

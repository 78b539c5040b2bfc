//! What became of an attempt to send a letter.

use std::error::Error as _;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;

/// Characters that are kept of what a server said.
pub const SAID_CHARS_MAX: usize = 300;

/// What a server's answer means for the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it, and answers for it from now on.
    Sent,
    /// The same letter may be taken later.
    Later,
    /// Trying again can't help.
    Never,
}

/// One attempt, with the server's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub outcome: Outcome,
    /// SMTP's three digits, where the server got as far as to say some.
    pub code: Option<u16>,
    /// For people: the server's words, or what was in the way.
    pub said: String,
}

impl Attempt {
    pub(crate) fn taken(response: &Response) -> Attempt {
        let words = response.message().collect::<Vec<_>>().join(" ");
        Attempt { outcome: Outcome::Sent, code: Some(response.code().into()), said: shortened(&words) }
    }

    pub(crate) fn later(why: &str) -> Attempt {
        Attempt { outcome: Outcome::Later, code: None, said: shortened(why) }
    }

    pub(crate) fn failed(error: &Error) -> Attempt {
        let code = error.status().map(u16::from);
        let cause = error.source().map(ToString::to_string);
        let words = cause.unwrap_or_else(|| error.to_string());
        Attempt { outcome: judged(code), code, said: shortened(&words) }
    }
}

/// A server that does not know *us* is set right by the operator, who does not want to lose letters meanwhile; one that refuses
/// the *letter* will do so again. Whatever has no code was in the way before the server could judge.
fn judged(code: Option<u16>) -> Outcome {
    match code {
        Some(530 | 534 | 535 | 538) => Outcome::Later,
        Some(500..=599) => Outcome::Never,
        Some(_) | None => Outcome::Later,
    }
}

fn shortened(text: &str) -> String {
    let tame = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    tame.take(SAID_CHARS_MAX).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_letter_is_final_and_everything_else_is_tried_again() {
        for (code, outcome) in [
            (Some(421), Outcome::Later),
            (Some(450), Outcome::Later),
            (Some(452), Outcome::Later),
            (Some(550), Outcome::Never),
            (Some(552), Outcome::Never),
            (Some(554), Outcome::Never),
            (Some(530), Outcome::Later),
            (Some(535), Outcome::Later),
            (None, Outcome::Later),
        ] {
            assert_eq!(judged(code), outcome, "{code:?}");
        }
    }

    #[test]
    fn a_servers_words_are_one_short_line() {
        assert_eq!(shortened("5.7.1 no\r\nX: y"), "5.7.1 no  X: y");
        assert_eq!(shortened(&"x".repeat(9_999)).len(), SAID_CHARS_MAX);
    }
}

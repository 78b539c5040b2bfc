//! Telephone numbers, as the Cloud API takes them.

use std::fmt;

/// Digits of a number with its country code: E.164 allows fifteen, and no country gets along with fewer than eight.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// Characters that are looked at of what somebody typed.
const TYPED_CHARS_MAX: usize = 40;

/// A number with its country code, in digits alone. Debug output shows the last three.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(String);

/// The text is no number that can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no telephone number with its country code")]
pub struct NoNumber;

impl Number {
    /// As somebody typed it: digits, with `+ - ( )`, dots and spaces where they like. It has to begin with the country code, so neither
    /// with the 0 of a call within the country nor with the 00 of a call abroad.
    pub fn parse(text: &str) -> Result<Number, NoNumber> {
        let text = text.trim();
        if text.chars().count() > TYPED_CHARS_MAX {
            return Err(NoNumber);
        }
        let digits: Option<String> = text
            .strip_prefix('+')
            .unwrap_or(text)
            .chars()
            .filter(|c| !matches!(c, '-' | '(' | ')' | '.' | '\u{2010}'..='\u{2014}') && !c.is_whitespace())
            .map(|c| c.is_ascii_digit().then_some(c))
            .collect();
        digits.filter(|digits| DIGITS.contains(&digits.len()) && !digits.starts_with('0')).map(Number).ok_or(NoNumber)
    }

    /// For requests and the store.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// What may be shown of it: its end, by which its owner knows it.
    pub fn shown(&self) -> String {
        format!("…{}", &self.0[self.0.len() - 3..])
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({})", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_a_number_or_is_refused() {
        for (text, meant) in [
            ("919876543210", Some("919876543210")),
            ("+91 98765-43210", Some("919876543210")),
            (" +1 (415) 555.2671 ", Some("14155552671")),
            ("+49\u{a0}171\u{2011}1234567", Some("491711234567")),
            ("9876543210", Some("9876543210")),
            ("09876543210", None),
            ("0091 98765 43210", None),
            ("+91 98765 43210 ext 7", None),
            ("+91+9876543210", None),
            ("1234567", None),
            ("1234567890123456", None),
            ("९८७६५४३२१०", None),
            ("asha@example.com", None),
            ("+", None),
            ("", None),
        ] {
            assert_eq!(Number::parse(text).ok().as_ref().map(Number::digits), meant, "{text}");
        }
        assert!(Number::parse(&format!("9876543210{}", " ".repeat(999))).is_ok(), "spaces around it are nothing");
        assert!(Number::parse(&format!("98765{}43210", " ".repeat(99))).is_err());
    }

    #[test]
    fn logs_do_not_tell_it() {
        assert_eq!(format!("{:?}", Number::parse("+919876543210").unwrap()), "Number(…210)");
    }
}

//! JSON that a request came with or ended in, as the console shows it: the beginning, as text, whatever its size.

use serde::Serialize;

/// What is shown of an input or an output, in bytes: more than a person reads, less than a browser minds.
pub(super) const SHOWN_BYTES_MAX: usize = 256 * 1024;

/// A text as it is kept. Numbers within it are digits to whoever reads this, never values.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Bounded {
    /// False where the text was not to be kept; it is then empty.
    kept: bool,
    text: String,
    /// Of the whole.
    bytes: usize,
    /// Of what is shown.
    shown: usize,
    /// There is more.
    cut: bool,
}

impl Bounded {
    /// What is no UTF-8 is shown with marks in its place.
    pub(super) fn of(whole: &[u8]) -> Bounded {
        let start = whole.get(..SHOWN_BYTES_MAX).map_or(whole, |start| &start[..end_of_last_char(start)]);
        let text = String::from_utf8_lossy(start).into_owned();
        Bounded { kept: true, text, bytes: whole.len(), shown: start.len(), cut: start.len() < whole.len() }
    }

    pub(super) fn dropped() -> Bounded {
        Bounded { kept: false, text: String::new(), bytes: 0, shown: 0, cut: false }
    }
}

/// Where the last character ends that is there as a whole.
fn end_of_last_char(text: &[u8]) -> usize {
    let tail = text.iter().rev().take(4).position(|byte| !(0x80..0xC0).contains(byte));
    let Some(back) = tail else { return text.len() };
    let start = text.len() - 1 - back;
    let length = match text[start] {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    };
    if start + length > text.len() { start } else { text.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters() {
        let short = Bounded::of(b"{\"seed\": 17454220438242315174}");
        assert_eq!((short.text.as_str(), short.cut), ("{\"seed\": 17454220438242315174}", false));
        for (letter, shown) in
            [("a", SHOWN_BYTES_MAX), ("ü", SHOWN_BYTES_MAX), ("ह", SHOWN_BYTES_MAX - 1), ("🍌", SHOWN_BYTES_MAX)]
        {
            let whole = letter.repeat(SHOWN_BYTES_MAX + 1);
            let bounded = Bounded::of(whole.as_bytes());
            assert_eq!((bounded.shown, bounded.bytes, bounded.cut), (shown, whole.len(), true), "{letter}");
            assert!(whole.starts_with(&bounded.text), "{letter}");
        }
        let odd = format!("x{}", "🍌".repeat(SHOWN_BYTES_MAX));
        assert_eq!(Bounded::of(odd.as_bytes()).shown, SHOWN_BYTES_MAX - 3);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_all_the_same() {
        assert_eq!(Bounded::of(b"\xff\xfe").text, "\u{fffd}\u{fffd}");
        assert!(Bounded::of(&vec![0x80; SHOWN_BYTES_MAX + 1]).cut);
        assert!(!Bounded::dropped().kept);
    }
}

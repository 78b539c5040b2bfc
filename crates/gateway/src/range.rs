//! Which part of a file a `Range` header asks for.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Whole,
    Part(Range<u64>),
    /// The file has no such bytes.
    Nothing,
}

/// A header that can't be read, or that asks for several parts, is answered with the whole, as HTTP allows.
pub(crate) fn read(header: Option<&str>, size: u64) -> Asked {
    let Some(ranges) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else { return Asked::Whole };
    let Some((first, last)) = ranges.trim().split_once('-') else { return Asked::Whole };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => part(first, last.saturating_add(1).min(size), size),
        (Some(first), None) if last.is_empty() => part(first, size, size),
        (None, Some(length)) if first.is_empty() => part(size.saturating_sub(length), size, size),
        _ => Asked::Whole,
    }
}

fn part(start: u64, end: u64, size: u64) -> Asked {
    if start < end && start < size { Asked::Part(start..end) } else { Asked::Nothing }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_within_the_file() {
        for (header, expected) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-5", Asked::Part(2..6)),
            ("bytes=2-500", Asked::Part(2..10)),
            ("bytes=9-", Asked::Part(9..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=-0", Asked::Nothing),
            ("bytes=10-", Asked::Nothing),
            ("bytes=10-12", Asked::Nothing),
            ("bytes=0-18446744073709551615", Asked::Part(0..10)),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=99999999999999999999-", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(read(Some(header), 10), expected, "{header}");
        }
        assert_eq!(read(None, 10), Asked::Whole);
        assert_eq!(read(Some("bytes=0-"), 0), Asked::Nothing);
    }
}

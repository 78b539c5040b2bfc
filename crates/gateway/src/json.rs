//! Is this text JSON that every reader behind the gate can bear?

use plantain_wire::json::depth;
use serde_json::value::RawValue;

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonFault {
    NotUtf8,
    /// Where the grammar was broken.
    Malformed {
        line: usize,
        column: usize,
    },
    /// Brackets within brackets within brackets.
    TooDeep {
        limit: usize,
    },
}

/// Checks grammar, encoding and depth, and looks at nothing else: numbers of any size pass.
pub(crate) fn check(text: &[u8], depth_max: usize) -> Result<(), JsonFault> {
    // Depth first: it needs no stack, whatever the text is.
    if depth(text) > depth_max {
        return Err(JsonFault::TooDeep { limit: depth_max });
    }
    let text = std::str::from_utf8(text).map_err(|_| JsonFault::NotUtf8)?;
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(JsonFault::Malformed { line: error.line(), column: error.column() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(text: impl AsRef<[u8]>, expected: Result<(), JsonFault>) {
        assert_eq!(check(text.as_ref(), 3), expected, "{}", String::from_utf8_lossy(text.as_ref()));
    }

    #[test]
    fn json_passes_whatever_it_says() {
        for good in ["{}", "[]", "null", " 7 ", "\"x\"", "{\"seed\":17454220438242315174}", "1e999", "[[[]],[[]]]"] {
            says(good, Ok(()));
        }
        says(r#"{"a":"[[[[[[{{{{\"[[[["}"#, Ok(()));
        says(r#""\\" "#, Ok(()));
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        says("", Err(JsonFault::Malformed { line: 1, column: 0 }));
        says("{\n  'a': 1}", Err(JsonFault::Malformed { line: 2, column: 3 }));
        says("{} {}", Err(JsonFault::Malformed { line: 1, column: 4 }));
        says("prompt=x", Err(JsonFault::Malformed { line: 1, column: 1 }));
        says(b"{\"a\":\"\xff\"}", Err(JsonFault::NotUtf8));
        says("{\"a\":01}", Err(JsonFault::Malformed { line: 1, column: 7 }));
    }

    #[test]
    fn depth_is_counted_without_a_stack() {
        says("[[[]]]", Ok(()));
        says("[[[[]]]]", Err(JsonFault::TooDeep { limit: 3 }));
        says("[".repeat(5_000_000), Err(JsonFault::TooDeep { limit: 3 }));
        says("{\"a\":".repeat(1000), Err(JsonFault::TooDeep { limit: 3 }));
    }
}

//! JSON as text: the one place where values of this crate become it, and how deep a text is nested.

use serde::Serialize;

/// For values made of strings, numbers, lists and raw JSON, none of which can fail to be written.
pub(crate) fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings, numbers and raw JSON always serialise")
}

/// The most brackets that are open at once outside of strings. Needs no stack, whatever the text is.
pub fn depth(text: &[u8]) -> usize {
    let (mut open, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

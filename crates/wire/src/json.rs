//! The one place where values of this crate become JSON text.

use serde::Serialize;

/// For values made of strings, numbers, lists and raw JSON, none of which can fail to be written.
pub(crate) fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings, numbers and raw JSON always serialise")
}

//! What text has to be like for Postgres.

/// Text from outside may contain the one character that Postgres can't keep.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

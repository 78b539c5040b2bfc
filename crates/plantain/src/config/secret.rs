//! Text that must never be printed by accident: keys, tokens, passwords, addresses with a password in them.

use std::fmt;

/// Shows as dots in `Debug`; there is no `Display`. Whoever needs the text says so with [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What may be shown of a secret setting's value: its length class and nothing of its text.
pub fn redacted(text: &str) -> String {
    match text.len() {
        0 => "empty".into(),
        length => format!("set, {length} characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_the_summary_shows_the_text() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret(…) Some(Secret(…))");
        assert_eq!(redacted(secret.reveal()), "set, 7 characters");
        assert_eq!(redacted(""), "empty");
    }
}

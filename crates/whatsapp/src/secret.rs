//! What must not be printed: the token, the app's secret, the word that a webhook is set up with.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// Debug output doesn't show it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// For requests and signatures alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes the same time wherever the texts differ; their lengths are no secret. Nothing is equal to an empty one.
    pub fn is(&self, given: &str) -> bool {
        !self.0.is_empty() && bool::from(self.0.as_bytes().ct_eq(given.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_itself_alone_and_is_not_shown() {
        let secret = Secret::new("hunter2");
        assert!(secret.is("hunter2") && !secret.is("hunter3") && !secret.is("hunter") && !secret.is(""));
        assert!(!Secret::new("").is(""));
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
    }
}

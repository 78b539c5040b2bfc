//! Labels that a caller sticks on a request (`X-Fal-Tags`), to find it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const PAIRS_MAX: usize = 10;
const KEY_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 256;
/// Of the header in all.
const BYTES_MAX: usize = 1024;
const RESERVED_PREFIX: &str = "fal.";

/// Pairs in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    #[error("it is longer than {BYTES_MAX} bytes")]
    TooLong,
    #[error("it has more than {PAIRS_MAX} pairs")]
    TooMany,
    #[error("'{0}' is not written key=value")]
    NoPair(String),
    #[error("the key '{0}' must be 1 to {KEY_BYTES_MAX} of a-z, 0-9, '.', '_' and '-'")]
    Key(String),
    #[error("keys that begin with '{RESERVED_PREFIX}' are reserved")]
    Reserved,
    #[error("the value of '{0}' is longer than {VALUE_BYTES_MAX} bytes")]
    Value(String),
}

impl Labels {
    /// Reads `key=value` pairs with commas in between. Of two pairs with one key the later one counts.
    pub fn parse(packed: &str) -> Result<Labels, LabelsError> {
        if packed.len() > BYTES_MAX {
            return Err(LabelsError::TooLong);
        }
        let pairs = packed.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let labels = pairs.map(pair).collect::<Result<BTreeMap<_, _>, _>>()?;
        if labels.len() > PAIRS_MAX { Err(LabelsError::TooMany) } else { Ok(Labels(labels)) }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn pair(text: &str) -> Result<(String, String), LabelsError> {
    let (key, value) = text.split_once('=').ok_or_else(|| LabelsError::NoPair(text.to_owned()))?;
    let (key, value) = (key.trim(), value.trim());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if !(1..=KEY_BYTES_MAX).contains(&key.len()) || !key.bytes().all(plain) {
        return Err(LabelsError::Key(key.to_owned()));
    }
    if key.starts_with(RESERVED_PREFIX) {
        return Err(LabelsError::Reserved);
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(LabelsError::Value(key.to_owned()));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_leniently_as_far_as_the_rules_go() {
        let labels = Labels::parse(" shop=7, note=a=b ,,empty=").unwrap();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("empty", ""), ("note", "a=b"), ("shop", "7")]);
        assert!(Labels::parse("").unwrap().is_empty());
        assert_eq!(Labels::parse("a=1,a=2").unwrap().get("a"), Some("2"));
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let many: String = (0..11).map(|n| format!("k{n}=v,")).collect();
        let long = "x".repeat(257);
        for (packed, expected) in [
            ("shop", LabelsError::NoPair("shop".into())),
            ("Shop=7", LabelsError::Key("Shop".into())),
            ("=7", LabelsError::Key(String::new())),
            ("fal.x=7", LabelsError::Reserved),
            (&format!("a={long}"), LabelsError::Value("a".into())),
            (&many, LabelsError::TooMany),
            (&"a".repeat(1025), LabelsError::TooLong),
        ] {
            assert_eq!(Labels::parse(packed), Err(expected), "{packed}");
        }
    }
}

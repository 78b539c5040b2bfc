//! The protocol's ids: opaque, bounded, and safe in a header, a URL path and a log line.
//!
//! fal's request ids are UUIDs of several versions and its attempt ids sometimes are no UUIDs at all, so nothing is read out
//! of them. Invariant: no id contains a line feed, since ids are lines of the signed webhook message.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest id of any kind, in bytes: three times a UUID and then some.
pub const ID_BYTES_MAX: usize = 128;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("an id has 1 to {ID_BYTES_MAX} bytes, this one has {bytes}")]
    Length { bytes: usize },
    #[error("an id is made of letters, digits and a few signs; this one contains another character")]
    Character,
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $is_safe:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks length and characters, and nothing else.
            pub fn parse(text: &str) -> Result<$name, IdError> {
                check(text, $is_safe).map(|()| $name(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<$name, IdError> {
                $name::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<$name, IdError> {
                check(&text, $is_safe).map(|()| $name(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

opaque_id! {
    /// Names one submitted request, through all its attempts.
    RequestId, is_safe_in_a_path
}
opaque_id! {
    /// Names one attempt at a request: the request's own id at first, another one after a retry.
    GatewayRequestId, is_safe_in_a_path
}
opaque_id! {
    /// Names the account that submitted a request, such as `user_local` or `github|12345`.
    UserId, is_safe_in_a_header
}

impl RequestId {
    pub fn from_uuid(uuid: Uuid) -> RequestId {
        RequestId(uuid.hyphenated().to_string())
    }
}

impl GatewayRequestId {
    pub fn from_uuid(uuid: Uuid) -> GatewayRequestId {
        GatewayRequestId(uuid.hyphenated().to_string())
    }
}

/// The id of a request's first attempt.
impl From<&RequestId> for GatewayRequestId {
    fn from(request: &RequestId) -> GatewayRequestId {
        GatewayRequestId(request.0.clone())
    }
}

fn check(text: &str, is_safe: fn(u8) -> bool) -> Result<(), IdError> {
    if text.is_empty() || text.len() > ID_BYTES_MAX {
        return Err(IdError::Length { bytes: text.len() });
    }
    // Dots alone would be resolved away by URL parsers.
    if !text.bytes().all(is_safe) || text.bytes().all(|byte| byte == b'.') {
        return Err(IdError::Character);
    }
    Ok(())
}

fn is_safe_in_a_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn is_safe_in_a_header(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_opaque_but_bounded() {
        for good in ["019d9e0b-6eb0-7920-827a-868d042ec76e", "01KQ7Z", "a", "A_b.c-9", &"x".repeat(128)] {
            assert_eq!(RequestId::parse(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            (String::new(), IdError::Length { bytes: 0 }),
            ("x".repeat(129), IdError::Length { bytes: 129 }),
            ("a/b".into(), IdError::Character),
            ("a\nb".into(), IdError::Character),
            ("..".into(), IdError::Character),
            ("é".into(), IdError::Character),
            ("a b".into(), IdError::Character),
        ] {
            assert_eq!(RequestId::parse(&bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn account_ids_may_name_their_identity_provider() {
        assert_eq!(UserId::parse("github|12345").unwrap().to_string(), "github|12345");
        assert_eq!(UserId::parse("a\nb"), Err(IdError::Character));
    }

    #[test]
    fn the_first_attempt_carries_the_requests_id() {
        let request = RequestId::from_uuid(Uuid::nil());
        assert_eq!(GatewayRequestId::from(&request).as_str(), "00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn ids_are_strings_in_json() {
        let id: RequestId = serde_json::from_str("\"abc\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"abc\"");
        assert!(serde_json::from_str::<RequestId>("\"a/b\"").is_err());
    }
}

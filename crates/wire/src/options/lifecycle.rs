//! How long a file lives and who may see it, as clients write it in JSON headers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `{"expiration_duration_seconds":N,"initial_acl":{"default":"hide","rules":[{"user":"..","decision":".."}]}}`, each key
/// optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    #[serde(default, rename = "expiration_duration_seconds", skip_serializing_if = "Expiry::is_unsaid")]
    pub expiry: Expiry,
    #[serde(default, rename = "initial_acl", skip_serializing_if = "Option::is_none")]
    pub access: Option<Acl>,
}

/// When a file goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// As the server does by default.
    #[default]
    Unsaid,
    /// Written `null`.
    Never,
    After(Duration),
}

impl Expiry {
    fn is_unsaid(&self) -> bool {
        *self == Expiry::Unsaid
    }
}

impl Serialize for Expiry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Expiry::Unsaid | Expiry::Never => serializer.serialize_none(),
            Expiry::After(duration) => serializer.serialize_u64(duration.as_secs()),
        }
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Expiry, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        let Some(seconds) = seconds else { return Ok(Expiry::Never) };
        Duration::try_from_secs_f64(seconds).map(Expiry::After).map_err(serde::de::Error::custom)
    }
}

/// Who may read a file: a default, and exceptions for accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    #[serde(default)]
    pub default: Access,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<AccessRule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRule {
    /// An account's user id.
    pub user: String,
    pub decision: Access,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    #[default]
    Allow,
    /// Refused: 403.
    Forbid,
    /// As if it were not there: 404.
    Hide,
}

/// The most exceptions in one list.
const RULES_MAX: usize = 100;

impl Lifecycle {
    /// `None` for what can't be read, which fal ignores and so do we.
    pub fn parse(json: &str) -> Option<Lifecycle> {
        let read: Lifecycle = serde_json::from_str(json).ok()?;
        let rules = read.access.as_ref().map_or(0, |access| access.rules.len());
        (rules <= RULES_MAX).then_some(read)
    }

    pub fn to_json(&self) -> String {
        crate::json::written(self)
    }
}

impl Acl {
    /// What `user` may do; `None` is somebody without a key.
    pub fn decide(&self, user: Option<&str>) -> Access {
        let rule = self.rules.iter().find(|rule| Some(rule.user.as_str()) == user);
        rule.map_or(self.default, |rule| rule.decision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_may_be_left_out() {
        let minute = Expiry::After(Duration::from_secs(60));
        for (json, expiry) in [
            ("{}", Expiry::Unsaid),
            (r#"{"expiration_duration_seconds":null}"#, Expiry::Never),
            (r#"{"expiration_duration_seconds":60,"more":1}"#, minute),
            (r#"{"expiration_duration_seconds":60.0}"#, minute),
        ] {
            let read = Lifecycle::parse(json).unwrap();
            assert_eq!(read, Lifecycle { expiry, access: None }, "{json}");
            assert_eq!(Lifecycle::parse(&read.to_json()), Some(read), "{json}");
        }
        for bad in ["", "7", "null", r#"{"expiration_duration_seconds":-1}"#, r#"{"initial_acl":{"default":"maybe"}}"#]
        {
            assert_eq!(Lifecycle::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn exceptions_come_before_the_default() {
        let json = r#"{"initial_acl":{"default":"hide","rules":[{"user":"ann","decision":"allow"},{"user":"bob","decision":"forbid"}]}}"#;
        let access = Lifecycle::parse(json).unwrap().access.unwrap();
        for (user, expected) in [
            (Some("ann"), Access::Allow),
            (Some("bob"), Access::Forbid),
            (Some("eve"), Access::Hide),
            (None, Access::Hide),
        ] {
            assert_eq!(access.decide(user), expected, "{user:?}");
        }
    }
}

//! What names a job, and what proves that a callback is about it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use plantain_work::random;

/// Names a job: a UUID, so that nobody finds another's pictures by counting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(format = "uuid", examples("019a5d6e-8f00-7cc3-98c4-dc0c0c07398f"))]
pub struct JobId(String);

impl JobId {
    /// Ids made later sort later.
    pub fn new(now: Timestamp) -> JobId {
        JobId(random::id(now).hyphenated().to_string())
    }

    /// `None` for anything but a UUID in its usual form.
    pub fn parse(text: &str) -> Option<JobId> {
        let id = uuid::Uuid::try_parse(text).ok()?.hyphenated().to_string();
        (id.eq_ignore_ascii_case(text)).then_some(JobId(id))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An unguessable word, different for each job. Debug output doesn't show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackToken(String);

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 16;

impl CallbackToken {
    pub fn random() -> CallbackToken {
        CallbackToken(hex::encode(random::bytes::<TOKEN_BYTES>()))
    }

    /// One that was stored.
    pub fn stored(text: String) -> CallbackToken {
        CallbackToken(text)
    }

    /// For the callback address and the store alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes the same time for every wrong word of the right length.
    pub fn is(&self, claimed: &str) -> bool {
        self.0.as_bytes().ct_eq(claimed.as_bytes()).into()
    }
}

impl fmt::Debug for CallbackToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackToken(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_in_its_usual_form_is_a_job_id() {
        let id = JobId::new(Timestamp::UNIX_EPOCH);
        assert_eq!(JobId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(JobId::parse(&id.as_str().to_uppercase()), Some(id));
        for bad in ["", "x", "../../etc", "019d9e0b6eb07920827a868d042ec76e", "{019d9e0b-6eb0-7920-827a-868d042ec76e}"]
        {
            assert_eq!(JobId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_knows_itself_and_never_shows_itself() {
        let token = CallbackToken::random();
        assert_ne!(token, CallbackToken::random());
        assert!(token.is(token.reveal()) && !token.is("") && !token.is(&"0".repeat(32)));
        assert!(!format!("{token:?}").contains(token.reveal()));
    }
}

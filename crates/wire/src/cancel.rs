//! The queue's answer to a cancel call, as status code and word.

use serde::{Deserialize, Serialize};

/// What became of a cancel call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum CancelReply {
    /// Waiting requests are gone at once; running ones got a signal and may still finish.
    #[serde(rename = "CANCELLATION_REQUESTED")]
    Requested,
    /// The newest documentation's word for a request that was still waiting.
    #[serde(rename = "OK")]
    Removed,
    #[serde(rename = "ALREADY_COMPLETED")]
    AlreadyCompleted,
    #[serde(rename = "NOT_FOUND")]
    NotFound,
}

impl CancelReply {
    pub fn word(self) -> &'static str {
        match self {
            CancelReply::Requested => "CANCELLATION_REQUESTED",
            CancelReply::Removed => "OK",
            CancelReply::AlreadyCompleted => "ALREADY_COMPLETED",
            CancelReply::NotFound => "NOT_FOUND",
        }
    }

    pub fn http_status(self) -> u16 {
        match self {
            CancelReply::Requested => 202,
            CancelReply::Removed => 200,
            CancelReply::AlreadyCompleted => 400,
            CancelReply::NotFound => 404,
        }
    }

    pub fn to_json(self) -> String {
        format!("{{\"status\":\"{}\"}}", self.word())
    }

    /// Reads an answer; where the body says nothing known, as in the `{"success": true}` of published schemas, the status
    /// code decides. `None`: the call failed for a reason that has nothing to do with cancelling.
    pub fn parse(http_status: u16, body: &[u8]) -> Option<CancelReply> {
        let said = serde_json::from_slice::<CancelReply>(body).ok();
        said.or(match http_status {
            200..=299 => Some(CancelReply::Requested),
            404 => Some(CancelReply::NotFound),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_codes_round_trip() {
        for (reply, code, json) in [
            (CancelReply::Requested, 202, r#"{"status":"CANCELLATION_REQUESTED"}"#),
            (CancelReply::Removed, 200, r#"{"status":"OK"}"#),
            (CancelReply::AlreadyCompleted, 400, r#"{"status":"ALREADY_COMPLETED"}"#),
            (CancelReply::NotFound, 404, r#"{"status":"NOT_FOUND"}"#),
        ] {
            assert_eq!((reply.http_status(), reply.to_json().as_str()), (code, json));
            assert_eq!(CancelReply::parse(code, json.as_bytes()), Some(reply));
        }
    }

    #[test]
    fn other_servers_words_are_read_by_their_code() {
        assert_eq!(CancelReply::parse(200, br#"{"success": true}"#), Some(CancelReply::Requested));
        assert_eq!(CancelReply::parse(202, b""), Some(CancelReply::Requested));
        assert_eq!(CancelReply::parse(404, b"<html>"), Some(CancelReply::NotFound));
        assert_eq!(CancelReply::parse(503, b"<html>"), None);
    }
}

//! The steps that a webhook passes on its way to being believed, in their order.
//!
//! Each refusal's code belongs to one step: those before it were passed, those after it not reached.

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Not more bytes than are taken.
    Size,
    /// The signed headers are there, each once, of the right form.
    Headers,
    /// The sender's clock and ours agree.
    Time,
    /// There are keys to check with.
    Keys,
    /// One of the keys made it, over these very bytes.
    Signature,
    /// It was made for our account.
    Account,
    /// The body can be read, and is about the request that the headers name.
    Body,
    /// The request is one of ours, and for the job that the address names.
    Request,
}

impl Step {
    pub const ALL: [Step; 8] =
        [Step::Size, Step::Headers, Step::Time, Step::Keys, Step::Signature, Step::Account, Step::Body, Step::Request];

    pub fn as_str(self) -> &'static str {
        match self {
            Step::Size => "size",
            Step::Headers => "headers",
            Step::Time => "time",
            Step::Keys => "keys",
            Step::Signature => "signature",
            Step::Account => "account",
            Step::Body => "body",
            Step::Request => "request",
        }
    }

    /// The step that a refusal with this code failed at; `None` for a code that isn't known here.
    pub fn of_code(code: &str) -> Option<Step> {
        Some(match code {
            "webhook_too_large" => Step::Size,
            "header_missing" | "header_repeated" | "header_malformed" | "signature_length" | "signature_not_hex"
            | "hmac_length" | "hmac_not_hex" => Step::Headers,
            "timestamp_not_seconds" | "timestamp_stale" => Step::Time,
            "keys_unavailable" => Step::Keys,
            "no_key_fits" | "hmac_mismatch" => Step::Signature,
            "other_account" => Step::Account,
            "webhook_malformed" | "request_ids_differ" => Step::Body,
            "unknown_request" | "other_job" | "wrong_token" => Step::Request,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_in_the_order_in_which_they_are_taken() {
        assert!(Step::ALL.is_sorted());
        assert_eq!(Step::of_code("timestamp_stale"), Some(Step::Time));
        assert_eq!(Step::of_code("of a newer program"), None);
    }
}

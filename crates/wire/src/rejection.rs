//! Why a webhook isn't believed, told so that a person can repair the cause.
//!
//! Every variant carries the facts that its explanation needs, and nothing that would help a forger: no expected value is
//! ever in it.

use crate::header;
use crate::signature::{SIGNATURE_HEX_DIGITS, TOLERANCE_SECONDS};

/// A webhook was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// None of these headers came, `hmac_sent`: but the HMAC header did.
    #[error("headers are missing")]
    Missing { headers: Vec<&'static str>, hmac_sent: bool },
    #[error("a header came more than once")]
    Repeated { header: &'static str },
    /// Bytes outside visible ASCII, empty, or too long.
    #[error("a header's value can't be what it should be")]
    Malformed { header: &'static str },
    #[error("the timestamp is not a number of seconds")]
    TimestampNotSeconds { looks_like: TimestampForm },
    /// The sender's clock minus ours, in seconds: negative for an old message.
    #[error("the timestamp is too far from now")]
    Stale { offset_seconds: i64 },
    #[error("the signature has the wrong length")]
    SignatureLength { digits: usize },
    #[error("the signature is not hexadecimal")]
    SignatureNotHex,
    #[error("the signature fits none of the known keys")]
    NoKeyFits { keys: usize, body_bytes: usize },
    #[error("the HMAC has the wrong length")]
    HmacLength { digits: usize },
    #[error("the HMAC is not hexadecimal")]
    HmacNotHex,
    #[error("the HMAC doesn't fit")]
    HmacMismatch,
}

/// What a timestamp that isn't Unix seconds seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampForm {
    Milliseconds,
    Date,
    Other,
}

impl Rejection {
    /// A stable word for logs, metrics and JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::Missing { .. } => "header_missing",
            Rejection::Repeated { .. } => "header_repeated",
            Rejection::Malformed { .. } => "header_malformed",
            Rejection::TimestampNotSeconds { .. } => "timestamp_not_seconds",
            Rejection::Stale { .. } => "timestamp_stale",
            Rejection::SignatureLength { .. } => "signature_length",
            Rejection::SignatureNotHex => "signature_not_hex",
            Rejection::NoKeyFits { .. } => "no_key_fits",
            Rejection::HmacLength { .. } => "hmac_length",
            Rejection::HmacNotHex => "hmac_not_hex",
            Rejection::HmacMismatch => "hmac_mismatch",
        }
    }

    /// May a newer set of keys change the verdict? Only then is fetching one worth it.
    pub fn keys_may_be_old(&self) -> bool {
        matches!(self, Rejection::NoKeyFits { .. })
    }

    /// What was wrong and what likely caused it, in full sentences.
    pub fn explain(&self) -> String {
        match self {
            Rejection::Missing { headers, hmac_sent } => missing(headers, *hmac_sent),
            Rejection::Repeated { header } => format!(
                "The header {header} came more than once, so it is unclear which value was signed. A proxy may have added its own."
            ),
            Rejection::Malformed { header } => {
                format!("The header {header} is empty, too long, or contains characters that it can't have.")
            }
            Rejection::TimestampNotSeconds { looks_like } => timestamp_form(*looks_like),
            Rejection::Stale { offset_seconds } => stale(*offset_seconds),
            Rejection::SignatureLength { digits } => signature_length(*digits),
            Rejection::SignatureNotHex => format!(
                "{} is not hexadecimal. Base64 and \"sha256=\" prefixes are not used by fal.",
                header::WEBHOOK_SIGNATURE
            ),
            Rejection::NoKeyFits { keys, body_bytes } => no_key_fits(*keys, *body_bytes),
            Rejection::HmacLength { digits } => hmac_length(*digits),
            Rejection::HmacNotHex => format!("{} is not hexadecimal.", header::HMAC_SIGNATURE),
            Rejection::HmacMismatch => {
                "The HMAC doesn't fit: the two sides have different secrets, or the body was changed on \
                the way, for example parsed and written again by a proxy or a framework."
                    .to_owned()
            }
        }
    }
}

fn missing(headers: &[&str], hmac_sent: bool) -> String {
    let names = headers.join(", ");
    let cause = if hmac_sent {
        format!(
            "The sender signed with HMAC ({}) where fal's Ed25519 headers are expected. Set the shared secret if this sender is yours.",
            header::HMAC_SIGNATURE
        )
    } else if headers.len() < 4 {
        "A proxy may drop headers that it doesn't know.".to_owned()
    } else {
        "The request wasn't sent by fal or a fal-compatible queue, or a proxy dropped the headers.".to_owned()
    };
    format!("Missing: {names}. {cause}")
}

fn timestamp_form(form: TimestampForm) -> String {
    let seems = match form {
        TimestampForm::Milliseconds => "It looks like milliseconds; divide by 1000.",
        TimestampForm::Date => "It looks like a date.",
        TimestampForm::Other => "It is something else.",
    };
    format!("{} must be Unix seconds, written in decimal. {seems}", header::WEBHOOK_TIMESTAMP)
}

fn stale(offset_seconds: i64) -> String {
    let seconds = offset_seconds.unsigned_abs();
    let cause = if offset_seconds < 0 {
        "The request was recorded earlier and replayed, waited in a tunnel or proxy, or the clock of one of the two machines is wrong."
    } else {
        "The clock of one of the two machines is wrong: a message can't come from the future."
    };
    let side = if offset_seconds < 0 { "behind" } else { "ahead of" };
    format!("The timestamp is {seconds} s {side} this machine's clock; {TOLERANCE_SECONDS} s are allowed. {cause}")
}

fn signature_length(digits: usize) -> String {
    let cause = match digits {
        64 => {
            "64 digits are an HMAC-SHA256 or a plain hash: the sender uses a shared secret, or signed with the wrong algorithm."
        }
        71 => "This looks like \"sha256=\" and an HMAC: the sender uses a shared secret instead of an Ed25519 key.",
        88 | 86 => "This looks like base64: an Ed25519 signature is sent in hexadecimal here.",
        _ => "The value may have been cut off on the way.",
    };
    format!("An Ed25519 signature has {SIGNATURE_HEX_DIGITS} hexadecimal digits, this one has {digits}. {cause}")
}

fn hmac_length(digits: usize) -> String {
    let cause = if digits == SIGNATURE_HEX_DIGITS {
        "That is the length of an Ed25519 signature."
    } else {
        "Some senders put the secret itself there; that is not accepted."
    };
    format!("An HMAC-SHA256 has 64 hexadecimal digits, this value has {digits}. {cause}")
}

fn no_key_fits(keys: usize, body_bytes: usize) -> String {
    let cause = if body_bytes == 0 {
        "The body is empty: something on the way consumed it before the check."
    } else {
        "Either the sender has another key (a forgery, another environment, or a rotation that this side hasn't seen), or the \
         body was changed on the way: parsed and written again, re-encoded, decompressed, or trimmed."
    };
    let plural = if keys == 1 { "key" } else { "keys" };
    format!("The signature over the {body_bytes} bytes of the body fits none of the {keys} known {plural}. {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(rejection: Rejection, words: &[&str]) {
        let explanation = rejection.explain();
        for word in words {
            assert!(explanation.contains(word), "{word:?} is not in {explanation:?}");
        }
        assert!(!rejection.code().is_empty() && explanation.ends_with('.'));
    }

    #[test]
    fn every_refusal_names_its_likely_cause() {
        says(Rejection::Stale { offset_seconds: -412 }, &["412 s behind", "300 s", "replayed"]);
        says(Rejection::Stale { offset_seconds: 3600 }, &["3600 s ahead", "future"]);
        says(Rejection::Stale { offset_seconds: i64::MIN }, &["behind"]);
        says(
            Rejection::Missing { headers: vec![header::WEBHOOK_USER_ID], hmac_sent: false },
            &["x-fal-webhook-user-id", "drop"],
        );
        says(Rejection::Missing { headers: vec!["a", "b", "c", "d"], hmac_sent: true }, &["HMAC", "Ed25519"]);
        says(Rejection::Missing { headers: vec!["a", "b", "c", "d"], hmac_sent: false }, &["wasn't sent by fal"]);
        says(Rejection::Repeated { header: "h" }, &["h", "more than once"]);
        says(Rejection::Malformed { header: "h" }, &["h", "empty"]);
        says(Rejection::SignatureLength { digits: 64 }, &["128", "64", "HMAC"]);
        says(Rejection::SignatureLength { digits: 71 }, &["sha256="]);
        says(Rejection::SignatureLength { digits: 88 }, &["base64"]);
        says(Rejection::SignatureLength { digits: 3 }, &["cut off"]);
        says(Rejection::SignatureNotHex, &["hexadecimal"]);
        says(Rejection::NoKeyFits { keys: 2, body_bytes: 10 }, &["10 bytes", "2 known keys", "changed on the way"]);
        says(Rejection::NoKeyFits { keys: 1, body_bytes: 0 }, &["1 known key.", "empty"]);
        says(Rejection::TimestampNotSeconds { looks_like: TimestampForm::Milliseconds }, &["1000"]);
        says(Rejection::TimestampNotSeconds { looks_like: TimestampForm::Date }, &["date"]);
        says(Rejection::TimestampNotSeconds { looks_like: TimestampForm::Other }, &["Unix seconds"]);
        says(Rejection::HmacLength { digits: 128 }, &["Ed25519"]);
        says(Rejection::HmacLength { digits: 9 }, &["secret itself"]);
        says(Rejection::HmacNotHex, &["hexadecimal"]);
        says(Rejection::HmacMismatch, &["secrets"]);
    }
}

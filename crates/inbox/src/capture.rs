//! What is kept of a request for people to look at: bounded, and without secrets.

use sha2::{Digest, Sha256};

/// The most headers that are kept.
const HEADERS_MAX: usize = 64;

/// The longest value that is kept, in bytes: every signed header fits.
const VALUE_BYTES_MAX: usize = 1024;

/// What is kept of a body that was refused, in bytes.
pub const REFUSED_BODY_BYTES_MAX: usize = 16 * 1024;

/// Headers whose values open doors; they have no business in a webhook, and are never stored.
const SECRETS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

/// Name and value of each header, as text: what isn't UTF-8 is replaced, what is long is cut, what is secret is left out.
pub fn headers<'h>(headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Vec<(String, String)> {
    headers.into_iter().take(HEADERS_MAX).map(|(name, value)| (name.to_ascii_lowercase(), text(name, value))).collect()
}

/// Names a body: what tells a repetition from another event.
pub fn sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

fn text(name: &str, value: &[u8]) -> String {
    if SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret)) {
        return "(not kept)".to_owned();
    }
    String::from_utf8_lossy(&value[..value.len().min(VALUE_BYTES_MAX)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_floods_are_not_kept() {
        let long = vec![b'x'; 5000];
        let kept = headers([("Authorization", &b"Key id:secret"[..]), ("X-Long", &long), ("x-odd", b"\xff\x00")]);
        assert_eq!(kept[0], ("authorization".into(), "(not kept)".into()));
        assert_eq!(kept[1].1.len(), VALUE_BYTES_MAX);
        assert_eq!(kept[2].1, "\u{fffd}\0");
        let many: Vec<(&str, &[u8])> = vec![("a", b"b"); 1000];
        assert_eq!(headers(many).len(), HEADERS_MAX);
    }
}

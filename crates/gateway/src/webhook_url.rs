//! Finds the `fal_webhook` of a submit.
//!
//! Clients encode the address; the documentation's own examples paste it as it is. Both are read.

use url::Url;

/// The longest webhook address, in bytes: some browsers and proxies stop at 2,048 too.
const WEBHOOK_BYTES_MAX: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebhookFault {
    #[error("'fal_webhook' must be an absolute http or https address.")]
    NoAddress,
    #[error("'fal_webhook' must have at most {WEBHOOK_BYTES_MAX} bytes.")]
    TooLong,
}

/// `query` is the raw text after the question mark. An empty value counts as none.
pub(crate) fn read(query: Option<&str>) -> Result<Option<Url>, WebhookFault> {
    let pairs = query.unwrap_or_default().split('&');
    let Some(value) = pairs.filter_map(|pair| pair.strip_prefix("fal_webhook=")).find(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = if is_pasted(value) { value.to_owned() } else { decoded(value) };
    if text.len() > WEBHOOK_BYTES_MAX {
        return Err(WebhookFault::TooLong);
    }
    let url = Url::parse(&text).ok().filter(|url| is_address(url.as_str()) && url.has_host());
    url.map(Some).ok_or(WebhookFault::NoAddress)
}

/// An address as it stands, and not one whose own query alone was encoded: `https://a.test/hook%3Fjob%3D1`.
fn is_pasted(value: &str) -> bool {
    is_address(value) && (value.contains('?') || !value.to_ascii_lowercase().contains("%3f"))
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// One form-encoded value.
fn decoded(value: &str) -> String {
    // The value holds no '&', so this is one pair whose value begins after its first '='.
    let pair = format!("v={value}");
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(query: &str, expected: Result<Option<&str>, WebhookFault>) {
        let found = read(Some(query));
        assert_eq!(found.as_ref().map(|url| url.as_ref().map(Url::as_str)), expected.as_ref().copied(), "{query}");
    }

    #[test]
    fn encoded_and_pasted_addresses_are_read() {
        let url = "https://shop.test/hook?job=1";
        finds("fal_webhook=https%3A%2F%2Fshop.test%2Fhook%3Fjob%3D1", Ok(Some(url)));
        finds("fal_webhook=https://shop.test/hook?job=1", Ok(Some(url)));
        finds("logs=1&fal_webhook=https://shop.test/hook?job=1&x=2", Ok(Some(url)));
        finds("fal_webhook=http%3A%2F%2Fa.test%2F%3Fq%3Da%2Bb%2520c", Ok(Some("http://a.test/?q=a+b%20c")));
        finds(
            "fal_webhook=https://a.test/?next=https%3A%2F%2Fb.test",
            Ok(Some("https://a.test/?next=https%3A%2F%2Fb.test")),
        );
        finds("fal_webhook=HTTPS%3A%2F%2FA.test", Ok(Some("https://a.test/")));
        // As fal's guides write it: only what would end the value is encoded.
        finds("fal_webhook=https://shop.test/hook%3Fjob%3D1", Ok(Some(url)));
        finds("fal_webhook=https://shop.test/a%20b", Ok(Some("https://shop.test/a%20b")));
    }

    #[test]
    fn no_webhook_is_no_error() {
        for query in ["", "logs=1", "fal_webhook=", "x_fal_webhook=http://a.test", "fal_webhook"] {
            finds(query, Ok(None));
        }
        assert_eq!(read(None), Ok(None));
    }

    #[test]
    fn anything_but_an_http_address_is_refused() {
        for bad in
            ["shop.test/hook", "/hook", "ftp://a.test", "javascript:alert(1)", "http://", "https%3A%2F%2F", "%FF%FE"]
        {
            finds(&format!("fal_webhook={bad}"), Err(WebhookFault::NoAddress));
        }
        finds(&format!("fal_webhook=http://a.test/{}", "x".repeat(2048)), Err(WebhookFault::TooLong));
    }
}

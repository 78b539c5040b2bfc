//! Where a queue's four hosts are, and the key that opens them.

use std::fmt;

use http::HeaderValue;
use url::Url;

/// Base addresses. Each may have a path prefix, with or without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    pub queue: Url,
    pub run: Url,
    pub rest: Url,
    pub cdn: Url,
}

impl Endpoints {
    /// fal's own hosts.
    pub fn fal() -> Endpoints {
        let url = |text: &str| Url::parse(text).expect("a constant that a test parses");
        Endpoints {
            queue: url("https://queue.fal.run"),
            run: url("https://fal.run"),
            rest: url("https://rest.fal.ai"),
            cdn: url("https://v3.fal.media"),
        }
    }

    /// A gateway that serves the four hosts under the prefixes `/queue`, `/run`, `/rest` and `/cdn` of one address.
    pub fn under(gateway: &Url) -> Endpoints {
        let below = |path: &str| join(gateway, path);
        Endpoints { queue: below("queue"), run: below("run"), rest: below("rest"), cdn: below("cdn") }
    }
}

/// `base` with `path` behind its own path, whatever slashes there are.
pub(crate) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/')));
    url
}

/// A credential, `<id>:<secret>`. Debug output doesn't show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(HeaderValue);

/// The text can't be sent in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key is made of visible ASCII characters")]
pub struct ApiKeyError;

impl ApiKey {
    pub fn new(key: &str) -> Result<ApiKey, ApiKeyError> {
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiKeyError);
        }
        let mut value = HeaderValue::try_from(format!("Key {key}")).map_err(|_| ApiKeyError)?;
        value.set_sensitive(true);
        Ok(ApiKey(value))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_slashes_are_joined_once() {
        assert_eq!(Endpoints::fal().queue.as_str(), "https://queue.fal.run/");
        for base in ["http://a.test", "http://a.test/"] {
            let endpoints = Endpoints::under(&base.parse().unwrap());
            assert_eq!(endpoints.queue.as_str(), "http://a.test/queue");
            assert_eq!(endpoints.cdn.as_str(), "http://a.test/cdn");
        }
        assert_eq!(join(&"http://a.test/x/".parse().unwrap(), "/b/c").as_str(), "http://a.test/x/b/c");
    }

    #[test]
    fn a_key_never_shows_itself() {
        let key = ApiKey::new("id:secret").unwrap();
        assert!(!format!("{key:?} {:?}", key.header()).contains("id:secret"));
        for bad in ["", "a b", "a\nb", "ü"] {
            assert_eq!(ApiKey::new(bad), Err(ApiKeyError), "{bad:?}");
        }
    }
}

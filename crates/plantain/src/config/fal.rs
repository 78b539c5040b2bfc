//! Which queue the studio submits to: the embedded one, or any that speaks fal's protocol.

use plantain_client::endpoints::{ApiKey, Endpoints};
use plantain_wire::id::UserId;
use url::Url;

use super::error::ConfigError;
use super::network::{base_url, yes};
use super::secret::Secret;
use super::source::Sources;

/// `FAL_KEY`, `FAL_*_URL`, `FAL_IDEMPOTENT`, `FAL_USER_ID`, `FAL_WEBHOOK_SECRET`.
#[derive(Clone, Debug)]
pub struct Fal {
    pub backend: Backend,
    /// The account whose webhooks are believed, where the operator pinned it.
    pub user_id: Option<UserId>,
    pub webhook_secret: Option<Secret>,
}

#[derive(Clone, Debug)]
pub enum Backend {
    /// The queue in this process.
    Embedded,
    /// fal.ai, or whatever the addresses say.
    Remote(Box<Remote>),
}

/// A queue elsewhere.
#[derive(Clone, Debug)]
pub struct Remote {
    pub key: ApiKey,
    pub hosts: Endpoints,
    /// Where the keys of its webhooks are published.
    pub jwks: Url,
    /// The operator says that it honours `Idempotency-Key`.
    pub idempotent: bool,
}

const IDEMPOTENT: &str = "FAL_IDEMPOTENT";

/// Below the REST host.
const JWKS_PATH: &str = ".well-known/jwks.json";

const URLS: [&str; 5] = ["FAL_QUEUE_URL", "FAL_RUN_URL", "FAL_REST_URL", "FAL_CDN_URL", "FAL_JWKS_URL"];

impl Fal {
    pub fn parse(sources: &Sources) -> Result<Fal, ConfigError> {
        let user_id = sources.get("FAL_USER_ID").map(|written| {
            let fix = "write the account's id as it stands in the header x-fal-webhook-user-id";
            UserId::parse(written.text.trim()).map_err(|e| written.invalid(e.to_string(), fix))
        });
        Ok(Fal {
            backend: backend(sources)?,
            user_id: user_id.transpose()?,
            webhook_secret: sources.get("FAL_WEBHOOK_SECRET").map(|w| Secret::new(w.text.clone())),
        })
    }
}

fn backend(sources: &Sources) -> Result<Backend, ConfigError> {
    let Some(key) = sources.get("FAL_KEY") else {
        // An address without a key would silently be ignored.
        return match URLS.iter().chain(&[IDEMPOTENT]).find_map(|name| sources.get(name)) {
            Some(written) => Err(written.invalid("it needs a key", "set FAL_KEY too, or remove this setting")),
            None => Ok(Backend::Embedded),
        };
    };
    let fix = "copy the key from fal's dashboard as one word, id:secret";
    let key = ApiKey::new(key.text.trim()).map_err(|e| key.invalid(e.to_string(), fix))?;
    let usual = Endpoints::fal();
    let host = |name, usual: Url| sources.get(name).map_or(Ok(usual), base_url);
    let hosts = Endpoints {
        queue: host("FAL_QUEUE_URL", usual.queue)?,
        run: host("FAL_RUN_URL", usual.run)?,
        rest: host("FAL_REST_URL", usual.rest)?,
        cdn: host("FAL_CDN_URL", usual.cdn)?,
    };
    let jwks = host("FAL_JWKS_URL", beside(&hosts.rest))?;
    let idempotent = sources.get(IDEMPOTENT).map_or(Ok(false), yes)?;
    Ok(Backend::Remote(Box::new(Remote { key, hosts, jwks, idempotent })))
}

fn beside(rest: &Url) -> Url {
    let mut url = rest.clone();
    url.set_path(&format!("{}/{JWKS_PATH}", rest.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fal(pairs: &[(&'static str, &str)]) -> Result<Fal, ConfigError> {
        Fal::parse(&Sources::of(pairs.iter().map(|(name, value)| (*name, (*value).to_owned()))).unwrap())
    }

    #[test]
    fn a_key_alone_means_fals_own_hosts() {
        let Backend::Remote(remote) = fal(&[("FAL_KEY", "a:b")]).unwrap().backend else { panic!("embedded") };
        assert_eq!(remote.hosts, Endpoints::fal());
        assert_eq!(remote.jwks.as_str(), "https://rest.fal.ai/.well-known/jwks.json");
        assert!(matches!(fal(&[]).unwrap().backend, Backend::Embedded));
    }

    #[test]
    fn another_server_publishes_its_keys_beside_its_rest_address() {
        let pairs = [("FAL_KEY", "a:b"), ("FAL_REST_URL", "http://10.0.0.1:8788/rest/")];
        let Backend::Remote(remote) = fal(&pairs).unwrap().backend else { panic!("embedded") };
        assert_eq!(remote.jwks.as_str(), "http://10.0.0.1:8788/rest/.well-known/jwks.json");
    }

    #[test]
    fn a_queue_elsewhere_is_taken_for_forgetful_unless_the_operator_says_otherwise() {
        for (said, expected) in [(None, false), (Some("0"), false), (Some("1"), true)] {
            let said = said.map(|said| ("FAL_IDEMPOTENT", said));
            let pairs: Vec<_> = [("FAL_KEY", "a:b")].into_iter().chain(said).collect();
            let Backend::Remote(remote) = fal(&pairs).unwrap().backend else { panic!("embedded") };
            assert_eq!(remote.idempotent, expected);
        }
    }

    #[test]
    fn what_would_be_ignored_or_refused_later_is_refused_now() {
        for (pairs, says) in [
            (&[("FAL_QUEUE_URL", "http://a.test")][..], "FAL_QUEUE_URL (from the command line): it needs a key"),
            (&[("FAL_IDEMPOTENT", "1")], "FAL_IDEMPOTENT (from the command line): it needs a key"),
            (&[("FAL_KEY", "hunter 2")], "FAL_KEY"),
            (&[("FAL_KEY", "a:b"), ("FAL_CDN_URL", "cdn")], "FAL_CDN_URL"),
            (&[("FAL_USER_ID", "two words")], "FAL_USER_ID"),
        ] {
            let said = fal(pairs).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
            assert!(!said.contains("hunter"), "a key must not be printed: {said}");
        }
    }
}

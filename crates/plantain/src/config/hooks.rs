//! Whom the operator wants to be told of everything.

use plantain_studio::messages::hook::{HookSecret, postable};
use url::Url;

use super::error::ConfigError;
use super::source::{Sources, Written};

/// `STUDIO_HOOK_URL`, `STUDIO_HOOK_SECRET`.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    pub operator: Option<Operator>,
}

/// A receiver and what messages to it are signed with.
#[derive(Clone)]
pub struct Operator {
    /// May hold a secret.
    pub url: Url,
    pub secret: Option<HookSecret>,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Operator({})", self.url.host_str().unwrap_or_default())
    }
}

impl Hooks {
    pub fn parse(sources: &Sources) -> Result<Hooks, ConfigError> {
        let secret = sources.get("STUDIO_HOOK_SECRET").map(secret).transpose()?;
        let Some(written) = sources.get("STUDIO_HOOK_URL").filter(|written| !written.text.trim().is_empty()) else {
            return Ok(Hooks::default());
        };
        Ok(Hooks { operator: Some(Operator { url: url(written)?, secret }) })
    }
}

/// The address itself is not repeated: such ones often hold a token.
fn url(written: &Written) -> Result<Url, ConfigError> {
    let fix = "write http:// or https://, without a user name before the host";
    postable(written.text.trim()).ok_or_else(|| written.invalid("it is no address that can be posted to", fix))
}

fn secret(written: &Written) -> Result<HookSecret, ConfigError> {
    let fix = "write 16 to 200 visible characters, or whsec_ and the base64 of 24 to 64 bytes";
    HookSecret::given(written.text.trim()).ok_or_else(|| written.invalid("it is no secret that can be used", fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(pairs: &[(&'static str, &str)]) -> Result<Hooks, ConfigError> {
        Hooks::parse(&Sources::of(pairs.iter().map(|(name, value)| (*name, (*value).to_owned()))).unwrap())
    }

    #[test]
    fn a_receiver_is_an_address_and_perhaps_a_secret() {
        assert!(hooks(&[]).unwrap().operator.is_none());
        let (url, text) = ("http://10.0.0.5:5678/webhook/studio?token=hunter2", "sixteen-letters!");
        let operator = hooks(&[("STUDIO_HOOK_URL", url), ("STUDIO_HOOK_SECRET", text)]).unwrap().operator.unwrap();
        assert_eq!((operator.url.as_str(), operator.secret.as_ref().unwrap().reveal()), (url, text));
        assert!(!format!("{operator:?}").contains("hunter2"));
        for bad in ["ftp://a.example/hunter2", "https://me:hunter2@a.example/", "hunter2"] {
            let said = hooks(&[("STUDIO_HOOK_URL", bad)]).unwrap_err().to_string();
            assert!(said.contains("STUDIO_HOOK_URL") && !said.contains("hunter2"), "{said}");
        }
        let said = hooks(&[("STUDIO_HOOK_SECRET", "hunter2")]).unwrap_err().to_string();
        assert!(said.contains("STUDIO_HOOK_SECRET") && !said.contains("hunter2"), "{said}");
    }
}

//! The operator's account at WhatsApp's Cloud API.

use plantain_outbound::Policy;
use plantain_studio::messages::whatsapp::{Patience, Templates, Whatsapp};
use plantain_whatsapp::{Graph, Secret};
use url::Url;

use super::error::ConfigError;
use super::secret;
use super::source::{Sources, Written};

/// Where messages go where nothing else is said.
pub const USUAL_GRAPH: &str = "https://graph.facebook.com/v25.0";

/// Bytes of a template's name; Meta allows no more.
const NAME_BYTES_MAX: usize = 512;

/// `WHATSAPP_…`: all that sending takes.
#[derive(Clone, Debug)]
pub struct Account {
    pub token: secret::Secret,
    /// Digits, as Meta shows it beside the number.
    pub phone_number_id: String,
    pub app_secret: secret::Secret,
    pub verify_token: secret::Secret,
    pub templates: Templates,
    /// With the version.
    pub graph: Url,
}

impl Account {
    /// What the studio sends with.
    pub fn open(&self, policy: &Policy) -> anyhow::Result<Whatsapp> {
        let secret = |text: &secret::Secret| Secret::new(text.reveal());
        Ok(Whatsapp {
            graph: Graph::new(policy, self.graph.clone(), self.phone_number_id.clone(), secret(&self.token))?,
            app_secret: secret(&self.app_secret),
            verify_token: secret(&self.verify_token),
            templates: self.templates.clone(),
            patience: Patience::default(),
        })
    }
}

/// The four that belong together.
const NEEDED: [&str; 4] =
    ["WHATSAPP_TOKEN", "WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"];

/// `None`: nothing goes by WhatsApp.
pub fn parse(sources: &Sources) -> Result<Option<Account>, ConfigError> {
    let given = NEEDED.map(|name| sources.get(name).filter(|written| !written.text.trim().is_empty()));
    let [token, sender, app_secret, verify_token] = match given {
        [Some(token), Some(sender), Some(app_secret), Some(verify_token)] => [token, sender, app_secret, verify_token],
        [None, None, None, None] => return Ok(None),
        some => return Err(missing(some)),
    };
    let hidden = |written: &Written| secret::Secret::new(written.text.trim());
    let sender_id = sender.text.trim();
    if sender_id.is_empty() || sender_id.len() > 32 || !sender_id.bytes().all(|byte| byte.is_ascii_digit()) {
        let fix = "write the digits that Meta shows as \"Phone number ID\", which is not the telephone number";
        return Err(sender.invalid("it is no id of a phone number", fix));
    }
    if !token.text.trim().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            token.invalid("it has characters that no token has", "copy the token once more, without line breaks")
        );
    }
    let usual = Templates::default();
    Ok(Some(Account {
        token: hidden(token),
        phone_number_id: sender_id.to_owned(),
        app_secret: hidden(app_secret),
        verify_token: hidden(verify_token),
        templates: Templates {
            job: template(sources.get("WHATSAPP_TEMPLATE"))?.unwrap_or(usual.job),
            batch: template(sources.get("WHATSAPP_BATCH_TEMPLATE"))?.unwrap_or(usual.batch),
        },
        graph: match sources.get("WHATSAPP_GRAPH_URL") {
            Some(written) => graph(written)?,
            None => Url::parse(USUAL_GRAPH).expect("the constant is a URL"),
        },
    }))
}

/// One that is there is told what else it needs.
fn missing(given: [Option<&Written>; 4]) -> ConfigError {
    let there = given.iter().flatten().next().expect("one of them is there");
    let at = given.iter().position(Option::is_none).expect("one of them is missing");
    let (problem, fix) = match at {
        0 => (
            "there is no token that opens the API",
            "set WHATSAPP_TOKEN too: a system user's token with whatsapp_business_messaging",
        ),
        1 => (
            "nobody is named whom messages come from",
            "set WHATSAPP_PHONE_NUMBER_ID too: the digits that Meta shows beside the number",
        ),
        2 => {
            ("what Meta posts can't be verified", "set WHATSAPP_APP_SECRET too: the secret in the app's basic settings")
        }
        _ => (
            "the webhook can't be set up at Meta",
            "set WHATSAPP_VERIFY_TOKEN too: any text of your own, which is entered at Meta as well",
        ),
    };
    there.invalid(problem, fix)
}

fn template(written: Option<&Written>) -> Result<Option<String>, ConfigError> {
    let Some(written) = written else { return Ok(None) };
    let name = written.text.trim();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(written.invalid("it is no name of a template", "write small letters, digits and _, as Meta has it"));
    }
    Ok(Some(name.to_owned()))
}

fn graph(written: &Written) -> Result<Url, ConfigError> {
    let url = Url::parse(written.text.trim()).ok().filter(|url| {
        let whole = url.has_host() && url.query().is_none() && url.fragment().is_none();
        let open = url.username().is_empty() && url.password().is_none();
        // The token goes along with each request.
        let here = url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        whole && open && (url.scheme() == "https" || (url.scheme() == "http" && here))
    });
    let fix = "write https:// and the version, as in https://graph.facebook.com/v25.0; http:// on this machine alone";
    url.ok_or_else(|| written.invalid("it is no address of the API", fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 4] = [
        ("WHATSAPP_TOKEN", "EAAhunter2"),
        ("WHATSAPP_PHONE_NUMBER_ID", "106540352242922"),
        ("WHATSAPP_APP_SECRET", "hunter2hunter2"),
        ("WHATSAPP_VERIFY_TOKEN", "hunter2-of-mine"),
    ];

    fn account(pairs: &[(&'static str, &str)]) -> Result<Option<Account>, ConfigError> {
        parse(&Sources::of(pairs.iter().map(|(name, text)| (*name, (*text).to_owned()))).unwrap())
    }

    #[test]
    fn all_four_or_none_and_the_rest_is_usual() {
        assert!(account(&[]).unwrap().is_none());
        let whole = account(&ALL).unwrap().unwrap();
        assert!(!format!("{whole:?}").contains("hunter2"), "{whole:?}");
        assert_eq!((whole.graph.as_str(), whole.templates.clone()), (USUAL_GRAPH, Templates::default()));
        assert!(!format!("{:?}", whole.open(&Policy::public()).unwrap()).contains("hunter2"));
        for missing in ALL {
            let some: Vec<_> = ALL.into_iter().filter(|known| *known != missing).collect();
            let said = account(&some).unwrap_err().to_string();
            assert!(said.contains(missing.0) && !said.contains("hunter2"), "{said}");
            let said = account(&[missing]).unwrap_err().to_string();
            assert!(said.contains("too") && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused_and_no_secret_is_said() {
        for (name, text) in [
            ("WHATSAPP_TOKEN", "EAA hunter2"),
            ("WHATSAPP_PHONE_NUMBER_ID", "+91 98765 43210"),
            ("WHATSAPP_TEMPLATE", "Pictures ready"),
            ("WHATSAPP_BATCH_TEMPLATE", "batch-ready"),
            ("WHATSAPP_GRAPH_URL", "graph.facebook.com"),
            ("WHATSAPP_GRAPH_URL", "http://graph.example/v25.0"),
            ("WHATSAPP_GRAPH_URL", "https://me:hunter2@graph.example/v25.0"),
        ] {
            let pairs: Vec<_> = ALL.into_iter().filter(|(known, _)| *known != name).chain([(name, text)]).collect();
            let said = account(&pairs).unwrap_err().to_string();
            assert!(said.contains(name) && !said.contains("hunter2"), "{said}");
        }
        let here: Vec<_> = ALL.into_iter().chain([("WHATSAPP_GRAPH_URL", "http://127.0.0.1:9/v25.0")]).collect();
        assert_eq!(account(&here).unwrap().unwrap().graph.as_str(), "http://127.0.0.1:9/v25.0");
    }
}

//! A running queue's console, asked through its API by the commands that look after a queue.

use anyhow::{Context as _, bail};
use plantain_outbound::transport;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::{Context, Output, stdout};
use crate::config::secret::Secret;
use crate::data::DataFolder;

/// Larger than any list that a person looks through.
const ANSWER_BYTES_MAX: usize = 16 << 20;

const ANSWER_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(30);

/// Which queue a command talks to.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// Address of the queue, or of the studio for its keys [default: the one of this machine].
    #[arg(long, global = true, value_name = "URL")]
    pub(super) server: Option<Url>,
}

/// A running queue's console, and the token that opens it.
pub(super) struct Console {
    base: Url,
    token: Secret,
}

impl Console {
    pub(super) fn of(At { server }: &At, context: &Context) -> anyhow::Result<Console> {
        let network = &context.config.network;
        let here = || format!("http://{}", network.gateway_listen).parse();
        let base = server.clone().map_or_else(here, Ok)?;
        let token = admin_token(server.as_ref(), context)?;
        Ok(Console { base, token })
    }

    pub(super) async fn call(&self, method: Method, path: &[&str], body: Option<Value>) -> anyhow::Result<Value> {
        self.ask(method, address(&self.base, path)?, body).await
    }

    /// With a query; what is `None` is left out.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, Option<String>)]) -> anyhow::Result<Value> {
        let mut url = address(&self.base, path)?;
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.ask(Method::GET, url, None).await
    }

    async fn ask(&self, method: Method, url: Url, body: Option<Value>) -> anyhow::Result<Value> {
        let http = transport::builder()?.build()?;
        let request = http.request(method, url).bearer_auth(self.token.reveal()).timeout(ANSWER_TIME_MAX);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let unreachable =
            || format!("no queue answers at {}; start it with `plantain serve`, or name it with --server", self.base);
        let response = request.send().await.with_context(unreachable)?;
        let status = response.status();
        let bytes = transport::read_whole(response, ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|_| anyhow::anyhow!("the answer of {} broke off", self.base))?;
        let answer: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no queue of Plantain (it answered {status})", self.base))?;
        if !status.is_success() {
            bail!("{}", refused(&self.base, &answer));
        }
        Ok(answer)
    }
}

/// What opens a server that somebody named, or the one of this machine.
pub(super) fn admin_token(server: Option<&Url>, context: &Context) -> anyhow::Result<Secret> {
    match (&context.config.access.admin_token, server) {
        (Some(token), _) => Ok(token.clone()),
        // The folder's token is this machine's; a slip in a host's name must not hand it out.
        (None, Some(base)) if !is_here(base) => {
            bail!("{base} is another machine: set PLANTAIN_ADMIN_TOKEN to the token of the queue there")
        }
        (None, _) => Ok(DataFolder::admin_token(&context.config.storage.data)?),
    }
}

/// In the words of whoever answered. A studio, which has another form of an error, can't do what a queue is asked for.
fn refused(base: &Url, answer: &Value) -> String {
    match (answer["detail"].as_str(), answer["error"]["code"].as_str()) {
        (Some(said), _) => said.to_owned(),
        (None, Some(_)) => format!(
            "{base} is a studio, not a queue; give --server the queue's address, which `plantain serve` shows beside the studio's"
        ),
        (None, None) => "the queue refused, and did not say why".to_owned(),
    }
}

fn is_here(base: &Url) -> bool {
    match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

/// Each part is one segment of the path, whatever is in it: what somebody types as an id leads nowhere else.
fn address(base: &Url, path: &[&str]) -> anyhow::Result<Url> {
    if let Some(part) = path.iter().find(|part| matches!(**part, "" | "." | "..")) {
        bail!("`{part}` is no id");
    }
    let mut url = base.clone();
    let segments = url.path_segments_mut().map(|mut segments| {
        segments.pop_if_empty().extend(["console", "api"]).extend(path);
    });
    segments
        .map_err(|()| anyhow::anyhow!("{base} is no address of a queue; write one such as http://127.0.0.1:8788"))?;
    Ok(url)
}

pub(super) fn print(
    context: &Context,
    answer: &Value,
    text: impl Fn(&Value) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    match context.output {
        Output::Json => stdout::line(answer)?,
        Output::Text => stdout::line(text(answer)?)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn leads_to(base: &str, id: &str, expected: &str) {
        assert_eq!(address(&base.parse().unwrap(), &["keys", id]).unwrap().as_str(), expected, "{id}");
    }

    #[test]
    fn who_refuses_is_told_apart() {
        let base: Url = "http://a.test/".parse().unwrap();
        let studio = serde_json::json!({ "error": { "code": "not_found", "message": "No.", "hint": "" } });
        assert!(refused(&base, &studio).contains("http://a.test/ is a studio, not a queue"));
        assert_eq!(refused(&base, &serde_json::json!({ "detail": "No." })), "No.");
        assert!(refused(&base, &Value::Null).contains("did not say why"));
    }

    #[test]
    fn only_this_machine_is_here() {
        for (base, here) in [
            ("http://127.0.0.1:8788", true),
            ("http://[::1]:8788", true),
            ("http://0.0.0.0:8788", true),
            ("http://localhost:8788", true),
            ("http://localhost.example:8788", false),
            ("http://192.168.1.7:8788", false),
            ("https://queue.example", false),
        ] {
            assert_eq!(is_here(&base.parse().unwrap()), here, "{base}");
        }
    }

    #[test]
    fn an_id_leads_to_keys_whatever_is_in_it() {
        leads_to("http://a.test", "1f0c", "http://a.test/console/api/keys/1f0c");
        leads_to("http://a.test/queue/", "1f0c", "http://a.test/queue/console/api/keys/1f0c");
        leads_to("http://a.test", "../../x?y#z", "http://a.test/console/api/keys/..%2F..%2Fx%3Fy%23z");
        for none in ["", ".", ".."] {
            let said = address(&"http://a.test".parse().unwrap(), &["deliveries", none]).unwrap_err().to_string();
            assert_eq!(said, format!("`{none}` is no id"));
        }
        assert!(address(&"mailto:a@b.test".parse().unwrap(), &["keys"]).is_err());
    }
}

//! `plantain keys`: API keys of the queue, through the console's API of a running one.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use plantain_outbound::transport;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::table::Table;
use super::{Context, Outcome, Output};
use crate::config::secret::Secret;
use crate::data::DataFolder;

/// Create, list and revoke API keys of a running queue.
///
/// Talks to the queue of this machine with the admin token of the data folder, or to --server with PLANTAIN_ADMIN_TOKEN.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain keys create shop
  plantain keys create bulk --concurrency 2 --per-minute 60
  plantain keys list
  plantain keys revoke 1f0c9a7be2d84a55")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    /// Address of the queue [default: the one of this machine].
    #[arg(long, global = true, value_name = "URL")]
    server: Option<Url>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a key and print it; its secret is shown this once.
    Create(Create),
    /// List all keys.
    List,
    /// End a key at once.
    Revoke {
        /// The part of the key before the colon.
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What to call it.
    name: String,
    /// Let it act for this account; without one, it gets an account of its own.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// It may look after the whole queue.
    #[arg(long)]
    admin: bool,
    /// Requests that run at the same time [default: QUEUE_KEY_CONCURRENCY].
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Calls that make work, in a minute [default: QUEUE_KEY_PER_MINUTE].
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    id: String,
    name: String,
    user_id: String,
    scope: String,
    concurrency: Option<u32>,
    per_minute: Option<u32>,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
    configured: bool,
    key: Option<String>,
}

/// Larger than the list of any number of keys that a person looks after.
const ANSWER_BYTES_MAX: usize = 16 << 20;

const ANSWER_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(30);

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let console = Console::of(args, context)?;
    match &args.action {
        Action::Create(create) => {
            let answer = console.call(reqwest::Method::POST, &["keys"], Some(create.wish())).await?;
            print(context, &answer, |answer| {
                let key: Key = serde_json::from_value(answer.clone())?;
                Ok(key.key.unwrap_or_default())
            })?;
        }
        Action::List => {
            let answer = console.call(reqwest::Method::GET, &["keys"], None).await?;
            print(context, &answer, |answer| {
                let keys: Vec<Key> = serde_json::from_value(answer["keys"].clone())?;
                Ok(listed(&keys))
            })?;
        }
        Action::Revoke { id } => {
            let answer = console.call(reqwest::Method::DELETE, &["keys", id], None).await?;
            print(context, &answer, |_| Ok(format!("{id} is revoked")))?;
        }
    }
    Ok(Outcome::Done)
}

impl Create {
    fn wish(&self) -> Value {
        json!({
            "name": self.name,
            "userId": self.user,
            "scope": if self.admin { "ADMIN" } else { "API" },
            "concurrency": self.concurrency,
            "perMinute": self.per_minute,
        })
    }
}

/// A running queue's console, and the token that opens it.
struct Console {
    base: Url,
    token: Secret,
}

impl Console {
    fn of(args: &Args, context: &Context) -> anyhow::Result<Console> {
        let network = &context.config.network;
        let here = || format!("http://{}", network.gateway_listen).parse();
        let base = args.server.clone().map_or_else(here, Ok)?;
        let token = match &context.config.access.admin_token {
            Some(token) => token.clone(),
            None => DataFolder::admin_token(&context.config.storage.data)?,
        };
        Ok(Console { base, token })
    }

    async fn call(&self, method: reqwest::Method, path: &[&str], body: Option<Value>) -> anyhow::Result<Value> {
        let url = address(&self.base, path)?;
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
            bail!("{}", answer["detail"].as_str().unwrap_or("the queue refused, and did not say why"));
        }
        Ok(answer)
    }
}

/// Each part is one segment of the path, whatever is in it: what somebody types as an id leads nowhere else.
fn address(base: &Url, path: &[&str]) -> anyhow::Result<Url> {
    let mut url = base.clone();
    let segments = url.path_segments_mut().map(|mut segments| {
        segments.pop_if_empty().extend(["console", "api"]).extend(path);
    });
    segments
        .map_err(|()| anyhow::anyhow!("{base} is no address of a queue; write one such as http://127.0.0.1:8788"))?;
    Ok(url)
}

fn print(context: &Context, answer: &Value, text: impl Fn(&Value) -> anyhow::Result<String>) -> anyhow::Result<()> {
    match context.output {
        Output::Json => println!("{answer}"),
        Output::Text => println!("{}", text(answer)?),
    }
    Ok(())
}

fn listed(keys: &[Key]) -> String {
    let limit = |limit: Option<u32>| limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
    let state = |key: &Key| match (key.configured, key.revoked_at) {
        (true, _) => "configured".to_owned(),
        (false, None) => format!("since {}", key.created_at.strftime("%Y-%m-%d")),
        (false, Some(at)) => format!("revoked {}", at.strftime("%Y-%m-%d")),
    };
    let mut table = Table::new(["id", "name", "account", "scope", "at once", "a minute", "state"]);
    for key in keys {
        let (at_once, a_minute) = (limit(key.concurrency), limit(key.per_minute));
        table.row([&key.id, &key.name, &key.user_id, &key.scope, &at_once, &a_minute, &state(key)]);
    }
    table.render().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn leads_to(base: &str, id: &str, expected: &str) {
        assert_eq!(address(&base.parse().unwrap(), &["keys", id]).unwrap().as_str(), expected, "{id}");
    }

    #[test]
    fn an_id_leads_to_keys_whatever_is_in_it() {
        leads_to("http://a.test", "1f0c", "http://a.test/console/api/keys/1f0c");
        leads_to("http://a.test/queue/", "1f0c", "http://a.test/queue/console/api/keys/1f0c");
        leads_to("http://a.test", "../../x?y#z", "http://a.test/console/api/keys/..%2F..%2Fx%3Fy%23z");
        leads_to("http://a.test", "..", "http://a.test/console/api/keys");
        assert!(address(&"mailto:a@b.test".parse().unwrap(), &["keys"]).is_err());
    }
}

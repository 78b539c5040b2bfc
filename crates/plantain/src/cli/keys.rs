//! `plantain keys`: API keys of the queue, through the console's API of a running one; and those of the studio.

mod studio;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::console::{At, Console, print};
use super::table::Table;
use super::{Context, Outcome};

/// Create, list, change and revoke API keys of a running queue, or of a running studio (`plantain keys studio`).
///
/// Talks to the queue of this machine with the admin token of the data folder, or to --server with PLANTAIN_ADMIN_TOKEN.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain keys create shop
  plantain keys create bulk --concurrency 2 --per-minute 60
  plantain keys create legacy --hmac sha256 --words completed
  plantain keys set 1f0c9a7be2d84a55 --standard on
  plantain keys set 1f0c9a7be2d84a55 --hmac hex --hmac-secret-file secret.txt
  plantain keys list
  plantain keys revoke 1f0c9a7be2d84a55
  plantain keys studio create n8n --tier paid --budget 5")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    at: At,
}

/// Longer than any secret that is taken.
const SECRET_FILE_BYTES_MAX: u64 = 4096;

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a key and print it; its secret is shown this once.
    Create(Create),
    /// List all keys.
    List,
    /// Change what the webhooks of a key's requests carry; new secrets are shown this once.
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["hmac", "words", "standard"]))]
    Set {
        /// The part of the key before the colon.
        id: String,
        #[command(flatten)]
        webhooks: Webhooks,
    },
    /// End a key at once.
    Revoke {
        /// The part of the key before the colon.
        id: String,
    },
    Studio(studio::Args),
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
    #[command(flatten)]
    webhooks: Webhooks,
}

/// What webhooks carry beside the official headers, for receivers that expect something else.
#[derive(Debug, clap::Args)]
struct Webhooks {
    /// Also send `x-fal-signature`: an HMAC of the body, as hex digits alone or after `sha256=`.
    #[arg(long, value_name = "FORM", value_parser = ["hex", "sha256", "off"])]
    hmac: Option<String>,
    /// Its secret, where the receiver has one already [default: one is made]. Others on this machine can see it in the list of
    /// processes, and it stays in your shell's history; --hmac-secret-file keeps it out of both.
    #[arg(long, value_name = "SECRET", requires = "hmac")]
    hmac_secret: Option<String>,
    /// Read the secret from this file, without the line break at its end; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "hmac", conflicts_with = "hmac_secret")]
    hmac_secret_file: Option<PathBuf>,
    /// Say OK and ERROR (official), or COMPLETED and FAILED (completed).
    #[arg(long, value_name = "WORDS", value_parser = ["official", "completed"])]
    words: Option<String>,
    /// Also send the headers of standardwebhooks.com.
    #[arg(long, value_name = "ON", value_parser = ["on", "off"])]
    standard: Option<String>,
}

impl Webhooks {
    /// What is not asked for stays as it is.
    fn wish(&self) -> anyhow::Result<Value> {
        let mut wish = serde_json::Map::new();
        if let Some(form) = &self.hmac {
            let hmac = match (form.as_str(), self.secret()?) {
                ("off", None) => Value::Null,
                ("off", Some(_)) => bail!("--hmac off ends the form and forgets its secret; leave the new secret out"),
                (form, None) => json!({ "form": form }),
                (form, Some(secret)) => json!({ "form": form, "secret": secret }),
            };
            wish.insert("hmac".to_owned(), hmac);
        }
        if let Some(words) = &self.words {
            wish.insert("words".to_owned(), json!(words));
        }
        if let Some(standard) = &self.standard {
            wish.insert("standard".to_owned(), if standard == "on" { json!({}) } else { Value::Null });
        }
        Ok(Value::Object(wish))
    }

    fn secret(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.hmac_secret_file else { return Ok(self.hmac_secret.clone()) };
        let mut text = String::new();
        let read = match file.to_str() {
            Some("-") => std::io::stdin().take(SECRET_FILE_BYTES_MAX).read_to_string(&mut text),
            _ => File::open(file).and_then(|file| file.take(SECRET_FILE_BYTES_MAX).read_to_string(&mut text)),
        };
        read.with_context(|| format!("the secret can't be read from {}", file.display()))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
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
    /// Of one that configuration gives there is none.
    created_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    configured: bool,
    key: Option<String>,
    #[serde(default)]
    webhooks: Value,
}

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    if let Action::Studio(studio) = &args.action {
        return studio::run(studio, args.at.server.as_ref(), context).await;
    }
    let console = Console::of(&args.at, context)?;
    match &args.action {
        Action::Create(create) => {
            let answer = console.call(reqwest::Method::POST, &["keys"], Some(create.wish()?)).await?;
            print(context, &answer, |answer| {
                let key: Key = serde_json::from_value(answer.clone())?;
                Ok([vec![key.key.unwrap_or_default()], secrets(answer)].concat().join("\n"))
            })?;
        }
        Action::Set { id, webhooks } => {
            let wish = json!({ "webhooks": webhooks.wish()? });
            let answer = console.call(reqwest::Method::PATCH, &["keys", id], Some(wish)).await?;
            print(context, &answer, |answer| {
                Ok([vec![format!("{id}: {}", carried(&answer["webhooks"]))], secrets(answer)].concat().join("\n"))
            })?;
        }
        Action::List => {
            let answer = console.call(reqwest::Method::GET, &["keys"], None).await?;
            print(context, &answer, |answer| {
                let keys: Vec<Key> = serde_json::from_value(answer["keys"].clone())?;
                Ok(listed(&keys))
            })?;
        }
        // Went another way.
        Action::Studio(_) => {}
        Action::Revoke { id } => {
            let answer = console.call(reqwest::Method::DELETE, &["keys", id], None).await?;
            print(context, &answer, |_| Ok(format!("{id} is revoked")))?;
        }
    }
    Ok(Outcome::Done)
}

impl Create {
    fn wish(&self) -> anyhow::Result<Value> {
        Ok(json!({
            "name": self.name,
            "userId": self.user,
            "scope": if self.admin { "ADMIN" } else { "API" },
            "concurrency": self.concurrency,
            "perMinute": self.per_minute,
            "webhooks": self.webhooks.wish()?,
        }))
    }
}

/// In a few words.
fn carried(webhooks: &Value) -> String {
    let hmac = webhooks["hmac"].as_str().map(|form| format!("hmac {form}"));
    let words = (webhooks["words"] == "completed").then(|| "COMPLETED/FAILED".to_owned());
    let standard = (webhooks["standard"] == true).then(|| "standard".to_owned());
    let said: Vec<String> = [hmac, words, standard].into_iter().flatten().collect();
    if said.is_empty() { "official".to_owned() } else { said.join(", ") }
}

/// Those that are new, a line each.
fn secrets(answer: &Value) -> Vec<String> {
    let secrets = answer["webhookSecrets"].as_object().into_iter().flatten();
    secrets.filter_map(|(name, secret)| Some(format!("webhook secret ({name}): {}", secret.as_str()?))).collect()
}

fn listed(keys: &[Key]) -> String {
    let limit = |limit: Option<u32>| limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
    let state = |key: &Key| match (key.configured, key.revoked_at) {
        (true, _) => "configured".to_owned(),
        (false, None) => key.created_at.map_or_else(String::new, |at| format!("since {}", at.strftime("%Y-%m-%d"))),
        (false, Some(at)) => format!("revoked {}", at.strftime("%Y-%m-%d")),
    };
    let mut table = Table::new(["id", "name", "account", "scope", "at once", "a minute", "webhooks", "state"]);
    for key in keys {
        let (at_once, a_minute) = (limit(key.concurrency), limit(key.per_minute));
        let webhooks = carried(&key.webhooks);
        table.row([&key.id, &key.name, &key.user_id, &key.scope, &at_once, &a_minute, &webhooks, &state(key)]);
    }
    table.render().trim_end().to_owned()
}

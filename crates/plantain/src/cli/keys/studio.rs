//! `plantain keys studio`: keys of the studio's API, through the API of a running one.

use anyhow::bail;
use plantain_work::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::cli::console::{self, print};
use crate::cli::table::Table;
use crate::cli::{Context, Outcome};
use crate::client::StudioClient;

/// Create, list and revoke keys of the studio's API, with which programs make pictures.
///
/// Talks to the studio of this machine with the admin token of the data folder, or to --server with PLANTAIN_ADMIN_TOKEN.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain keys studio create n8n --tier paid --budget 5
  plantain keys studio create shop --rate 120 --server https://studio.example
  plantain keys studio list
  plantain keys studio revoke 1f0c9a7be2d84a55")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a key and print its secret, which is shown this once.
    Create {
        /// What to call it.
        name: String,
        /// How many pictures it gets at once: 1 (free) or up to 4 (paid).
        #[arg(long, default_value = "free", value_parser = ["free", "paid"])]
        tier: String,
        /// What its jobs may cost in a month by UTC [default: no limit].
        #[arg(long, value_name = "US_DOLLARS", value_parser = dollars)]
        budget: Option<f64>,
        /// Calls that make pictures, in a minute [default: RATE_LIMIT_MAKE].
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        rate: Option<u32>,
    },
    /// List all keys, with what they spent this month.
    List,
    /// End a key at once.
    Revoke {
        /// As the list shows it.
        id: String,
    },
}

fn dollars(text: &str) -> Result<f64, String> {
    let number = text.strip_prefix('$').unwrap_or(text).parse().ok().filter(|number| (0.0..=1e7).contains(number));
    number.ok_or_else(|| "write an amount such as 5 or 2.50".to_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    id: String,
    name: String,
    tier: String,
    monthly_budget_cents: Option<f64>,
    requests_per_minute: Option<u32>,
    #[serde(default)]
    spent_cents: f64,
    created_at: String,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

pub(super) async fn run(args: &Args, server: Option<&Url>, context: &Context) -> anyhow::Result<Outcome> {
    let base = match server {
        Some(server) => server.clone(),
        None => format!("http://{}", context.config.network.studio_listen).parse()?,
    };
    let token = console::admin_token(server, context)?;
    let client = StudioClient::new(base, Some(token), Clock::system())?;
    match &args.action {
        Action::Create { name, tier, budget, rate } => {
            // Whole fractions of a cent, so that no digit is made up.
            let cents = budget.map(|dollars| (dollars * 1e6).round() / 1e4);
            let wish = json!({
                "name": name, "tier": tier, "monthlyBudgetCents": cents, "requestsPerMinute": rate,
            });
            let answer = client.create_key(&wish).await?;
            print(context, &answer, |answer| Ok(answer["secret"].as_str().unwrap_or_default().to_owned()))?;
        }
        Action::List => {
            let answer = client.keys().await?;
            print(context, &answer, |answer| {
                let keys: Vec<Key> = serde_json::from_value(answer["keys"].clone())?;
                Ok(listed(&keys))
            })?;
        }
        Action::Revoke { id } => {
            if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
                bail!("`{id}` is no id; `plantain keys studio list` shows all");
            }
            client.revoke_key(id).await?;
            print(context, &json!({ "id": id, "revoked": true }), |_: &Value| Ok(format!("{id} is revoked")))?;
        }
    }
    Ok(Outcome::Done)
}

fn listed(keys: &[Key]) -> String {
    let day = |at: &str| at.split('T').next().unwrap_or_default().to_owned();
    let money = |cents: f64| format!("${:.3}", cents / 100.0);
    let maybe = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut table = Table::new(["id", "name", "tier", "budget", "spent", "a minute", "last used", "state"]);
    for key in keys {
        let (budget, rate) =
            (maybe(key.monthly_budget_cents.map(money)), maybe(key.requests_per_minute.map(|n| n.to_string())));
        let (spent, used) = (money(key.spent_cents), maybe(key.last_used_at.as_deref().map(day)));
        let state = match &key.revoked_at {
            Some(at) => format!("revoked {}", day(at)),
            None => format!("since {}", day(&key.created_at)),
        };
        table.row([&key.id, &key.name, &key.tier, &budget, &spent, &rate, &used, &state]);
    }
    table.render().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_written_as_people_do() {
        for (text, read) in
            [("5", Some(5.0)), ("$2.50", Some(2.5)), ("0", Some(0.0)), ("-1", None), ("NaN", None), ("five", None)]
        {
            assert_eq!(dollars(text).ok(), read, "{text}");
        }
    }
}

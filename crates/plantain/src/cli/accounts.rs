//! `plantain accounts`: sellers with a name and what they get, through the API of a running studio.

use plantain_work::Clock;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::console::{self, print};
use super::table::Table;
use super::{Context, Outcome};
use crate::client::StudioClient;

/// List sellers who have an account on a studio, and say how much each gets.
///
/// Talks to the studio of this machine with the admin token of the data folder, or to --server with PLANTAIN_ADMIN_TOKEN.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain accounts list
  plantain accounts list --tier paid
  plantain accounts tier asha@shop.example paid --server https://studio.example")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    /// Address of the studio [default: the one of this machine].
    #[arg(long, global = true, value_name = "URL")]
    server: Option<Url>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List all accounts by their addresses.
    List {
        /// Only those of this tier.
        #[arg(long, value_parser = ["free", "paid"])]
        tier: Option<String>,
    },
    /// Say how much an account gets from its next job on.
    Tier {
        /// The e-mail address by which its owner signs in.
        address: String,
        /// One picture at once (free), or as many as the model makes (paid).
        #[arg(value_parser = ["free", "paid"])]
        tier: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    email: String,
    tier: String,
    created_at: String,
}

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let server = args.server.as_ref();
    let base = match server {
        Some(server) => server.clone(),
        None => format!("http://{}", context.config.network.studio_listen).parse()?,
    };
    let token = console::admin_token(server, context)?;
    let client = StudioClient::new(base, Some(token), Clock::system())?;
    match &args.action {
        Action::List { tier } => {
            let answer = client.accounts(tier.as_deref()).await?;
            print(context, &answer, |answer| {
                let accounts: Vec<Account> = serde_json::from_value(answer["accounts"].clone())?;
                Ok(listed(&accounts))
            })?;
        }
        Action::Tier { address, tier } => {
            let answer = client.set_tier(address, tier).await?;
            print(context, &answer, |answer: &Value| {
                let account: Account = serde_json::from_value(answer.clone())?;
                Ok(format!("{} is {} from now on", account.email, account.tier))
            })?;
        }
    }
    Ok(Outcome::Done)
}

fn listed(accounts: &[Account]) -> String {
    let mut table = Table::new(["address", "tier", "since"]);
    for Account { email, tier, created_at } in accounts {
        table.row([email.as_str(), tier, created_at.split('T').next().unwrap_or_default()]);
    }
    table.render().trim_end().to_owned()
}

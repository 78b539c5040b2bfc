//! `plantain deliveries`: webhooks of a running queue: what was sent, what was given up, and sending it again.

use anyhow::bail;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::console::{At, Console, print};
use super::table::Table;
use super::{Context, Outcome};

/// List webhook deliveries of a running queue, show one, and send again what was given up.
///
/// Talks to the queue of this machine with the admin token of the data folder, or to --server with PLANTAIN_ADMIN_TOKEN.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain deliveries list --state dead
  plantain deliveries show 019d9e0b-6eb0-7920-827a-868d042ec76e
  plantain deliveries redeliver 019d9e0b-6eb0-7920-827a-868d042ec76e
  plantain deliveries redeliver --host shop.example:443 --from 2026-11-20T08:00:00Z
  plantain deliveries hosts")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List deliveries, newest first.
    List(List),
    /// Show one with every attempt.
    Show { id: String },
    /// Send one again, or all that were given up of a host, of a time, or of all.
    Redeliver(Redeliver),
    /// Show receivers' hosts that fail. Exit code 1 where one has failed for long.
    Hosts,
}

#[derive(Debug, clap::Args)]
struct List {
    #[arg(long, value_parser = ["pending", "delivered", "dead"])]
    state: Option<String>,
    #[command(flatten)]
    which: Which,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Host and port, such as shop.example:443.
    #[arg(long)]
    host: Option<String>,
    /// Owed since then or later, such as 2026-11-20T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Owed before then.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["id", "host", "from", "to", "all"]))]
struct Redeliver {
    /// A single one, in whatever way it ended.
    #[arg(conflicts_with_all = ["host", "from", "to", "all"])]
    id: Option<String>,
    #[command(flatten)]
    which: Which,
    /// Everything that was given up.
    #[arg(long, conflicts_with_all = ["host", "from", "to"])]
    all: bool,
}

/// The most of one call.
const PAGE_MAX: usize = 200;

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let console = Console::of(&args.at, context)?;
    match &args.action {
        Action::List(list) => {
            let answer = listed(&console, list).await?;
            print(context, &answer, |answer| Ok(table(answer)))?;
        }
        Action::Show { id } => {
            let answer = console.get(&["deliveries", id], &[]).await?;
            print(context, &answer, |answer| Ok(whole(answer)))?;
        }
        Action::Redeliver(redeliver) => {
            let answer = match &redeliver.id {
                Some(id) => console.call(Method::POST, &["deliveries", id, "redeliver"], None).await?,
                None => console.call(Method::POST, &["deliveries", "redeliver"], Some(redeliver.which.wish()?)).await?,
            };
            print(context, &answer, |answer| Ok(format!("due again: {}", answer["redelivered"])))?;
        }
        Action::Hosts => {
            let answer = console.get(&["hosts"], &[]).await?;
            print(context, &answer, |answer| Ok(hosts(answer)))?;
            let hosts = answer["hosts"].as_array().into_iter().flatten();
            if hosts.filter(|host| host["reported"] == true).count() > 0 {
                return Ok(Outcome::Failed);
            }
        }
    }
    Ok(Outcome::Done)
}

impl Which {
    fn wish(&self) -> anyhow::Result<Value> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            bail!("--to has to be later than --from");
        }
        Ok(json!({ "host": self.host, "from": self.from, "to": self.to }))
    }
}

/// Page by page.
async fn listed(console: &Console, list: &List) -> anyhow::Result<Value> {
    list.which.wish()?;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let missing = usize::from(list.limit).saturating_sub(found.len());
        let query = [
            ("state", list.state.clone()),
            ("host", list.which.host.clone()),
            ("from", list.which.from.map(|from| from.to_string())),
            ("to", list.which.to.map(|to| to.to_string())),
            ("before", before),
            ("limit", Some(missing.min(PAGE_MAX).to_string())),
        ];
        let page = console.get(&["deliveries"], &query).await?;
        found.extend(page["deliveries"].as_array().cloned().unwrap_or_default());
        before = page["next"].as_str().map(str::to_owned);
        if before.is_none() || found.len() >= usize::from(list.limit) {
            return Ok(json!({ "deliveries": found, "next": before }));
        }
    }
}

/// A word or a number as it is, `-` where there is none. What came from outside stays on one line.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        other => other.to_string(),
    }
}

/// `500 theirs: the receiver answered 500`, or as much of it as there is.
fn last(attempt: &Value) -> String {
    let status = attempt["httpStatus"].as_u64().map(|status| status.to_string());
    let fault = attempt["fault"].as_str().map(|fault| format!("({fault})"));
    let reason = Some(cell(&attempt["reason"])).filter(|reason| !reason.is_empty());
    [status, fault, reason].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn table(answer: &Value) -> String {
    let mut table = Table::new(["id", "state", "owed", "tries", "host", "last answer", "next"]);
    for one in answer["deliveries"].as_array().into_iter().flatten() {
        let cells = ["id", "state", "createdAt", "attempts", "host"].map(|name| cell(&one[name]));
        table.row(cells.into_iter().chain([last(one), cell(&one["nextAt"])]));
    }
    table.render().trim_end().to_owned()
}

fn whole(one: &Value) -> String {
    let mut facts = Table::new(["what", "how it is"]);
    for name in ["id", "requestId", "target", "host", "state", "nextAt"] {
        facts.row([name.to_owned(), cell(&one[name])]);
    }
    let mut tries = Table::new(["try", "at", "seconds", "answer", "first bytes"]);
    for attempt in one["attempts"].as_array().into_iter().flatten() {
        let seconds = format!("{:.3}", attempt["latencySeconds"].as_f64().unwrap_or(0.0));
        let cells = [cell(&attempt["attempt"]), cell(&attempt["at"]), seconds, last(attempt), cell(&attempt["answer"])];
        tries.row(cells);
    }
    format!("{}\n{}", facts.render(), tries.render().trim_end())
}

fn hosts(answer: &Value) -> String {
    let mut table = Table::new(["host", "failing since", "failures", "rests until", "told", "reason"]);
    for host in answer["hosts"].as_array().into_iter().flatten() {
        let told = if host["reported"] == true { "yes" } else { "no" };
        let [name, since, failures, rests, reason] =
            ["host", "failingSince", "failures", "restsUntil", "reason"].map(|name| cell(&host[name]));
        table.row([name, since, failures, rests, told.to_owned(), reason]);
    }
    table.render().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_shown_with_every_attempt_and_nothing_from_outside_breaks_a_line() {
        let attempt = json!({
            "attempt": 1, "at": "2026-11-20T12:00:00Z", "latencySeconds": 0.0154, "httpStatus": 500, "fault": "theirs",
            "reason": "the receiver answered 500", "answer": "<h1>\u{1b}[2Jdown</h1>\nx",
        });
        let one = json!({
            "id": "d1", "requestId": "r1", "target": "https://shop.example/", "host": "shop.example:443",
            "state": "dead", "nextAt": null, "attempts": [attempt],
        });
        let shown = whole(&one);
        assert!(shown.contains("500 (theirs) the receiver answered 500"), "{shown}");
        assert!(shown.contains("0.015") && shown.contains("<h1>\u{fffd}[2Jdown</h1>\u{fffd}x"), "{shown}");
        assert!(!shown.contains('\u{1b}'));
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        let at = |text: &str| Some(text.parse().unwrap());
        let which = Which { host: None, from: at("2026-11-20T12:00:00Z"), to: at("2026-11-20T12:00:00Z") };
        assert!(which.wish().is_err());
    }
}

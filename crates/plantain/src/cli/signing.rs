//! `plantain signing`: the keys that webhooks are signed with. Works on the data folder, whether a queue runs there or not.

use jiff::Timestamp;
use plantain_queue::key_ring::{Haste, KeyRing, Standing};
use plantain_wire::signature::SigningKey;
use plantain_work::{Clock, random};
use serde_json::{Value, json};

use super::table::Table;
use super::{Context, Outcome, Output, stdout};
use crate::data::signing;

/// List and rotate the keys that webhooks are signed with.
///
/// A running queue sees the change within seconds. Receivers may keep published keys for a day, so a new key is published at
/// once and signs a day later; the old one stays published for another day. No webhook is refused on the way.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain signing list
  plantain signing rotate
  plantain signing rotate --now")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show each key and what it does.
    List,
    /// Make a new key and publish it.
    Rotate(Rotate),
}

#[derive(Debug, clap::Args)]
struct Rotate {
    /// Sign with it at once; receivers that keep keys may refuse webhooks until they ask again, which are then repeated.
    #[arg(long)]
    now: bool,
    /// That, and stop publishing every other key: somebody else may have read them.
    #[arg(long)]
    withdraw: bool,
}

impl Rotate {
    fn haste(&self) -> Haste {
        match (self.withdraw, self.now) {
            (true, _) => Haste::Withdraw,
            (false, true) => Haste::AtOnce,
            (false, false) => Haste::Planned,
        }
    }
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let now = Clock::system().now();
    let given = context.config.access.signing.as_ref();
    let folder = &context.config.storage.data;
    let ring = match (&args.action, given) {
        (Action::List, Some(given)) => given.clone(),
        (Action::List, None) => signing::read(folder)?,
        (Action::Rotate(_), Some(_)) => anyhow::bail!(
            "the keys are given by PLANTAIN_SIGNING_KEYS: add a new one at its end and restart; a day later move it to the \
             front and restart; another day later drop the old one"
        ),
        (Action::Rotate(rotate), None) => {
            signing::rotate(folder, SigningKey::from_seed(random::bytes()), now, rotate.haste())?
        }
    };
    match context.output {
        Output::Text => stdout::line(listed(&ring, now))?,
        Output::Json => stdout::line(json!({ "keys": as_json(&ring, now) }))?,
    }
    Ok(Outcome::Done)
}

fn listed(ring: &KeyRing, now: Timestamp) -> String {
    let at = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let mut table = Table::new(["public key", "state"]);
    for (key, standing) in ring.standings(now) {
        let state = match standing {
            Standing::Waiting { signs_from } => format!("published, signs from {}", at(signs_from)),
            Standing::Signing { since: None } => "signs".to_owned(),
            Standing::Signing { since: Some(since) } => format!("signs since {}", at(since)),
            Standing::Retired { published_until: None } => "published".to_owned(),
            Standing::Retired { published_until: Some(until) } => format!("published until {}", at(until)),
            Standing::Gone => "no longer published".to_owned(),
        };
        table.row([key.x(), state]);
    }
    table.render().trim_end().to_owned()
}

fn as_json(ring: &KeyRing, now: Timestamp) -> Vec<Value> {
    let entry = |(key, standing): (_, Standing)| {
        let key: plantain_wire::jwks::VerifyingKey = key;
        let (state, signs_from, published_until) = match standing {
            Standing::Waiting { signs_from } => ("WAITING", Some(signs_from), None),
            Standing::Signing { since } => ("SIGNING", since, None),
            Standing::Retired { published_until } => ("RETIRED", None, published_until),
            Standing::Gone => ("GONE", None, None),
        };
        json!({ "x": key.x(), "state": state, "signsFrom": signs_from, "publishedUntil": published_until })
    };
    ring.standings(now).into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_shown_with_what_it_does_and_no_secret() {
        let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let (seed, new) = ([1; 32], [2; 32]);
        let first = KeyRing::fixed(SigningKey::from_seed(seed), Vec::new());
        let planned = first.rotated(SigningKey::from_seed(new), now, Haste::Planned).unwrap();
        let text = listed(&planned, now);
        assert!(text.contains("signs\n") && text.contains("published, signs from 2026-11-22 08:15 UTC"), "{text}");
        let json = as_json(&planned, now);
        assert_eq!((&json[0]["state"], &json[1]["state"]), (&json!("SIGNING"), &json!("WAITING")));
        assert_eq!(json[1]["signsFrom"], "2026-11-22T08:15:00Z");
        for secret in [hex::encode(seed), hex::encode(new)] {
            assert!(!text.contains(&secret) && json.iter().all(|key| !key.to_string().contains(&secret)));
        }
        let hurried = first.rotated(SigningKey::from_seed(new), now, Haste::AtOnce).unwrap();
        let text = listed(&hurried, now);
        assert!(text.contains("published until 2026-11-22 08:15 UTC") && text.contains("signs since"), "{text}");
    }
}

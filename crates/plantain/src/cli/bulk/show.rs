//! What became of each archive, for people and for machines.

use plantain_studio::bulk::view::ItemView;
use serde_json::json;
use url::Url;

use super::{Brought, Handed};
use crate::cli::stdout::{self, Unsaid};

/// Photos without pictures that are named; the report names all.
const NAMED: usize = 20;

/// The sum to stdout, photos without pictures to stderr.
pub fn text(brought: &[Brought]) -> Result<(), Unsaid> {
    for one in brought {
        let counts = &one.handed.batch.counts;
        let (source, total) = (&one.handed.source, one.handed.batch.total);
        stdout::line(format_args!("{source}: {} of {total} photos have their pictures", counts.succeeded))?;
        if one.missed > 0 {
            let said = "of them have a picture that breaks a rule; the report names it";
            stdout::line(format_args!("  {} {said}", one.missed))?;
        }
        stdout::line(format_args!("  {}", one.handed.home.path().display()))?;
        if let Some(report) = one.handed.home.report() {
            stdout::line(format_args!("  {}", report.display()))?;
        }
        one.not_made.iter().take(NAMED).for_each(|item| eprintln!("{}", line(item)));
        let more = one.not_made.len().saturating_sub(NAMED);
        if more > 0 {
            eprintln!("and {more} more, which report.csv names");
        }
    }
    Ok(())
}

fn line(item: &ItemView) -> String {
    let why = item.error.as_ref().map(|error| format!(": {} {}", error.message, error.hint)).unwrap_or_default();
    printable(&format!("{}: {}{why}", item.name, item.status.as_str()))
}

/// Text from outside must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How to wait again for what a running studio has.
pub fn resume(server: Option<&Url>, handed: &[Handed]) {
    let Some(server) = server.filter(|_| !handed.is_empty()) else { return };
    eprintln!("The studio goes on without this command. To wait again and take the pictures home:");
    for one in handed {
        let (id, out) = (&one.batch.batch_id, one.home.path().display());
        eprintln!("  plantain bulk --batch {id} --server {server} --out {out}");
    }
}

pub fn json(brought: &[Brought]) -> serde_json::Result<String> {
    let item = |item: &ItemView| {
        json!({
            "name": item.name,
            "status": item.status,
            "error": item.error.as_ref().map(|error| json!({ "code": error.code, "message": error.message })),
        })
    };
    let one = |one: &Brought| {
        json!({
            "source": one.handed.source,
            "batch": one.handed.batch,
            "out": one.handed.home.path(),
            "report": one.handed.home.report(),
            "missed": one.missed,
            "notMade": one.not_made.iter().map(item).collect::<Vec<_>>(),
        })
    };
    serde_json::to_string_pretty(&brought.iter().map(one).collect::<Vec<_>>())
}

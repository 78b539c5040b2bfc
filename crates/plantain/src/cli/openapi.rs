//! `plantain openapi`: the studio's API as an OpenAPI document.

use super::{Outcome, stdout};

/// Print the studio's API as an OpenAPI 3.1 document; a running studio serves the same under /api/openapi.json.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain openapi > openapi.json
  plantain openapi | jq '.paths | keys'")]
pub struct Args {}

pub(super) fn run(_: &Args) -> anyhow::Result<Outcome> {
    stdout::line(plantain_studio::http::openapi_document())?;
    Ok(Outcome::Done)
}

use super::{Context, Outcome};
#[derive(Debug, clap::Args)]
pub struct Args {}
pub fn run(_: &Args, _: &Context) -> anyhow::Result<Outcome> { Ok(Outcome::Done) }

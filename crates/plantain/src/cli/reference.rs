//! `plantain reference`: the page of all settings, from which `docs/configuration.md` is made.

use super::{Outcome, stdout};
use crate::config::names;

pub fn run() -> anyhow::Result<Outcome> {
    stdout::print(names::reference())?;
    Ok(Outcome::Done)
}

//! A studio with a queue of its own on free ports, for chores that call one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use crate::run::command;

/// Starts `program` in `folder` and waits until it says where the studio is.
pub fn start(program: &Path, folder: &Path, settings: &[&str]) -> Result<(Child, String)> {
    let mut serve = command(program);
    serve.current_dir(folder).args(["serve", "--json", "--set", "RUST_LOG=error"]);
    serve.args(settings.iter().flat_map(|setting| ["--set", setting]));
    serve.args(["--studio-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut server = serve.spawn().context("plantain can't be started")?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
    let address = said(&line, "studio").context("the server did not start")?;
    Ok((server, address.to_owned()))
}

/// A text of a JSON object that has none with quotes in it.
pub fn said<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    json.split(&format!("\"{name}\":\"")).nth(1)?.split('"').next()
}

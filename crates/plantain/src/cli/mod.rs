//! The command line: what was typed, and which exit code comes of it.
//!
//! Answers go to stdout, everything else to stderr. Exit codes: 0, 1 where the thing asked for failed, 2 for usage, and 141, as by
//! SIGPIPE, where whoever read the answer has gone.

// [`stdout`] is the one way there.
#![deny(clippy::print_stdout)]

mod accounts;
mod brushing;
mod bulk;
mod check;
mod choosing;
mod console;
mod cutout;
mod deliveries;
mod doctor;
mod explain;
mod generate;
mod guide;
mod keys;
mod logging;
mod openapi;
mod place;
pub(crate) mod presets;
mod reference;
mod rules;
mod serve;
mod signing;
mod stdout;
mod table;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::logging::Volume;
use self::stdout::Unsaid;
use crate::av1;
use crate::config::{Config, ConfigError, Sources, Typed};

/// A product-photo studio with its own queue: one photo in, three catalog pictures out.
#[derive(Debug, Parser)]
#[command(
    name = "plantain",
    version,
    max_term_width = 110,
    after_help = "\
Examples:
  plantain generate mug.jpg --preset amazon_main
  plantain bulk shoes.zip
  plantain serve
  plantain check listing.jpg --preset amazon_main

Settings come from flags, the environment and plantain.toml; `plantain doctor` shows what is in force."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: Settings,
    /// Print JSON for machines instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Generate(generate::Args),
    Bulk(bulk::Args),
    Cutout(cutout::Args),
    Check(check::Args),
    Presets(presets::Args),
    Keys(keys::Args),
    Accounts(accounts::Args),
    Deliveries(deliveries::Args),
    Signing(signing::Args),
    Verify(verify::Args),
    Doctor(doctor::Args),
    Openapi(openapi::Args),
    /// Print the reference of all settings as Markdown.
    #[command(hide = true)]
    Reference,
    /// Decode AV1 from standard input, for another process of this program.
    #[command(hide = true, name = av1::COMMAND)]
    DecodeAv1,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
struct Settings {
    /// Read settings from this file instead of ./plantain.toml.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    config: Option<PathBuf>,
    /// Folder of databases, pictures and keys [default: ./plantain-data].
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "Settings")]
    data: Option<String>,
    /// Set anything that docs/configuration.md lists; wins over environment and file.
    #[arg(long, global = true, value_name = "NAME=VALUE", help_heading = "Settings")]
    set: Vec<String>,
}

impl Settings {
    fn typed(&self, command: &Command) -> Typed {
        let mut flags: Vec<_> = self.data.iter().map(|data| ("PLANTAIN_DATA", data.clone())).collect();
        if let Command::Serve(args) = command {
            flags.extend(args.studio_listen.iter().map(|address| ("STUDIO_LISTEN", address.clone())));
            flags.extend(args.gateway_listen.iter().map(|address| ("GATEWAY_LISTEN", address.clone())));
            flags.extend(args.tls.then(|| ("GATEWAY_TLS", "1".to_owned())));
        }
        Typed { set: self.set.clone(), flags, file: self.config.clone() }
    }
}

/// What a command is given beside its own arguments.
struct Context {
    config: Config,
    sources: Sources,
    output: Output,
}

/// For whom answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// How a command ended, where nothing went wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// The thing asked for failed, and why has been said.
    Failed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        match outcome {
            Outcome::Done => ExitCode::SUCCESS,
            Outcome::Failed => ExitCode::FAILURE,
        }
    }
}

/// What shells show of a program that SIGPIPE ended.
const READER_GONE: u8 = 128 + 13;

/// Parses the arguments, runs the command, says what went wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(outcome) => outcome.into(),
        Err(error) if matches!(error.downcast_ref(), Some(Unsaid::Gone)) => ExitCode::from(READER_GONE),
        Err(error) => {
            eprintln!("error: {}", explain(&error));
            // A setting that can't be understood is a fault of usage, like a flag.
            if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    // None of them looks at settings.
    match &cli.command {
        Command::Reference => return reference::run(),
        Command::Openapi(args) => return openapi::run(args),
        Command::DecodeAv1 => return Ok(av1::child::run().map(|()| Outcome::Done)?),
        _ => {}
    }
    let (config, sources) = Config::load(&cli.settings.typed(&cli.command))?;
    let volume = if matches!(cli.command, Command::Serve(_)) { Volume::Server } else { Volume::Command };
    logging::start(&config.log, volume);
    let output = if cli.json { Output::Json } else { Output::Text };
    let context = Context { config, sources, output };
    match cli.command {
        Command::Serve(args) => wait_for(serve::run(&args, &context)),
        Command::Generate(args) => wait_for(generate::run(&args, &context)),
        Command::Bulk(args) => wait_for(bulk::run(&args, &context)),
        Command::Keys(args) => wait_for(keys::run(&args, &context)),
        Command::Accounts(args) => wait_for(accounts::run(&args, &context)),
        Command::Deliveries(args) => wait_for(deliveries::run(&args, &context)),
        Command::Signing(args) => signing::run(&args, &context),
        Command::Verify(args) => verify::run(&args, &context),
        Command::Doctor(args) => wait_for(doctor::run(&args, &context)),
        Command::Cutout(args) => cutout::run(&args, &context),
        Command::Check(args) => check::run(&args, &context),
        Command::Presets(args) => presets::run(&args, &context),
        Command::Openapi(args) => openapi::run(&args),
        Command::Reference => reference::run(),
        Command::DecodeAv1 => Ok(av1::child::run().map(|()| Outcome::Done)?),
    }
}

/// What blocking work is left behind when a command has ended is not waited for longer than this.
const RUNTIME_END: Duration = Duration::from_millis(500);

fn wait_for(command: impl Future<Output = anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(RUNTIME_END);
    outcome
}

/// The error and its causes on one line, without saying the same twice.
fn explain(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn causes_are_said_once() {
        let error = anyhow::anyhow!("disk full").context("can't write: disk full").context("no pictures");
        assert_eq!(explain(&error), "no pictures: can't write: disk full");
    }
}

//! Logs go to stderr; answers never do.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::log::{Log, LogFormat};

/// What is logged where `RUST_LOG` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    /// A server says what it does.
    Server,
    /// A command says only what went wrong.
    Command,
}

/// Called once, at start.
pub fn start(log: &Log, volume: Volume) {
    let usual = match volume {
        Volume::Server => "info",
        Volume::Command => "error",
    };
    let filter = EnvFilter::new(log.filter.as_deref().unwrap_or(usual));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        LogFormat::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
    }
}

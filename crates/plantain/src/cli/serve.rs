//! `plantain serve`: runs until a signal, or until a part of it dies.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use plantain_work::Clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use url::{Url, form_urlencoded};

use super::{Context, Outcome, Output, guide};
use crate::system::{Place, Role, System};

/// Run the studio and its queue.
///
/// The first start makes the data folder with its databases and keys. A first SIGTERM or SIGINT lets running work finish,
/// a second one stops at once; nothing that was accepted is lost either way. The exit code is 1 if a part of it died.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain serve
  plantain serve --studio-listen 0.0.0.0:8787 --set PUBLIC_BASE_URL=https://studio.example.com
  FAL_KEY=id:secret plantain serve
  plantain serve --role queue --set PLANTAIN_KEYS=shop:secret
  plantain serve --role runner --set QUEUE_DATABASE_URL=postgres://db/queue --set GATEWAY_PUBLIC_URL=https://queue.example.com
  plantain serve --tls --set GATEWAY_TLS_LISTEN=127.0.0.1:443")]
pub struct Args {
    /// What to run.
    #[arg(long, value_enum, default_value_t = RoleName::All)]
    role: RoleName,
    /// Address and port of the studio [default: 127.0.0.1:8787].
    #[arg(long, value_name = "ADDRESS")]
    pub studio_listen: Option<String>,
    /// Address and port of the queue [default: 127.0.0.1:8788].
    #[arg(long, value_name = "ADDRESS")]
    pub gateway_listen: Option<String>,
    /// Also listen with TLS under fal's own names, for programs that can't be changed; says what they must be told.
    #[arg(long)]
    pub tls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Studio and queue.
    All,
    /// The queue with its models, for fal's clients.
    Queue,
    /// The studio, on a queue elsewhere (FAL_KEY).
    Studio,
    /// Only models, for queues that share its Postgres (QUEUE_DATABASE_URL); its port answers /healthz and /readyz alone.
    Runner,
}

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let role = match args.role {
        RoleName::All => Role::All,
        RoleName::Queue => Role::Queue,
        RoleName::Studio => Role::Studio,
        RoleName::Runner => Role::Runner,
    };
    // Before anything is started, so that no signal is missed.
    let mut signals = Signals::new()?;
    ask_for_open_files();
    let system = System::start(&context.config, role, Place::Configured, Clock::system()).await?;
    announce(&system, context)?;
    let crashed = tokio::select! {
        () = signals.next() => false,
        () = system.crashed() => true,
    };
    if crashed {
        tracing::error!("serve.crashed: a part of Plantain died; stopping so that it can be started anew");
    } else {
        tracing::info!("serve.stopping: finishing what runs; a second signal stops at once");
    }
    let drain = if crashed { Duration::ZERO } else { context.config.work.drain };
    tokio::select! {
        () = system.stop(drain) => {}
        () = signals.next() => tracing::warn!("serve.stopped: at once, on a second signal"),
    }
    Ok(if crashed { Outcome::Failed } else { Outcome::Done })
}

/// Each connection is an open file, and many systems let a process have a thousand unless it asks for more.
fn ask_for_open_files() {
    let allowed = getrlimit(Resource::Nofile);
    if allowed.current != allowed.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: allowed.maximum, ..allowed })
    {
        tracing::warn!(%error, "serve.open_files: no more than {:?} open files", allowed.current);
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Where to click. Keys are shown to a person at a terminal, and only named where a log may be listening.
fn announce(system: &System, context: &Context) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    match context.output {
        Output::Json => {
            let ready = json!({
                "studio": system.studio_url(),
                "queue": system.gateway_url(),
                "runner": system.runner_url(),
                "queueTls": system.encrypted().map(|encrypted| &encrypted.url),
                "tlsAuthority": system.encrypted().and_then(|encrypted| Some(&encrypted.trust.as_ref()?.ca)),
                "tlsBundle": system.encrypted().and_then(|encrypted| Some(&encrypted.trust.as_ref()?.bundle)),
                "dataFolder": system.data_folder(),
            });
            writeln!(stdout, "{ready}")?;
        }
        Output::Text => {
            let show = if stdout.is_terminal() { Show::Keys } else { Show::Places };
            write!(stdout, "{}", words(system, show))?;
        }
    }
    // Whoever waits for this line reads through a pipe.
    stdout.flush()?;
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    Keys,
    Places,
}

/// With the token in it, whoever clicks is signed in. A fragment is never sent to a server.
fn console(queue: &Url, token: Option<&str>) -> Url {
    let mut url = queue.clone();
    url.set_path(&format!("{}/console", queue.path().trim_end_matches('/')));
    let fragment =
        token.map(|token| form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish());
    url.set_fragment(fragment.as_deref());
    url
}

fn words(system: &System, show: Show) -> String {
    let data = system.data_folder().display();
    let secret = |text: &str, file: &str| match show {
        Show::Keys => text.to_owned(),
        Show::Places => format!("in {data}/{file}"),
    };
    let keys = system.keys();
    let token = (show == Show::Keys).then(|| system.admin_token().reveal());
    let mut text = String::from("Plantain is ready.\n\n");
    if let Some(url) = system.studio_url() {
        text.push_str(&format!("  Studio       {url}   open it in a browser and drop a photo\n"));
    }
    if let Some(url) = system.gateway_url() {
        text.push_str(&format!("  Queue        {url}   speaks fal's protocol\n"));
        text.push_str(&format!("  Queue key    {}\n", secret(keys.api_key.reveal(), "api-key")));
        text.push_str(&format!("  Console      {}   its requests, deliveries and keys\n", console(url, token)));
    }
    if let Some(url) = system.runner_url() {
        text.push_str(&format!("  Runner       {url}   executes models; answers /healthz and /readyz\n"));
    }
    if let Some(encrypted) = system.encrypted() {
        text.push_str(&format!("  Queue, TLS   {}   under fal's own names, see below\n", encrypted.url));
    }
    text.push_str(&format!("  Admin token  {}\n", secret(system.admin_token().reveal(), "admin-token")));
    text.push_str(&format!("  Data         {data}\n"));
    if let Some(encrypted) = system.encrypted() {
        text.push_str(&guide::words(&encrypted.url, encrypted.trust.as_ref()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_one_click_away_for_whoever_may_see_the_token() {
        let queue: Url = "http://127.0.0.1:8788/".parse().unwrap();
        assert_eq!(console(&queue, None).as_str(), "http://127.0.0.1:8788/console");
        assert_eq!(console(&queue, Some("a&b c")).as_str(), "http://127.0.0.1:8788/console#token=a%26b+c");
        let below = "https://shop.test/fal".parse().unwrap();
        assert_eq!(console(&below, None).as_str(), "https://shop.test/fal/console");
    }
}

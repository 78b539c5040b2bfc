//! `plantain doctor`: is this machine fit to run Plantain, and if not, what to do.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plantain_media::cutout::{CutoutOptions, Segmenter};
use plantain_media::picture::Picture;
use plantain_outbound::explain::{self, Outcome as Fate};
use plantain_work::Clock;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::table::Table;
use super::{Context, Outcome, Output, stdout};
use crate::config::names::{self, Privacy};
use crate::config::secret::redacted;
use crate::config::storage::Database;
use crate::config::{Config, Sources};
use crate::data::{DataError, DataFolder};
use crate::system::policy;
use crate::system::segmenter::SharedSegmenter;

/// Check this machine: data folder, ports, disk, model, clock, databases, messages that never arrived, settings.
///
/// The exit code is 1 where something has to be done before Plantain can run.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain doctor
  plantain doctor --json
  plantain doctor --explain-url http://192.168.1.20:3000/hook
  plantain doctor --set DATABASE_URL=postgres://plantain@db/plantain")]
pub struct Args {
    /// Instead say what would happen to a webhook or fetch to this address, and why; the exit code is 1 where it is refused.
    #[arg(long, value_name = "URL")]
    explain_url: Option<String>,
}

/// One look at one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    what: &'static str,
    health: Health,
    found: String,
    /// What to do; empty where nothing is to be done.
    todo: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Good,
    /// It runs, but somebody should look at it.
    Doubtful,
    Bad,
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Finding {
        Finding { what, health: Health::Good, found: found.into(), todo: String::new() }
    }

    fn doubtful(what: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Finding {
        Finding { what, health: Health::Doubtful, found: found.into(), todo: todo.into() }
    }

    fn bad(what: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Finding {
        Finding { what, health: Health::Bad, found: found.into(), todo: todo.into() }
    }
}

/// The data folder, as far as it concerns the other checks.
enum Folder {
    Ours(DataFolder),
    /// A running Plantain has it, and very likely the ports too.
    InUse,
    Unusable,
}

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    if let Some(address) = &args.explain_url {
        return super::explain::run(address, context).await;
    }
    let config = &context.config;
    let (folder, finding) = data_folder(&config.storage.data);
    let mut findings = vec![finding, disk(&config.storage.data)];
    findings.push(port("studio port", config.network.studio_listen, "STUDIO_LISTEN", &folder).await);
    findings.push(port("queue port", config.network.gateway_listen, "GATEWAY_LISTEN", &folder).await);
    findings.push(model(config));
    findings.push(runtime(config));
    findings.push(clock(Clock::system().now()));
    findings.push(database("studio database", &config.storage.studio, &folder, "studio.db").await);
    findings.push(database("queue database", &config.storage.queue, &folder, "queue.db").await);
    findings.push(messages(&config.storage.studio, &config.storage.data).await);
    findings.push(endpoints(config));
    findings.push(presets(config));
    findings.extend(alerts(config).await);
    findings.extend(whatsapp(config));
    match context.output {
        Output::Text => stdout::print(text(&findings, &context.sources))?,
        Output::Json => stdout::line(json(&findings, &context.sources)?)?,
    }
    let bad = findings.iter().any(|finding| finding.health == Health::Bad);
    Ok(if bad { Outcome::Failed } else { Outcome::Done })
}

/// The address itself is not shown: such ones often hold a token.
async fn alerts(config: &Config) -> Option<Finding> {
    const WHAT: &str = "alerts";
    let address = config.work.alert_url.as_ref()?;
    let policy = policy(config, [config.network.gateway_listen, config.network.studio_listen]);
    Some(match explain::explain(&policy, address.as_str()).await.outcome {
        Fate::Requested => Finding::good(WHAT, "WEBHOOK_ALERT_URL may be posted to"),
        Fate::Refused(refusal) => {
            let todo = "choose another address, or allow this one with WEBHOOK_ALLOW_PRIVATE if it is yours";
            Finding::bad(WHAT, format!("WEBHOOK_ALERT_URL is refused: {refusal}"), todo)
        }
        Fate::Unreadable(error, _) => Finding::bad(WHAT, format!("WEBHOOK_ALERT_URL: {error}"), "write https://…"),
        Fate::NameUnknown | Fate::NameUnanswered => {
            Finding::doubtful(WHAT, "the name in WEBHOOK_ALERT_URL can't be resolved", "look at its spelling")
        }
    })
}

/// Meta has to reach the studio to tell how messages fare, and it posts to https alone.
fn whatsapp(config: &Config) -> Option<Finding> {
    const WHAT: &str = "whatsapp";
    let account = config.whatsapp.as_ref()?;
    let (sender, graph) = (&account.phone_number_id, &account.graph);
    let found = format!(
        "messages from {sender} by {graph}, with the templates {} and {}",
        account.templates.job, account.templates.batch
    );
    let public = config.network.public_base_url.as_ref().filter(|url| url.scheme() == "https");
    Some(match public.and_then(|url| url.join("api/whatsapp/webhook").ok()) {
        Some(webhook) => Finding::good(WHAT, format!("{found}; at Meta the webhook is {webhook}")),
        None => {
            let todo = "set PUBLIC_BASE_URL to an https address: without Meta's webhook no message is known to arrive";
            Finding::doubtful(WHAT, found, todo)
        }
    })
}

fn data_folder(path: &Path) -> (Folder, Finding) {
    const WHAT: &str = "data folder";
    match DataFolder::open(path) {
        Ok(folder) => (Folder::Ours(folder), Finding::good(WHAT, format!("{} can be written", path.display()))),
        Err(error @ DataError::InUse { .. }) => (Folder::InUse, Finding::good(WHAT, error.to_string())),
        Err(error) => {
            let todo = "make it writable, or choose another folder with --data";
            (Folder::Unusable, Finding::bad(WHAT, error.to_string(), todo))
        }
    }
}

/// Room for some hundred jobs; below a tenth of it the first one may fail.
const ROOM_BYTES: u64 = 1 << 30;

fn disk(data: &Path) -> Finding {
    const WHAT: &str = "disk space";
    // The folder may not be there yet; then its nearest ancestor tells.
    let existing = data.ancestors().find(|folder| folder.is_dir()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    match rustix::fs::statvfs(&existing) {
        Err(error) => Finding::doubtful(WHAT, error.to_string(), "look at it yourself"),
        Ok(disk) => room(disk.f_bavail.saturating_mul(disk.f_frsize)),
    }
}

fn room(bytes: u64) -> Finding {
    const WHAT: &str = "disk space";
    let found = format!("{:.1} GB are free", bytes as f64 / 1e9);
    match bytes {
        ROOM_BYTES.. => Finding::good(WHAT, found),
        b if b >= ROOM_BYTES / 10 => Finding::doubtful(WHAT, found, "make room soon; a job needs about 10 MB"),
        _ => Finding::bad(WHAT, found, "make room, or choose a folder on another disk with --data"),
    }
}

async fn port(what: &'static str, address: SocketAddr, setting: &str, folder: &Folder) -> Finding {
    match (TcpListener::bind(address).await, folder) {
        (Ok(_), _) => Finding::good(what, format!("{address} is free")),
        (Err(_), Folder::InUse) => Finding::good(what, format!("{address} is in use, as is the data folder")),
        (Err(error), _) => {
            Finding::bad(what, format!("{address}: {error}"), format!("free the port, or set {setting} to another one"))
        }
    }
}

/// SHA-256 of the weights that are part of the program: as their authors published them, and our own.
const WEIGHTS_SHA256: &str = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8";
const GAPS_SHA256: &str = "270b3b1db9dd8919a4bdcc6c2c74195389a73d038b567039410904fa72917119";

/// The network as a server would load it.
fn model(config: &Config) -> Finding {
    match &config.storage.model {
        None => embedded_model(),
        Some(model) => own_model(config, &model.path),
    }
}

/// Loading does not ask for what a network is; a look at a picture does.
fn own_model(config: &Config, path: &Path) -> Finding {
    const WHAT: &str = "model";
    let looked = SharedSegmenter::of(&config.storage).and_then(|segmenter| {
        match segmenter.get()?.cut_out(&a_square(), &CutoutOptions::default()) {
            Ok(_) => Ok(()),
            Err(error) if error.is_input_fault() => Ok(()),
            Err(error) => Err(error.into()),
        }
    });
    match looked {
        Ok(()) => Finding::good(WHAT, format!("{} loads and runs, checksum right", path.display())),
        Err(error) => Finding::bad(WHAT, super::explain(&error), "until then nothing can be cut out"),
    }
}

/// Something that stands out.
fn a_square() -> Picture {
    const SIDE: u32 = 96;
    let mut picture = Picture::filled(SIDE, SIDE, [200, 190, 180]);
    for (at, pixel) in picture.rgb_mut().as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (at as u32 % SIDE, at as u32 / SIDE);
        if (SIDE / 4..3 * SIDE / 4).contains(&x) && (SIDE / 4..3 * SIDE / 4).contains(&y) {
            *pixel = [150, 20, 30];
        }
    }
    picture
}

fn embedded_model() -> Finding {
    const WHAT: &str = "model";
    const TODO: &str = "the program is damaged: install it again";
    let [product, gaps] = [Segmenter::embedded_weights(), Segmenter::embedded_gap_weights()];
    let sum = |weights: &[u8]| hex::encode(Sha256::digest(weights));
    if sum(product) != WEIGHTS_SHA256 || sum(gaps) != GAPS_SHA256 {
        return Finding::bad(WHAT, "the weights are not those of this version", TODO);
    }
    let kilobytes = (product.len() + gaps.len()) / 1000;
    match Segmenter::embedded() {
        Ok(_) => Finding::good(WHAT, format!("loads; {kilobytes} KB of weights, checksums right")),
        Err(error) => Finding::bad(WHAT, error.message(), TODO),
    }
}

/// What runs the network, opened and loaded as a server would.
fn runtime(config: &Config) -> Finding {
    const WHAT: &str = "runtime";
    let Some(library) = &config.storage.onnxruntime else { return Finding::good(WHAT, "the built-in one") };
    let loaded = SharedSegmenter::of(&config.storage).and_then(|segmenter| Ok(segmenter.get()?));
    match loaded {
        Ok(_) => Finding::good(WHAT, format!("ONNX Runtime of {}", library.display())),
        Err(error) => Finding::bad(WHAT, super::explain(&error), "until then nothing can be cut out"),
    }
}

/// No machine that runs this version can rightly show an earlier time (2026-11-01).
const EARLIEST_SECOND: i64 = 1_793_491_200;
/// Nor will it run for twenty years.
const LATEST_SECOND: i64 = EARLIEST_SECOND + 20 * 365 * 86_400;

fn clock(now: Timestamp) -> Finding {
    const WHAT: &str = "clock";
    let found = format!("shows {}", now.strftime("%Y-%m-%d %H:%M UTC"));
    if (EARLIEST_SECOND..LATEST_SECOND).contains(&now.as_second()) {
        return Finding::good(WHAT, found);
    }
    Finding::bad(WHAT, found, "set the clock: webhooks are refused when it is more than five minutes off")
}

async fn database(what: &'static str, database: &Database, folder: &Folder, file: &str) -> Finding {
    match (database, folder) {
        (Database::Sqlite, Folder::Ours(folder)) => {
            let known = if folder.path(file).is_file() { "is there" } else { "will be made" };
            Finding::good(what, format!("SQLite; {file} {known}"))
        }
        (Database::Sqlite, Folder::InUse) => Finding::good(what, format!("SQLite; {file} is in use")),
        (Database::Sqlite, Folder::Unusable) => Finding::bad(what, "SQLite, in the data folder", "see data folder"),
        (Database::Postgres(url), _) => match plantain_store::postgres::reachable(url.reveal()).await {
            Ok(version) => Finding::good(what, format!("Postgres {version}")),
            Err(error) => Finding::bad(what, error.to_string(), "check the address, the password and the server"),
        },
    }
}

/// Messages that never arrived, which nobody tries any more.
async fn messages(database: &Database, data: &Path) -> Finding {
    const WHAT: &str = "messages";
    let counted = match database {
        Database::Sqlite => plantain_store::studio::given_up(&data.join("studio.db").to_string_lossy()).await,
        Database::Postgres(url) => plantain_store::studio::given_up(url.reveal()).await,
    };
    match counted {
        Ok(count) => given_up(count),
        Err(error) => Finding::doubtful(WHAT, error.to_string(), "see studio database"),
    }
}

fn given_up(count: u64) -> Finding {
    const WHAT: &str = "messages";
    let todo = "/messages?state=dead and GET /api/messages?state=dead of the studio say why, and send them again";
    match count {
        0 => Finding::good(WHAT, "none was given up"),
        1 => Finding::doubtful(WHAT, "1 was given up", todo),
        _ => Finding::doubtful(WHAT, format!("{count} were given up"), todo),
    }
}

/// Which models are served beside those that are built in, and by what.
fn endpoints(config: &Config) -> Finding {
    const WHAT: &str = "endpoints";
    let served: Vec<String> =
        config.endpoints.iter().map(|served| format!("{} ({})", served.pattern, served.runner.name())).collect();
    match served.is_empty() {
        true => Finding::good(WHAT, "those that are built in"),
        false => Finding::good(WHAT, served.join(", ")),
    }
}

fn presets(config: &Config) -> Finding {
    const WHAT: &str = "presets";
    match super::presets::load(&config.storage) {
        Ok(presets) => Finding::good(WHAT, format!("{} are known", presets.iter().count())),
        Err(error) => Finding::bad(WHAT, super::explain(&error), "correct the file, or unset PLANTAIN_PRESETS"),
    }
}

/// Settings that were written anywhere, secrets hidden.
fn settings(sources: &Sources) -> Vec<(&'static str, String, String)> {
    let shown = |name: &'static str, text: &str| match names::find(name).map(|setting| setting.privacy) {
        Some(Privacy::Open) => text.to_owned(),
        Some(Privacy::Secret) | None => redacted(text),
    };
    sources.iter().map(|w| (w.name, shown(w.name, &w.text), w.origin.to_string())).collect()
}

fn text(findings: &[Finding], sources: &Sources) -> String {
    let mut table = Table::new(["", "what", "found"]);
    for finding in findings {
        let mark = match finding.health {
            Health::Good => "✓",
            Health::Doubtful => "!",
            Health::Bad => "✗",
        };
        let todo = if finding.todo.is_empty() { String::new() } else { format!("; {}", finding.todo) };
        table.row([mark.to_owned(), finding.what.to_owned(), format!("{}{todo}", finding.found)]);
    }
    let mut text = table.render();
    let settings = settings(sources);
    if settings.is_empty() {
        text.push_str("\nEvery setting has its default.\n");
        return text;
    }
    let mut table = Table::new(["setting", "value", "written"]);
    for (name, value, origin) in settings {
        table.row([name.to_owned(), value, origin]);
    }
    text.push_str(&format!("\n{}\nEvery other setting has its default.\n", table.render()));
    text
}

fn json(findings: &[Finding], sources: &Sources) -> serde_json::Result<String> {
    let setting = |(name, value, origin): (&'static str, String, String)| serde_json::json!({ "name": name, "value": value, "written": origin });
    let settings: Vec<_> = settings(sources).into_iter().map(setting).collect();
    serde_json::to_string_pretty(&serde_json::json!({ "findings": findings, "settings": settings }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_a_doubt_and_none_a_fault() {
        for (bytes, health) in [(50 << 30, Health::Good), (200 << 20, Health::Doubtful), (1 << 20, Health::Bad)] {
            assert_eq!(room(bytes).health, health, "{bytes}");
        }
    }

    #[test]
    fn messages_that_were_given_up_are_a_doubt() {
        for (count, health, found) in [
            (0, Health::Good, "none was given up"),
            (1, Health::Doubtful, "1 was given up"),
            (7, Health::Doubtful, "7 were given up"),
        ] {
            let finding = super::given_up(count);
            assert_eq!((finding.health, finding.found.as_str()), (health, found));
            assert_eq!(finding.todo.contains("/messages?state=dead"), count > 0);
        }
    }

    #[test]
    fn a_clock_of_another_age_is_a_fault() {
        for (second, health) in [(0, Health::Bad), (EARLIEST_SECOND + 1, Health::Good), (4_102_444_800, Health::Bad)] {
            assert_eq!(clock(Timestamp::from_second(second).unwrap()).health, health, "{second}");
        }
    }

    #[test]
    fn the_embedded_weights_are_the_published_ones_and_load() {
        assert_eq!(embedded_model().health, Health::Good);
    }

    #[test]
    fn secrets_are_hidden_in_both_forms() {
        let pairs = [("FAL_KEY", "id:hunter2".to_owned()), ("STUDIO_LISTEN", "127.0.0.1:1".to_owned())];
        let sources = Sources::of(pairs).unwrap();
        for said in [text(&[], &sources), json(&[], &sources).unwrap()] {
            assert!(
                !said.contains("hunter2") && said.contains("127.0.0.1:1") && said.contains("10 characters"),
                "{said}"
            );
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_a_fault_unless_a_running_plantain_has_it() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(port("p", address, "X", &Folder::Unusable).await.health, Health::Bad);
        assert_eq!(port("p", address, "X", &Folder::InUse).await.health, Health::Good);
    }
}

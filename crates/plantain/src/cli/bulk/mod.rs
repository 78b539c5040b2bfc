//! `plantain bulk`: a ZIP or a folder of photos in, all their catalog pictures and a report out.
//!
//! Archives are sent while they are read and results written while they come, so that memory stays flat. Without `--server` a
//! system of its own is started, as for `generate`.

mod archive;
mod home;
mod progress;
mod show;

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap::error::ErrorKind;
use plantain_studio::bulk::batch::{BatchId, ItemState};
use plantain_studio::bulk::view::{BatchView, ItemView};
use plantain_wire::models::nano_banana::NUM_IMAGES_MAX;
use plantain_work::Clock;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use super::generate::studio_address;
use super::{Cli, Context, Outcome, Output, place, presets, stdout};
use crate::client::{ApiError, BulkWish, Notify, StudioClient};
use crate::config::secret::Secret;
use crate::system::{Place, Role, System};
use archive::Archive;
use home::Home;
use progress::Progress;

/// Turn a ZIP or a folder of product photos into catalog pictures.
///
/// Each photo becomes a job, a few at a time; what is no photo is skipped, and the report says why. The pictures lie in OUT under the
/// marketplace's names beside report.csv; several archives get a folder each. The exit code is 1 where a photo gave no pictures or a
/// picture breaks a rule. With --server the studio goes on when this command is stopped, and --batch waits for it again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain bulk shoes.zip
  plantain bulk shoes/ --csv skus.csv --preset flipkart_main
  plantain bulk shoes.zip --out pictures.zip
  plantain bulk shoes/ --products 2
  plantain bulk monday.zip tuesday.zip --server http://studio.local:8787 --notify-whatsapp '+91 98765 43210'
  plantain bulk --batch 019a5d6e-8f00-7cc3-98c4-dc0c0c07398f --server http://studio.local:8787")]
pub struct Args {
    /// ZIPs and folders of photos.
    #[arg(value_name = "ZIP|FOLDER", required_unless_present = "batch")]
    sources: Vec<PathBuf>,
    /// A list of product numbers: a CSV with the columns file, sku, preset, prompt and products, of which only file is needed.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Marketplace rules to meet where the list says nothing else; `plantain presets` lists them.
    #[arg(long, value_name = "ID", default_value = "amazon_main")]
    preset: String,
    /// What you wish for, in your own words.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// How many pictures to make of each photo.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(NUM_IMAGES_MAX)))]
    top: u8,
    /// How many pieces each photo shows, such as 2 for pairs, where the list says nothing else; otherwise the check looks for one.
    #[arg(long, value_name = "N", value_parser = super::check::pieces())]
    products: Option<u32>,
    /// Where the pictures go: a folder, or a ZIP if it ends so.
    #[arg(long, value_name = "DIR|ZIP", default_value = "plantain-out")]
    out: PathBuf,
    /// Wait for a batch that was handed in before, and take its pictures home.
    #[arg(long, value_name = "ID", requires = "server", conflicts_with_all = ["sources", "csv", "notify_email", "notify_whatsapp"], value_parser = batch_id)]
    batch: Option<BatchId>,
    /// Use this running studio instead of starting one.
    #[arg(long, value_name = "URL", value_parser = studio_address)]
    server: Option<Url>,
    /// The admin token or a key of a studio that is not open to everybody.
    #[arg(long, value_name = "TOKEN", requires = "server")]
    token: Option<String>,
    #[command(flatten)]
    notify: Notify,
}

fn batch_id(text: &str) -> Result<BatchId, &'static str> {
    BatchId::parse(text)
        .ok_or("write an id such as 019a5d6e-8f00-7cc3-98c4-dc0c0c07398f, which /bulk and `batchId` show")
}

/// A batch that the studio has.
#[derive(Clone, Debug)]
struct Handed {
    /// What it was made of, as it was typed.
    source: String,
    batch: BatchView,
    home: Home,
}

/// A batch whose pictures are at home.
#[derive(Debug)]
struct Brought {
    handed: Handed,
    /// Photos without pictures.
    not_made: Vec<ItemView>,
    /// Photos with a picture that breaks a rule.
    missed: usize,
}

impl Brought {
    fn is_good(&self) -> bool {
        self.not_made.is_empty() && self.missed == 0
    }
}

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    check_usage(args);
    if home::is_zip(&args.out) {
        place::file(&args.out)?
    } else {
        place::folder(&args.out)?
    }
    if args.server.is_none() {
        presets::find(&presets::load(&context.config.storage)?, &args.preset)?;
    }
    let archives = args.sources.iter().map(|path| Archive::look(path, &args.out)).collect::<Result<Vec<_>, _>>()?;
    // Before anything is started, so that no signal is missed.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let system = match &args.server {
        Some(_) => None,
        None => Some(System::start(&context.config, Role::All, Place::Temporary, Clock::system()).await?),
    };
    let client = client(args, system.as_ref())?;
    let (progress, handed) = (Progress::new(), RefCell::new(Vec::new()));
    let done = tokio::select! {
        done = all(args, archives, &client, &progress, &handed) => Some(done),
        _ = interrupt.recv() => None,
    };
    progress.clear();
    let handed = handed.into_inner();
    let ended = match done {
        Some(Ok(brought)) => told(&brought, context.output),
        Some(Err(error)) => {
            show::resume(args.server.as_ref(), &handed);
            Err(error)
        }
        None if args.server.is_some() => {
            eprintln!("Stopped waiting.");
            show::resume(args.server.as_ref(), &handed);
            Ok(Outcome::Failed)
        }
        None => save_what_there_is(&client, handed, context.output).await,
    };
    if let Some(system) = system {
        system.stop_at_once().await;
    }
    ended
}

/// What clap can't say about arguments that don't go together.
fn check_usage(args: &Args) {
    let several = args.sources.len() > 1;
    let wrong = match (several, args.csv.is_some(), home::is_zip(&args.out)) {
        (true, true, _) => {
            "--csv says more about one archive; put each list into its archive, or hand them in one by one"
        }
        (true, _, true) => "the pictures of several archives don't go into one ZIP; name a folder with --out",
        _ => return,
    };
    Cli::command().error(ErrorKind::ArgumentConflict, wrong).exit()
}

fn client(args: &Args, system: Option<&System>) -> anyhow::Result<StudioClient> {
    let (base, token) = match (&args.server, system) {
        (Some(server), _) => (server.clone(), args.token.clone().map(Secret::new)),
        (None, Some(system)) => (system.studio_url().context("the studio did not start")?.clone(), None),
        (None, None) => anyhow::bail!("there is neither a server nor a system"),
    };
    Ok(StudioClient::new(base, token, Clock::system())?)
}

/// Hands everything in before it waits for anything, so that a running studio has all of it as soon as may be.
async fn all(
    args: &Args,
    archives: Vec<Archive>,
    client: &StudioClient,
    progress: &Progress,
    handed: &RefCell<Vec<Handed>>,
) -> anyhow::Result<Vec<Brought>> {
    let list =
        args.csv.as_ref().map(|path| std::fs::read(path).with_context(|| path.display().to_string())).transpose()?;
    let homes = home::of(&args.out, &archives);
    for (archive, home) in archives.into_iter().zip(homes) {
        let wish = BulkWish {
            file_name: archive.file_name.clone(),
            preset: args.preset.clone(),
            prompt: args.prompt.clone(),
            num_images: args.top,
            products: args.products,
            list: list.clone(),
            notify: args.notify.clone(),
        };
        let source = archive.path.display().to_string();
        let sent = || {
            let bar = progress.sending(&archive);
            archive.clone().stream(move |bytes| bar.inc(bytes))
        };
        let batch = client.begin_batch(&wish, sent).await;
        let batch = batch.with_context(|| source.clone())?;
        handed.borrow_mut().push(Handed { source, batch, home });
    }
    if let Some(id) = &args.batch {
        let batch = client.batch(id.as_str()).await?;
        let source = batch.file_name.clone().unwrap_or_else(|| id.to_string());
        handed.borrow_mut().push(Handed { source, batch, home: Home::only(&args.out) });
    }
    let waiting = handed.borrow().clone();
    let mut brought = Vec::new();
    for mut handed in waiting {
        let id = handed.batch.batch_id.to_string();
        handed.batch = client.follow_batch(&id, |batch| progress.show(batch)).await?;
        brought.push(bring(client, handed).await?);
    }
    Ok(brought)
}

/// Takes the pictures home, and notes what became of each photo.
async fn bring(client: &StudioClient, handed: Handed) -> anyhow::Result<Brought> {
    let id = handed.batch.batch_id.to_string();
    handed.home.take(client, &id).await?;
    let (mut not_made, mut missed) = (Vec::new(), 0);
    for state in ItemState::ALL {
        let items = items(client, &id, state).await?;
        match state {
            ItemState::Succeeded => missed += items.iter().filter(|item| item.passed != Some(true)).count(),
            _ => not_made.extend(items),
        }
    }
    not_made.sort_by_key(|item| item.number);
    Ok(Brought { handed, not_made, missed })
}

async fn items(client: &StudioClient, id: &str, state: ItemState) -> Result<Vec<ItemView>, ApiError> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = client.items(id, state, after).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => after = next,
            None => return Ok(all),
        }
    }
}

fn told(brought: &[Brought], output: Output) -> anyhow::Result<Outcome> {
    match output {
        Output::Text => show::text(brought)?,
        Output::Json => stdout::line(show::json(brought)?)?,
    }
    Ok(if brought.iter().all(Brought::is_good) { Outcome::Done } else { Outcome::Failed })
}

/// A system of its own ends with the command: what it has made is kept, and the rest is given up.
async fn save_what_there_is(client: &StudioClient, handed: Vec<Handed>, output: Output) -> anyhow::Result<Outcome> {
    eprintln!("Stopped: the pictures that are ready are saved; report.csv names the photos without.");
    eprintln!(
        "A studio of its own goes on after a stop: start `plantain serve`, and hand the photos in with --server."
    );
    let mut brought = Vec::new();
    for mut handed in handed {
        handed.batch = match client.cancel_batch(handed.batch.batch_id.as_str()).await {
            Ok(batch) => batch,
            // It had come to its end.
            Err(_) => client.batch(handed.batch.batch_id.as_str()).await?,
        };
        brought.push(bring(client, handed).await?);
    }
    told(&brought, output)?;
    Ok(Outcome::Failed)
}

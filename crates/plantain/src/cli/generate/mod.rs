//! `plantain generate`: photos in, catalog pictures out, through the whole system.
//!
//! Without `--server` a system of its own is started on free loopback ports, with a data folder that is thrown away. From
//! there on both ways are the same code, over HTTP.

pub(super) mod photos;
mod progress;
pub(super) mod save;
mod show;
mod staged;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use futures_util::{StreamExt, stream};
use plantain_studio::job::JobState;
use plantain_studio::view::JobView;
use plantain_wire::models::nano_banana::NUM_IMAGES_MAX;
use plantain_work::Clock;
use url::Url;

use super::choosing::Choosing;
use super::{Context, Outcome, Output, place, presets, stdout};
use crate::client::{ApiError, Notify, StudioClient, Wish};
use crate::config::access::Access;
use crate::config::secret::Secret;
use crate::system::{Place, Role, System};
use photos::Photo;
use progress::Progress;
use save::{SaveError, Saved};
use staged::Staged;

/// Turn product photos into catalog pictures that a marketplace accepts.
///
/// JPEG, PNG, WebP, HEIC, AVIF, TIFF and GIF are read. Each photo gives a set of pictures, which lie in OUT/PRESET beside a
/// report.json; several photos get a folder each. The exit code is 1 where a photo could not be used or a picture breaks a rule.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain generate mug.jpg
  plantain generate *.jpg --preset myntra_main --out pictures
  plantain generate mug.jpg --preset amazon_main --id B0ABCDEF12 --json
  plantain generate mug.jpg --preset shopify --scene reflection --straighten
  plantain generate mug.jpg --preset shopify --backdrop '#f4e9dd,#d9c3ad'
  plantain generate mug.jpg --preset shopify --backdrop table.jpg
  plantain generate table.jpg --box 820,310,640,700
  plantain generate shoes.jpg --everything --products 2
  plantain generate mug.jpg --sheet
  plantain generate mug.jpg --server http://studio.local:8787
  PLANTAIN_KEY=plantain_… plantain generate mug.jpg --server https://studio.example --notify-email asha@shop.example")]
pub struct Args {
    /// The product's photos.
    #[arg(value_name = "PHOTO", required = true)]
    photos: Vec<PathBuf>,
    /// Marketplace rules to meet; `plantain presets` lists them.
    #[arg(long, value_name = "ID", default_value = "amazon_main")]
    preset: String,
    /// What you wish for, in your own words.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// How many pictures to make.
    #[arg(long, value_name = "N", default_value_t = 3, allow_negative_numbers = true, value_parser = count())]
    top: u8,
    /// Where the pictures go.
    #[arg(long, value_name = "DIR", default_value = "plantain-out")]
    out: PathBuf,
    /// The product's number: ASIN, barcode number or your own; pictures are named after it.
    #[arg(long, value_name = "SKU_OR_ASIN")]
    id: Option<String>,
    /// How many pieces each photo shows, such as 2 for a pair; otherwise the check looks for one.
    #[arg(long, value_name = "N", value_parser = super::check::pieces())]
    products: Option<u32>,
    /// Also save a contact sheet, contact-sheet.jpg: the photo and its pictures with what was measured.
    #[arg(long)]
    sheet: bool,
    #[command(flatten)]
    staged: Staged,
    #[command(flatten)]
    choosing: Choosing,
    /// Use this running studio instead of starting one.
    #[arg(long, value_name = "URL", value_parser = studio_address)]
    server: Option<Url>,
    /// The admin token of a studio that is not open to everybody.
    #[arg(long, value_name = "TOKEN", requires = "server")]
    token: Option<String>,
    /// A key of that studio [default: PLANTAIN_KEY, or else PLANTAIN_ADMIN_TOKEN].
    #[arg(long, value_name = "KEY", requires = "server", conflicts_with = "token")]
    key: Option<String>,
    #[command(flatten)]
    notify: Notify,
}

fn count() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=i64::from(NUM_IMAGES_MAX))
}

/// `localhost:8787` would otherwise be read as an address with the scheme `localhost`.
pub(super) fn studio_address(text: &str) -> Result<Url, String> {
    let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    Url::parse(text).ok().filter(web).ok_or_else(|| {
        "that is no address of a studio; write it as http://studio.local:8787, the way `plantain serve` shows it"
            .to_owned()
    })
}

/// Photos that are on their way at the same time.
const AT_ONCE: usize = 4;

/// What became of one photo.
pub(super) struct Made {
    pub photo: Photo,
    pub result: Result<Set, Failure>,
}

/// A set of pictures, saved.
pub(super) struct Set {
    pub job: JobView,
    pub saved: Saved,
}

/// Why a photo gave no pictures.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Photo(#[from] photos::PhotoError),
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The job ended without pictures; the studio said why.
    #[error("{message}{}{hint}", if .hint.is_empty() { "" } else { " " })]
    Job { code: String, message: String, hint: String },
    #[error(transparent)]
    Save(#[from] SaveError),
}

impl Failure {
    pub fn code(&self) -> &str {
        match self {
            Failure::Photo(_) => "photo_unreadable",
            Failure::Api(error) => error.code(),
            Failure::Job { code, .. } => code,
            Failure::Save(_) => "not_saved",
        }
    }
}

pub async fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    if args.photos.len() > 1 && args.choosing.names_places() {
        anyhow::bail!("--box, --include and --exclude name places in one photo; give one photo at a time with them");
    }
    place::folder(&args.out)?;
    if args.server.is_none() {
        presets::find(&presets::load(&context.config.storage)?, &args.preset)?;
    }
    let photos = photos::named(&args.photos, &args.out);
    let progress = Progress::new(&photos);
    let system = match &args.server {
        Some(_) => None,
        None => Some(System::start(&context.config, Role::All, Place::Temporary, Clock::system()).await?),
    };
    let made = match client(args, system.as_ref(), &context.config.access) {
        Ok(client) => make_all(args, photos, &client, &progress).await,
        Err(error) => return Err(error),
    };
    progress.clear();
    if let Some(system) = system {
        system.stop_at_once().await;
    }
    match context.output {
        Output::Text => show::text(&made)?,
        Output::Json => stdout::line(show::json(&made)?)?,
    }
    let good = |made: &Made| made.result.as_ref().is_ok_and(|set| set.job.images.iter().all(|image| image.passed));
    Ok(if made.iter().all(good) { Outcome::Done } else { Outcome::Failed })
}

fn client(args: &Args, system: Option<&System>, access: &Access) -> anyhow::Result<StudioClient> {
    let (base, token) = match (&args.server, system) {
        (Some(server), _) => (server.clone(), bearer(args, access)),
        (None, Some(system)) => (system.studio_url().context("the studio did not start")?.clone(), None),
        (None, None) => anyhow::bail!("there is neither a server nor a system"),
    };
    Ok(StudioClient::new(base, token, Clock::system())?)
}

/// What is typed wins, and a key over the token that opens everything.
fn bearer(args: &Args, access: &Access) -> Option<Secret> {
    let typed = args.token.as_ref().or(args.key.as_ref()).map(Secret::new);
    typed.or_else(|| access.own_key.clone()).or_else(|| access.admin_token.clone())
}

async fn make_all(args: &Args, photos: Vec<Photo>, client: &StudioClient, progress: &Progress) -> Vec<Made> {
    let one = |photo: Photo| async move {
        let result = make(args, &photo, client, progress).await;
        progress.done(&photo);
        Made { photo, result }
    };
    stream::iter(photos).map(one).buffered(AT_ONCE).collect().await
}

async fn make(args: &Args, photo: &Photo, client: &StudioClient, progress: &Progress) -> Result<Set, Failure> {
    let wish = Wish {
        photo: photo.read()?,
        file_name: photo.name.clone(),
        preset: args.preset.clone(),
        prompt: args.prompt.clone(),
        num_images: args.top,
        identifier: args.id.clone(),
        products: args.products,
        staging: args.staged.staging(),
        backdrop: args.staged.picture()?,
        choice: args.choosing.wire(),
        notify: args.notify.clone(),
    };
    progress.say(photo, "handing in");
    let begun = client.generate(&wish).await?;
    let job = client.follow(&begun.job_id, |job| progress.show(photo, job)).await?;
    if job.status != JobState::Succeeded {
        return Err(failure(&job));
    }
    let saved = save::save(client, &job, &folder(photo, &job), args.sheet).await?;
    Ok(Set { job, saved })
}

fn folder(photo: &Photo, job: &JobView) -> PathBuf {
    // The studio knows which preset it used; as a folder's name it is still text from outside.
    let preset: String = job.preset.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    Path::new(&photo.folder).join(preset)
}

fn failure(job: &JobView) -> Failure {
    match &job.error {
        Some(error) => {
            Failure::Job { code: error.code.clone(), message: error.message.clone(), hint: error.hint.clone() }
        }
        None => Failure::Job {
            code: "canceled".into(),
            message: "The job was cancelled.".into(),
            hint: "Start it again if that was not meant.".into(),
        },
    }
}

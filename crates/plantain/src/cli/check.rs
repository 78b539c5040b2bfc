//! `plantain check`: does a picture meet a marketplace's rules?

use std::path::{Path, PathBuf};

use plantain_media::check::{self, Claims, MaskSource, Report};
use plantain_media::picture::Matte;
use plantain_media::preset::Preset;
use plantain_studio::error::PRODUCTS_MAX;

use super::generate::photos;
use super::{Context, Outcome, Output, place, presets, rules, stdout};
use crate::av1;

mod likeness;
mod mask;

use likeness::Likeness;

/// Measure finished pictures against a marketplace's rules.
///
/// The exit code is 1 where a picture breaks a rule or can't be read. Warnings don't count.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain check listing.jpg --preset amazon_main
  plantain check *.jpg --preset myntra_main --json
  plantain check pair.jpg --products 2
  plantain check made.jpg --mask mask.png
  plantain check made.jpg --original photo.jpg --diff diff.png")]
pub struct Args {
    /// The pictures, as they would be uploaded.
    #[arg(value_name = "PICTURE", required = true)]
    pictures: Vec<PathBuf>,
    /// The rules; `plantain presets` lists them.
    #[arg(long, value_name = "ID", default_value = "amazon_main")]
    preset: String,
    /// How many pieces each picture shows, such as 2 for a pair; otherwise one is looked for.
    #[arg(long, value_name = "N", value_parser = pieces())]
    products: Option<u32>,
    /// Which pixels are product, exactly, instead of a guess by colour: a grey PNG as large as the picture, white where it shows the product.
    /// For one picture.
    #[arg(long, value_name = "MASK.png")]
    mask: Option<PathBuf>,
    /// The photo that the pictures were made from: warns where the product is not the same.
    #[arg(long, value_name = "PHOTO")]
    original: Option<PathBuf>,
    /// The PNG file to write, with every place marked where the product differs from the photo's. For one picture.
    #[arg(long, value_name = "OUT.png", requires = "original")]
    diff: Option<PathBuf>,
}

/// How many pieces may be declared.
pub(super) fn pieces() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(PRODUCTS_MAX))
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let presets = presets::load(&context.config.storage)?;
    let preset = presets::find(&presets, &args.preset)?;
    if let Some(diff) = &args.diff {
        anyhow::ensure!(args.pictures.len() == 1, "--diff draws one picture; check them one by one");
        place::file(diff)?;
    }
    if args.mask.is_some() {
        anyhow::ensure!(args.pictures.len() == 1, "--mask belongs to one picture; check them one by one");
    }
    let mask = args.mask.as_deref().map(mask::read).transpose()?;
    if let (Some(mask), Some(path)) = (&mask, &args.mask) {
        mask::fits(mask, path, &args.pictures[0])?;
    }
    let likeness = args.original.as_deref().map(|photo| Likeness::to(photo, context)).transpose()?;
    let mut reports = Vec::with_capacity(args.pictures.len());
    let mut outcome = Outcome::Done;
    for path in &args.pictures {
        match measure(path, preset, args, mask.as_ref(), likeness.as_ref()) {
            Ok(report) => {
                if !report.passed {
                    outcome = Outcome::Failed;
                }
                reports.push((name(path), report));
            }
            Err(error) => {
                eprintln!("{error}");
                outcome = Outcome::Failed;
            }
        }
    }
    match context.output {
        Output::Text => stdout::print(text(&reports, preset)?)?,
        Output::Json => stdout::line(json(&reports)?)?,
    }
    Ok(outcome)
}

fn measure(
    path: &Path,
    preset: &Preset,
    args: &Args,
    matte: Option<&Matte>,
    likeness: Option<&Likeness>,
) -> anyhow::Result<Report> {
    let (bytes, name) = (photos::read(path)?, name(path));
    let av1 = Some(av1::decoder());
    let claims = Claims { file_name: Some(&name), matte, products: args.products, av1, ..Claims::default() };
    let mut report = check::check_claims(&bytes, &claims, preset);
    if let Some(likeness) = likeness {
        report.add(likeness.rule(&bytes, args.diff.as_deref())?);
    }
    Ok(report)
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn json(reports: &[(String, Report)]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&reports.iter().map(|(_, report)| report).collect::<Vec<_>>())
}

fn verdict(report: &Report, preset: &Preset) -> String {
    let id = &preset.id;
    match (report.passed, report.mask) {
        (false, _) => format!("does not meet every rule of {id}"),
        (true, MaskSource::Missing) => {
            format!("breaks no rule of {id} that could be measured, but no product was found")
        }
        (true, MaskSource::Given | MaskSource::Found) => format!("meets every rule of {id}"),
    }
}

fn text(reports: &[(String, Report)], preset: &Preset) -> anyhow::Result<String> {
    if reports.is_empty() {
        return Ok(String::new());
    }
    let shown = |(name, report): &(String, Report)| {
        Ok((name.clone(), serde_json::from_value::<rules::Report>(serde_json::to_value(report)?)?))
    };
    let shown = reports.iter().map(shown).collect::<serde_json::Result<Vec<_>>>()?;
    let mut text = rules::table(&shown);
    text.push('\n');
    for (number, (name, report)) in reports.iter().enumerate() {
        let number = number + 1;
        text.push_str(&format!("  {number}  {name} {}\n", verdict(report, preset)));
    }
    Ok(text)
}

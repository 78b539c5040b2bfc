//! `plantain cutout`: the product alone, on nothing.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plantain_media::compose;
use plantain_media::cutout::{self, CutoutOptions, CutoutStage};
use plantain_media::decode;
use plantain_media::picture::{Cutout, Matte, PhotoFrame};
use serde_json::json;

use super::brushing::Brushing;
use super::choosing::Choosing;
use super::generate::photos;
use super::{Context, Outcome, Output, place, stdout};
use crate::av1;
use crate::system::segmenter::SharedSegmenter;

/// Cut the product out of a photo, as a transparent PNG or as a mask.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  plantain cutout mug.jpg -o mug.png
  plantain cutout mug.jpg -o mask.png --mask
  plantain cutout mug.jpg -o mug.png --straighten
  plantain cutout table.jpg -o mug.png --box 820,310,640,700 --exclude 900,1200
  plantain cutout pair.jpg -o pair.png --everything
  plantain cutout mug.jpg -o mug.png --keep 1210,640,30 --erase 300,900,60")]
pub struct Args {
    /// The photo: JPEG, PNG, WebP, HEIC, AVIF, TIFF or GIF.
    #[arg(value_name = "PHOTO")]
    photo: PathBuf,
    /// The PNG file to write, of the photo's size. Other formats can't hold what a cut-out needs.
    #[arg(short, long, value_name = "OUT.png", value_parser = png_path)]
    out: PathBuf,
    #[command(flatten)]
    choosing: Choosing,
    #[command(flatten)]
    brushing: Brushing,
    /// Write the mask alone: white where the product is, black where it is not.
    #[arg(long)]
    mask: bool,
    /// Set a product upright that leans by up to 7 degrees; how much it leans is told in any case.
    #[arg(long)]
    straighten: bool,
}

/// A name that promises another format is refused: the file would be taken for what it is not.
fn png_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(extension) if !extension.eq_ignore_ascii_case("png") => Err(format!(
            "a cut-out is written as PNG, which keeps its transparency; name it {}",
            path.with_extension("png").display()
        )),
        _ => Ok(path),
    }
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    place::file(&args.out)?;
    let segmenter = SharedSegmenter::of(&context.config.storage)?;
    let cutout = match cut_out(&photos::read(&args.photo)?, args, &segmenter, context.config.photo_bytes_max) {
        Ok(cutout) => cutout,
        Err(reason) => {
            eprintln!("{}: {reason}", args.photo.display());
            return Ok(Outcome::Failed);
        }
    };
    // Asked before it is turned, and its frame with it.
    let touches = cutout.photo_frame(false) != PhotoFrame::Clear;
    let tilt = compose::tilt(&cutout);
    let slight = tilt.filter(|tilt| args.straighten && tilt.abs() <= compose::STRAIGHTENED_MAX);
    let cutout = match slight {
        Some(tilt) => compose::straightened(&cutout, tilt),
        None => cutout,
    };
    let cutout = cutout::at_full_size(cutout);
    let written = if args.mask { write_mask(&cutout, &args.out) } else { write_transparent(&cutout, &args.out) };
    written.with_context(|| format!("{} can't be written", args.out.display()))?;
    let product = cutout.product;
    let (left, top) = (cutout.origin.x + product.x, cutout.origin.y + product.y);
    match context.output {
        Output::Text => stdout::line(format_args!(
            "{}  product of {} × {} px at {left}, {top}{}{}",
            args.out.display(),
            product.width,
            product.height,
            leaning(tilt, slight.is_some()),
            if touches { "; it touches the photo's edge, so a part may be missing" } else { "" }
        ))?,
        Output::Json => stdout::line(json!({
            "file": args.out, "width": cutout.photo.0, "height": cutout.photo.1,
            "product": { "x": left, "y": top, "width": product.width, "height": product.height },
            "touchesFrame": touches,
            "tiltDegrees": tilt.map(|tilt| f64::from((tilt * 10.0).round()) / 10.0), "straightened": slight.is_some(),
        }))?,
    }
    Ok(Outcome::Done)
}

/// What an eye would notice of a lean.
fn leaning(tilt: Option<f32>, straightened: bool) -> String {
    let Some(tilt) = tilt.filter(|tilt| tilt.abs() >= compose::NOTICEABLE_LEAN) else { return String::new() };
    let side = if tilt > 0.0 { "right" } else { "left" };
    let done = if straightened { "leaned" } else { "leans" };
    format!("; it {done} {:.1}° to the {side}{}", tilt.abs(), if straightened { " and was set upright" } else { "" })
}

/// The product, or why there is none, in words.
fn cut_out(bytes: &[u8], args: &Args, segmenter: &SharedSegmenter, bytes_max: usize) -> Result<Cutout, String> {
    let decoded =
        decode::decode(bytes, &av1::limits(bytes_max)).map_err(|e| format!("{} {}", e.message(), e.hint()))?;
    if decoded.own_matte().is_some() && !args.choosing.is_empty() {
        eprintln!("The photo comes cut out already, so box, points and --everything are not used.");
    }
    let progress = indicatif::ProgressBar::new_spinner();
    let mut told = |stage| {
        progress.set_message(words(stage));
        progress.tick();
    };
    let options =
        CutoutOptions { choice: args.choosing.choice(), keep: args.choosing.keep(), ..CutoutOptions::default() };
    let cutout = match decoded.own_matte() {
        Some(alpha) => cutout::from_alpha(&decoded.picture, alpha),
        None => segmenter.get().and_then(|segmenter| segmenter.cut_out_with(&decoded.picture, &options, &mut told)),
    };
    progress.finish_and_clear();
    let cutout = cutout.and_then(|cutout| args.brushing.corrected(&decoded.picture, cutout));
    cutout.map_err(|e| format!("{} {}", e.message(), e.hint()))
}

fn words(stage: CutoutStage) -> &'static str {
    match stage {
        CutoutStage::Locating => "looking for the product",
        CutoutStage::Refining(_) => "looking closer",
        CutoutStage::Edges => "following the edge",
        CutoutStage::Colours => "taking the old background out of the edge",
    }
}

/// Colour and transparency at the photo's size; what is not the product is transparent black.
fn write_transparent(cutout: &Cutout, path: &Path) -> anyhow::Result<()> {
    let (width, height) = cutout.photo;
    let mut pixels = vec![0; width as usize * height as usize * 4];
    for (x, y, alpha) in inside(&cutout.matte) {
        let at = ((cutout.origin.y + y) as usize * width as usize + (cutout.origin.x + x) as usize) * 4;
        let [r, g, b] = cutout.color.pixel(x, y);
        pixels[at..at + 4].copy_from_slice(&[r, g, b, alpha]);
    }
    write_png(path, cutout.photo, png::ColorType::Rgba, &pixels)
}

fn write_mask(cutout: &Cutout, path: &Path) -> anyhow::Result<()> {
    let (width, height) = cutout.photo;
    let mut pixels = vec![0; width as usize * height as usize];
    for (x, y, alpha) in inside(&cutout.matte) {
        pixels[(cutout.origin.y + y) as usize * width as usize + (cutout.origin.x + x) as usize] = alpha;
    }
    write_png(path, cutout.photo, png::ColorType::Grayscale, &pixels)
}

/// Where the matte covers anything, and how much.
fn inside(matte: &Matte) -> impl Iterator<Item = (u32, u32, u8)> {
    let place = |(at, alpha): (usize, &u8)| {
        let (width, at) = (matte.width() as usize, at);
        ((at % width) as u32, (at / width) as u32, *alpha)
    };
    matte.alpha().iter().enumerate().filter(|(_, alpha)| **alpha > 0).map(place)
}

fn write_png(path: &Path, (width, height): (u32, u32), color: png::ColorType, pixels: &[u8]) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    file.flush()?;
    Ok(())
}

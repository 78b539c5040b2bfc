//! Makes a picture meet a preset: frame, background, file.
//!
//! It takes any picture with a known product matte, whoever made it, repairs what breaks the preset's rules, and writes
//! the file. Pixels of a picture that already obeys are not touched. It never crops the product and never invents one.

mod background;
mod framing;
mod measured;
mod reframe;
mod rim;
mod unseen;

use std::borrow::Cow;

use crate::check::{self, zones::Product};
use crate::encode::{self, Chroma, EncodeError, EncodeOptions, Encoded, Provenance};
use crate::picture::{Matte, PhotoFrame, Picture};
use crate::preset::{Background, Format, Preset};
use framing::{Framing, framing};
pub use measured::{Measured, finish_measured};

/// What the preset leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FinishOptions {
    /// One of the preset's formats; its first where none is named.
    pub format: Option<Format>,
    pub provenance: Provenance,
    pub shadows: Shadows,
    /// How the seller's photo stood to the product, which no finished picture shows any more.
    pub photo_frame: PhotoFrame,
    /// How many pieces the seller says there are.
    pub products: Option<u32>,
}

/// What becomes of a shadow that the preset permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shadows {
    /// It stays, or is brought inside the limits.
    #[default]
    Keep,
    /// Nothing is left of it: the last resort where it can't be made lawful.
    Remove,
}

/// A file that meets its preset as far as a machine can make it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    pub bytes: Vec<u8>,
    pub content_type: &'static str,
    /// Without the full stop.
    pub extension: &'static str,
    pub width: u32,
    pub height: u32,
    /// The product in the finished picture, for the check.
    pub matte: Matte,
    /// JPEG only.
    pub quality: Option<u8>,
    /// What was repaired, in order; empty where the picture was right.
    pub actions: Vec<Action>,
    /// The product ran out of the picture that was to be finished.
    pub cut_off: bool,
    /// Width and height of the product in that picture.
    pub product_before: (u32, u32),
}

/// One repair.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Action {
    /// Scaled by `scale` and moved, and the background extended where it ended.
    Reframed { scale: f64 },
    /// Old background that the mask took for product.
    RimRemoved { pixels: u64 },
    /// Background and soft edge driven to white.
    Whitened { pixels: u64 },
    /// Background and soft edge driven to light grey.
    Neutralised { pixels: u64 },
    /// A shadow that the marketplace does not permit.
    ShadowRemoved,
    /// A shadow larger or darker than permitted.
    ShadowReduced,
    /// Below the usual quality, to keep the byte limit.
    QualityLowered { quality: u8 },
    /// Colour at half resolution, to keep the byte limit.
    ChromaHalved,
}

/// Why a picture can't be finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinishError {
    /// Nothing in the matte is product; another photo is needed.
    #[error("no product can be found in the picture; use a photo that shows it clearly")]
    NoProduct,
    /// A bug of the caller, or a model that returned another size than it was given.
    #[error("the picture is {} x {} and its matte {} x {}; they must be of one size", .picture.0, .picture.1, .matte.0, .matte.1)]
    SizesDiffer { picture: (u32, u32), matte: (u32, u32) },
    /// The preset does not take this format.
    #[error("the marketplace does not take {format:?}; leave the format out or choose one that it takes")]
    FormatRefused { format: Format },
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Repairs and writes the picture.
pub fn finish(
    picture: &Picture,
    matte: &Matte,
    preset: &Preset,
    options: &FinishOptions,
) -> Result<Finished, FinishError> {
    let (size, matte_size) = ((picture.width(), picture.height()), (matte.width(), matte.height()));
    if size != matte_size {
        return Err(FinishError::SizesDiffer { picture: size, matte: matte_size });
    }
    let format = options.format.unwrap_or(preset.formats[0]);
    if !preset.formats.contains(&format) {
        return Err(FinishError::FormatRefused { format });
    }
    let mut actions = Vec::new();
    let matte = match loose(picture, matte, preset) {
        None => Cow::Borrowed(matte),
        Some((matte, pixels)) => {
            actions.push(Action::RimRemoved { pixels });
            Cow::Owned(matte)
        }
    };
    let bounds = matte.bounds(128).ok_or(FinishError::NoProduct)?;
    let cut_off = reframe::touches_edge(&matte);
    let (mut picture, mut matte) = match framing(size, bounds, preset) {
        Framing::Keep => (Cow::Borrowed(picture), matte),
        Framing::Move(placement) => {
            actions.push(Action::Reframed { scale: placement.scale });
            let (picture, matte) = reframe::reframe(picture, &matte, placement, preset.canvas);
            (Cow::Owned(picture), Cow::Owned(matte))
        }
    };
    if preset.shadow.limits().is_some() {
        rim::close_crevices(&mut matte);
    }
    // What the check takes for a veil must be none here either, so this comes last.
    if preset.background != Background::F0 {
        rim::lift_veil(&mut matte);
    }
    let product = Product::from_matte(&matte).ok_or(FinishError::NoProduct)?;
    if let Some((plan, taken)) = background::plan(&picture, &matte, &product, preset, options.shadows) {
        let pixels = background::paint(picture.to_mut(), &matte, &plan);
        actions.extend(background_action(plan.level, pixels));
        actions.extend(taken);
    }
    if preset.background == Background::W1 {
        unseen::cleared(picture.to_mut(), &matte, preset.shadow, options.products);
    }
    let encoded = written(&picture, &product, preset, &encode_options(preset, format, options.provenance))?;
    actions.extend(lowered(encoded.quality, encoded.chroma));
    Ok(Finished {
        bytes: encoded.bytes,
        content_type: format.content_type(),
        extension: format.extension(),
        width: picture.width(),
        height: picture.height(),
        matte: matte.into_owned(),
        quality: encoded.quality,
        actions,
        cut_off,
        product_before: (bounds.width, bounds.height),
    })
}

/// A free background stays, and a rim of it is no fault.
fn loose(picture: &Picture, matte: &Matte, preset: &Preset) -> Option<(Matte, u64)> {
    (preset.background != Background::F0).then(|| rim::tightened(picture, matte)).flatten()
}

/// The file; where the byte limit forced a low quality on a pure white picture, the one of two samplings that leaves
/// no visible ringing beside the product, since the same bytes give more quality with halved colour.
fn written(
    picture: &Picture,
    product: &Product,
    preset: &Preset,
    options: &EncodeOptions,
) -> Result<Encoded, EncodeError> {
    let first = encode::encode(picture, options)?;
    let suspect = preset.background == Background::W1
        && first.chroma == Some(Chroma::Full)
        && first.quality.is_some_and(|quality| quality < encode::USUAL_QUALITY);
    if !suspect || check::is_clean_beside(&first.bytes, product) {
        return Ok(first);
    }
    let second = encode::encode(picture, &EncodeOptions { chroma: Chroma::Halved, ..*options })?;
    Ok(if check::is_clean_beside(&second.bytes, product) { second } else { first })
}

fn background_action(level: u8, pixels: u64) -> Option<Action> {
    let action = if level == 255 { Action::Whitened { pixels } } else { Action::Neutralised { pixels } };
    (pixels > 0).then_some(action)
}

fn encode_options(preset: &Preset, format: Format, provenance: Provenance) -> EncodeOptions {
    EncodeOptions {
        format,
        max_bytes: preset.max_bytes,
        min_bytes: preset.min_bytes,
        min_jpeg_quality: preset.min_jpeg_quality,
        chroma: Chroma::Full,
        min_dpi: preset.min_dpi,
        provenance,
    }
}

fn lowered(quality: Option<u8>, chroma: Option<Chroma>) -> impl Iterator<Item = Action> {
    let quality = quality.filter(|q| *q < encode::USUAL_QUALITY).map(|quality| Action::QualityLowered { quality });
    let chroma = (chroma == Some(Chroma::Halved)).then_some(Action::ChromaHalved);
    quality.into_iter().chain(chroma)
}

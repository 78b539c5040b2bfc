//! Lifting the product out of its photo.
//!
//! The network looks at the whole photo, then twice closer at what it found; the mean of the closer looks, freed of
//! everything that is not the product, is a soft matte of 320 pixels a side. Where much of it is unsure, colours decide.
//! It is sharpened on the photo's own pixels at full resolution; a second, small network opens the gaps in which the
//! ground is seen through the product, and at the soft edge the old background is taken out of the colours.
//!
//! This module owns which pixels are product. It refuses to guess: a photo in which nothing stands out is
//! [`CutoutError::NoProduct`]. It never invents a pixel, and reads no clock or network and no file but the library
//! of [`OnnxRuntime`], where one is named. A product is worked on
//! with at most [`MAX_PRODUCT_SIDE`] pixels on its long side, so memory is bounded by that and not by the camera:
//! about 40 bytes a pixel of the crop, 350 MB at worst, and 150 MB for each look of the network, two at a time, beside
//! the photo itself.

mod choice;
mod colors;
mod components;
mod edges;
mod error;
mod frame;
mod fronts;
mod gaps;
mod guided;
mod layers;
mod palette;
mod plane;
mod runtime;
mod saliency;
mod shape;
mod strokes;
mod unet;
mod unsure;

pub use choice::{Choice, POINTS_MAX, Point};
pub use components::Keep;
pub use error::CutoutError;
pub use frame::{BOX_SIDE_MIN, MAX_PRODUCT_SIDE};
pub use runtime::OnnxRuntime;
pub use strokes::{
    PAINTED_TIMES_ALL_MAX, STROKE_POINTS_MAX, STROKES_MAX, Stroke, StrokeKind, corrected, drawn_soon, reached, stroked,
};

use crate::picture::{Cutout, Matte, Picture, Rect};
use gaps::Gaps;
use runtime::Runtime;
use shape::Shape;

/// U2-Net small, trained weights as its authors published them; see `weights/NOTICE`.
static WEIGHTS: &[u8] = include_bytes!("../../weights/u2netp.onnx");
/// What opens gaps, trained by `training/`; see `weights/NOTICE`.
static GAPS: &[u8] = include_bytes!("../../weights/gaps.onnx");

/// How often the network looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passes {
    /// Once: a third of the time, and more mistakes about holes and second objects; gaps stay as they
    /// are, and what is unsure stays undecided.
    One,
    #[default]
    Three,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutoutOptions {
    pub choice: Choice,
    pub passes: Passes,
    pub keep: Keep,
}

/// What the cut-out is about to do, for showing progress. Stages come in this order; `Refining` counts the closer
/// looks from 1 and is told once for looks that run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutoutStage {
    Locating,
    Refining(u8),
    Edges,
    Colours,
}

/// The loaded network. Shared freely between threads; each call brings its own memory.
pub struct Segmenter {
    runtime: Runtime,
    gaps: Gaps,
}

/// How far the closer looks reach beyond the found box, as a share of its sides.
const CLOSER: [f64; 2] = [0.1, 0.3];
/// How far beyond a person's box the product may reach, and the one-pass look goes.
const BOX_MARGIN: f64 = 0.15;
/// How far around points the network looks for what it did not see in the whole photo, as a share of the photo's sides.
const POINTED: f64 = 0.3;

impl Segmenter {
    /// Gaps are opened by the same network, whatever finds the product.
    fn of(runtime: Runtime) -> Result<Segmenter, CutoutError> {
        Ok(Segmenter { runtime, gaps: Gaps::from_onnx(GAPS)? })
    }

    /// The network that is part of the program. Loading takes about 25 ms.
    pub fn embedded() -> Result<Segmenter, CutoutError> {
        Segmenter::of(Runtime::embedded(WEIGHTS)?)
    }

    /// The same network on ONNX Runtime, in about a tenth less time. Loading takes about 50 ms.
    pub fn embedded_on(runtime: &OnnxRuntime) -> Result<Segmenter, CutoutError> {
        Segmenter::of(Runtime::on(runtime, WEIGHTS)?)
    }

    /// The bytes that [`Segmenter::embedded`] loads, so that a program can tell whether it was damaged.
    pub fn embedded_weights() -> &'static [u8] {
        WEIGHTS
    }

    /// The bytes of the network that opens gaps, for the same.
    pub fn embedded_gap_weights() -> &'static [u8] {
        GAPS
    }

    /// Somebody's own weights: an ONNX file that maps 1 x 3 x 320 x 320 to 1 x 1 x 320 x 320, like the embedded one.
    pub fn from_onnx(weights: Vec<u8>) -> Result<Segmenter, CutoutError> {
        Segmenter::of(Runtime::from_onnx(weights)?)
    }

    /// The same on ONNX Runtime, which large networks gain most by.
    pub fn from_onnx_on(runtime: &OnnxRuntime, weights: &[u8]) -> Result<Segmenter, CutoutError> {
        Segmenter::of(Runtime::on(runtime, weights)?)
    }

    /// Lifts the product out of `photo`.
    pub fn cut_out(&self, photo: &Picture, options: &CutoutOptions) -> Result<Cutout, CutoutError> {
        self.cut_out_with(photo, options, &mut |_| {})
    }

    /// Like [`Segmenter::cut_out`]; `on_stage` is called before each stage, on the calling thread.
    pub fn cut_out_with(
        &self,
        photo: &Picture,
        options: &CutoutOptions,
        on_stage: &mut dyn FnMut(CutoutStage),
    ) -> Result<Cutout, CutoutError> {
        let shape = self.shape(photo, options, on_stage)?;
        on_stage(CutoutStage::Edges);
        let mut crop = self.crop_of(photo, &shape, options.passes)?;
        crop.heed(&options.choice);
        on_stage(CutoutStage::Colours);
        finished(crop, (photo.width(), photo.height()))
    }

    /// The matte of the whole picture, at its full size.
    pub fn matte_of(&self, picture: &Picture, passes: Passes) -> Result<Matte, CutoutError> {
        let options = CutoutOptions { passes, ..CutoutOptions::default() };
        let shape = self.shape(picture, &options, &mut |_| {})?;
        let crop = self.crop_of(picture, &shape, passes)?;
        Ok(edges::spread(&crop.matte, crop.area, (picture.width(), picture.height())))
    }

    fn crop_of(&self, photo: &Picture, shape: &Shape, passes: Passes) -> Result<edges::Crop, CutoutError> {
        let mut crop = edges::crop_of(photo, shape).ok_or(CutoutError::NoProduct)?;
        if passes == Passes::Three {
            crop.gaps = self.gaps.open(&mut crop.matte, &crop.color);
        }
        Ok(crop)
    }

    fn shape(
        &self,
        photo: &Picture,
        options: &CutoutOptions,
        on_stage: &mut dyn FnMut(CutoutStage),
    ) -> Result<Shape, CutoutError> {
        let size = (photo.width(), photo.height());
        let choice = &options.choice;
        let area = choice.area_in(size)?;
        on_stage(CutoutStage::Locating);
        let (found, first_look) = match area {
            Some(area) => (area, None),
            None => self.locate(photo, options)?,
        };
        on_stage(CutoutStage::Refining(1));
        let mut shape = match (options.passes, first_look) {
            (Passes::Three, _) => self.closer_looks(photo, found)?,
            (Passes::One, Some(first_look)) => first_look,
            (Passes::One, None) => self.look(photo, frame::grown(found, BOX_MARGIN, size))?,
        };
        if options.passes == Passes::Three {
            unsure::decide(&mut shape, photo);
        }
        if let Some(area) = area {
            shape.clear_outside(frame::grown(area, BOX_MARGIN, size));
        }
        shape.keep_product(options.keep, choice, size)?;
        Ok(shape)
    }

    /// The box of what stands out in the whole photo, or of what was pointed at, and the look that found it.
    fn locate(&self, photo: &Picture, options: &CutoutOptions) -> Result<(Rect, Option<Shape>), CutoutError> {
        let size = (photo.width(), photo.height());
        let whole = Rect { x: 0, y: 0, width: size.0, height: size.1 };
        let (keep, choice) = (options.keep, &options.choice);
        let seen = self.look(photo, whole);
        let mut shape = match seen {
            Ok(shape) if choice.include.iter().all(|point| shape.shows(*point)) => shape,
            Err(error) if choice.include.is_empty() => return Err(error),
            _ => self.look(photo, frame::around(&choice.include, POINTED, size))?,
        };
        shape.keep_product(keep, choice, size)?;
        let found = shape.found().ok_or(CutoutError::NoProduct)?;
        Ok((found, Some(shape)))
    }

    /// One look at `area`.
    fn look(&self, photo: &Picture, area: Rect) -> Result<Shape, CutoutError> {
        let square = saliency::square_of(photo, area);
        if saliency::is_plain(&square) {
            return Err(CutoutError::NoProduct);
        }
        let answer = self.runtime.run(saliency::input_of(&square))?;
        let (plane, contrast) = saliency::normalised(answer);
        if !contrast.shows_something() {
            return Err(CutoutError::NoProduct);
        }
        Ok(Shape::of(&plane, area))
    }

    /// Two looks at the found box with different margins, and their mean where both see.
    fn closer_looks(&self, photo: &Picture, found: Rect) -> Result<Shape, CutoutError> {
        let size = (photo.width(), photo.height());
        let [near, wide] = CLOSER.map(|share| frame::grown(found, share, size));
        let shown = |area| saliency::input_of(&saliency::square_of(photo, area));
        let (near_shown, wide_shown) = rayon::join(|| shown(near), || shown(wide));
        let answers = self.runtime.run_two([near_shown, wide_shown])?;
        let [(near_plane, near_contrast), (wide_plane, wide_contrast)] = answers.map(saliency::normalised);
        if !near_contrast.shows_something() && !wide_contrast.shows_something() {
            return Err(CutoutError::NoProduct);
        }
        let mut shape = Shape::of(&wide_plane, wide);
        shape.merge(&near_plane, near);
        Ok(shape)
    }
}

/// The cut-out's matte on the whole photo, for [`corrected`] and for showing.
pub fn whole_matte(cutout: &Cutout) -> Matte {
    edges::spread(&cutout.matte, cutout.origin, cutout.photo)
}

/// The cut-out at the photo's own size, where a large product was worked on at less.
pub fn at_full_size(cutout: Cutout) -> Cutout {
    let Rect { width, height, .. } = cutout.origin;
    if (cutout.color.width(), cutout.color.height()) == (width, height) {
        return cutout;
    }
    let whole = Rect { x: 0, y: 0, width: cutout.color.width(), height: cutout.color.height() };
    let (width, height) = (width as usize, height as usize);
    let color = plane::resized_picture(&cutout.color, whole, width, height);
    let matte = plane::resized_matte(&cutout.matte, whole, width, height);
    let product = matte.bounds(128).unwrap_or(Rect { x: 0, y: 0, ..cutout.origin });
    Cutout { color, matte, product, ..cutout }
}

/// Takes a picture that is already cut out as it is: its own transparency is the matte.
pub fn from_alpha(picture: &Picture, alpha: &Matte) -> Result<Cutout, CutoutError> {
    let size = (picture.width(), picture.height());
    if size != (alpha.width(), alpha.height()) {
        return Err(CutoutError::SizeMismatch);
    }
    let crop = edges::crop_of_alpha(picture, alpha).ok_or(CutoutError::NoProduct)?;
    finished(crop, size)
}

fn finished(crop: edges::Crop, photo: (u32, u32)) -> Result<Cutout, CutoutError> {
    let edges::Crop { area, mut color, matte, gaps } = crop;
    let product = matte.bounds(128).ok_or(CutoutError::NoProduct)?;
    colors::clean(&mut color, &matte);
    Ok(Cutout { color, matte, origin: area, photo, product, gaps })
}

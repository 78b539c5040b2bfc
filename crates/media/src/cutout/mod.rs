//! Lifting the product out of its photo.
//!
//! The network looks at the whole photo, then twice closer at what it found; the mean of the closer looks, freed of
//! everything that is not the product, is a soft matte of 320 pixels a side. It is sharpened on the photo's own pixels
//! at full resolution, and at its soft edge the old background is taken out of the colours.
//!
//! This module owns which pixels are product. It refuses to guess: a photo in which nothing stands out is
//! [`CutoutError::NoProduct`]. It never invents a pixel, and reads no clock or network and no file but the library
//! of [`OnnxRuntime`], where one is named. A product is worked on
//! with at most [`MAX_PRODUCT_SIDE`] pixels on its long side, so memory is bounded by that and not by the camera:
//! about 40 bytes a pixel of the crop, 350 MB at worst, and 150 MB for the network, beside the photo itself.

mod colors;
mod components;
mod edges;
mod error;
mod frame;
mod guided;
mod plane;
mod runtime;
mod saliency;

pub use components::Keep;
pub use error::CutoutError;
pub use frame::MAX_PRODUCT_SIDE;
pub use runtime::OnnxRuntime;

use crate::picture::{Cutout, Matte, Picture, Rect};
use plane::Plane;
use runtime::Runtime;

/// U2-Net small, trained weights as its authors published them; see `weights/NOTICE`.
static WEIGHTS: &[u8] = include_bytes!("../../weights/u2netp.onnx");

/// Where the product is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// What stands out most.
    #[default]
    Auto,
    /// Inside this box of the upright photo, drawn by a person. Nothing far outside it is taken.
    Box(Rect),
}

/// How often the network looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passes {
    /// Once: a third of the time, and more mistakes about holes and second objects.
    One,
    #[default]
    Three,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutoutOptions {
    pub focus: Focus,
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
}

/// A soft matte over one part of the photo.
struct Shape {
    area: Rect,
    coverage: Plane,
}

/// The longer side of the grid on which shapes are judged and filtered: finer than the network's own.
const GRID: usize = 768;
/// How far the closer looks reach beyond the found box, as a share of its sides.
const CLOSER: [f64; 2] = [0.1, 0.3];
/// How far beyond a person's box the product may reach, and the one-pass look goes.
const BOX_MARGIN: f64 = 0.15;
/// Coverage that counts as found.
const FOUND: f32 = 0.5;

impl Segmenter {
    /// The network that is part of the program. Loading takes about 15 ms.
    pub fn embedded() -> Result<Segmenter, CutoutError> {
        Ok(Segmenter { runtime: Runtime::embedded(WEIGHTS)? })
    }

    /// The same network on ONNX Runtime, in less than half the time. Loading takes about 50 ms, and at its peak a
    /// cut-out takes about 130 MB more.
    pub fn embedded_on(runtime: &OnnxRuntime) -> Result<Segmenter, CutoutError> {
        Ok(Segmenter { runtime: Runtime::on(runtime, WEIGHTS)? })
    }

    /// The bytes that [`Segmenter::embedded`] loads, so that a program can tell whether it was damaged.
    pub fn embedded_weights() -> &'static [u8] {
        WEIGHTS
    }

    /// Somebody's own weights: an ONNX file that maps 1 x 3 x 320 x 320 to 1 x 1 x 320 x 320, like the embedded one.
    pub fn from_onnx(weights: Vec<u8>) -> Result<Segmenter, CutoutError> {
        Ok(Segmenter { runtime: Runtime::from_onnx(weights)? })
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
        let crop = edges::crop_of(photo, &shape).ok_or(CutoutError::NoProduct)?;
        on_stage(CutoutStage::Colours);
        finished(crop, (photo.width(), photo.height()))
    }

    /// The matte of the whole picture, at its full size.
    pub fn matte_of(&self, picture: &Picture, passes: Passes) -> Result<Matte, CutoutError> {
        let options = CutoutOptions { passes, ..CutoutOptions::default() };
        let shape = self.shape(picture, &options, &mut |_| {})?;
        let crop = edges::crop_of(picture, &shape).ok_or(CutoutError::NoProduct)?;
        Ok(crop.spread(picture.width(), picture.height()))
    }

    fn shape(
        &self,
        photo: &Picture,
        options: &CutoutOptions,
        on_stage: &mut dyn FnMut(CutoutStage),
    ) -> Result<Shape, CutoutError> {
        let size = (photo.width(), photo.height());
        on_stage(CutoutStage::Locating);
        let (found, first_look) = match options.focus {
            Focus::Auto => self.locate(photo, options.keep)?,
            Focus::Box(area) => (frame::inside(area, size).ok_or(CutoutError::BoxOutside)?, None),
        };
        on_stage(CutoutStage::Refining(1));
        let mut shape = match (options.passes, first_look) {
            (Passes::Three, _) => self.closer_looks(photo, found)?,
            (Passes::One, Some(first_look)) => first_look,
            (Passes::One, None) => self.look(photo, frame::grown(found, BOX_MARGIN, size))?,
        };
        if let Focus::Box(_) = options.focus {
            shape.clear_outside(frame::grown(found, BOX_MARGIN, size));
        }
        let solid = components::keep_product(&mut shape.coverage, options.keep);
        if shape.share_of_photo(solid, size) < LEAST_SHARE {
            return Err(CutoutError::NoProduct);
        }
        Ok(shape)
    }

    /// The box of what stands out in the whole photo, and the look that found it.
    fn locate(&self, photo: &Picture, keep: Keep) -> Result<(Rect, Option<Shape>), CutoutError> {
        let whole = Rect { x: 0, y: 0, width: photo.width(), height: photo.height() };
        let mut shape = self.look(photo, whole)?;
        let solid = components::keep_product(&mut shape.coverage, keep);
        if shape.share_of_photo(solid, (whole.width, whole.height)) < LEAST_SHARE {
            return Err(CutoutError::NoProduct);
        }
        let found = components::bounds(&shape.coverage, FOUND).ok_or(CutoutError::NoProduct)?;
        let grid = (shape.coverage.width, shape.coverage.height);
        Ok((frame::from_grid(found, grid, whole), Some(shape)))
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
        let (width, height) = frame::grid(area, GRID);
        Ok(Shape { area, coverage: plane.resized(plane.whole(), width, height).clamped() })
    }

    /// Two looks at the found box with different margins, and their mean where both see.
    fn closer_looks(&self, photo: &Picture, found: Rect) -> Result<Shape, CutoutError> {
        let size = (photo.width(), photo.height());
        let [near, wide] = CLOSER.map(|share| frame::grown(found, share, size));
        let answers =
            self.runtime.run_two([near, wide].map(|area| saliency::input_of(&saliency::square_of(photo, area))))?;
        let [(near_plane, near_contrast), (wide_plane, wide_contrast)] = answers.map(saliency::normalised);
        if !near_contrast.shows_something() && !wide_contrast.shows_something() {
            return Err(CutoutError::NoProduct);
        }
        let (width, height) = frame::grid(wide, GRID);
        let mut coverage = wide_plane.resized(wide_plane.whole(), width, height).clamped();
        merge(&mut coverage, wide, &near_plane, near);
        Ok(Shape { area: wide, coverage })
    }
}

/// Less than this share of the photo is a speck, not a product.
const LEAST_SHARE: f64 = 0.001;

impl Shape {
    fn share_of_photo(&self, solid: u32, photo: (u32, u32)) -> f64 {
        let grid = (self.coverage.width * self.coverage.height) as f64;
        let area = f64::from(self.area.width) * f64::from(self.area.height);
        f64::from(solid) / grid * area / (f64::from(photo.0) * f64::from(photo.1))
    }

    fn clear_outside(&mut self, allowed: Rect) {
        let grid = (self.coverage.width, self.coverage.height);
        let window = frame::window(allowed, self.area, grid);
        let columns = window.x..window.x + window.width;
        let rows = window.y..window.y + window.height;
        for (at, value) in self.coverage.values.iter_mut().enumerate() {
            let (x, y) = ((at % grid.0) as f64 + 0.5, (at / grid.0) as f64 + 0.5);
            if !columns.contains(&x) || !rows.contains(&y) {
                *value = 0.0;
            }
        }
    }
}

/// Averages the near look into the part of the wide one that both see. Beyond the near look's reach the wide one
/// counts alone, so that a part which the first look missed is still found.
fn merge(wide: &mut Plane, wide_area: Rect, near: &Plane, near_area: Rect) {
    let grid = (wide.width, wide.height);
    let window = frame::window(near_area, wide_area, grid);
    let (left, top) = (window.x.round() as usize, window.y.round() as usize);
    let width = (window.width.round() as usize).clamp(1, grid.0 - left);
    let height = (window.height.round() as usize).clamp(1, grid.1 - top);
    let near = near.resized(near.whole(), width, height).clamped();
    for (row, values) in near.values.chunks_exact(width).enumerate() {
        let start = (top + row) * grid.0 + left;
        for (wide, near) in wide.values[start..start + width].iter_mut().zip(values) {
            *wide = (*wide + near) / 2.0;
        }
    }
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
    let edges::Crop { area, mut color, matte } = crop;
    let product = matte.bounds(128).ok_or(CutoutError::NoProduct)?;
    colors::clean(&mut color, &matte);
    let touches_frame = frame::touches(product, (color.width(), color.height()), area, photo);
    Ok(Cutout { color, matte, origin: area, photo, product, touches_frame })
}

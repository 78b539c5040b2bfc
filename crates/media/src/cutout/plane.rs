//! One value a pixel, and its passage between the network's grid, the photo and the crop that is worked on.

use plantain_scale::{FilterType, ResizeAlg, ResizeOptions};

use super::guided::between;
use crate::picture::{Matte, Picture, Rect};
use plantain_scale as scale;

/// A plane of values, mostly coverage from 0 to 1, row by row from the top left.
#[derive(Clone)]
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f32>,
}

/// A box in a plane's own units, whole or broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Plane {
    pub(super) fn new(width: usize, height: usize, values: Vec<f32>) -> Plane {
        debug_assert_eq!(values.len(), width * height);
        Plane { width, height, values }
    }

    pub(super) fn whole(&self) -> Window {
        Window { x: 0.0, y: 0.0, width: self.width as f64, height: self.height as f64 }
    }

    /// The part inside `window`, at another size. Bicubic, so the result may overshoot a little; callers clamp.
    pub(super) fn resized(&self, window: Window, width: usize, height: usize) -> Plane {
        let options = options(FilterType::CatmullRom).crop(window.x, window.y, window.width, window.height);
        let (from, to) = ((self.width as u32, self.height as u32), (width as u32, height as u32));
        let values = scale::floats(&self.values, from, to, &options);
        Plane { width, height, values }
    }
}

impl Plane {
    /// The value at a pixel of a picture of this size that the plane covers, bilinear between cells.
    pub(super) fn sampled(&self, x: usize, y: usize, size: (usize, usize)) -> f32 {
        let (left, right, across) = between(x, size.0, self.width);
        let (above, below, down) = between(y, size.1, self.height);
        let row = |row: usize| {
            self.values[row * self.width + left] * (1.0 - across) + self.values[row * self.width + right] * across
        };
        row(above) * (1.0 - down) + row(below) * down
    }

    /// With every value brought back to 0 to 1.
    pub(super) fn clamped(mut self) -> Plane {
        self.values.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
        self
    }
}

/// The part of the picture inside `area`, at another size. In gamma space, as the network was trained; at the small
/// ratios by which working crops shrink the difference to linear light is below a level.
pub(super) fn resized_picture(picture: &Picture, area: Rect, width: usize, height: usize) -> Picture {
    if (area.width as usize, area.height as usize) == (width, height) {
        return picture.crop(area);
    }
    let (from, to) = ((picture.width(), picture.height()), (width as u32, height as u32));
    Picture::new(to.0, to.1, scale::colors(picture.rgb(), from, to, &inside(FilterType::Lanczos3, area)))
}

/// The part of the matte inside `area`, at another size.
pub(super) fn resized_matte(matte: &Matte, area: Rect, width: usize, height: usize) -> Matte {
    if (area.width as usize, area.height as usize) == (width, height) {
        return matte.crop(area);
    }
    let (from, to) = ((matte.width(), matte.height()), (width as u32, height as u32));
    Matte::new(to.0, to.1, scale::bytes(matte.alpha(), from, to, &inside(FilterType::CatmullRom, area)))
}

fn inside(filter: FilterType, area: Rect) -> ResizeOptions {
    options(filter).crop(f64::from(area.x), f64::from(area.y), f64::from(area.width), f64::from(area.height))
}

fn options(filter: FilterType) -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter))
}

//! One value a pixel, and its passage between the network's grid, the photo and the crop that is worked on.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::picture::{Matte, Picture, Rect};

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

    pub(super) fn empty(width: usize, height: usize) -> Plane {
        Plane { width, height, values: vec![0.0; width * height] }
    }

    pub(super) fn whole(&self) -> Window {
        Window { x: 0.0, y: 0.0, width: self.width as f64, height: self.height as f64 }
    }

    /// The part inside `window`, at another size. Bicubic, so the result may overshoot a little; callers clamp.
    pub(super) fn resized(&self, window: Window, width: usize, height: usize) -> Plane {
        let mut source = Image::new(self.width as u32, self.height as u32, PixelType::F32);
        for (bytes, value) in source.buffer_mut().as_chunks_mut::<4>().0.iter_mut().zip(&self.values) {
            *bytes = value.to_ne_bytes();
        }
        let mut target = Image::new(width as u32, height as u32, PixelType::F32);
        let options = options(FilterType::CatmullRom).crop(window.x, window.y, window.width, window.height);
        Resizer::new().resize(&source, &mut target, &options).expect("same pixel type, window inside the plane");
        let values = target.buffer().as_chunks::<4>().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect();
        Plane { width, height, values }
    }
}

impl Plane {
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
    let source = ImageRef::new(picture.width(), picture.height(), picture.rgb(), PixelType::U8x3)
        .expect("a picture holds three bytes a pixel");
    let mut target = Image::new(width as u32, height as u32, PixelType::U8x3);
    let options = options(FilterType::Lanczos3).crop(
        f64::from(area.x),
        f64::from(area.y),
        f64::from(area.width),
        f64::from(area.height),
    );
    Resizer::new().resize(&source, &mut target, &options).expect("same pixel type, area inside the picture");
    Picture::new(width as u32, height as u32, target.into_vec())
}

/// The part of the matte inside `area`, at another size.
pub(super) fn resized_matte(matte: &Matte, area: Rect, width: usize, height: usize) -> Matte {
    if (area.width as usize, area.height as usize) == (width, height) {
        return matte.crop(area);
    }
    let source = ImageRef::new(matte.width(), matte.height(), matte.alpha(), PixelType::U8)
        .expect("a matte holds one byte a pixel");
    let mut target = Image::new(width as u32, height as u32, PixelType::U8);
    let options = options(FilterType::CatmullRom).crop(
        f64::from(area.x),
        f64::from(area.y),
        f64::from(area.width),
        f64::from(area.height),
    );
    Resizer::new().resize(&source, &mut target, &options).expect("same pixel type, area inside the matte");
    Matte::new(width as u32, height as u32, target.into_vec())
}

fn options(filter: FilterType) -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter))
}

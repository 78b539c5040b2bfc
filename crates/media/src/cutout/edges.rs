//! From the network's soft shape to an edge on the photo's own pixels.

use super::{Plane, Shape, components, frame, plane};
use crate::picture::{Matte, Picture, Rect};

/// The part of the photo around the product, at the size that it is worked on.
pub(super) struct Crop {
    pub area: Rect,
    pub color: Picture,
    pub matte: Matte,
}

impl Crop {
    /// The matte on the whole photo.
    pub(super) fn spread(&self, width: u32, height: u32) -> Matte {
        let values = self.matte.alpha().iter().map(|a| f32::from(*a) / 255.0).collect();
        let plane = Plane::new(self.matte.width() as usize, self.matte.height() as usize, values);
        let (inner_width, inner_height) = (self.area.width as usize, self.area.height as usize);
        let plane = if (plane.width, plane.height) == (inner_width, inner_height) {
            plane
        } else {
            plane.resized(plane.whole(), inner_width, inner_height).clamped()
        };
        let mut alpha = vec![0; width as usize * height as usize];
        for (row, values) in plane.values.chunks_exact(inner_width).enumerate() {
            let start = (self.area.y as usize + row) * width as usize + self.area.x as usize;
            for (alpha, value) in alpha[start..start + inner_width].iter_mut().zip(values) {
                *alpha = (value * 255.0).round() as u8;
            }
        }
        Matte::new(width, height, alpha)
    }
}

/// Coverage is stretched so that this much is nothing, and as much short of one is all.
const STRETCH: f32 = 0.25;

fn stretched(value: f32) -> f32 {
    ((value - STRETCH) / (1.0 - 2.0 * STRETCH)).clamp(0.0, 1.0)
}

pub(super) fn crop_of(photo: &Picture, shape: &Shape) -> Option<Crop> {
    let grid = (shape.coverage.width, shape.coverage.height);
    let seen = components::bounds(&shape.coverage, STRETCH)?;
    let seen = frame::from_grid(seen, grid, shape.area);
    let long = seen.width.max(seen.height);
    let margin = long / 40 + 16;
    let area = frame::padded(seen, margin, margin, (photo.width(), photo.height()));
    let (width, height) = frame::work_size(area, long);
    let color = plane::resized_picture(photo, area, width, height);
    let window = frame::window(area, shape.area, grid);
    let soft = shape.coverage.resized(window, width, height).clamped();
    let alpha = soft.values.iter().map(|v| (stretched(*v) * 255.0).round() as u8).collect();
    let matte = Matte::new(width as u32, height as u32, alpha);
    Some(Crop { area, color, matte })
}

pub(super) fn crop_of_alpha(picture: &Picture, alpha: &Matte) -> Option<Crop> {
    let seen = alpha.bounds(1)?;
    let area = frame::padded(seen, 16, 16, (picture.width(), picture.height()));
    Some(Crop { area, color: picture.crop(area), matte: alpha.crop(area) })
}

//! From the network's soft shape to an edge on the photo's own pixels.
//!
//! The shape is known to about three pixels in a thousand. Inside that band, and nowhere else, coverage is made the best
//! local function of the photo's colours, so that the edge lies where the photo changes. What the network is sure of
//! stays as it said: nothing appears far from the product and nothing vanishes within it.

use rayon::prelude::*;

use super::choice::{Choice, Point};
use super::plane::Plane;
use super::strokes::{self, Stroke, StrokeKind};
use super::{Shape, components, frame, guided, plane};
use crate::picture::{Matte, Picture, Rect};
use crate::tasks;

/// The part of the photo around the product, at the size that it is worked on.
pub(super) struct Crop {
    pub area: Rect,
    pub color: Picture,
    pub matte: Matte,
    /// How many gaps were opened since.
    pub gaps: usize,
}

/// Coverage is stretched so that this much is nothing, and as much short of one is all: between them lies the band.
const STRETCH: f32 = 0.25;
/// The longer side of the grid on which coverage is fitted to the colours; the fit is applied at full resolution.
const FIT_SIDE: usize = 800;
/// Reach of the fit: wide enough to see both sides of the band.
const FIT_RADIUS: usize = 7;
/// How little the colours are trusted where they hardly differ.
const FIT_EPSILON: f32 = 1e-4;
/// A fit is a compromise and comes out soft; this much steeper it is as crisp as the photo.
const CRISPNESS: f32 = 1.5;
/// Smallest margin of the crop around the product, in photo pixels: room for its soft edge.
const MARGIN: u32 = 16;

/// The crop around everything in `shape`, with its matte fitted to the photo. `None` where the shape is empty.
pub(super) fn crop_of(photo: &Picture, shape: &Shape) -> Option<Crop> {
    let grid = (shape.coverage.width, shape.coverage.height);
    let seen = frame::from_grid(components::bounds(&shape.coverage, STRETCH)?, grid, shape.area);
    let long = seen.width.max(seen.height);
    let margin = long / 40 + MARGIN;
    let area = frame::padded(seen, margin, margin, (photo.width(), photo.height()));
    let (width, height) = frame::work_size(area, long);
    let color = plane::resized_picture(photo, area, width, height);
    let fit = fitted(&color, shape, area);
    let soft = shape.laid(area, width, height);
    let matte = sharpened(&color, soft, &fit);
    Some(Crop { area, color, matte, gaps: 0 })
}

/// A picture that brings its own transparency is cropped and nothing else.
pub(super) fn crop_of_alpha(picture: &Picture, alpha: &Matte) -> Option<Crop> {
    let seen = alpha.bounds(1)?;
    let area = frame::padded(seen, MARGIN, MARGIN, (picture.width(), picture.height()));
    let (width, height) = frame::work_size(area, seen.width.max(seen.height));
    let color = plane::resized_picture(picture, area, width, height);
    let matte = plane::resized_matte(alpha, area, width, height);
    Some(Crop { area, color, matte, gaps: 0 })
}

/// A finger's width and what it can mean, as shares of the crop's longer side.
const DAB: f64 = 0.008;
const DAB_REACH: f64 = 0.2;

impl Crop {
    /// Corrects the matte where a chosen point is still on the wrong side of it.
    pub(super) fn heed(&mut self, choice: &Choice) {
        let size = (self.matte.width(), self.matte.height());
        let long = f64::from(size.0.max(size.1));
        let radius = (long * DAB).round().max(1.0) as u32;
        let dab = |kind, points: &[Point]| -> Vec<Stroke> {
            let places = points.iter().filter_map(|point| self.area.pixel(*point, size));
            places.map(|place| Stroke { kind, path: vec![place], radius }).collect()
        };
        let mut dabs = dab(StrokeKind::Keep, &choice.include);
        dabs.extend(dab(StrokeKind::Erase, &choice.exclude));
        for stroke in &dabs {
            let (x, y) = stroke.path[0];
            if (self.matte.at(x, y) >= 128) != (stroke.kind == StrokeKind::Keep) {
                strokes::heed(&self.color, &mut self.matte, stroke, &dabs, long * DAB_REACH);
            }
        }
    }
}

/// The matte of the part `area` on the whole photo.
pub(super) fn spread(matte: &Matte, area: Rect, (width, height): (u32, u32)) -> Matte {
    let whole = Rect { x: 0, y: 0, width: matte.width(), height: matte.height() };
    let inner_width = area.width as usize;
    let inner = plane::resized_matte(matte, whole, inner_width, area.height as usize);
    let mut alpha = vec![0; width as usize * height as usize];
    for (row, values) in inner.alpha().chunks_exact(inner_width).enumerate() {
        let start = (area.y as usize + row) * width as usize + area.x as usize;
        alpha[start..start + inner_width].copy_from_slice(values);
    }
    Matte::new(width, height, alpha)
}

fn stretched(value: f32) -> f32 {
    ((value - STRETCH) / (1.0 - 2.0 * STRETCH)).clamp(0.0, 1.0)
}

fn crisp(value: f32) -> f32 {
    ((value - 0.5) * CRISPNESS + 0.5).clamp(0.0, 1.0)
}

/// Two fits, the second to what the first made of the coverage: that clears the fog between near parts.
fn fitted(color: &Picture, shape: &Shape, area: Rect) -> guided::Fit {
    let whole = Rect { x: 0, y: 0, width: color.width(), height: color.height() };
    let (width, height) = frame::grid(whole, FIT_SIDE.min(color.width().max(color.height()) as usize));
    let guide = plane::resized_picture(color, whole, width, height);
    let mut target = shape.laid(area, width, height);
    target.values.iter_mut().for_each(|value| *value = stretched(*value));
    let first = guided::fit(&guide, &target, FIT_RADIUS, FIT_EPSILON);
    let pixels = guide.rgb().as_chunks::<3>().0;
    for (at, (value, pixel)) in target.values.iter_mut().zip(pixels).enumerate() {
        *value = crisp(guided::value(first.at(at), *pixel));
    }
    guided::fit(&guide, &target, FIT_RADIUS, FIT_EPSILON)
}

/// The matte at full size: the fit inside the band, the network's word outside it.
fn sharpened(color: &Picture, soft: Plane, fit: &guided::Fit) -> Matte {
    let (width, height) = (soft.width, soft.height);
    let mut alpha = vec![0u8; width * height];
    let rows = alpha.par_chunks_exact_mut(width).zip(soft.values.par_chunks_exact(width));
    let rows = rows.zip(color.rgb().par_chunks_exact(width * 3));
    rows.enumerate().with_min_len(tasks::pieces(width)).for_each(|(y, ((alpha, soft), pixels))| {
        let line = fit.line(y, height);
        let pixels = pixels.as_chunks::<3>().0;
        for (x, ((alpha, soft), pixel)) in alpha.iter_mut().zip(soft).zip(pixels).enumerate() {
            let mut value = stretched(*soft);
            if value > 0.0 && value < 1.0 {
                value = crisp(guided::value(line.at(x, width), *pixel));
            }
            *alpha = (value * 255.0).round() as u8;
        }
    });
    Matte::new(width as u32, height as u32, alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: (u32, u32) = (900, 1200);

    fn upright(thick: u32) -> Rect {
        Rect { x: 430, y: 100, width: thick, height: 1000 }
    }

    fn contains(area: Rect, x: u32, y: u32) -> bool {
        (area.x..area.x + area.width).contains(&x) && (area.y..area.y + area.height).contains(&y)
    }

    fn photo_of(bar: Rect, (width, height): (u32, u32)) -> Picture {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let color = |(x, y)| if contains(bar, x, y) { [150, 40, 50] } else { [120, 150, 140] };
        Picture::new(width, height, places.flat_map(color).collect())
    }

    /// As a closer look finds it.
    fn shape_of(bar: Rect, photo: (u32, u32)) -> Shape {
        let area = frame::grown(bar, 0.3, photo);
        let (width, height) = frame::grid(area, 320);
        let inside = |at: usize| {
            let x = area.x as f64 + ((at % width) as f64 + 0.5) * f64::from(area.width) / width as f64;
            let y = area.y as f64 + ((at / width) as f64 + 0.5) * f64::from(area.height) / height as f64;
            contains(bar, x as u32, y as u32)
        };
        let values = (0..width * height).map(|at| if inside(at) { 1.0 } else { 0.0 }).collect();
        Shape { coverage: Plane::new(width, height, values), area }
    }

    #[test]
    fn slender_things_stay_where_they_are() {
        for thick in [16, 40, 60, 90, 141, 300] {
            let bar = upright(thick);
            let lying = Rect { x: bar.y, y: bar.x, width: bar.height, height: bar.width };
            for (bar, photo) in [(bar, PHOTO), (lying, (PHOTO.1, PHOTO.0))] {
                let crop = crop_of(&photo_of(bar, photo), &shape_of(bar, photo)).unwrap();
                let found = spread(&crop.matte, crop.area, photo).bounds(128).unwrap();
                let off = [
                    found.x.abs_diff(bar.x),
                    found.y.abs_diff(bar.y),
                    (found.x + found.width).abs_diff(bar.x + bar.width),
                    (found.y + found.height).abs_diff(bar.y + bar.height),
                ];
                assert!(off.iter().all(|off| *off <= 2), "{thick}: {found:?} is not {bar:?}");
            }
        }
    }
}

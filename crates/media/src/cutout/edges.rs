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
    let window = frame::window(area, shape.area, grid);
    let fit = fitted(&color, &shape.coverage, window);
    let soft = shape.coverage.resized(window, width, height);
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
fn fitted(color: &Picture, coverage: &Plane, window: plane::Window) -> guided::Fit {
    let whole = Rect { x: 0, y: 0, width: color.width(), height: color.height() };
    let (width, height) = frame::grid(whole, FIT_SIDE.min(color.width().max(color.height()) as usize));
    let guide = plane::resized_picture(color, whole, width, height);
    let mut target = coverage.resized(window, width, height);
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

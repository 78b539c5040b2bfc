//! The product mirrored in a glossy floor: from the line where it touches downwards, softer and fainter with the way.

use plantain_scale::U16x4;
use rayon::prelude::*;

use crate::compose::ground::Ground;
use crate::compose::resample::Layer;
use crate::picture::Rect;
use crate::tasks;

/// Share of the light that the floor gives back right at the product.
const STRENGTH: f32 = 0.30;
/// How fast that fades: an exponent on the way that is left.
const FADE: f32 = 1.5;
/// How far down it reaches at most, as shares of the product's and of the canvas's height.
const LENGTH: (f32, f32) = (0.42, 0.22);
/// The frame stays clear of it, like of a shadow.
const CLEAR: f32 = 0.028;
/// Pixels of blur for each pixel of way, and at most.
const SOFTENS: f32 = 0.035;
const SOFTEST: f32 = 7.0;
/// A reflection shorter than this would be a dirty edge.
const SHORTEST: f32 = 6.0;

/// A reflection on the canvas: linear light and coverage, already faint.
pub(super) struct Reflection {
    area: Rect,
    pixels: Vec<U16x4>,
}

impl Reflection {
    /// `None` where there is no room for one.
    pub(super) fn of(layer: &Layer, ground: &Ground, canvas: (u32, u32)) -> Option<Reflection> {
        let highest = ground.line.iter().copied().fold(f32::INFINITY, f32::min).max(0.0);
        let room = canvas.1 as f32 * (1.0 - CLEAR) - ground.lowest();
        let length = (ground.area.height as f32 * LENGTH.0).min(canvas.1 as f32 * LENGTH.1).min(room);
        if length < SHORTEST {
            return None;
        }
        let (top, bottom) = (highest.floor() as u32, (ground.lowest() + length).ceil() as u32);
        let area = Rect { y: top, height: bottom.min(canvas.1) - top, ..ground.area };
        let mut pixels = vec![U16x4::default(); area.width as usize * area.height as usize];
        let rows = pixels.par_chunks_exact_mut(area.width as usize).enumerate();
        rows.with_min_len(tasks::pieces(area.width as usize)).for_each(|(row, out)| {
            let y = (area.y + row as u32) as f32 + 0.5;
            for (column, (out, line)) in out.iter_mut().zip(&ground.line).enumerate() {
                let way = y - line;
                if way > 0.0 && way < length {
                    let shown = STRENGTH * (1.0 - way / length).powf(FADE);
                    *out = faint(mirrored(layer, area.x as usize + column, line - way, way), shown);
                }
            }
        });
        Some(Reflection { area, pixels })
    }

    /// Where a row begins, and its pixels.
    pub(super) fn row(&self, y: u32) -> Option<(usize, &[U16x4])> {
        let row = y.checked_sub(self.area.y).filter(|row| *row < self.area.height)? as usize;
        let width = self.area.width as usize;
        Some((self.area.x as usize, &self.pixels[row * width..(row + 1) * width]))
    }
}

/// The product around a place `way` over the ground: the middle and four neighbours, farther apart with the way.
fn mirrored(layer: &Layer, x: usize, y: f32, way: f32) -> [f32; 4] {
    let reach = (way * SOFTENS).min(SOFTEST);
    let (left, right) = (x.saturating_sub(reach.round() as usize), x + reach.round() as usize);
    let taps = [between(layer, x, y), between(layer, x, y - reach), between(layer, x, y + reach)];
    let sides = [between(layer, left, y), between(layer, right, y)];
    std::array::from_fn(|c| {
        let near: f32 = taps.iter().chain(&sides).map(|tap| tap[c]).sum();
        (near + taps[0][c]) / 6.0
    })
}

/// The layer between two rows; nothing beyond it.
fn between(layer: &Layer, x: usize, y: f32) -> [f32; 4] {
    let down = y - 0.5 - layer.area.y as f32;
    let (row, part) = (down.floor(), down - down.floor());
    let (above, below) = (at(layer, x, row), at(layer, x, row + 1.0));
    std::array::from_fn(|c| above[c] + (below[c] - above[c]) * part)
}

fn at(layer: &Layer, x: usize, row: f32) -> [f32; 4] {
    let (width, height) = (layer.area.width as usize, layer.area.height as usize);
    let column = x.wrapping_sub(layer.area.x as usize);
    if column >= width || row < 0.0 || row as usize >= height {
        return [0.0; 4];
    }
    layer.pixels[row as usize * width + column].0.map(f32::from)
}

fn faint(pixel: [f32; 4], shown: f32) -> U16x4 {
    U16x4::new(pixel.map(|v| (v * shown + 0.5) as u16))
}

//! A product at the size at which it is compared: in the middle of a square, as Lab colours and coverage.

use std::ops::RangeInclusive;

use rayon::prelude::*;

use super::Shown;
use super::ciede::{self, Lab};
use crate::compose::linear::plain_curve;
use crate::compose::placement::place;
use crate::compose::resample::{Layer, Weigh};
use crate::picture::Rect;
use crate::tasks;

/// Share of the square that the product's longer side takes; the rest is room to move.
const FILL: f32 = 0.88;
/// Photo pixels that are kept around the product while it is scaled.
const MARGIN: u32 = 8;
/// How many pixels of cheap work a change to Lab takes as long as.
const LAB: usize = 16;

/// Row-major and square.
#[derive(Clone)]
pub(super) struct Grid {
    pub side: usize,
    pub lab: Vec<Lab>,
    /// 0 to 1.
    pub cover: Vec<f32>,
}

/// The longer side at which both products can be shown without inventing pixels; `None` where one is too small.
pub(super) fn shared_side(one: Shown<'_>, other: Shown<'_>, range: RangeInclusive<u32>) -> Option<u32> {
    let longer = |shown: Shown<'_>| shown.matte.bounds(128).map(|b| b.width.max(b.height));
    let side = longer(one)?.min(longer(other)?).min(*range.end());
    (side >= *range.start()).then_some(side)
}

impl Grid {
    /// `side` is what the product's longer side becomes.
    pub(super) fn of(shown: Shown<'_>, side: u32) -> Option<Grid> {
        let product = shown.matte.bounds(128)?;
        let around = with_margin(product, (shown.picture.width(), shown.picture.height()));
        let (picture, matte) = (shown.picture.crop(around), shown.matte.crop(around));
        let product = Rect { x: product.x - around.x, y: product.y - around.y, ..product };
        let square = (side as f32 / FILL).ceil() as u32;
        let placed = place(product, (square, square), FILL);
        let layer = Layer::resample((&picture, &matte), Weigh::Whole, [plain_curve(); 3], placed, (square, square))?;
        let side = square as usize;
        let mut grid = Grid { side, lab: vec![[100.0, 0.0, 0.0]; side * side], cover: vec![0.0; side * side] };
        let rows = grid.lab.par_chunks_exact_mut(side).zip(grid.cover.par_chunks_exact_mut(side)).enumerate();
        rows.with_min_len(tasks::pieces(side * LAB)).for_each(|(y, (lab, cover))| {
            let Some(pixels) = layer.row(y as u32) else { return };
            let left = layer.area.x as usize;
            for ((lab, cover), pixel) in lab[left..].iter_mut().zip(&mut cover[left..]).zip(pixels) {
                let [r, g, b, a] = pixel.0.map(|v| f32::from(v) / 65535.0);
                (*lab, *cover) = (ciede::lab([r, g, b]), a);
            }
        });
        Some(grid)
    }

    /// Half as large; each cell is the mean of four.
    pub(super) fn halved(&self) -> Grid {
        let side = self.side / 2;
        let four = |x: usize, y: usize| [0, 1, self.side, self.side + 1].map(|step| 2 * y * self.side + 2 * x + step);
        let cells = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        let (lab, cover) = cells
            .map(|(x, y)| {
                let at = four(x, y);
                let mean = |get: &dyn Fn(usize) -> f32| at.iter().map(|at| get(*at)).sum::<f32>() / 4.0;
                ([0, 1, 2].map(|c| mean(&|at| self.lab[at][c])), mean(&|at| self.cover[at]))
            })
            .unzip();
        Grid { side, lab, cover }
    }

    /// Between cells by straight lines; nothing lies outside.
    pub(super) fn at(&self, x: f32, y: f32) -> Option<(Lab, f32)> {
        let last = (self.side - 1) as f32;
        if !(x >= 0.0 && y >= 0.0 && x < last && y < last) {
            return None;
        }
        let (left, top) = (x as usize, y as usize);
        let (across, down) = (x - left as f32, y - top as f32);
        let corner = top * self.side + left;
        let weights = [
            (corner, (1.0 - across) * (1.0 - down)),
            (corner + 1, across * (1.0 - down)),
            (corner + self.side, (1.0 - across) * down),
            (corner + self.side + 1, across * down),
        ];
        let mut found = ([0.0; 3], 0.0);
        for (at, weight) in weights {
            for (sum, value) in found.0.iter_mut().zip(self.lab[at]) {
                *sum += value * weight;
            }
            found.1 += self.cover[at] * weight;
        }
        Some(found)
    }
}

fn with_margin(area: Rect, (width, height): (u32, u32)) -> Rect {
    let (x, y) = (area.x.saturating_sub(MARGIN), area.y.saturating_sub(MARGIN));
    let (right, bottom) = ((area.x + area.width + MARGIN).min(width), (area.y + area.height + MARGIN).min(height));
    Rect { x, y, width: right - x, height: bottom - y }
}

//! Piece by piece: where outline, structure and colour of two products that lie on each other differ.

use rayon::prelude::*;

use super::ciede;
use super::grid::Grid;
use crate::bitmap::Bitmap;
use crate::check::components::parts;
use crate::tasks;

/// Cells by which a piece may be off and still be the same: what shift, scale and turn can't say.
const PLAY: isize = 2;
/// Cells from the middle of a piece to its side.
const REACH: usize = 5;
/// Keeps plain surfaces, in which only noise differs, from counting as changed. In squared levels of lightness.
const CALM: f32 = 9.0;
/// Cells inside the outline that are not compared: mixed with either background.
const EDGE: usize = 3;
/// Likeness below which a piece is another.
const OTHER: f32 = 0.35;
/// Colour difference above which a piece is another, with light evened out.
const OTHER_COLOUR: f32 = 13.0;
/// The most that exposure may explain, in levels of lightness.
const EXPOSURE: f32 = 12.0;
/// Weight of lightness where light is evened out: shading moves it, and hue is what a shopper calls the colour.
const LIGHTNESS: f32 = 2.0;
/// How many pixels of cheap work the sums of one shift take as long as for each cell.
const SUMMING: usize = 8;

pub(super) struct Difference {
    pub outline: f64,
    pub structure: f64,
    pub colour: f64,
    pub colour_evened: f64,
    pub redrawn: f64,
    pub redrawn_at_once: f64,
    /// Cells clear of either background, by which structure and colour were told.
    pub cells: usize,
    /// 0 where nothing strays, 1 where it is plainly another.
    pub heat: Vec<f32>,
}

impl Difference {
    /// One number to choose between two ways of laying the photo down.
    pub(super) fn likeness(&self) -> f64 {
        (self.outline + self.structure) / 2.0 - self.redrawn
    }

    /// Both grids are of one size and lie on each other.
    pub(super) fn measure(original: &Grid, made: &Grid) -> Difference {
        let size = (made.side as u32, made.side as u32);
        let inside = |grid: &Grid| Bitmap::of::<1>(size, &eighths(&grid.cover), |a| a[0] >= 128);
        let (was, is) = (inside(original), inside(made));
        let within = was.and(&is).shrunk(EDGE);
        let weights = weights(&within);
        let alike = likeness(original, made, &weights);
        let colours = colours(original, made, &weights);
        let outside = was.minus(&is.grown(EDGE)).or(&is.minus(&was.grown(EDGE)));
        let heat = heat(&weights, &alike, &colours.evened, &outside);
        let changed = Bitmap::of::<1>(size, &eighths(&heat), |h| h[0] == 255).opened(1);
        let product = (was.or(&is).count() as f64).max(1.0);
        Difference {
            outline: was.and(&is).count() as f64 / product,
            structure: weighted(&alike, &weights),
            colour: colours.mean,
            colour_evened: colours.mean_evened,
            cells: within.count() as usize,
            redrawn: changed.count() as f64 / product,
            redrawn_at_once: parts(&changed).ok().and_then(|p| p.first().map(|p| p.area)).unwrap_or(0) as f64 / product,
            heat,
        }
    }
}

fn eighths(values: &[f32]) -> Vec<u8> {
    values.iter().map(|v| (v * 255.0 + 0.5) as u8).collect()
}

fn weights(within: &Bitmap) -> Vec<f32> {
    let (width, height) = (within.width() as usize, within.height() as usize);
    (0..width * height).map(|at| if within.has(at % width, at / width) { 1.0 } else { 0.0 }).collect()
}

/// Likeness of each piece, at the best of all small shifts, and how much there is to see in it.
struct Alike {
    likeness: Vec<f32>,
    detail: Vec<f32>,
}

/// SSIM's contrast and structure in one: blind to brightness, nearly blind to a little more or less contrast.
fn likeness(original: &Grid, made: &Grid, weights: &[f32]) -> Alike {
    let side = made.side;
    let x: Vec<f32> = made.lab.iter().map(|lab| lab[0]).collect();
    let window = Window { side, weights };
    let count = window.sums(&vec![1.0; side * side]);
    let mean = |values: &[f32]| -> Vec<f32> {
        window.sums(values).iter().zip(&count).map(|(sum, count)| sum / count.max(1.0)).collect()
    };
    let product = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let (mean_x, mean_xx) = (mean(&x), mean(&product(&x, &x)));
    let variance_x: Vec<f32> = mean_xx.iter().zip(&mean_x).map(|(xx, x)| (xx - x * x).max(0.0)).collect();
    let shifts: Vec<(isize, isize)> = (-PLAY..=PLAY).flat_map(|dy| (-PLAY..=PLAY).map(move |dx| (dx, dy))).collect();
    let nothing = || (vec![0.0f32; side * side], vec![0.0f32; side * side]);
    let (likeness, detail) = shifts
        .into_par_iter()
        .with_min_len(tasks::pieces(side * side * SUMMING))
        .map(|shift| {
            let y = shifted(original, shift);
            let (mean_y, mean_yy, mean_xy) = (mean(&y), mean(&product(&y, &y)), mean(&product(&x, &y)));
            let pieces = (0..side * side).map(|at| {
                let variance_y = (mean_yy[at] - mean_y[at] * mean_y[at]).max(0.0);
                let shared = mean_xy[at] - mean_x[at] * mean_y[at];
                let both = variance_x[at] + variance_y;
                ((2.0 * shared + CALM) / (both + CALM), both)
            });
            pieces.unzip()
        })
        .reduce(nothing, |mut best: (Vec<f32>, Vec<f32>), other: (Vec<f32>, Vec<f32>)| {
            best.0.iter_mut().zip(other.0).for_each(|(best, other)| *best = best.max(other));
            best.1.iter_mut().zip(other.1).for_each(|(best, other)| *best = best.max(other));
            best
        });
    Alike { likeness, detail }
}

/// Lightness of the photo, moved by whole cells.
fn shifted(grid: &Grid, (dx, dy): (isize, isize)) -> Vec<f32> {
    let side = grid.side as isize;
    let line = |at: isize, by: isize| (at + by).clamp(0, side - 1);
    (0..side)
        .flat_map(|y| (0..side).map(move |x| (line(y, dy) * side + line(x, dx)) as usize))
        .map(|at| grid.lab[at][0])
        .collect()
}

/// Sums over the square of [`REACH`] around each cell, of cells that count.
struct Window<'a> {
    side: usize,
    weights: &'a [f32],
}

impl Window<'_> {
    fn sums(&self, values: &[f32]) -> Vec<f32> {
        let side = self.side;
        let weighed: Vec<f32> = values.iter().zip(self.weights).map(|(value, weight)| value * weight).collect();
        let mut rows = vec![0.0f32; side * side];
        for (from, to) in weighed.chunks_exact(side).zip(rows.chunks_exact_mut(side)) {
            let mut sum: f64 = from[..REACH].iter().map(|v| f64::from(*v)).sum();
            for (at, to) in to.iter_mut().enumerate() {
                sum += from.get(at + REACH).map_or(0.0, |v| f64::from(*v));
                *to = sum as f32;
                sum -= at.checked_sub(REACH).map_or(0.0, |gone| f64::from(from[gone]));
            }
        }
        let mut sums = vec![0.0f32; side * side];
        let mut line: Vec<f64> = vec![0.0; side];
        let add = |line: &mut [f64], row: usize, sign: f64| {
            line.iter_mut().zip(&rows[row * side..]).for_each(|(sum, v)| *sum += sign * f64::from(*v));
        };
        (0..REACH).for_each(|row| add(&mut line, row, 1.0));
        for y in 0..side {
            if y + REACH < side {
                add(&mut line, y + REACH, 1.0);
            }
            sums[y * side..(y + 1) * side].iter_mut().zip(&line).for_each(|(to, sum)| *to = *sum as f32);
            if let Some(gone) = y.checked_sub(REACH) {
                add(&mut line, gone, -1.0);
            }
        }
        sums
    }
}

/// Likeness where there is something to see: each piece counts by its detail.
fn weighted(alike: &Alike, weights: &[f32]) -> f64 {
    let (mut sum, mut all) = (0.0f64, 0.0f64);
    for ((likeness, detail), weight) in alike.likeness.iter().zip(&alike.detail).zip(weights) {
        let weight = f64::from(weight * (detail + CALM / 4.0).sqrt());
        sum += f64::from(*likeness) * weight;
        all += weight;
    }
    if all == 0.0 { 0.0 } else { sum / all }
}

struct Colours {
    mean: f64,
    mean_evened: f64,
    evened: Vec<f32>,
}

/// Colours of pieces, so that a shifted print is no other colour.
fn colours(original: &Grid, made: &Grid, weights: &[f32]) -> Colours {
    let side = made.side;
    let window = Window { side, weights };
    let count = window.sums(&vec![1.0; side * side]);
    let means = |grid: &Grid| -> Vec<[f32; 3]> {
        let channels = [0, 1, 2].map(|c| window.sums(&grid.lab.iter().map(|lab| lab[c]).collect::<Vec<_>>()));
        (0..side * side).map(|at| [0, 1, 2].map(|c| channels[c][at] / count[at].max(1.0))).collect()
    };
    let (was, is) = (means(original), means(made));
    let counted = || (0..side * side).filter(|at| weights[*at] > 0.0);
    let mut brighter: Vec<f32> = counted().map(|at| is[at][0] - was[at][0]).collect();
    let middle = brighter.len() / 2;
    let exposure = match brighter.is_empty() {
        true => 0.0,
        false => brighter.select_nth_unstable_by(middle, f32::total_cmp).1.clamp(-EXPOSURE, EXPOSURE),
    };
    let mut evened = vec![0.0; side * side];
    let (mut sum, mut sum_evened, mut n) = (0.0f64, 0.0f64, 0.0f64);
    for at in counted() {
        let [l, a, b] = was[at];
        evened[at] = ciede::difference([l + exposure, a, b], is[at], LIGHTNESS);
        sum += f64::from(ciede::difference(was[at], is[at], 1.0));
        sum_evened += f64::from(evened[at]);
        n += 1.0;
    }
    Colours { mean: sum / n.max(1.0), mean_evened: sum_evened / n.max(1.0), evened }
}

fn heat(weights: &[f32], alike: &Alike, evened: &[f32], outside: &Bitmap) -> Vec<f32> {
    let side = outside.width() as usize;
    let cell = |at: usize| {
        if outside.has(at % side, at / side) {
            return 1.0;
        }
        let strange = (1.0 - alike.likeness[at]) / (1.0 - OTHER);
        weights[at] * strange.max(evened[at] / OTHER_COLOUR).clamp(0.0, 1.0)
    };
    (0..side * side).map(cell).collect()
}

//! Taking the old background out of the colours of the soft edge.
//!
//! A pixel that is half product and half table has the colour of both; on a white page it would be a fringe. From the
//! coarsest grid to the finest, the two colours that mix to the photo's are estimated so that each changes little
//! where coverage changes little (Germer, Uelwer, Conrad and Harmeling's multi-level scheme). Where coverage is full the
//! photo's pixels stay as they are, byte for byte.

use std::mem::swap;

use plantain_scale::{FilterType, ResizeAlg, ResizeOptions};
use rayon::prelude::*;

use super::guided::between;
use crate::picture::{Matte, Picture};
use crate::tasks;
use plantain_scale as scale;

/// From this coverage on a pixel's own colour is the product's: .98.
const FULL: u8 = 250;
/// How much the two colours may change where coverage does not.
const STIFFNESS: f32 = 1e-5;
/// Grids up to this side are solved over and over, since all later ones start from them.
const SMALL_SIDE: usize = 32;
const SMALL_ROUNDS: usize = 10;
const ROUNDS: usize = 2;
/// How many pixels of cheap work one of these takes as long as.
const SOLVING: usize = 8;

type Color = [f32; 3];

/// The photo's crop at one size, and the two colours that each pixel is made of, from 0 to 255.
struct Level {
    width: usize,
    height: usize,
    color: Vec<u8>,
    alpha: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct Mix {
    product: Color,
    ground: Color,
}

/// Gives every pixel below full coverage the product's colour alone. Pixels without coverage get the colour of the
/// product nearby, so that no later resampling draws the old background in.
pub(super) fn clean(color: &mut Picture, matte: &Matte) {
    let levels = pyramid(color, matte);
    let Some(coarsest) = levels.last() else { return };
    let mut mixes = vec![first_guess(coarsest); coarsest.width * coarsest.height];
    // What a step makes takes the other's place: fresh memory for each would cost as much as the steps.
    let mut next = Vec::new();
    let mut size = (coarsest.width, coarsest.height);
    for level in levels.iter().rev() {
        enlarge(&mixes, size, level, &mut next);
        swap(&mut mixes, &mut next);
        size = (level.width, level.height);
        let rounds = if level.width.max(level.height) <= SMALL_SIDE { SMALL_ROUNDS } else { ROUNDS };
        for _ in 0..rounds {
            improve(&mixes, level, &mut next);
            swap(&mut mixes, &mut next);
        }
    }
    apply(color, matte, &mixes, size);
}

/// Halves of halves, from half the crop's size down to a few pixels.
fn pyramid(color: &Picture, matte: &Matte) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    let (mut width, mut height) = (color.width() as usize, color.height() as usize);
    while width.max(height) > 4 {
        let (above_width, above_height) = (width, height);
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
        let (rgb, alpha) = levels.last().map_or((color.rgb(), matte.alpha()), |level| (&level.color, &level.alpha));
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box));
        let (from, to) = ((above_width as u32, above_height as u32), (width as u32, height as u32));
        let color = scale::colors(rgb, from, to, &options);
        let level = Level { width, height, color, alpha: scale::bytes(alpha, from, to, &options) };
        levels.push(level);
    }
    levels
}

/// The mean colour of what is covered, and of what is not.
fn first_guess(level: &Level) -> Mix {
    let mut sums = [[0.0; 3]; 2];
    let mut weights = [1e-6f32; 2];
    for (pixel, alpha) in level.color.as_chunks::<3>().0.iter().zip(&level.alpha) {
        let alpha = f32::from(*alpha) / 255.0;
        for (side, weight) in [alpha, 1.0 - alpha].into_iter().enumerate() {
            weights[side] += weight;
            (0..3).for_each(|channel| sums[side][channel] += weight * f32::from(pixel[channel]));
        }
    }
    Mix { product: sums[0].map(|sum| sum / weights[0]), ground: sums[1].map(|sum| sum / weights[1]) }
}

/// The coarser level's colours, each pixel taking those of the one that covers it.
fn enlarge(mixes: &[Mix], size: (usize, usize), level: &Level, finer: &mut Vec<Mix>) {
    let columns: Vec<usize> = (0..level.width).map(|x| (x * size.0 / level.width).min(size.0 - 1)).collect();
    finer.resize(level.width * level.height, Mix::default());
    let rows = finer.par_chunks_exact_mut(level.width).enumerate();
    rows.with_min_len(tasks::pieces(level.width)).for_each(|(y, finer)| {
        let row = &mixes[(y * size.1 / level.height).min(size.1 - 1) * size.0..][..size.0];
        finer.iter_mut().zip(&columns).for_each(|(mix, column)| *mix = row[*column]);
    });
}

/// One round: each pixel's two colours that best mix to the photo's and agree with the neighbours'.
fn improve(mixes: &[Mix], level: &Level, next: &mut Vec<Mix>) {
    next.resize(mixes.len(), Mix::default());
    let rows = next.par_chunks_exact_mut(level.width).enumerate();
    rows.with_min_len(tasks::pieces(level.width * SOLVING)).for_each(|(y, row)| {
        for (x, mix) in row.iter_mut().enumerate() {
            let at = y * level.width + x;
            let around = [
                if x > 0 { at - 1 } else { at },
                if x + 1 < level.width { at + 1 } else { at },
                if y > 0 { at - level.width } else { at },
                if y + 1 < level.height { at + level.width } else { at },
            ];
            *mix = solved(mixes, level, at, around);
        }
    });
}

fn solved(mixes: &[Mix], level: &Level, at: usize, around: [usize; 4]) -> Mix {
    let own = level.alpha[at];
    let color: Color = std::array::from_fn(|channel| f32::from(level.color[at * 3 + channel]));
    if matches!(own, 0 | 255) && around.iter().all(|next| level.alpha[*next] == own) {
        let Mix { product, ground } = mixes[at];
        return if own == 0 { Mix { product, ground: color } } else { Mix { product: color, ground } };
    }
    let alpha = f32::from(own) / 255.0;
    let mut towards = Mix { product: color.map(|c| c * alpha), ground: color.map(|c| c * (1.0 - alpha)) };
    let mut pull = 0.0;
    for next in around {
        let weight = STIFFNESS + (alpha - f32::from(level.alpha[next]) / 255.0).abs();
        pull += weight;
        for channel in 0..3 {
            towards.product[channel] += weight * mixes[next].product[channel];
            towards.ground[channel] += weight * mixes[next].ground[channel];
        }
    }
    let (first, cross, last) = (alpha * alpha + pull, alpha * (1.0 - alpha), (1.0 - alpha) * (1.0 - alpha) + pull);
    let determinant = first * last - cross * cross;
    let part = |a: f32, x: f32, y: f32| ((a * x - cross * y) / determinant).clamp(0.0, 255.0);
    Mix {
        product: std::array::from_fn(|c| part(last, towards.product[c], towards.ground[c])),
        ground: std::array::from_fn(|c| part(first, towards.ground[c], towards.product[c])),
    }
}

/// At full size the half-size colours are exact enough once they are made to mix to the pixel's own colour.
fn apply(color: &mut Picture, matte: &Matte, mixes: &[Mix], size: (usize, usize)) {
    let (width, height) = (color.width() as usize, color.height() as usize);
    let rows = color.rgb_mut().par_chunks_exact_mut(width * 3).zip(matte.alpha().par_chunks_exact(width));
    rows.enumerate().with_min_len(tasks::pieces(width)).for_each(|(y, (row, alphas))| {
        let (above, below, down) = between(y, height, size.1);
        for (x, (pixel, alpha)) in row.as_chunks_mut::<3>().0.iter_mut().zip(alphas).enumerate() {
            if *alpha >= FULL {
                continue;
            }
            let (left, right, across) = between(x, width, size.0);
            let at = |column: usize, row: usize| &mixes[row * size.0 + column];
            let corners = [at(left, above), at(right, above), at(left, below), at(right, below)];
            let share = [(1.0 - across) * (1.0 - down), across * (1.0 - down), (1.0 - across) * down, across * down];
            *pixel = unmixed(*pixel, f32::from(*alpha) / 255.0, corners, share);
        }
    });
}

fn unmixed(pixel: [u8; 3], alpha: f32, corners: [&Mix; 4], share: [f32; 4]) -> [u8; 3] {
    let spread = alpha * alpha + (1.0 - alpha) * (1.0 - alpha);
    std::array::from_fn(|channel| {
        let product: f32 = corners.iter().zip(share).map(|(mix, share)| mix.product[channel] * share).sum();
        let ground: f32 = corners.iter().zip(share).map(|(mix, share)| mix.ground[channel] * share).sum();
        let missing = f32::from(pixel[channel]) - alpha * product - (1.0 - alpha) * ground;
        (product + alpha * missing / spread).round().clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCT: [u8; 3] = [180, 30, 40];
    const GROUND: [u8; 3] = [40, 200, 90];

    /// A product on the right, with an edge that is soft over `soft` pixels.
    fn mixed(width: u32, height: u32, soft: f32) -> (Picture, Matte) {
        let (mut rgb, mut alpha) = (Vec::new(), Vec::new());
        for _ in 0..height {
            for x in 0..width {
                let share = ((x as f32 - width as f32 / 2.0) / soft + 0.5).clamp(0.0, 1.0);
                let share = (share * 255.0).round() / 255.0;
                rgb.extend(
                    (0..3)
                        .map(|c| (f32::from(PRODUCT[c]) * share + f32::from(GROUND[c]) * (1.0 - share)).round() as u8),
                );
                alpha.push((share * 255.0) as u8);
            }
        }
        (Picture::new(width, height, rgb), Matte::new(width, height, alpha))
    }

    #[test]
    fn a_soft_edge_loses_the_old_background() {
        let (mut color, matte) = mixed(90, 70, 12.0);
        clean(&mut color, &matte);
        for (pixel, alpha) in color.rgb().chunks(3).zip(matte.alpha()) {
            if *alpha >= 25 {
                let off = (0..3).map(|c| pixel[c].abs_diff(PRODUCT[c])).max().unwrap();
                assert!(off <= 12, "{pixel:?} at coverage {alpha}");
            }
        }
    }

    #[test]
    fn full_coverage_keeps_every_byte() {
        let (before, matte) = mixed(64, 64, 8.0);
        let mut after = before.clone();
        clean(&mut after, &matte);
        for (at, alpha) in matte.alpha().iter().enumerate() {
            if *alpha >= FULL {
                assert_eq!(after.rgb()[at * 3..at * 3 + 3], before.rgb()[at * 3..at * 3 + 3]);
            }
        }
    }

    #[test]
    fn one_pixel_and_no_product_are_no_trouble() {
        let mut speck = Picture::filled(1, 1, [9, 9, 9]);
        clean(&mut speck, &Matte::new(1, 1, vec![128]));
        let mut nothing = Picture::filled(40, 3, [9, 9, 9]);
        clean(&mut nothing, &Matte::new(40, 3, vec![0; 120]));
    }
}

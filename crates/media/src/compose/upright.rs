//! Whether a product leans, judged by its matte alone, and setting it upright.
//!
//! A product leans when it is the mirror image of itself about an axis that does. What has no such axis (a shoe, a jug
//! seen from the side) or any number of them (a plate) is never said to lean.

use rayon::prelude::*;

use crate::compose::linear::{plain_curve, srgb_table};
use crate::picture::{Cutout, Matte, Picture, Rect};
use crate::tasks;

/// A lean that an eye notices on a product, in degrees.
pub const NOTICEABLE_LEAN: f32 = 0.7;
/// A product that leans farther was put so on purpose.
pub const STRAIGHTENED_MAX: f32 = 7.0;

/// Long side of the small matte that is looked at.
const SIDE: u32 = 160;
/// Degrees that are tried to both sides, and in what steps.
const TRIED: i32 = 10;
const STEP: f32 = 0.5;
/// The share of the product that may lack its mirror image.
const UNLIKE_MAX: f32 = 0.10;
/// How much worse the image must be a few degrees away, or the axis is none.
const SHARPNESS: f32 = 0.012;
const AWAY: f32 = 4.0;

/// Degrees that the product leans, clockwise above 0; `None` where it can't be told. Right to about half a degree.
pub fn tilt(cutout: &Cutout) -> Option<f32> {
    let small = Small::of(&cutout.matte, cutout.product)?;
    let count = (TRIED as f32 / STEP) as i32;
    let unlike: Vec<f32> = (-count..=count).map(|n| small.unlike(n as f32 * STEP)).collect();
    let best = (0..unlike.len()).min_by(|a, b| unlike[*a].total_cmp(&unlike[*b]))?;
    let (before, after) = (unlike.get(best.checked_sub(1)?)?, unlike.get(best + 1)?);
    let angle = (best as i32 - count) as f32 * STEP;
    let around = (small.unlike(angle - AWAY) + small.unlike(angle + AWAY)) / 2.0;
    if unlike[best] > UNLIKE_MAX || around - unlike[best] < SHARPNESS {
        return None;
    }
    // The bottom of the parabola through three.
    let bend = before + after - 2.0 * unlike[best];
    let finer = if bend > 0.0 { (before - after) / (2.0 * bend) } else { 0.0 };
    Some(angle + finer.clamp(-0.5, 0.5) * STEP)
}

/// The product's matte, made small: coverage 0 to 1 and its middle.
struct Small {
    width: usize,
    height: usize,
    coverage: Vec<f32>,
    middle: (f32, f32),
    sum: f32,
}

impl Small {
    fn of(matte: &Matte, product: Rect) -> Option<Small> {
        let cell = product.width.max(product.height).div_ceil(SIDE).max(1);
        let (width, height) = (product.width.div_ceil(cell), product.height.div_ceil(cell));
        let mut coverage = Vec::with_capacity((width * height) as usize);
        for y in 0..height {
            for x in 0..width {
                let (left, top) = (product.x + x * cell, product.y + y * cell);
                let right = (left + cell).min(product.x + product.width).min(matte.width());
                let bottom = (top + cell).min(product.y + product.height).min(matte.height());
                let rows = top..bottom;
                let sum: u32 = rows.map(|y| (left..right).map(|x| u32::from(matte.at(x, y))).sum::<u32>()).sum();
                coverage.push(sum as f32 / (cell * cell) as f32 / 255.0);
            }
        }
        let (width, height) = (width as usize, height as usize);
        let sum: f32 = coverage.iter().sum();
        let along = |part: fn(usize, usize) -> usize| {
            let moment: f32 = coverage.iter().enumerate().map(|(at, v)| v * part(at, width) as f32).sum();
            moment / sum
        };
        let middle = (along(|at, width| at % width), along(|at, width| at / width));
        (width >= 8 && height >= 8 && sum > 0.0).then_some(Small { width, height, coverage, middle, sum })
    }

    /// The share that lacks its mirror image about an axis through the middle: 0 for none, 1 for all.
    fn unlike(&self, degrees: f32) -> f32 {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let mut missing = 0.0;
        for (at, here) in self.coverage.iter().enumerate().filter(|(_, here)| **here > 0.0) {
            let (x, y) = ((at % self.width) as f32 - self.middle.0, (at / self.width) as f32 - self.middle.1);
            let along = 2.0 * (x * sin - y * cos);
            let there = self.at(self.middle.0 + along * sin - x, self.middle.1 - along * cos - y);
            missing += (here - there).max(0.0);
        }
        missing / self.sum
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (x - left, y - top);
        let cell =
            |x: f32, y: f32| match x >= 0.0 && y >= 0.0 && (x as usize) < self.width && (y as usize) < self.height {
                true => self.coverage[y as usize * self.width + x as usize],
                false => 0.0,
            };
        let upper = cell(left, top) * (1.0 - across) + cell(left + 1.0, top) * across;
        let lower = cell(left, top + 1.0) * (1.0 - across) + cell(left + 1.0, top + 1.0) * across;
        upper * (1.0 - down) + lower * down
    }
}

/// The cut-out turned by `degrees` against the clock, so that a product that leans by them stands. Nothing is cropped.
pub fn straightened(cutout: &Cutout, degrees: f32) -> Cutout {
    let (width, height) = (cutout.color.width(), cutout.color.height());
    let (sin, cos) = degrees.to_radians().sin_cos();
    let reach = |one: u32, other: u32| (one as f32 * cos.abs() + other as f32 * sin.abs()).ceil() as u32 + 2;
    let size = (reach(width, height), reach(height, width));
    let mut rgb = vec![0; size.0 as usize * size.1 as usize * 3];
    let mut alpha = vec![0; size.0 as usize * size.1 as usize];
    let rows = rgb.par_chunks_exact_mut(size.0 as usize * 3).zip(alpha.par_chunks_exact_mut(size.0 as usize));
    rows.enumerate().with_min_len(tasks::pieces(size.0 as usize)).for_each(|(y, (colors, alphas))| {
        let down = y as f32 + 0.5 - size.1 as f32 / 2.0;
        for (x, (color, alpha)) in colors.as_chunks_mut::<3>().0.iter_mut().zip(alphas).enumerate() {
            let across = x as f32 + 0.5 - size.0 as f32 / 2.0;
            let from_x = across * cos - down * sin + width as f32 / 2.0 - 0.5;
            let from_y = across * sin + down * cos + height as f32 / 2.0 - 0.5;
            (*color, *alpha) = sampled(cutout, from_x, from_y);
        }
    });
    turned(cutout, Picture::new(size.0, size.1, rgb), Matte::new(size.0, size.1, alpha))
}

/// The turned cut-out with its middle where it was.
fn turned(cutout: &Cutout, color: Picture, matte: Matte) -> Cutout {
    let whole = Rect { x: 0, y: 0, width: color.width(), height: color.height() };
    let (across, down) = cutout.scale();
    let in_photo = |length: u32, scale: f64| (f64::from(length) * scale).round() as u32;
    let (width, height) = (in_photo(whole.width, across), in_photo(whole.height, down));
    let start = |at: u32, before: u32, now: u32| (at + before / 2).saturating_sub(now / 2);
    let origin = Rect {
        x: start(cutout.origin.x, cutout.origin.width, width),
        y: start(cutout.origin.y, cutout.origin.height, height),
        width,
        height,
    };
    Cutout {
        product: matte.bounds(128).unwrap_or(whole),
        photo: (cutout.photo.0.max(origin.x + width), cutout.photo.1.max(origin.y + height)),
        color,
        matte,
        origin,
        gaps: cutout.gaps,
    }
}

/// Four weights of a curve through the middle two of four neighbours.
fn weights(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [0.5 * (2.0 * t2 - t - t3), 0.5 * (3.0 * t3 - 5.0 * t2 + 2.0), 0.5 * (4.0 * t2 - 3.0 * t3 + t), 0.5 * (t3 - t2)]
}

/// Colour and coverage between pixels, in linear light, weighed by coverage.
fn sampled(cutout: &Cutout, x: f32, y: f32) -> ([u8; 3], u8) {
    let (left, top) = (x.floor(), y.floor());
    let (width, height) = (cutout.color.width() as f32, cutout.color.height() as f32);
    if left < -2.0 || top < -2.0 || left > width || top > height {
        return ([0; 3], 0);
    }
    let (across, down) = (weights(x - left), weights(y - top));
    let (mut light, mut covered) = ([0.0; 3], 0.0);
    for (j, down) in down.iter().enumerate() {
        for (i, across) in across.iter().enumerate() {
            let (x, y) = (left + i as f32 - 1.0, top + j as f32 - 1.0);
            if x < 0.0 || y < 0.0 || x >= width || y >= height {
                continue;
            }
            let alpha = cutout.matte.at(x as u32, y as u32);
            if alpha > 0 {
                let weight = across * down * f32::from(alpha);
                covered += weight;
                let rgb = cutout.color.pixel(x as u32, y as u32);
                light
                    .iter_mut()
                    .zip(rgb)
                    .for_each(|(sum, v)| *sum += weight * f32::from(plain_curve()[usize::from(v)]));
            }
        }
    }
    if covered < 0.5 {
        return ([0; 3], 0);
    }
    let color = light.map(|sum| srgb_table()[(sum / covered + 0.5).clamp(0.0, 65535.0) as usize]);
    (color, (covered + 0.5).clamp(0.0, 255.0) as u8)
}

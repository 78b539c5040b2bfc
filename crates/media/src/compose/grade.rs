//! Gentle changes of colour that leave the product what it is, and how far they may go.
//!
//! A grade is a gain for each channel of linear light that runs out towards white, so that black and white stay. It is
//! estimated from what surrounds the product (the photo's own greys, or a backdrop) and then held back until no colour
//! of the product moves farther than a limit.

use std::collections::HashSet;

use crate::compose::Light;
use crate::compose::linear::{Curve, plain_curve};
use crate::picture::{Cutout, Picture};

/// Gains of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grade {
    pub gains: [f32; 3],
}

/// How far a colour of the product may move (CIE 1976 difference; about 2.3 is the least that an eye can tell) when
/// its photo is normalised.
pub const NORMALISED_MAX: f32 = 3.5;
/// The same where the product is matched to a backdrop, whose light it then shares.
pub const MATCHED_MAX: f32 = 6.0;

/// Pixels that are looked at.
const SAMPLES: usize = 16_384;
/// Pixels of the product that are held to the limit: of those that look alike, one.
const HELD: usize = 40_000;
const ALIKE_BITS: u32 = 3;
/// A surrounding pixel that strays farther from grey than this has a colour of its own.
const GREY_CHROMA: f32 = 12.0;
/// Lightness of surroundings that say anything about the light.
const GREY_LIGHTNESS: std::ops::Range<f32> = 45.0..98.0;
/// Least share of the surroundings that has to be grey for a verdict.
const GREY_SHARE: f32 = 0.2;
/// How much of a cast is taken out: all of it would make an evening's light look like a fault.
const CAST_PART: f32 = 0.5;
/// Luminance of a well exposed light surface, and how much of the way there is gone.
const EXPOSED: f32 = 0.55;
const EXPOSURE_PART: f32 = 0.3;
/// How much of a backdrop's colour and brightness the product takes on.
const MATCH_CAST: f32 = 0.2;
const MATCH_EXPOSURE: f32 = 0.12;
/// Luminance of a backdrop that asks for neither darker nor lighter.
const MATCH_MIDDLE: f32 = 0.35;

impl Grade {
    /// As photographed.
    pub const NEUTRAL: Grade = Grade { gains: [1.0; 3] };

    pub fn is_neutral(&self) -> bool {
        *self == Grade::NEUTRAL
    }

    /// White balance and exposure by the greys around the product. Neutral where there are too few to tell a cast from
    /// a colour.
    pub fn of_photo(photo: &Picture, cutout: &Cutout) -> Grade {
        let around = surroundings(photo, cutout);
        let greys: Vec<[f32; 3]> = around.iter().copied().filter(|color| is_grey(*color)).collect();
        if greys.len() < 64 || (greys.len() as f32) < GREY_SHARE * around.len() as f32 {
            return Grade::NEUTRAL;
        }
        let mean = mean(&greys);
        let level = luminance(mean);
        let cast = mean.map(|v| (level / v).powf(CAST_PART));
        let exposure = (EXPOSED / level).powf(EXPOSURE_PART).clamp(0.85, 1.25);
        Grade { gains: cast.map(|gain| gain * exposure) }.held(cutout, NORMALISED_MAX)
    }

    /// This grade and then a step towards the light of a backdrop.
    pub fn toward(self, backdrop: &Picture, cutout: &Cutout) -> Grade {
        let all: Vec<[f32; 3]> = spread(backdrop, SAMPLES).map(|(_, _, rgb)| linear(rgb)).collect();
        let mean = mean(&all).map(|v| v + 0.01);
        let level = luminance(mean);
        let exposure = (level / MATCH_MIDDLE).powf(MATCH_EXPOSURE).clamp(0.85, 1.12);
        let step = mean.map(|v| (v / level).powf(MATCH_CAST) * exposure);
        Grade { gains: std::array::from_fn(|c| self.gains[c] * step[c]) }.held(cutout, MATCHED_MAX)
    }

    /// The most of this grade that moves no colour of the product farther than `limit`.
    pub fn held(self, cutout: &Cutout, limit: f32) -> Grade {
        let colors = product_colors(cutout);
        let part = |part: f32| Grade { gains: self.gains.map(|gain| gain.powf(part)) };
        let holds = |grade: &Grade| colors.iter().all(|color| grade.moves(*color) <= limit);
        if holds(&self) {
            return self;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..8 {
            let middle = (low + high) / 2.0;
            if holds(&part(middle)) { low = middle } else { high = middle }
        }
        part(low)
    }

    /// How far it moves a colour of linear light.
    fn moves(&self, color: [f32; 3]) -> f32 {
        let to = std::array::from_fn(|c| graded(color[c], self.gains[c]));
        distance(lab(color), lab(to))
    }

    /// A curve for each channel: first the light's, then this.
    pub(super) fn curves(&self, light: Light) -> [Curve; 3] {
        let curve = light.curve();
        self.gains.map(|gain| match gain == 1.0 {
            true => curve,
            false => curve.map(|v| (graded(f32::from(v) / 65535.0, gain) * 65535.0).round() as u16),
        })
    }
}

/// The gain at black, nothing at white, in order between.
fn graded(v: f32, gain: f32) -> f32 {
    (v * gain / (1.0 + (gain - 1.0) * v)).clamp(0.0, 1.0)
}

/// Pixels on an even grid, about as many as asked for.
fn spread(picture: &Picture, count: usize) -> impl Iterator<Item = (u32, u32, [u8; 3])> + '_ {
    let pixels = picture.width() as usize * picture.height() as usize;
    let step = ((pixels as f64 / count as f64).sqrt() as usize).max(1);
    let rows = (step as u32 / 2..picture.height()).step_by(step);
    rows.flat_map(move |y| (step as u32 / 2..picture.width()).step_by(step).map(move |x| (x, y, picture.pixel(x, y))))
}

/// What of the photo is no product and not clipped.
fn surroundings(photo: &Picture, cutout: &Cutout) -> Vec<[f32; 3]> {
    let size = (cutout.matte.width(), cutout.matte.height());
    let outside = |x: u32, y: u32| cutout.origin.pixel((x, y), size).is_none_or(|(x, y)| cutout.matte.at(x, y) == 0);
    spread(photo, SAMPLES)
        .filter(|(x, y, rgb)| outside(*x, *y) && rgb.iter().all(|v| (3..=250).contains(v)))
        .map(|(_, _, rgb)| linear(rgb))
        .collect()
}

fn product_colors(cutout: &Cutout) -> Vec<[f32; 3]> {
    let mut kinds = HashSet::new();
    spread(&cutout.color, HELD)
        .filter(|(x, y, rgb)| cutout.matte.at(*x, *y) >= 128 && kinds.insert(rgb.map(|v| v >> ALIKE_BITS)))
        .map(|(_, _, rgb)| linear(rgb))
        .collect()
}

fn is_grey(color: [f32; 3]) -> bool {
    let [l, a, b] = lab(color);
    GREY_LIGHTNESS.contains(&l) && a.hypot(b) <= GREY_CHROMA
}

fn linear(rgb: [u8; 3]) -> [f32; 3] {
    rgb.map(|v| f32::from(plain_curve()[usize::from(v)]) / 65535.0)
}

fn mean(colors: &[[f32; 3]]) -> [f32; 3] {
    let count = colors.len().max(1) as f32;
    std::array::from_fn(|c| colors.iter().map(|color| color[c]).sum::<f32>() / count)
}

fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// CIE L*a*b* under D65.
fn lab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let f = |t: f32| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
    let y = f(luminance([r, g, b]));
    let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(one: [f32; 3], other: [f32; 3]) -> f32 {
    (0..3).map(|c| (one[c] - other[c]).powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_keeps_black_white_and_order() {
        for gains in [[1.0; 3], [1.3, 0.8, 1.0], [0.5, 2.0, 1.1]] {
            for curve in (Grade { gains }).curves(Light::Neutral) {
                assert_eq!((curve[0], curve[255]), (0, 65535), "{gains:?}");
                assert!(curve.is_sorted(), "{gains:?}");
            }
        }
    }

    #[test]
    fn lab_knows_white_and_red() {
        assert!(distance(lab([1.0; 3]), [100.0, 0.0, 0.0]) < 0.1);
        assert!(distance(lab([1.0, 0.0, 0.0]), [53.2, 80.1, 67.2]) < 0.3);
    }
}

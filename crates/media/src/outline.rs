//! Whether a cut-out's outline runs along anything that is seen.
//!
//! A mask that follows no edge of the photo has taken a piece of the ground for a thing, or a thing with ground around it. A white
//! product before white looks so as well, so this is a reason to look, never one to refuse.

use crate::bitmap::Bitmap;
use crate::compose::plane::Plane;
use crate::picture::{Cutout, Picture};

/// Pixels between the outline and the bands on both sides of it, where both are mixed, and how far those reach.
const GAP: usize = 3;
const BAND: usize = 10;
/// Pixels of a square that has one colour on each side, and the fewest of a band that tell it.
const CELL: usize = 24;
const FEWEST: f32 = 24.0;
/// Levels of the channel that differs most, up to which both sides look the same.
const ALIKE: f32 = 6.0;
/// Share of the outline along which they do.
const ALONG: f64 = 0.8;

/// The product has the colour of what is right around it, along most of its outline.
pub fn blends_in(cutout: &Cutout) -> bool {
    let solid = Bitmap::covered(&cutout.matte, 128);
    let inside = Means::of(&cutout.color, &solid.shrunk(GAP).minus(&solid.shrunk(GAP + BAND)));
    let outside = Means::of(&cutout.color, &solid.grown(GAP + BAND).minus(&solid.grown(GAP)));
    let told: Vec<f32> = (0..inside.counts.values.len()).filter_map(|at| inside.distance(&outside, at)).collect();
    let alike = told.iter().filter(|distance| **distance <= ALIKE).count();
    !told.is_empty() && alike as f64 >= ALONG * told.len() as f64
}

/// The mean colour of a band in each square.
struct Means {
    counts: Plane,
    sums: [Plane; 3],
}

impl Means {
    fn of(picture: &Picture, band: &Bitmap) -> Means {
        let wide = (picture.width() as usize).div_ceil(CELL);
        let mut counts = Plane::new(wide, (picture.height() as usize).div_ceil(CELL));
        let mut sums = [counts.clone(), counts.clone(), counts.clone()];
        for y in 0..picture.height() as usize {
            for x in band.runs(y).flat_map(|(from, to)| from..to) {
                let at = y / CELL * wide + x / CELL;
                counts.values[at] += 1.0;
                let pixel = picture.pixel(x as u32, y as u32);
                (0..3).for_each(|c| sums[c].values[at] += f32::from(pixel[c]));
            }
        }
        Means { counts, sums }
    }

    /// How much the colours of one square differ; `None` where not both bands run through it.
    fn distance(&self, other: &Means, at: usize) -> Option<f32> {
        let (own, others) = (self.counts.values[at], other.counts.values[at]);
        let apart = |c: usize| (self.sums[c].values[at] / own - other.sums[c].values[at] / others).abs();
        (own >= FEWEST && others >= FEWEST).then(|| (0..3).map(apart).fold(0.0, f32::max))
    }
}

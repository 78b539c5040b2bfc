//! Deciding what the network left open.
//!
//! Where a product stands among others of its kind, a plant among plants, the network says "half" of whole parts of it, and
//! they would be laid on white like ghosts. Colours help: those of which the network is surer, seen all over the picture,
//! belong to the product. Only pictures with much that is unsure are touched; elsewhere its word stands.

use super::palette::Palette;
use super::plane::{Plane, resized_picture};
use super::shape::Shape;
use crate::bitmap::Bitmap;
use crate::picture::Picture;

/// Coverage in which the network neither says yes nor no, in parts of 255.
const UNSURE: std::ops::RangeInclusive<u8> = 64..=191;
/// An edge is unsure too: what is thinner than twice this many cells is taken for one.
const EDGE: usize = 4;
/// As much of the product must be unsure before anything is decided.
const MUCH: f64 = 0.12;
/// What is decided; the rest is sure enough.
const OPEN: std::ops::Range<f32> = 0.2..0.8;
/// Cells with at least a trace of coverage, and those around them, are what colours are learnt from.
const TRACE: u8 = 26;
const AROUND: usize = 30;
/// Each round learns from what the one before decided.
const ROUNDS: usize = 2;
/// How much colours weigh beside what the network said of the place itself.
const BY_COLOR: f32 = 0.7;
/// What tips the scales, a little less than half: of products among others the network says too little more often than too much.
const TIPPING: f32 = 0.45;
/// How much steeper than the network's word a decision is.
const DECISIVE: f32 = 2.5;

/// Decides what is unsure of `shape`, if that is much of it.
pub(super) fn decide(shape: &mut Shape, photo: &Picture) {
    let Plane { width, height, .. } = shape.coverage;
    let bytes: Vec<u8> = shape.coverage.values.iter().map(|value| (value * 255.0).round() as u8).collect();
    let cells = |member: &(dyn Fn(u8) -> bool + Sync)| {
        Bitmap::of::<1>((width as u32, height as u32), &bytes, |value| member(value[0]))
    };
    let unsure = cells(&|value| UNSURE.contains(&value)).opened(EDGE).count() as f64;
    if unsure <= solid(&shape.coverage.values) as f64 * MUCH {
        return;
    }
    let around = cells(&|value| value >= TRACE).grown(AROUND);
    let color = resized_picture(photo, shape.area, width, height);
    let pixels = color.rgb().as_chunks::<3>().0;
    let said = &shape.coverage.values;
    let near = || (0..said.len()).filter(|at| around.has(at % width, at / width));
    let all = Palette::weighed(near().map(|at| (pixels[at], 1.0)));
    let mut decided = said.clone();
    for _ in 0..ROUNDS {
        let product = Palette::weighed(near().map(|at| (pixels[at], decided[at])));
        let next = said.iter().zip(pixels).map(|(said, pixel)| {
            let by_color = product.share(*pixel) / all.share(*pixel).max(1e-6);
            if OPEN.contains(said) { steep(said + (by_color - said) * BY_COLOR) } else { *said }
        });
        decided = next.collect();
    }
    // A product in its ground's colour would go with it: there the network's word is all there is.
    if solid(&decided) * 2 >= solid(said) {
        shape.coverage.values = decided;
    }
}

/// How many cells are product rather than not.
fn solid(values: &[f32]) -> usize {
    values.iter().filter(|value| **value >= 0.5).count()
}

fn steep(value: f32) -> f32 {
    (0.5 + (value - TIPPING) * DECISIVE).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Rect;

    const SIDE: usize = 96;
    const POT: [u8; 3] = [40, 110, 120];
    const LEAVES: [u8; 3] = [80, 160, 40];
    const OTHERS: [u8; 3] = [120, 120, 60];

    /// A pot that the network is sure of, below leaves of which it says `leaves`, beside other leaves of which it says `others`.
    fn seen(leaves: f32, others: f32) -> (Shape, Picture) {
        let part = |at: usize| match (at % SIDE, at / SIDE) {
            (30..60, 50..85) => (0.98, POT),
            (30..60, 10..50) => (leaves + if at.is_multiple_of(7) { -0.15 } else { 0.0 }, LEAVES),
            (60..90, 10..50) => (others, OTHERS),
            _ => (0.01, [200, 190, 180]),
        };
        let cells: Vec<(f32, [u8; 3])> = (0..SIDE * SIDE).map(part).collect();
        let coverage = Plane::new(SIDE, SIDE, cells.iter().map(|cell| cell.0).collect());
        let area = Rect { x: 0, y: 0, width: SIDE as u32, height: SIDE as u32 };
        let photo = Picture::new(SIDE as u32, SIDE as u32, cells.iter().flat_map(|cell| cell.1).collect());
        (Shape { area, coverage }, photo)
    }

    #[test]
    fn whole_parts_left_open_are_decided_by_their_colours() {
        let (mut shape, photo) = seen(0.6, 0.35);
        decide(&mut shape, &photo);
        let mean = |columns: std::ops::Range<usize>| {
            let cells = (10..50).flat_map(|row| columns.clone().map(move |column| row * SIDE + column));
            let values: Vec<f32> = cells.map(|at| shape.coverage.values[at]).collect();
            values.iter().sum::<f32>() / values.len() as f32
        };
        let (leaves, others) = (mean(30..60), mean(60..90));
        assert!(leaves > 0.7 && others < 0.2, "leaves {leaves}, others {others}");
    }

    #[test]
    fn a_product_in_its_grounds_colour_stays_as_it_was_said() {
        let inside = |at: usize| (44..52).contains(&(at % SIDE)) && (10..86).contains(&(at / SIDE));
        let said: Vec<f32> = (0..SIDE * SIDE).map(|at| if inside(at) { 0.6 } else { 0.02 }).collect();
        let area = Rect { x: 0, y: 0, width: SIDE as u32, height: SIDE as u32 };
        let mut shape = Shape { area, coverage: Plane::new(SIDE, SIDE, said.clone()) };
        decide(&mut shape, &Picture::filled(SIDE as u32, SIDE as u32, [230; 3]));
        assert_eq!(shape.coverage.values, said);
    }

    #[test]
    fn a_product_that_is_sure_but_for_its_edge_stays_as_it_is() {
        let (mut shape, photo) = seen(0.97, 0.02);
        for row in 10..85 {
            (60..64).for_each(|column| shape.coverage.values[row * SIDE + column] = 0.5);
        }
        let before = shape.coverage.values.clone();
        decide(&mut shape, &photo);
        assert_eq!(shape.coverage.values, before);
    }
}

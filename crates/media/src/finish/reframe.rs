//! Moves a whole picture and its matte to a new canvas, in linear light, extending the background where it ends.

use plantain_scale::U16x4;
use rayon::prelude::*;

use crate::check::RingFacts;
use crate::compose::linear::{plain_curve, srgb_table};
use crate::compose::placement::Placement;
use crate::compose::resample::{Layer, Weigh};
use crate::picture::{Matte, Picture};
use crate::tasks;

/// Coverage below this is the resampling's ripple and no product.
const RIPPLE: u8 = 6;

/// The picture on its new canvas. Beyond its edges the background goes on: with the colours of the edge, or with the
/// frame's mean colour where the product itself is cut off by the edge.
pub(super) fn reframe(picture: &Picture, matte: &Matte, placement: Placement, canvas: (u32, u32)) -> (Picture, Matte) {
    let empty = || Matte::new(canvas.0, canvas.1, vec![0; canvas.0 as usize * canvas.1 as usize]);
    let frame = RingFacts::measure(picture).mean.map(|v| v.round() as u8);
    let Some(layer) = Layer::resample((picture, matte), Weigh::Whole, [plain_curve(); 3], placement, canvas) else {
        return (Picture::filled(canvas.0, canvas.1, frame), empty());
    };
    let plain = touches_edge(matte).then_some(frame);
    let mut rgb = vec![0; canvas.0 as usize * canvas.1 as usize * 3];
    let rows = rgb.par_chunks_exact_mut(canvas.0 as usize * 3).enumerate();
    rows.with_min_len(tasks::pieces(canvas.0 as usize)).for_each(|(y, row)| {
        extended_row(row.as_chunks_mut::<3>().0, &layer, y as u32, plain);
    });
    let mut matte = layer.matte(canvas);
    matte.alpha_mut().iter_mut().filter(|a| **a < RIPPLE).for_each(|a| *a = 0);
    (Picture::new(canvas.0, canvas.1, rgb), matte)
}

pub(super) fn touches_edge(matte: &Matte) -> bool {
    let (right, bottom) = (matte.width() - 1, matte.height() - 1);
    let across = (0..=right).any(|x| matte.at(x, 0) >= 128 || matte.at(x, bottom) >= 128);
    across || (0..=bottom).any(|y| matte.at(0, y) >= 128 || matte.at(right, y) >= 128)
}

fn extended_row(row: &mut [[u8; 3]], layer: &Layer, y: u32, plain: Option<[u8; 3]>) {
    let inside = y.clamp(layer.area.y, layer.area.y + layer.area.height - 1);
    let (Some(pixels), true) = (layer.row(inside), plain.is_none() || inside == y) else {
        return row.fill(plain.unwrap_or_default());
    };
    let left = layer.area.x as usize;
    for (out, pixel) in row[left..].iter_mut().zip(pixels) {
        *out = bytes(*pixel);
    }
    let right = left + pixels.len();
    let (first, last) = (row[left], row[right - 1]);
    row[..left].fill(plain.unwrap_or(first));
    row[right..].fill(plain.unwrap_or(last));
}

fn bytes(pixel: U16x4) -> [u8; 3] {
    let [r, g, b, _] = pixel.0;
    [r, g, b].map(|light| srgb_table()[usize::from(light)])
}

//! Opening the gaps in which the ground is seen through a product: between the canes of a basket, in a mesh, in a net.
//!
//! The network that finds products sees 320 pixels a side and closes what is finer. A second, small one looks at the
//! cut-out itself and says of each pixel how surely it is ground. It was trained by `training/`, and it is not to be
//! trusted with every product: letters in the ground's colour and what shines through glass look like gaps to it as well. So it is
//! heard only where what it says looks woven: very many pieces, none of them large beside the others, all over the
//! product. Whether that can be so at all is told by a few squares of it.

mod glimpse;
mod ground;
mod network;
mod pieces;

use super::error::CutoutError;
use super::plane::{Plane, resized_matte, resized_picture};
use crate::picture::{Matte, Picture, Rect};
use network::Network;

/// The longer side of what the network is shown, at most; it was trained on products of about this size.
const SIDE: f64 = 1024.0;

pub(super) struct Gaps {
    network: Network,
}

impl Gaps {
    pub(super) fn from_onnx(file: &[u8]) -> Result<Gaps, CutoutError> {
        Ok(Gaps { network: Network::from_onnx(file)? })
    }

    /// Takes the gaps of a woven product, shown by `color`, out of its matte, and says how many; every other matte stays as
    /// it is.
    pub(super) fn open(&self, matte: &mut Matte, color: &Picture) -> usize {
        let (width, height) = (matte.width(), matte.height());
        let whole = Rect { x: 0, y: 0, width, height };
        let scale = (SIDE / f64::from(width.max(height))).min(1.0);
        let even = |side: u32| ((f64::from(side) * scale / 2.0).round() as usize * 2).max(2);
        let (columns, rows) = (even(width), even(height));
        let color = resized_picture(color, whole, columns, rows);
        let small = resized_matte(matte, whole, columns, rows);
        let planes = shown(&color, &small);
        if !glimpse::may_be_woven(&self.network, &planes, columns / 2, &small) {
            return 0;
        }
        let sure = self.network.run(&planes, columns / 2, rows / 2);
        let Some(found) = pieces::woven(Plane::new(columns, rows, sure), &small) else { return 0 };
        take_out(matte, &found.open);
        found.gaps
    }
}

/// Leaves of each pixel what `open` does not take.
fn take_out(matte: &mut Matte, open: &Plane) {
    let (width, height) = (matte.width() as usize, matte.height() as usize);
    for (at, alpha) in matte.alpha_mut().iter_mut().enumerate() {
        let left = 1.0 - open.sampled(at % width, at / width, (width, height));
        *alpha = (*alpha).min((left * 255.0).round() as u8);
    }
}

/// What the network is shown at half size, in planes about 0: the colours of each four pixels, coverage, and the ground as it
/// would go on behind the product.
fn shown(color: &Picture, matte: &Matte) -> Vec<f32> {
    let (width, height) = (color.width() as usize / 2, color.height() as usize / 2);
    let cells = width * height;
    let mut planes = vec![0.0; network::CHANNELS * cells];
    let (colors, rest) = planes.split_at_mut(12 * cells);
    let (coverage, behind) = rest.split_at_mut(cells);
    let pixels = color.rgb().as_chunks::<3>().0;
    let fours = |cell: usize| {
        let first = cell / width * 2 * (width * 2) + cell % width * 2;
        [first, first + 1, first + 2 * width, first + 2 * width + 1]
    };
    let mut grounds = Vec::with_capacity(cells);
    for cell in 0..cells {
        let four = fours(cell);
        for (place, at) in four.into_iter().enumerate() {
            for (channel, sample) in pixels[at].into_iter().enumerate() {
                colors[(place * 3 + channel) * cells + cell] = f32::from(sample) / 255.0 - 0.5;
            }
        }
        let alpha = four.map(|at| matte.alpha()[at]);
        coverage[cell] = alpha.iter().map(|alpha| f32::from(*alpha)).sum::<f32>() / (4.0 * 255.0) - 0.5;
        let mean = |channel: usize| four.iter().map(|at| f32::from(pixels[*at][channel])).sum::<f32>() / (4.0 * 255.0);
        let known = alpha.iter().all(|alpha| *alpha < GROUND);
        grounds.push(ground::Cell::new(known, [mean(0), mean(1), mean(2)]));
    }
    for (cell, color) in ground::behind(grounds, width, height).into_iter().enumerate() {
        for (channel, value) in color.into_iter().enumerate() {
            behind[channel * cells + cell] = value - 0.5;
        }
    }
    planes
}

/// Pixels covered less than this are ground.
const GROUND: u8 = 13;

//! A few of the product's squares looked at first: most products are solid, and a look at all of them would find nothing.

use std::ops::Range;

use rayon::prelude::*;

use super::network::{self, Network};
use super::pieces::{self, Square};
use crate::cutout::plane::Plane;
use crate::picture::{Matte, Rect};

/// So many squares are looked at, spread over the product: a fifth of the work.
const SQUARES: usize = 9;
/// What they must show for the rest to be looked at, about half of what makes a product woven, since nine squares may be
/// unlucky ones: pieces in this share of them, and so many pieces in all if the others are like them.
const HINTED: f64 = 0.4;
const PIECES: usize = 60;
/// Cells around a square that are shown with it.
const AROUND: usize = 8;

/// Whether a look at the whole product may find it woven. `planes` are what the network would be shown, `width` cells wide.
pub(super) fn may_be_woven(network: &Network, planes: &[f32], width: usize, matte: &Matte) -> bool {
    let filled = pieces::squares(matte);
    let looked_at: Vec<&Square> = evenly_apart(filled.len()).filter_map(|at| filled.get(at)).collect();
    let found: Vec<usize> =
        looked_at.par_iter().map(|square| pieces_in(square, network, planes, width, matte)).collect();
    let hinted = found.iter().filter(|pieces| **pieces > 0).count();
    let all = found.iter().sum::<usize>() * filled.len();
    hinted > 0 && hinted as f64 >= HINTED * found.len() as f64 && all >= PIECES * found.len()
}

/// So many of all squares, evenly apart. They go row by row, so a whole number between them would look down one column alone.
fn evenly_apart(all: usize) -> impl Iterator<Item = usize> {
    let many = SQUARES.min(all);
    (0..many).map(move |at| (2 * at + 1) * all / (2 * many))
}

fn pieces_in(square: &Square, network: &Network, planes: &[f32], width: usize, matte: &Matte) -> usize {
    let cells = planes.len() / network::CHANNELS;
    let (rows, columns) = (around(&square.rows, cells / width), around(&square.columns, width));
    let lines =
        planes.chunks_exact(cells).flat_map(|plane| rows.clone().map(move |row| &plane[row * width..][..width]));
    let shown: Vec<f32> = lines.flat_map(|line| &line[columns.clone()]).copied().collect();
    let sure = Plane::new(2 * columns.len(), 2 * rows.len(), network.run(&shown, columns.len(), rows.len()));
    let [x, y, width, height] = [2 * columns.start, 2 * rows.start, sure.width, sure.height].map(|at| at as u32);
    pieces::counted(&sure, &matte.crop(Rect { x, y, width, height }))
}

/// The cells of these pixels, and some on both sides.
fn around(pixels: &Range<usize>, cells: usize) -> Range<usize> {
    (pixels.start / 2).saturating_sub(AROUND)..(pixels.end.div_ceil(2) + AROUND).min(cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cutout::GAPS;
    use crate::picture::Picture;

    const SIDE: u32 = 512;

    /// A dark product on light ground, with squares of the ground's colour where `open` says.
    fn hinted(open: impl Fn(u32, u32) -> bool) -> bool {
        let inside = |at: u32| (64..SIDE - 64).contains(&at);
        let pixels = || (0..SIDE * SIDE).map(|at| (at % SIDE, at / SIDE));
        let product = |(x, y): (u32, u32)| inside(x) && inside(y);
        let seen = |(x, y): (u32, u32)| x % 16 < 7 && y % 16 < 7 && open(x / 16, y / 16);
        let rgb = pixels().flat_map(|at| if product(at) && !seen(at) { [70, 50, 40] } else { [200, 190, 180] });
        let matte = Matte::new(SIDE, SIDE, pixels().map(|at| if product(at) { 255 } else { 0 }).collect());
        let planes = super::super::shown(&Picture::new(SIDE, SIDE, rgb.collect()), &matte);
        may_be_woven(&Network::from_onnx(GAPS).unwrap(), &planes, SIDE as usize / 2, &matte)
    }

    #[test]
    fn what_is_open_all_over_may_be_woven_and_a_solid_product_may_not() {
        assert!(hinted(|_, _| true));
        assert!(!hinted(|_, _| false), "nothing open");
        assert!(!hinted(|x, y| x > 22 && y > 22), "open in a corner");
    }

    #[test]
    fn a_weave_with_a_solid_middle_may_be_woven() {
        assert!(hinted(|x, _| !(13..19).contains(&x)));
    }

    #[test]
    fn squares_of_all_columns_are_looked_at() {
        for all in [64, 48, 56, 9, 5, 0] {
            let looked_at: Vec<usize> = evenly_apart(all).collect();
            assert_eq!(looked_at.len(), SQUARES.min(all));
            assert!(looked_at.is_sorted_by(|a, b| a < b) && looked_at.iter().all(|at| *at < all), "{looked_at:?}");
        }
        let columns: std::collections::BTreeSet<usize> = evenly_apart(64).map(|at| at % 8).collect();
        assert!(columns.len() >= 4, "{columns:?}");
    }

    #[test]
    fn no_product_is_not_woven() {
        let network = Network::from_onnx(GAPS).unwrap();
        let planes = vec![0.0; network::CHANNELS * 16];
        assert!(!may_be_woven(&network, &planes, 4, &Matte::new(8, 8, vec![0; 64])));
    }
}

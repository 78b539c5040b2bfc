//! Which of the places that the network takes for ground are opened.

use std::ops::Range;

use crate::cutout::plane::Plane;
use crate::picture::{Matte, Rect};

/// A piece is where the network is at least this sure, and it counts where it is this sure somewhere.
const LEAST: f32 = 0.6;
const SUREST: f32 = 0.85;
/// Below `LEAST` by this much nothing is open, and as much above it all is.
const RAMP: f32 = 0.1;
/// Pixels of the smallest piece that counts.
const SMALLEST: usize = 12;
/// Pixels covered less than this have no gap to open.
const COVERED: u8 = 26;

/// What makes a product woven: so many pieces at least, the largest of them no more than this share of all, and pieces in
/// this share of the squares that the product fills.
const PIECES: usize = 100;
const LARGEST: f64 = 0.1;
const OPENED_SHARE: f64 = 0.7;
/// Squares along each side of the product's box.
const SQUARES: u32 = 8;
/// How much of a square must be product for it to count.
const FILLED: f64 = 0.5;

/// How far each pixel of a woven product is open, from 0 to 1, and how many gaps that makes.
pub(super) struct Woven {
    pub open: Plane,
    pub gaps: usize,
}

/// `None` where the product is not woven.
pub(super) fn woven(mut sure: Plane, matte: &Matte) -> Option<Woven> {
    let (labels, pieces) = label(&sure, matte);
    let counts: Vec<bool> = pieces.iter().map(Piece::counts).collect();
    let sizes = || pieces.iter().zip(&counts).filter(|(_, counts)| **counts).map(|(piece, _)| piece.size);
    let (number, all, largest) = (sizes().count(), sizes().sum::<usize>(), sizes().max().unwrap_or(0));
    for (value, label) in sure.values.iter_mut().zip(&labels) {
        let open = label.is_some_and(|label| counts[label]);
        *value = if open { ((*value - LEAST + RAMP) / (2.0 * RAMP)).min(1.0) } else { 0.0 };
    }
    let fine = number >= PIECES && largest as f64 <= all as f64 * LARGEST;
    (fine && opened_share(&sure, matte) >= OPENED_SHARE).then_some(Woven { open: sure, gaps: number })
}

/// How many pieces count.
pub(super) fn counted(sure: &Plane, matte: &Matte) -> usize {
    label(sure, matte).1.iter().filter(|piece| piece.counts()).count()
}

#[derive(Default)]
struct Piece {
    size: usize,
    surest: f32,
}

impl Piece {
    fn counts(&self) -> bool {
        self.surest >= SUREST && self.size >= SMALLEST
    }
}

/// Pixels that hang together, side by side or one above the other, and what they are together.
fn label(sure: &Plane, matte: &Matte) -> (Vec<Option<usize>>, Vec<Piece>) {
    let may_open = |at: usize| sure.values[at] > LEAST && matte.alpha()[at] >= COVERED;
    let mut labels = vec![None; sure.values.len()];
    let (mut pieces, mut stack) = (Vec::new(), Vec::new());
    for start in 0..labels.len() {
        if labels[start].is_some() || !may_open(start) {
            continue;
        }
        let name = pieces.len();
        let mut piece = Piece::default();
        labels[start] = Some(name);
        stack.push(start);
        while let Some(at) = stack.pop() {
            piece.size += 1;
            piece.surest = piece.surest.max(sure.values[at]);
            let (x, y) = (at % sure.width, at / sure.width);
            let beside = [
                (x > 0).then(|| at - 1),
                (x + 1 < sure.width).then(|| at + 1),
                (y > 0).then(|| at - sure.width),
                (y + 1 < sure.height).then(|| at + sure.width),
            ];
            for next in beside.into_iter().flatten() {
                if labels[next].is_none() && may_open(next) {
                    labels[next] = Some(name);
                    stack.push(next);
                }
            }
        }
        pieces.push(piece);
    }
    (labels, pieces)
}

/// The share of the squares filled by the product in which something is open.
fn opened_share(open: &Plane, matte: &Matte) -> f64 {
    let filled = squares(matte);
    let opened = filled.iter().filter(|square| square.places(open.width).any(|at| open.values[at] > 0.0)).count();
    opened as f64 / filled.len().max(1) as f64
}

/// One of the squares into which a product is divided.
#[derive(Clone, Debug)]
pub(super) struct Square {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl Square {
    /// Its pixels in a picture of this width.
    pub(super) fn places(&self, width: usize) -> impl Iterator<Item = usize> {
        let Square { rows, columns } = self.clone();
        rows.flat_map(move |row| columns.clone().map(move |column| row * width + column))
    }
}

/// The squares that the product fills.
pub(super) fn squares(matte: &Matte) -> Vec<Square> {
    let Some(Rect { x, y, width, height }) = matte.bounds(128) else { return Vec::new() };
    let span = |at: u32, first: u32, side: u32| {
        (first + at * side / SQUARES) as usize..(first + (at + 1) * side / SQUARES) as usize
    };
    let all = (0..SQUARES * SQUARES)
        .map(|at| Square { rows: span(at / SQUARES, y, height), columns: span(at % SQUARES, x, width) });
    all.filter(|square| {
        let solid = square.places(matte.width() as usize).filter(|at| matte.alpha()[*at] >= 128).count();
        solid > 0 && solid as f64 >= FILLED * (square.rows.len() * square.columns.len()) as f64
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 160;

    /// A square product with open squares of 4 by 4 pixels where `open` says, one to each 8 by 8.
    /// Answers how many gaps were opened, and how many pixels.
    fn found(open: impl Fn(usize, usize) -> bool, sure: f32) -> Option<(usize, usize)> {
        let inside = |at: usize| (8..SIDE - 8).contains(&at);
        let at = |at: usize| (at % SIDE, at / SIDE);
        let alpha = (0..SIDE * SIDE).map(at).map(|(x, y)| if inside(x) && inside(y) { 255 } else { 0 });
        let matte = Matte::new(SIDE as u32, SIDE as u32, alpha.collect());
        let seen = |x: usize, y: usize| x % 8 < 4 && y % 8 < 4 && open(x / 8, y / 8);
        let values = (0..SIDE * SIDE).map(at).map(|(x, y)| if seen(x, y) { sure } else { 0.1 });
        let found = woven(Plane::new(SIDE, SIDE, values.collect()), &matte)?;
        Some((found.gaps, found.open.values.iter().filter(|value| **value > 0.0).count()))
    }

    #[test]
    fn many_pieces_all_over_are_opened_and_nothing_else_is() {
        assert_eq!(found(|_, _| true, 0.9), Some((18 * 18, 18 * 18 * 16)), "those of the product, not of the ground");
        assert_eq!(found(|_, _| true, 0.5), None, "unsure");
        assert_eq!(found(|x, _| x < 15, 0.9), Some((14 * 18, 14 * 18 * 16)), "most of it is woven");
        assert_eq!(found(|x, _| x < 10, 0.9), None, "half of it");
        assert_eq!(found(|x, y| x < 11 && y < 7, 0.9), None, "a print in a corner");
        assert_eq!(found(|x, y| x % 4 == 0 && y % 4 == 0, 0.9), None, "few pieces all over");
        assert_eq!(found(|_, _| false, 0.9), None);
    }
}

//! Two fronts that advance over a picture from marked cells, and where each arrives first.
//!
//! A step costs little in even colour and much across an edge, and more where the colour is rather that of the other side
//! (Bai and Sapiro's geodesic matting, on a small grid).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::palette::Palette;
use crate::picture::Picture;

/// Where the fronts start. Cells of `against` beat cells of `own`.
pub(super) struct Fronts<'a> {
    pub guide: &'a Picture,
    pub own: &'a [bool],
    pub against: &'a [bool],
}

/// What a step costs in any case, for a level of difference in colour, and in the colour of the other side.
const STEP: u32 = 24;
const EDGE: u32 = 24;
const FOREIGN: f32 = 900.0;
const NEVER: u32 = u32::MAX;

/// The cells at which the own front arrives before the other.
pub(super) fn first(fronts: &Fronts<'_>) -> Vec<bool> {
    let pixels = fronts.guide.rgb().as_chunks::<3>().0;
    let of = |set: &[bool]| Palette::of(pixels.iter().zip(set).filter(|(_, member)| **member).map(|(pixel, _)| *pixel));
    let (own, against) = (of(fronts.own), of(fronts.against));
    // How much rather a cell has the own colours than the other's, from 0 to 1.
    let likeness: Vec<f32> = pixels
        .iter()
        .map(|pixel| {
            let (own, against) = (own.share(*pixel), against.share(*pixel));
            (own + FAINT) / (own + against + 2.0 * FAINT)
        })
        .collect();
    let toll = |likeness: f32| (FOREIGN * (1.0 - likeness)) as u32;
    let ours = arrivals(fronts.guide, fronts.own, |at| toll(likeness[at]));
    let theirs = arrivals(fronts.guide, fronts.against, |at| toll(1.0 - likeness[at]));
    ours.iter().zip(theirs).map(|(ours, theirs)| *ours != NEVER && *ours < theirs).collect()
}

/// So little of a colour says nothing about whose it is.
const FAINT: f32 = 2e-3;

/// When a front that starts at `seeds` arrives at each cell.
fn arrivals(guide: &Picture, seeds: &[bool], toll: impl Fn(usize) -> u32) -> Vec<u32> {
    let pixels = guide.rgb().as_chunks::<3>().0;
    let width = guide.width() as usize;
    let mut times = vec![NEVER; seeds.len()];
    let mut heap = BinaryHeap::new();
    for at in (0..seeds.len()).filter(|at| seeds[*at]) {
        times[at] = 0;
        heap.push(Reverse((0u32, at as u32)));
    }
    while let Some(Reverse((time, at))) = heap.pop() {
        let at = at as usize;
        if time > times[at] {
            continue;
        }
        let x = at % width;
        let next = [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then_some(at + 1),
            at.checked_sub(width),
            Some(at + width).filter(|next| *next < seeds.len()),
        ];
        for next in next.into_iter().flatten() {
            let edge: u32 = (0..3).map(|c| u32::from(pixels[at][c].abs_diff(pixels[next][c]))).sum();
            let later = time.saturating_add(STEP + edge * EDGE + toll(next));
            if later < times[next] {
                times[next] = later;
                heap.push(Reverse((later, next as u32)));
            }
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_meet_at_the_edge_and_not_halfway() {
        // Nine cells of one colour, three of another; the own front starts at the far left, the other at the far right.
        let row: Vec<u8> = (0..12).flat_map(|x| if x < 9 { [200, 40, 40] } else { [40, 60, 200] }).collect();
        let guide = Picture::new(12, 1, row);
        let only = |place: usize| (0..12).map(|x| x == place).collect::<Vec<bool>>();
        let won = first(&Fronts { guide: &guide, own: &only(0), against: &only(11) });
        assert_eq!(won, (0..12).map(|x| x < 9).collect::<Vec<bool>>());
        let alone = first(&Fronts { guide: &guide, own: &only(0), against: &[false; 12] });
        assert!(alone.iter().all(|won| *won), "nobody holds against it");
        let nobody = first(&Fronts { guide: &guide, own: &[false; 12], against: &only(3) });
        assert!(nobody.iter().all(|won| !won));
    }
}

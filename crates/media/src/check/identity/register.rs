//! Lays one product on the other: shift, scale and a small turn that make outline and light agree best.

use rayon::prelude::*;

use super::grid::Grid;
use crate::tasks;

/// From a place on the made picture's grid to one on the photo's, about the middle of the square.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pose {
    scale: f32,
    /// Radians.
    turn: f32,
    /// Shares of the square's side.
    shift: (f32, f32),
    mirrored: bool,
}

/// Halvings until the search is cheap.
const LEVELS: usize = 3;
/// Steps of the search at the coarsest level; each is halved until it moves less than half a cell there.
const FIRST_STEP: Step = Step { scale: 0.05, turn: 0.07, shift: 0.03 };
const HALVINGS: usize = 4;
/// How many pixels of cheap work one cell takes as long as to be found on the other grid.
const PLACING: usize = 4;
/// A product that is turned or enlarged more than this beside its outline is another product.
const MOST_TURN: f32 = 0.25;
const SCALES: std::ops::RangeInclusive<f32> = 0.6..=1.6;

#[derive(Clone, Copy)]
struct Step {
    scale: f32,
    turn: f32,
    shift: f32,
}

impl Step {
    fn halved(self) -> Step {
        Step { scale: self.scale / 2.0, turn: self.turn / 2.0, shift: self.shift / 2.0 }
    }
}

/// The photo's grid, moved to where it fits the made picture's best.
pub(super) fn fitted(original: &Grid, made: &Grid, mirrored: bool) -> Grid {
    let mut pyramid = vec![(original.clone(), made.clone())];
    for _ in 0..LEVELS {
        let (original, made) = &pyramid[pyramid.len() - 1];
        let next = (original.halved(), made.halved());
        pyramid.push(next);
    }
    let area = |grid: &Grid| grid.cover.iter().sum::<f32>().max(1.0);
    let by_area = (area(original) / area(made)).sqrt().clamp(*SCALES.start(), *SCALES.end());
    let (coarse_original, coarse_made) = &pyramid[LEVELS];
    let starts = [1.0, by_area].map(|scale| Pose { scale, turn: 0.0, shift: (0.0, 0.0), mirrored });
    let found = starts.map(|start| climb(start, FIRST_STEP, HALVINGS, coarse_original, coarse_made));
    let mut best = if found[0].1 >= found[1].1 { found[0].0 } else { found[1].0 };
    let mut step = (0..HALVINGS - 1).fold(FIRST_STEP, |step, _| step.halved());
    for (original, made) in pyramid[1..LEVELS].iter().rev() {
        best = climb(best, step, 2, original, made).0;
        step = step.halved();
    }
    moved(original, best)
}

/// Goes to the best neighbour until none is better, then halves the step.
fn climb(start: Pose, mut step: Step, halvings: usize, original: &Grid, made: &Grid) -> (Pose, f32) {
    /// Steps at one size: a bound, hardly ever reached.
    const MOST: usize = 24;
    let mut best = (start, score(start, original, made));
    for _ in 0..halvings {
        for _ in 0..MOST {
            let around = neighbours(best.0, step);
            let around = around.into_par_iter().with_min_len(tasks::pieces(made.side * made.side * PLACING));
            let found = around.map(|pose| (pose, score(pose, original, made)));
            let Some(next) = found.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|next| next.1 > best.1) else { break };
            best = next;
        }
        step = step.halved();
    }
    best
}

fn neighbours(pose: Pose, step: Step) -> Vec<Pose> {
    let mut around = Vec::with_capacity(8);
    for sign in [-1.0, 1.0] {
        let (x, y) = pose.shift;
        around.push(Pose { shift: (x + sign * step.shift, y), ..pose });
        around.push(Pose { shift: (x, y + sign * step.shift), ..pose });
        around.push(Pose { scale: pose.scale * (1.0 + sign * step.scale), ..pose });
        around.push(Pose { turn: pose.turn + sign * step.turn, ..pose });
    }
    around.retain(|pose| pose.turn.abs() <= MOST_TURN && SCALES.contains(&pose.scale));
    around
}

/// Overlap of the outlines plus the correlation of lightness where both show product: 2 for the same picture.
fn score(pose: Pose, original: &Grid, made: &Grid) -> f32 {
    let (mut both, mut either) = (0.0f32, 0.0f32);
    let (mut n, mut sums) = (0.0f64, [0.0f64; 5]);
    for y in 0..made.side {
        for x in 0..made.side {
            let at = y * made.side + x;
            let (lab, cover) = original_at(pose, original, x, y).unwrap_or_default();
            both += made.cover[at].min(cover);
            either += made.cover[at].max(cover);
            if made.cover[at] > 0.9 && cover > 0.9 {
                let (a, b) = (f64::from(made.lab[at][0]), f64::from(lab[0]));
                n += 1.0;
                for (sum, value) in sums.iter_mut().zip([a, b, a * a, b * b, a * b]) {
                    *sum += value;
                }
            }
        }
    }
    if n == 0.0 {
        return 0.0;
    }
    let [a, b, aa, bb, ab] = sums.map(|sum| sum / n);
    // A plain product has no texture to go by; a little is added so that noise does not decide.
    let correlation = (ab - a * b + 1.0) / (((aa - a * a).max(0.0) + 1.0) * ((bb - b * b).max(0.0) + 1.0)).sqrt();
    both / either.max(1.0) + correlation as f32
}

fn original_at(pose: Pose, original: &Grid, x: usize, y: usize) -> Option<([f32; 3], f32)> {
    let middle = (original.side - 1) as f32 / 2.0;
    let (dx, dy) = (x as f32 - middle, y as f32 - middle);
    let dx = if pose.mirrored { -dx } else { dx };
    let (sin, cos) = pose.turn.sin_cos();
    let side = original.side as f32;
    let to_x = pose.scale * (cos * dx - sin * dy) + middle + pose.shift.0 * side;
    let to_y = pose.scale * (sin * dx + cos * dy) + middle + pose.shift.1 * side;
    original.at(to_x, to_y)
}

fn moved(original: &Grid, pose: Pose) -> Grid {
    let side = original.side;
    let cells = (0..side * side).into_par_iter().with_min_len(tasks::pieces(PLACING));
    let (lab, cover) =
        cells.map(|at| original_at(pose, original, at % side, at / side).unwrap_or(([100.0, 0.0, 0.0], 0.0))).unzip();
    Grid { side, lab, cover }
}

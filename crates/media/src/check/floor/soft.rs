//! Shadows: colourless, and without an edge towards the background.

use std::collections::VecDeque;

use super::Grid;

/// Levels between neighbouring cells beyond which there is an edge.
const EDGE: f32 = 9.0;
/// Levels by which the channels of a shadow may differ.
const COLOUR: f32 = 12.0;
/// Share of the height, from above, in which nothing is taken for the shadow of a thing that stands.
const ABOVE: f64 = 0.6;
/// A shadow is somewhere at least so dark; what is not is a white product's shading.
const DARKEST: f32 = 25.0;
/// Cells over which the shadow around a thing that lies runs out. A product that fades itself loses no more than these.
const WIDEST: usize = 24;

/// The cells that are shadow under a thing that stands: those that can be reached from the background without crossing an edge, but
/// for areas that lead up into the product, which then fades itself.
pub(super) fn below(grid: &Grid) -> Vec<bool> {
    let mut shadow = vec![false; grid.solid.len()];
    let Some((first, last)) = grid.rows() else { return shadow };
    let top = first + ((last - first) as f64 * ABOVE) as usize;
    let mut seen = vec![false; grid.solid.len()];
    for start in (top * grid.width..grid.solid.len()).filter(|at| is_open(grid, *at)) {
        let area = reached(grid, [start], usize::MAX, &mut seen);
        let rises = area.iter().any(|at| at / grid.width <= top);
        if !rises && is_dark(grid, &area) {
            area.into_iter().for_each(|at| shadow[at] = true);
        }
    }
    shadow
}

/// The same around a thing that lies, seen from above: on every side, but no wider than a shadow is.
pub(super) fn around(grid: &Grid) -> Vec<bool> {
    let mut shadow = vec![false; grid.solid.len()];
    let open = (0..grid.solid.len()).filter(|at| is_open(grid, *at));
    let area = reached(grid, open, WIDEST, &mut vec![false; grid.solid.len()]);
    if is_dark(grid, &area) {
        area.into_iter().for_each(|at| shadow[at] = true);
    }
    shadow
}

/// A cell that the product covers in part is no background, however much of it is.
fn is_open(grid: &Grid, at: usize) -> bool {
    !grid.solid[at] && mean(grid.lack[at]).abs() <= EDGE
}

fn is_dark(grid: &Grid, area: &[usize]) -> bool {
    area.iter().map(|at| mean(grid.lack[*at])).fold(0.0, f32::max) >= DARKEST
}

/// The cells that can be reached from those of the background in so many steps, beyond those that were seen before.
fn reached(grid: &Grid, from: impl IntoIterator<Item = usize>, steps: usize, seen: &mut [bool]) -> Vec<usize> {
    let (mut area, mut waiting) = (Vec::new(), VecDeque::new());
    waiting.extend(from.into_iter().map(|at| (at, steps)));
    while let Some((at, left)) = waiting.pop_front().filter(|(_, left)| *left > 0) {
        for next in neighbours(grid, at) {
            if grid.solid[next] && !seen[next] && goes_on(grid, at, next) {
                seen[next] = true;
                area.push(next);
                waiting.push_back((next, left - 1));
            }
        }
    }
    area
}

fn neighbours(grid: &Grid, at: usize) -> impl Iterator<Item = usize> + use<> {
    let (x, y, width) = (at % grid.width, at / grid.width, grid.width);
    let left = (x > 0).then(|| at - 1);
    let right = (x + 1 < width).then_some(at + 1);
    let up = (y > 0).then(|| at - width);
    let down = (y + 1 < grid.height).then_some(at + width);
    [left, right, up, down].into_iter().flatten()
}

fn goes_on(grid: &Grid, from: usize, to: usize) -> bool {
    let (from, to) = (grid.lack[from], grid.lack[to]);
    let most = to.iter().copied().fold(f32::MIN, f32::max);
    let least = to.iter().copied().fold(f32::MAX, f32::min);
    most - least <= COLOUR && (mean(from) - mean(to)).abs() <= EDGE
}

fn mean(lack: [f32; 3]) -> f32 {
    lack.iter().sum::<f32>() / 3.0
}

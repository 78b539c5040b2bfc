//! What the ground would look like if it went on behind the product: known colours spread over ever coarser grids, and back.

use crate::cutout::guided::between;

/// One place of a grid: the ground's colour there, and how much of the place is known, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cell {
    color: [f32; 3],
    known: f32,
}

impl Cell {
    pub(super) fn new(known: bool, color: [f32; 3]) -> Cell {
        Cell { color, known: if known { 1.0 } else { 0.0 } }
    }

    /// Its own colour as far as it is known, and `other` for the rest.
    fn with(self, other: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|channel| self.color[channel] * self.known + other[channel] * (1.0 - self.known))
    }
}

/// The ground's colour everywhere in a grid of `width` x `height`; black where nothing at all is known.
pub(super) fn behind(cells: Vec<Cell>, width: usize, height: usize) -> Vec<[f32; 3]> {
    if width.min(height) <= 1 || cells.iter().all(|cell| cell.known >= 1.0) {
        let mean = mean(&cells);
        return cells.iter().map(|cell| if cell.known > 0.0 { cell.color } else { mean }).collect();
    }
    let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
    let coarse = behind(halved(&cells, width, height), columns, rows);
    let filled = cells.iter().enumerate().map(|(at, cell)| {
        let (left, right, across) = between(at % width, width, columns);
        let (above, below, down) = between(at / width, height, rows);
        let place = |row: usize, column: usize| coarse[row * columns + column];
        let upper = mixed(place(above, left), place(above, right), across);
        cell.with(mixed(upper, mixed(place(below, left), place(below, right), across), down))
    });
    filled.collect()
}

fn mixed(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| from[channel] * (1.0 - share) + to[channel] * share)
}

fn mean(cells: &[Cell]) -> [f32; 3] {
    let known = cells.iter().map(|cell| cell.known).sum::<f32>().max(1e-6);
    let mut sum = [0.0; 3];
    for cell in cells {
        sum = std::array::from_fn(|channel| sum[channel] + cell.color[channel] * cell.known);
    }
    sum.map(|sum| sum / known)
}

/// Means of two by two; a last odd row or column counts alone. One known place of four makes the coarse one known.
fn halved(cells: &[Cell], width: usize, height: usize) -> Vec<Cell> {
    let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
    let coarse = (0..columns * rows).map(|at| {
        let (x, y) = (at % columns * 2, at / columns * 2);
        let (right, below) = ((x + 1).min(width - 1), (y + 1).min(height - 1));
        let four = [(x, y), (right, y), (x, below), (right, below)].map(|(x, y)| cells[y * width + x]);
        let known = four.iter().map(|cell| cell.known).sum::<f32>();
        Cell { color: mean(&four), known: known.min(1.0) }
    });
    coarse.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_goes_on_behind_the_product() {
        let (red, blue) = ([0.8, 0.2, 0.2], [0.2, 0.2, 0.8]);
        let row = [Some(red), Some(red), None, None, None, None, Some(blue), Some(blue)];
        let cells = (0..64).map(|at| row[at % 8]).map(|known| Cell::new(known.is_some(), known.unwrap_or([9.0; 3])));
        let found = behind(cells.collect(), 8, 8);
        let line = &found[24..32];
        assert_eq!((line[0], line[1], line[7]), (red, red, blue));
        assert!(line.windows(2).all(|pair| pair[0][0] >= pair[1][0] && pair[0][2] <= pair[1][2]), "{line:?}");
        assert!(line[3][0] > 0.3 && line[4][0] < 0.7);
    }

    #[test]
    fn any_size_has_a_ground_and_none_known_is_black() {
        for (width, height) in [(1, 1), (1, 7), (5, 3), (16, 2)] {
            let known = vec![Cell::new(true, [0.5; 3]); width * height];
            assert_eq!(behind(known, width, height), vec![[0.5; 3]; width * height]);
            let unknown = vec![Cell::new(false, [0.5; 3]); width * height];
            assert_eq!(behind(unknown, width, height), vec![[0.0; 3]; width * height]);
        }
    }
}

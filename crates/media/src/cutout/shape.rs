//! What the network saw in one part of the photo, on a grid fine enough to judge and filter it.

use super::choice::{Choice, Point};
use super::components::{self, Keep};
use super::plane::Plane;
use super::{CutoutError, frame};
use crate::picture::Rect;

/// A soft matte over one part of the photo.
pub(super) struct Shape {
    pub area: Rect,
    pub coverage: Plane,
}

/// The longer side of the grid: finer than the network's own.
const GRID: usize = 768;
/// Coverage that counts as found.
const FOUND: f32 = 0.5;
/// Less than this share of the photo is a speck, not a product.
const LEAST_SHARE: f64 = 0.001;

impl Shape {
    /// The network's answer about `area`.
    pub(super) fn of(answer: &Plane, area: Rect) -> Shape {
        let (width, height) = frame::grid(area, GRID);
        Shape { area, coverage: answer.resized(answer.whole(), width, height).clamped() }
    }

    fn grid(&self) -> (usize, usize) {
        (self.coverage.width, self.coverage.height)
    }

    /// Clears what is not the product. An error where too little is left.
    pub(super) fn keep_product(&mut self, keep: Keep, choice: &Choice, photo: (u32, u32)) -> Result<(), CutoutError> {
        let marks = choice.marks(self.area, self.grid());
        marks.paint(&mut self.coverage, FOUND);
        let solid = components::keep_product(&mut self.coverage, keep, &marks);
        if self.share_of_photo(solid, photo) < LEAST_SHARE && choice.include.is_empty() {
            return Err(CutoutError::NoProduct);
        }
        Ok(())
    }

    /// What was seen of `area`, at this size; beyond the look there is nothing.
    pub(super) fn laid(&self, area: Rect, width: usize, height: usize) -> Plane {
        let part = frame::shared(area, self.area);
        let resized = |width, height| self.coverage.resized(frame::window(part, self.area, self.grid()), width, height);
        if part == area {
            return resized(width, height);
        }
        let place = frame::window(part, area, (width, height));
        let (left, top) = (place.x.round() as usize, place.y.round() as usize);
        let across = (place.width.round() as usize).clamp(1, width - left);
        let down = (place.height.round() as usize).clamp(1, height - top);
        let mut laid = Plane::new(width, height, vec![0.0; width * height]);
        for (row, values) in resized(across, down).values.chunks_exact(across).enumerate() {
            let start = (top + row) * width + left;
            laid.values[start..start + across].copy_from_slice(values);
        }
        laid
    }

    /// The box of everything found, in the photo's pixels.
    pub(super) fn found(&self) -> Option<Rect> {
        components::bounds(&self.coverage, FOUND).map(|found| frame::from_grid(found, self.grid(), self.area))
    }

    /// Whether something was found at this point of the photo.
    pub(super) fn shows(&self, point: Point) -> bool {
        let choice = Choice { include: vec![point], ..Choice::default() };
        choice
            .marks(self.area, self.grid())
            .include
            .iter()
            .any(|(x, y)| self.coverage.values[y * self.coverage.width + x] >= FOUND)
    }

    fn share_of_photo(&self, solid: u32, photo: (u32, u32)) -> f64 {
        let grid = (self.coverage.width * self.coverage.height) as f64;
        let area = f64::from(self.area.width) * f64::from(self.area.height);
        f64::from(solid) / grid * area / (f64::from(photo.0) * f64::from(photo.1))
    }

    pub(super) fn clear_outside(&mut self, allowed: Rect) {
        let grid = self.grid();
        let window = frame::window(allowed, self.area, grid);
        let columns = window.x..window.x + window.width;
        let rows = window.y..window.y + window.height;
        for (at, value) in self.coverage.values.iter_mut().enumerate() {
            let (x, y) = ((at % grid.0) as f64 + 0.5, (at / grid.0) as f64 + 0.5);
            if !columns.contains(&x) || !rows.contains(&y) {
                *value = 0.0;
            }
        }
    }

    /// Averages a nearer look into the part that both see. Beyond its reach this one counts alone, so that a part which
    /// the first look missed is still found.
    pub(super) fn merge(&mut self, near: &Plane, near_area: Rect) {
        let grid = self.grid();
        let window = frame::window(near_area, self.area, grid);
        let (left, top) = (window.x.round() as usize, window.y.round() as usize);
        let width = (window.width.round() as usize).clamp(1, grid.0 - left);
        let height = (window.height.round() as usize).clamp(1, grid.1 - top);
        let near = near.resized(near.whole(), width, height).clamped();
        for (row, values) in near.values.chunks_exact(width).enumerate() {
            let start = (top + row) * grid.0 + left;
            for (wide, near) in self.coverage.values[start..start + width].iter_mut().zip(values) {
                *wide = (*wide + near) / 2.0;
            }
        }
    }
}

//! Which thing in the photo is meant, as a person says it. Pure arithmetic.

use super::plane::Plane;
use super::{CutoutError, frame};
use crate::picture::Rect;

/// A place in the upright photo, in pixels from its left and top.
pub type Point = (u32, u32);

/// Where the product is. By default it is what stands out most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Inside this box of the upright photo. Nothing far outside it is taken.
    pub area: Option<Rect>,
    /// On the product.
    pub include: Vec<Point>,
    /// Beside it, or on something else.
    pub exclude: Vec<Point>,
}

/// The most points of one choice.
pub const POINTS_MAX: usize = 32;

impl Choice {
    /// Of corners (left, top, right, bottom; the last two are the first pixels outside) and of points with whether they lie
    /// on the product.
    pub fn of(corners: Option<[u32; 4]>, points: impl IntoIterator<Item = (Point, bool)>) -> Choice {
        let area = corners.map(|[left, top, right, bottom]| Rect {
            x: left,
            y: top,
            width: right.saturating_sub(left),
            height: bottom.saturating_sub(top),
        });
        let mut choice = Choice { area, ..Choice::default() };
        for (point, wanted) in points {
            if wanted { choice.include.push(point) } else { choice.exclude.push(point) }
        }
        choice
    }

    pub fn is_empty(&self) -> bool {
        self.area.is_none() && self.include.is_empty() && self.exclude.is_empty()
    }

    /// The box, cut to the photo. An error where the box or a point lies outside.
    pub(super) fn area_in(&self, photo: (u32, u32)) -> Result<Option<Rect>, CutoutError> {
        if self.include.len() + self.exclude.len() > POINTS_MAX {
            return Err(CutoutError::TooManyPoints);
        }
        let outside = |point: &&Point| point.0 >= photo.0 || point.1 >= photo.1;
        if self.include.iter().chain(&self.exclude).find(outside).is_some() {
            return Err(CutoutError::PointOutside);
        }
        let inside = |area| frame::inside(area, photo).ok_or(CutoutError::BoxOutside);
        self.area.map(inside).transpose()
    }

    /// The points as places in a grid that covers `area`.
    pub(super) fn marks(&self, area: Rect, grid: (usize, usize)) -> Marks {
        let place = |point: &Point| {
            let window = frame::window(Rect { x: point.0, y: point.1, width: 1, height: 1 }, area, grid);
            let (x, y) = (window.x + window.width / 2.0, window.y + window.height / 2.0);
            let within = x >= 0.0 && y >= 0.0 && x < grid.0 as f64 && y < grid.1 as f64;
            within.then_some((x as usize, y as usize))
        };
        Marks {
            include: self.include.iter().filter_map(place).collect(),
            exclude: self.exclude.iter().filter_map(place).collect(),
        }
    }
}

/// Chosen points in a grid; those that it does not cover are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Marks {
    pub include: Vec<(usize, usize)>,
    pub exclude: Vec<(usize, usize)>,
}

/// A part is meant by a point at most this far beside it, as a share of the grid's longer side.
const REACH: f64 = 0.01;

impl Marks {
    /// The places around a mark in the order of closeness: a finger is not exact.
    pub(super) fn around(plane: &Plane, mark: (usize, usize)) -> impl Iterator<Item = usize> + use<> {
        let (width, height) = (plane.width, plane.height);
        let reach = (width.max(height) as f64 * REACH).ceil() as usize;
        let columns = mark.0.saturating_sub(reach)..(mark.0 + reach + 1).min(width);
        let rows = mark.1.saturating_sub(reach)..(mark.1 + reach + 1).min(height);
        let mut places: Vec<(usize, usize)> = rows.flat_map(|y| columns.clone().map(move |x| (x, y))).collect();
        places.sort_by_key(|(x, y)| x.abs_diff(mark.0).pow(2) + y.abs_diff(mark.1).pow(2));
        places.into_iter().map(move |(x, y)| y * width + x)
    }

    /// Makes every wanted place count as found, so that it is kept and looked at whatever the network thought.
    pub(super) fn paint(&self, plane: &mut Plane, value: f32) {
        for mark in &self.include {
            let places: Vec<usize> = Marks::around(plane, *mark).collect();
            for at in places {
                plane.values[at] = plane.values[at].max(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: (u32, u32) = (400, 200);

    #[test]
    fn what_lies_outside_is_an_error_that_says_so() {
        let area = |x, y, width, height| Choice { area: Some(Rect { x, y, width, height }), ..Choice::default() };
        let include = |x, y| Choice { include: vec![(x, y)], ..Choice::default() };
        let exclude = |x, y| Choice { exclude: vec![(0, 0), (x, y)], ..Choice::default() };
        for (choice, code) in [
            (area(0, 0, 100, 100), "ok"),
            (area(350, 150, 100, 100), "ok"),
            (area(400, 0, 100, 100), "box_outside_photo"),
            (area(0, 0, 0, 100), "box_outside_photo"),
            (area(u32::MAX, u32::MAX, u32::MAX, u32::MAX), "box_outside_photo"),
            (include(399, 199), "ok"),
            (include(400, 0), "point_outside_photo"),
            (exclude(0, 200), "point_outside_photo"),
            (Choice { include: vec![(0, 0); 20], exclude: vec![(9, 9); 12], area: None }, "ok"),
            (Choice { include: vec![(0, 0); 20], exclude: vec![(9, 9); 13], area: None }, "too_many_points"),
        ] {
            let said = choice.area_in(PHOTO).map_or_else(|error| error.code(), |_| "ok");
            assert_eq!(said, code, "{choice:?}");
        }
    }

    #[test]
    fn points_find_their_place_in_a_grid_of_a_part() {
        let choice = Choice { area: None, include: vec![(110, 60), (10, 10)], exclude: vec![(199, 99)] };
        let marks = choice.marks(Rect { x: 100, y: 50, width: 100, height: 50 }, (50, 25));
        assert_eq!(marks, Marks { include: vec![(5, 5)], exclude: vec![(49, 24)] });
    }
}

//! Boxes: where to look closer, and which part of the photo is worked on. Pure arithmetic.

use super::choice::Point;
use super::plane::Window;
use crate::picture::Rect;

/// The longest side that a product keeps. No preset asks for more than 2000 pixels of product, so a little more
/// than that is sharp everywhere, and time and memory no longer grow with the camera.
pub const MAX_PRODUCT_SIDE: u32 = 2600;

/// `area` with `share` of its width and height added on each side, inside the photo.
pub(super) fn grown(area: Rect, share: f64, photo: (u32, u32)) -> Rect {
    let margin = |side: u32| (f64::from(side) * share).round().max(1.0) as u32;
    padded(area, margin(area.width), margin(area.height), photo)
}

/// `area` with so many pixels added on each side, inside the photo.
pub(super) fn padded(area: Rect, across: u32, down: u32, photo: (u32, u32)) -> Rect {
    let span = |start: u32, length: u32, margin: u32, end: u32| {
        let from = start.saturating_sub(margin);
        (from, start.saturating_add(length).saturating_add(margin).min(end) - from)
    };
    let (x, width) = span(area.x, area.width, across, photo.0);
    let (y, height) = span(area.y, area.height, down, photo.1);
    Rect { x, y, width, height }
}

/// The box around some points with a `share` of the photo's sides beyond them.
pub(super) fn around(points: &[Point], share: f64, photo: (u32, u32)) -> Rect {
    let span = |of: fn(&Point) -> u32, side: u32| {
        let low = points.iter().map(of).min().unwrap_or(0).min(side.saturating_sub(1));
        (low, points.iter().map(of).max().unwrap_or(0).clamp(low, side.saturating_sub(1)) - low + 1)
    };
    let ((x, width), (y, height)) = (span(|point| point.0, photo.0), span(|point| point.1, photo.1));
    let margin = |side: u32| (f64::from(side) * share).round().max(1.0) as u32;
    padded(Rect { x, y, width, height }, margin(photo.0), margin(photo.1), photo)
}

/// The part of `area` that lies in the photo, if that is more than a speck.
pub(super) fn inside(area: Rect, photo: (u32, u32)) -> Option<Rect> {
    let right = area.x.saturating_add(area.width).min(photo.0);
    let bottom = area.y.saturating_add(area.height).min(photo.1);
    let (width, height) = (right.checked_sub(area.x)?, bottom.checked_sub(area.y)?);
    (width >= BOX_SIDE_MIN && height >= BOX_SIDE_MIN).then_some(Rect { x: area.x, y: area.y, width, height })
}

/// What two boxes that overlap have in common.
pub(super) fn shared(one: Rect, other: Rect) -> Rect {
    let (x, y) = (one.x.max(other.x), one.y.max(other.y));
    let right = (one.x + one.width).min(other.x + other.width);
    let bottom = (one.y + one.height).min(other.y + other.height);
    Rect { x, y, width: right.saturating_sub(x), height: bottom.saturating_sub(y) }
}

/// A box of which less lies in the photo, across or down, shows the network nothing. In pixels.
pub const BOX_SIDE_MIN: u32 = 16;

/// The size of a grid with the shape of `area` and this longer side.
pub(super) fn grid(area: Rect, long: usize) -> (usize, usize) {
    let scale = long as f64 / f64::from(area.width.max(area.height));
    let side = |length: u32| ((f64::from(length) * scale).round() as usize).max(1);
    (side(area.width), side(area.height))
}

/// The size at which `crop` is worked on when the product in it is `product` long.
pub(super) fn work_size(crop: Rect, product: u32) -> (usize, usize) {
    if product <= MAX_PRODUCT_SIDE {
        return (crop.width as usize, crop.height as usize);
    }
    let scale = f64::from(MAX_PRODUCT_SIDE) / f64::from(product);
    let side = |length: u32| ((f64::from(length) * scale).round() as usize).max(1);
    (side(crop.width), side(crop.height))
}

/// A box found in a grid that covers `area`, in the photo's pixels, rounded outward.
pub(super) fn from_grid(found: Rect, grid: (usize, usize), area: Rect) -> Rect {
    let across = f64::from(area.width) / grid.0 as f64;
    let down = f64::from(area.height) / grid.1 as f64;
    let left = (f64::from(found.x) * across).floor() as u32;
    let top = (f64::from(found.y) * down).floor() as u32;
    let right = ((f64::from(found.x + found.width) * across).ceil() as u32).min(area.width);
    let bottom = ((f64::from(found.y + found.height) * down).ceil() as u32).min(area.height);
    Rect { x: area.x + left, y: area.y + top, width: right - left, height: bottom - top }
}

/// Where `inner` lies in a grid that covers `outer`, in the grid's units.
pub(super) fn window(inner: Rect, outer: Rect, grid: (usize, usize)) -> Window {
    let across = grid.0 as f64 / f64::from(outer.width);
    let down = grid.1 as f64 / f64::from(outer.height);
    let x = (f64::from(inner.x) - f64::from(outer.x)) * across;
    let y = (f64::from(inner.y) - f64::from(outer.y)) * down;
    Window {
        x,
        y,
        width: (f64::from(inner.width) * across).min(grid.0 as f64 - x),
        height: (f64::from(inner.height) * down).min(grid.1 as f64 - y),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: (u32, u32) = (1000, 800);

    fn rect(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn growing_stops_at_the_photo() {
        assert_eq!(grown(rect(100, 100, 200, 100), 0.1, PHOTO), rect(80, 90, 240, 120));
        assert_eq!(grown(rect(0, 700, 1000, 100), 0.3, PHOTO), rect(0, 670, 1000, 130));
        assert_eq!(grown(rect(999, 799, 1, 1), 0.1, PHOTO), rect(998, 798, 2, 2));
    }

    #[test]
    fn boxes_of_people_are_cut_to_the_photo_or_refused() {
        assert_eq!(inside(rect(900, 700, 500, 500), PHOTO), Some(rect(900, 700, 100, 100)));
        assert_eq!(inside(rect(1000, 0, 50, 50), PHOTO), None);
        assert_eq!(inside(rect(5000, 0, u32::MAX, u32::MAX), PHOTO), None);
        assert_eq!(inside(rect(0, 0, 15, 500), PHOTO), None);
    }

    #[test]
    fn boxes_share_what_lies_in_both() {
        let outer = rect(100, 50, 40, 300);
        assert_eq!(shared(rect(80, 40, 100, 320), outer), outer);
        assert_eq!(shared(rect(110, 20, 100, 60), outer), rect(110, 50, 30, 30));
    }

    #[test]
    fn large_products_are_worked_on_at_the_cap() {
        assert_eq!(work_size(rect(0, 0, 3000, 2800), 2600), (3000, 2800));
        assert_eq!(work_size(rect(0, 0, 6000, 5600), 5200), (3000, 2800));
    }

    #[test]
    fn a_box_goes_to_the_grid_and_back() {
        let area = rect(100, 50, 640, 320);
        let found = from_grid(rect(10, 20, 30, 40), (64, 32), area);
        assert_eq!(found, rect(200, 250, 300, 120));
        let back = window(rect(200, 250, 300, 40), area, (64, 32));
        assert_eq!(back, Window { x: 10.0, y: 20.0, width: 30.0, height: 4.0 });
    }
}

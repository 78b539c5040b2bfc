//! Where the product goes: pure arithmetic between a crop of the photo and the canvas.

use crate::picture::Rect;

/// The affine map from source to canvas: `canvas = source * scale + (left, top)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placement {
    pub scale: f64,
    pub left: f64,
    pub top: f64,
}

/// The part of the canvas that a placed source covers, and the part of the source that lands there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    pub canvas: Rect,
    /// x, y, width, height in source pixels; it may reach over the source's edge by the fraction of a canvas pixel.
    pub source: (f64, f64, f64, f64),
}

/// The product's box takes `fill` of the canvas along its longer relation and stands in the middle.
pub(crate) fn place(product: Rect, canvas: (u32, u32), fill: f32) -> Placement {
    let (width, height) = (f64::from(product.width), f64::from(product.height));
    let scale = f64::from(fill) * (f64::from(canvas.0) / width).min(f64::from(canvas.1) / height);
    let centre = (f64::from(product.x) + width / 2.0, f64::from(product.y) + height / 2.0);
    Placement {
        scale,
        left: f64::from(canvas.0) / 2.0 - centre.0 * scale,
        top: f64::from(canvas.1) / 2.0 - centre.1 * scale,
    }
}

impl Placement {
    /// `None` where nothing of the source falls on the canvas.
    pub(crate) fn window(&self, source: (u32, u32), canvas: (u32, u32)) -> Option<Window> {
        let (x, width) = span(self.left, f64::from(source.0) * self.scale, canvas.0)?;
        let (y, height) = span(self.top, f64::from(source.1) * self.scale, canvas.1)?;
        Some(Window {
            canvas: Rect { x, y, width, height },
            source: (
                (f64::from(x) - self.left) / self.scale,
                (f64::from(y) - self.top) / self.scale,
                f64::from(width) / self.scale,
                f64::from(height) / self.scale,
            ),
        })
    }

    /// Transparent source pixels that a window can reach over the edge, rounded up.
    pub(crate) fn overhang(&self) -> u32 {
        (1.0 / self.scale).ceil() as u32 + 1
    }
}

/// Whole canvas pixels touched by `start .. start + length`.
fn span(start: f64, length: f64, canvas: u32) -> Option<(u32, u32)> {
    let from = start.floor().max(0.0);
    let to = (start + length).ceil().min(f64::from(canvas));
    (to > from).then_some((from as u32, (to - from) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Rect = Rect { x: 10, y: 20, width: 100, height: 50 };

    #[test]
    fn the_longer_relation_decides_the_scale() {
        for (canvas, fill, scale) in [((1000, 1000), 0.88, 8.8), ((1000, 250), 0.8, 4.0), ((50, 50), 0.5, 0.25)] {
            let placed = place(BOX, canvas, fill);
            assert!((placed.scale - scale).abs() < 1e-6, "{canvas:?} {}", placed.scale);
        }
    }

    #[test]
    fn the_middle_of_the_box_is_the_middle_of_the_canvas() {
        let placed = place(BOX, (1000, 800), 0.88);
        assert!((60.0 * placed.scale + placed.left - 500.0).abs() < 1e-9);
        assert!((45.0 * placed.scale + placed.top - 400.0).abs() < 1e-9);
    }

    #[test]
    fn a_window_is_whole_pixels_and_reaches_over_by_less_than_one() {
        let placed = Placement { scale: 0.5, left: 3.25, top: -2.0 };
        let window = placed.window((20, 20), (100, 100)).unwrap();
        assert_eq!(window.canvas, Rect { x: 3, y: 0, width: 11, height: 8 });
        assert_eq!(window.source, (-0.5, 4.0, 22.0, 16.0));
        assert!(window.source.0 >= -f64::from(placed.overhang()));
    }

    #[test]
    fn a_source_beside_the_canvas_has_no_window() {
        for placed in [Placement { scale: 1.0, left: 200.0, top: 0.0 }, Placement { scale: 1.0, left: -30.0, top: 0.0 }]
        {
            assert_eq!(placed.window((20, 20), (100, 100)), None);
        }
    }
}

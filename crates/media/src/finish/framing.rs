//! Whether and how a picture has to be moved and scaled: pure arithmetic.

use crate::check::zones::ring_width;
use crate::check::{centred, fill_holds, fill_of};
use crate::compose::placement::Placement;
use crate::picture::Rect;
use crate::preset::{Background, Preset};

/// Kept from the permitted fill's ends, because a mask that is measured a pixel tighter must still pass.
const FILL_MARGIN: f64 = 0.01;
/// The largest fill where a marketplace has no rule: the product stays clear of the frame.
const FREE_FILL_MAX: f64 = 0.94;
/// How far a product may be moved off the middle to spare invented background, under the permitted 2 %.
const SLACK: f64 = 0.015;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Framing {
    /// Canvas, fill and place are right: no pixel is touched.
    Keep,
    Move(Placement),
}

pub(super) fn framing(size: (u32, u32), product: Rect, preset: &Preset) -> Framing {
    let rule = &preset.fill;
    let fill = fill_of(product, size.0, size.1);
    let framed = !rule.is_ruled() || (fill_holds(rule, fill) && centred(product, size.0, size.1));
    if size == preset.canvas && framed && clear_of_frame(product, size) {
        return Framing::Keep;
    }
    Framing::Move(moved(size, product, preset, fill))
}

fn clear_of_frame(product: Rect, (width, height): (u32, u32)) -> bool {
    let (across, down) = (ring_width(width), ring_width(height));
    product.x >= across
        && product.y >= down
        && product.x + product.width + across <= width
        && product.y + product.height + down <= height
}

fn moved(size: (u32, u32), product: Rect, preset: &Preset, fill: f64) -> Placement {
    let rule = &preset.fill;
    let canvas = (f64::from(preset.canvas.0), f64::from(preset.canvas.1));
    // The scale at which the product would fill the canvas.
    let whole = (canvas.0 / f64::from(product.width)).min(canvas.1 / f64::from(product.height));
    let (low, high) = match rule.is_ruled() {
        true => (f64::from(rule.min) + FILL_MARGIN, f64::from(rule.max) - FILL_MARGIN),
        false => (0.0, FREE_FILL_MAX),
    };
    // The picture's own framing stays where it is permitted.
    let wanted = if low <= high && fill >= low && fill <= high { fill } else { f64::from(rule.target) };
    let cover = (canvas.0 / f64::from(size.0)).max(canvas.1 / f64::from(size.1));
    let mut scale = wanted * whole;
    if preset.background == Background::F0 && scale < cover && cover <= high * whole {
        scale = cover;
    }
    let free = preset.background == Background::F0;
    // However far it is moved, it stays clear of the frame.
    let room = |canvas: f64, length: u32| ((FREE_FILL_MAX * canvas - f64::from(length) * scale) / 2.0).max(0.0);
    let slack = |canvas: f64, length: u32| match (free, rule.is_ruled()) {
        (false, _) => 0.0,
        (true, true) => room(canvas, length).min(SLACK * canvas),
        (true, false) => room(canvas, length),
    };
    let left = offset(
        canvas.0,
        f64::from(size.0) * scale,
        middle(product.x, product.width) * scale,
        slack(canvas.0, product.width),
    );
    let top = offset(
        canvas.1,
        f64::from(size.1) * scale,
        middle(product.y, product.height) * scale,
        slack(canvas.1, product.height),
    );
    Placement { scale, left, top }
}

fn middle(at: u32, length: u32) -> f64 {
    f64::from(at) + f64::from(length) / 2.0
}

/// Where the scaled source begins on the canvas: its product in the middle, moved by at most `slack` so that the source
/// covers the canvas.
fn offset(canvas: f64, source: f64, middle: f64, slack: f64) -> f64 {
    let centred = canvas / 2.0 - middle;
    if source < canvas {
        return centred;
    }
    centred.clamp(canvas - source, 0.0).clamp(centred - slack, centred + slack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Presets;

    fn framed(id: &str, size: (u32, u32), product: Rect) -> Framing {
        framing(size, product, Presets::builtin().get(id).unwrap())
    }

    /// Fill and middle of the product after a move.
    fn result(id: &str, size: (u32, u32), product: Rect) -> (f64, (f64, f64)) {
        let canvas = Presets::builtin().get(id).unwrap().canvas;
        let Framing::Move(placed) = framed(id, size, product) else { panic!("nothing moved") };
        let fill =
            (f64::from(product.width) / f64::from(canvas.0)).max(f64::from(product.height) / f64::from(canvas.1));
        let at = |m: f64, left: f64, side: u32| (m * placed.scale + left) / f64::from(side);
        let x = at(middle(product.x, product.width), placed.left, canvas.0);
        (fill * placed.scale, (x, at(middle(product.y, product.height), placed.top, canvas.1)))
    }

    const GOOD: Rect = Rect { x: 120, y: 400, width: 1760, height: 1200 };

    #[test]
    fn what_passes_is_not_touched() {
        assert_eq!(framed("amazon_main", (2000, 2000), GOOD), Framing::Keep);
        assert_eq!(framed("amazon_main", (2000, 2000), Rect { x: 150, ..GOOD }), Framing::Keep);
        assert_eq!(framed("amazon_additional", (2000, 2000), Rect { width: 300, ..GOOD }), Framing::Keep);
    }

    #[test]
    fn wrong_canvas_fill_place_or_frame_is_moved_right() {
        for (size, product) in [
            ((1000, 1000), Rect { x: 60, y: 200, width: 880, height: 600 }),
            ((2000, 2000), Rect { width: 1600, ..GOOD }),
            ((2000, 2000), Rect { x: 20, ..GOOD }),
            ((2000, 2000), Rect { x: 0, y: 0, width: 2000, height: 2000 }),
            ((3000, 1000), Rect { x: 2500, y: 0, width: 400, height: 900 }),
        ] {
            let (fill, (x, y)) = result("amazon_main", size, product);
            assert!((0.855..=0.945).contains(&fill), "{product:?}: {fill}");
            assert!((x - 0.5).abs() < 1e-9 && (y - 0.5).abs() < 1e-9, "{product:?}: {x} {y}");
        }
    }

    #[test]
    fn a_permitted_framing_is_kept_when_only_the_canvas_is_wrong() {
        let (fill, _) = result("amazon_main", (1000, 1000), Rect { x: 45, y: 200, width: 910, height: 600 });
        assert!((fill - 0.91).abs() < 1e-6, "{fill}");
    }

    #[test]
    fn a_scene_is_cut_rather_than_extended() {
        let product = Rect { x: 1200, y: 400, width: 600, height: 600 };
        let Framing::Move(placed) = framed("amazon_additional", (3000, 1500), product) else { panic!("kept") };
        assert!(placed.left <= 0.0 && 3000.0 * placed.scale + placed.left >= 2000.0);
        assert!(placed.top <= 0.0 && 1500.0 * placed.scale + placed.top >= 2000.0);
    }

    #[test]
    fn a_large_product_is_not_moved_into_the_frame_to_spare_background() {
        let size = (1344, 768);
        let product = Rect { x: 72, y: 317, width: 1254, height: 188 };
        let Framing::Move(placed) = framed("shopify", size, product) else { panic!("kept") };
        let right = f64::from(product.x + product.width) * placed.scale + placed.left;
        assert!(right <= 2048.0 * 0.975, "{right}");
    }

    #[test]
    fn offsets_move_within_their_slack() {
        for (canvas, source, middle, slack, left) in [
            (100.0, 50.0, 25.0, 0.0, 25.0),
            (100.0, 200.0, 30.0, 0.0, 20.0),
            (100.0, 200.0, 30.0, 5.0, 15.0),
            (100.0, 200.0, 30.0, 50.0, 0.0),
            (100.0, 200.0, 190.0, 50.0, -100.0),
        ] {
            assert_eq!(offset(canvas, source, middle, slack), left);
        }
    }
}

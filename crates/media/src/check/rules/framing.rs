//! Questions to the product's place in the frame.

use crate::bitmap::Bitmap;
use crate::check::report::{MaskSource, Outcome, RuleResult, must};
use crate::check::zones::{Product, pieces, ring};
use crate::picture::{Picture, Rect};
use crate::preset::{Background, Fill, Preset};

/// How far the box's middle may lie off the canvas's, as a share of the canvas. Operators say only "centred".
const CENTRE_TOLERANCE: f64 = 0.02 + 1e-9;

/// The larger of box to canvas along both axes.
pub(crate) fn fill_of(product: Rect, width: u32, height: u32) -> f64 {
    (f64::from(product.width) / f64::from(width)).max(f64::from(product.height) / f64::from(height))
}

/// How far the box's middle lies off the canvas's, as shares.
pub(crate) fn off_centre(product: Rect, width: u32, height: u32) -> (f64, f64) {
    let off = |at: u32, length: u32, side: u32| (f64::from(at) + f64::from(length) / 2.0) / f64::from(side) - 0.5;
    (off(product.x, product.width, width), off(product.y, product.height, height))
}

/// Whether a fill is inside the rule, up to the width of a pixel's rounding.
pub(crate) fn fill_holds(rule: &Fill, fill: f64) -> bool {
    const ROUNDING: f64 = 1e-6;
    fill >= f64::from(rule.min) - ROUNDING && fill <= f64::from(rule.max) + ROUNDING
}

pub(crate) fn centred(product: Rect, width: u32, height: u32) -> bool {
    let (across, down) = off_centre(product, width, height);
    across.abs() <= CENTRE_TOLERANCE && down.abs() <= CENTRE_TOLERANCE
}

pub(in crate::check) fn fill(
    preset: &Preset,
    product: Option<&Product>,
    picture: &Picture,
    mask: MaskSource,
) -> RuleResult {
    let rule = &preset.fill;
    let size = (picture.width(), picture.height());
    let result = RuleResult::new("fill", "Product fills the picture").from(preset, "fill");
    let Some(product) = product else {
        // Before a free background nobody can tell; a picture of nothing must not pass.
        let (outcome, fix) = match preset.background != Background::F0 || is_empty(picture) {
            true => (Outcome::Fail, "show the product"),
            false => {
                (Outcome::Warn, "nothing could be measured on the product: show it whole, apart from its background")
            }
        };
        return result.requires(range(rule)).found("no product found").judged(outcome, fix);
    };
    let has = fill_of(product.bounds, size.0, size.1);
    let measured = format!("{:.1} % of the longer side{}", has * 100.0, doubt(mask));
    if !rule.is_ruled() {
        return result.requires("no rule").found(measured);
    }
    let fix =
        if has < f64::from(rule.min) { "cut closer to the product" } else { "leave more room around the product" };
    result.requires(range(rule)).found(measured).judged(must(fill_holds(rule, has)), fix)
}

/// Whether all of it has one colour, up to an encoder's noise.
fn is_empty(picture: &Picture) -> bool {
    const EVEN: u8 = 2;
    let first = picture.pixel(0, 0);
    let is_alike = |pixel: &[u8; 3]| pixel.iter().zip(first).all(|(a, b)| a.abs_diff(b) <= EVEN);
    picture.rgb().as_chunks::<3>().0.iter().all(is_alike)
}

fn range(rule: &Fill) -> String {
    format!("{:.0} to {:.0} % of the longer side", rule.min * 100.0, rule.max * 100.0)
}

/// Said wherever a mask was only guessed.
fn doubt(mask: MaskSource) -> &'static str {
    match mask {
        MaskSource::Found => " (product guessed from its colour; a white one may be misjudged)",
        MaskSource::Given | MaskSource::Missing => "",
    }
}

pub(in crate::check) fn frame(product: Option<&Product>, size: (u32, u32)) -> RuleResult {
    let result = RuleResult::new("frame", "Product inside the frame").requires("nothing of it in the outer 2 %");
    let Some(product) = product else { return result.found("no product found") };
    let inside: u64 = product.solid.and(&ring(size.0, size.1)).count();
    result
        .found(match inside {
            0 => "clear of the frame".to_owned(),
            pixels => format!("{pixels} px of it in the outer 2 %"),
        })
        .judged(must(inside == 0), "leave room around the product; if the photo cuts it off, take another")
}

pub(in crate::check) fn centring(preset: &Preset, product: Option<&Product>, size: (u32, u32)) -> RuleResult {
    let result = RuleResult::new("centring", "Product in the middle");
    let Some(product) = product else { return result.requires("within 2 %").found("no product found") };
    let (across, down) = off_centre(product.bounds, size.0, size.1);
    let measured = format!("{:.1} % across and {:.1} % down from the middle", across * 100.0, down * 100.0);
    if !preset.fill.is_ruled() {
        return result.requires("no rule").found(measured);
    }
    result
        .requires("within 2 % of the middle on both axes")
        .found(measured)
        .judged(must(centred(product.bounds, size.0, size.1)), "move the product to the middle")
}

/// Large parts of the mask.
pub(in crate::check) fn single_product(solid: Option<&Bitmap>, declared: Option<u32>) -> RuleResult {
    let result = RuleResult::new("single_product", "Number of products")
        .requires(declared.map_or("one".to_owned(), |n| format!("{n}, as declared")));
    let Some(solid) = solid else { return result.found("no product found") };
    let Ok(parts) = crate::check::components::parts(solid) else { return result.found("too many parts to count") };
    // A stray loop of thread is no second product.
    let large = pieces(&parts, declared) as u32;
    let outcome = match declared {
        _ if large == declared.unwrap_or(1) => Outcome::Pass,
        // Pieces that touch are one part, and small ones of a set are none.
        Some(declared) if large < declared => {
            let fix = "look whether all pieces are there: those that touch are counted as one, and very small ones are not counted";
            return result.found(format!("{large}")).judged(Outcome::Warn, fix);
        }
        Some(_) => Outcome::Fail,
        // Shoes come in pairs: without a declaration nobody can tell.
        None => Outcome::Warn,
    };
    result.found(format!("{large}")).judged(outcome, "show only what is sold, or declare how many pieces it has")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_is_the_longer_relation() {
        let tall = Rect { x: 0, y: 0, width: 100, height: 850 };
        assert_eq!(fill_of(tall, 1000, 1000), 0.85);
        assert_eq!(fill_of(Rect { width: 700, ..tall }, 700, 1000), 1.0);
    }

    #[test]
    fn the_bounds_of_fill_belong_to_it() {
        let rule = Fill { metric: crate::preset::FillMetric::LongSide, min: 0.85, max: 0.95, target: 0.88 };
        for (fill, holds) in [(0.85, true), (0.8495, false), (0.95, true), (0.9505, false)] {
            assert_eq!(fill_holds(&rule, fill), holds, "{fill}");
        }
    }

    #[test]
    fn two_percent_off_is_still_the_middle() {
        for (x, y, holds) in [(400, 400, true), (420, 380, true), (421, 400, false), (400, 379, false)] {
            assert_eq!(centred(Rect { x, y, width: 200, height: 200 }, 1000, 1000), holds, "{x} {y}");
        }
    }
}

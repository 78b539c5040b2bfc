//! An even rim around the product: what is left of another background, or of a mask that was drawn too wide. And a dark ring beside it,
//! which no light casts: a shadow lies below what stands.

use super::Suspect;
use crate::bitmap::Bitmap;
use crate::check::report::{Outcome, RuleResult, should};
use crate::check::zones::{DARKER, NEAR, Product};
use crate::picture::{Picture, Rect};
use crate::preset::ShadowRule;

/// Pixels inside the outline from which on the rim's colour is looked for: an edge is blended, and an encoder adds to it.
const FIRST: usize = 1;
const LAST: usize = 4;
/// Levels within which a rim keeps its colour.
const EVEN: u8 = 8;
/// Share of the outline along which it does, and of a line farther inside that may still have it: a plain product has it everywhere.
const ALONG: f64 = 0.7;
const INSIDE: f64 = 0.35;
/// Pixels over which it ends: a product's own shading takes more.
const ENDS: usize = 4;
/// Pixels beside the product at which a ring is looked for: beyond the edge's own blending and most of the encoder's ringing.
const BESIDE: usize = 4;

pub(super) fn rule(suspect: &Suspect<'_>) -> RuleResult {
    let result = RuleResult::new("halo", "Rim around the product").requires("no even rim around the product");
    let Some(product) = suspect.product else { return result.found("no product found") };
    let rim = rim(suspect.picture, &product.solid);
    let dark = dark_above(suspect, product);
    let measured = match (rim, dark) {
        (Some((width, [r, g, b])), _) => format!("{width} px of the colour {r},{g},{b}"),
        (None, Some(share)) if share >= ALONG => {
            let fix = "cut the product out anew, or lay it on plain white; a shadow lies below the product alone";
            let measured =
                format!("darker than the background along {:.0} % of the product's upper half", share * 100.0);
            return result.found(measured).judged(Outcome::Warn, fix);
        }
        (None, _) => "none".to_owned(),
    };
    result.found(measured).judged(should(rim.is_none()), "cut the product out anew, close to its edge")
}

/// Share of the upper half's outline beside which the background is darker than elsewhere. `None` where a shadow may lie on all sides, or
/// the background may be anything.
fn dark_above(suspect: &Suspect<'_>, product: &Product) -> Option<f64> {
    if matches!(suspect.shadow_rule, ShadowRule::Soft | ShadowRule::Any) {
        return None;
    }
    let (width, height) = suspect.levels.size();
    let Rect { y, height: high, .. } = product.bounds;
    let upper = Bitmap::rect(width, height, Rect { x: 0, y: 0, width, height: (y + high / 2).min(height) });
    let line = product.touched.grown(BESIDE).minus(&product.touched.grown(BESIDE - 1)).and(&upper);
    let dark = line.and(&suspect.levels.below(suspect.reference.saturating_sub(DARKER)));
    Some(dark.count() as f64 / line.count().max(1) as f64)
}

/// Width and colour of a rim.
fn rim(picture: &Picture, solid: &Bitmap) -> Option<(usize, [u8; 3])> {
    let mut layers = Vec::with_capacity(NEAR + ENDS + 1);
    let mut left = solid.clone();
    for _ in 0..=NEAR + ENDS {
        let inner = left.shrunk(1);
        layers.push(left.minus(&inner));
        left = inner;
    }
    (FIRST..=LAST).find_map(|at| {
        let colour = middle(picture, &layers[at])?;
        let shares: Vec<f64> = layers.iter().map(|layer| share(picture, layer, colour)).collect();
        let last = (at..shares.len()).take_while(|layer| shares[*layer] >= ALONG).last()?;
        let ends = (last..=last + ENDS).any(|layer| shares.get(layer).is_some_and(|share| *share <= INSIDE));
        ends.then_some((last + 1, colour))
    })
}

/// The middle of each channel's levels; `None` for a set without pixels.
fn middle(picture: &Picture, layer: &Bitmap) -> Option<[u8; 3]> {
    let mut counts = [[0u64; 256]; 3];
    let mut all = 0;
    each(layer, |x, y| {
        all += 1;
        picture.pixel(x, y).iter().zip(&mut counts).for_each(|(level, counts)| counts[usize::from(*level)] += 1);
    });
    let half = |counts: &[u64; 256]| {
        let mut seen = 0;
        let level = counts.iter().position(|count| {
            seen += count;
            seen * 2 >= all
        });
        level.unwrap_or_default() as u8
    };
    (all > 0).then(|| counts.each_ref().map(half))
}

/// Share of a layer that has the colour; 0 where it has no pixel.
fn share(picture: &Picture, layer: &Bitmap, colour: [u8; 3]) -> f64 {
    let (mut alike, mut all) = (0u64, 0u64);
    each(layer, |x, y| {
        let pixel = picture.pixel(x, y);
        alike += u64::from(pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= EVEN));
        all += 1;
    });
    alike as f64 / all.max(1) as f64
}

fn each(set: &Bitmap, mut visit: impl FnMut(u32, u32)) {
    for y in 0..set.height() {
        set.runs(y as usize).flat_map(|(from, to)| from..to).for_each(|x| visit(x as u32, y));
    }
}

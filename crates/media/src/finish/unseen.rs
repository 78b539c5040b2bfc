//! Clears what only the mask takes for product: faint coverage that nobody sees who has the picture alone. To him it is a
//! background that is not quite white, or a grey speck beside the product.
//!
//! What is half covered or more and the soft edge along it stay, but for a few pixels that differ from white by less than is seen.

use super::rim::each;
use crate::bitmap::Bitmap;
use crate::check::NEAR_FLOOR;
use crate::check::zones::{Levels, NEAR, Product, ShadowFacts};
use crate::picture::{Matte, Picture};
use crate::preset::ShadowRule;

/// Pixels from what is half covered within which coverage is a soft edge.
const EDGE: usize = 4;
/// Pixels short of the far zone that are cleared as well: so far the encoder carries what is left.
const EARLY: usize = 8;
/// The product's own, where it is a hint of its outline and no white part of it: at most this share of the picture, and so light.
const HINT: f64 = 0.0005;
const LIGHT: u8 = 250;
/// Levels above the floor to which a speck is lifted, for the same reason.
const ABOVE: u8 = 12;

/// Lays white where the picture, of a product on pure white, shows nothing to a stranger.
pub(super) fn cleared(picture: &mut Picture, matte: &Matte, rule: ShadowRule, pieces: Option<u32>) {
    let faint = Bitmap::covered(matte, 1).minus(&Bitmap::covered(matte, 128).grown(EDGE));
    let levels = Levels::of(picture);
    let Some(seen) = Product::found(picture, &levels, 255, rule, pieces) else { return };
    let shade = shade(&levels, &seen, rule);
    let unseen = |reach: usize| {
        let unseen = seen.touched.grown(reach).not();
        shade.as_ref().map_or(unseen.clone(), |shade| unseen.minus(shade))
    };
    let off = unseen(NEAR - EARLY).and(&levels.below(255));
    let hint = off.minus(&levels.below(LIGHT));
    let own = hint.count() as f64 <= HINT * f64::from(picture.width()) * f64::from(picture.height());
    let far = if own { off.and(&faint).or(&hint) } else { off.and(&faint) };
    let floor = NEAR_FLOOR + ABOVE;
    let specks = unseen(0).and(&faint).minus(&far).and(&levels.below(floor));
    let width = picture.width() as usize;
    let pixels = picture.rgb_mut().as_chunks_mut::<3>().0;
    each(&far, |x, y| pixels[y * width + x] = [255; 3]);
    each(&specks, |x, y| pixels[y * width + x].iter_mut().for_each(|value| *value = (*value).max(floor)));
}

/// What a stranger takes for a shadow that is permitted.
fn shade(levels: &Levels, seen: &Product, rule: ShadowRule) -> Option<Bitmap> {
    rule.limits()?;
    let facts = seen.is_told_from_its_shadow.then(|| ShadowFacts::measure(levels, seen, 255, rule).ok())??;
    Some(facts.region)
}

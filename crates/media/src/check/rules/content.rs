//! Questions to what else is in the picture: text, logos, borders, clutter.

use crate::bitmap::Bitmap;
use crate::check::components::parts;
use crate::check::report::{RuleResult, must};
use crate::check::rules::background::undecided;
use crate::check::zones::{Levels, NEAR, Product};
use crate::preset::{Background, Preset};

/// Share of the canvas above which something that is not the product counts.
const MIN_AREA: f64 = 0.0005;
/// Letters closer than this share of the long side belong to one word.
const WORD_GAP: f64 = 0.012;
/// Levels by which a pixel must be darker than the background.
const DARKER: u8 = 5;

pub(in crate::check) fn stray(
    preset: &Preset,
    levels: &Levels,
    product: Option<&Product>,
    permitted_shadow: Option<&Bitmap>,
    background: u8,
) -> RuleResult {
    const RULE: (&str, &str) = ("stray", "Text, logos, clutter");
    if preset.background == Background::F0 {
        return undecided(RULE.0, RULE.1, "not told from a free background").requires("nothing beside the product");
    }
    let Some(product) = product else {
        return undecided(RULE.0, RULE.1, "no product found").requires("nothing beside the product");
    };
    let mut excused = product.touched.grown(NEAR);
    if let Some(shadow) = permitted_shadow {
        excused = excused.or(&shadow.grown(NEAR));
    }
    let dark = levels.below(background.saturating_sub(DARKER)).minus(&excused);
    let result = RuleResult::new(RULE.0, RULE.1)
        .requires("nothing larger than 0.05 % of the picture beside the product")
        .from(preset, "content");
    let found = words(&dark);
    let measured = match found.as_deref() {
        Ok([]) => "nothing".to_owned(),
        Ok([first, ..]) => format!(
            "{} things, the largest of {} px at {},{}",
            found.as_ref().map_or(0, Vec::len),
            first.0,
            first.1,
            first.2
        ),
        Err(()) => "a background full of detail".to_owned(),
    };
    result
        .found(measured)
        .judged(must(found.is_ok_and(|found| found.is_empty())), "remove text, logos, borders and props")
}

/// Area and place of each thing that is large enough, letters joined to words.
fn words(dark: &Bitmap) -> Result<Vec<(u64, u32, u32)>, ()> {
    let (width, height) = (dark.width(), dark.height());
    let least = (f64::from(width) * f64::from(height) * MIN_AREA) as u64;
    if dark.count() <= least {
        return Ok(Vec::new());
    }
    let gap = (f64::from(width.max(height)) * WORD_GAP / 2.0).ceil() as usize;
    let joined = parts(&dark.grown(gap)).map_err(|_| ())?;
    let area = |part: &crate::check::components::Part| -> u64 {
        let mut own = Bitmap::empty(width, height);
        part.add_to(&mut own);
        own.and(dark).count()
    };
    // Only the largest need counting; a swarm of specks is far below the bound.
    let large = joined.iter().filter(|part| part.area > least);
    Ok(large.map(|p| (area(p), p.bounds.x, p.bounds.y)).filter(|(area, _, _)| *area > least).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Rect;

    #[test]
    fn letters_are_counted_as_a_word_and_specks_are_not() {
        let letter = |x| Rect { x, y: 20, width: 4, height: 30 };
        let mut dark = Bitmap::empty(1000, 1000);
        for x in [20, 27, 34, 41, 48] {
            dark = dark.or(&Bitmap::rect(1000, 1000, letter(x)));
        }
        assert_eq!(words(&dark).unwrap().len(), 1);
        let specks = Bitmap::rect(1000, 1000, letter(20)).or(&Bitmap::rect(1000, 1000, letter(500)));
        assert_eq!(words(&specks), Ok(Vec::new()));
    }
}

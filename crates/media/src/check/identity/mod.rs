//! How far the product in a generated picture strays from the seller's own pixels.
//!
//! Generative models redraw: lettering changes, colours drift, a handle goes missing, a print is mirrored. The two products are
//! laid on each other by shift, scale and a small turn, then compared piece by piece: outline, structure (the contrast and
//! structure terms of SSIM, so that another exposure alone is no change) and colour (CIEDE2000). It judges no marketplace's rule
//! and ends as a warning at most; [`Comparison::overlay`] shows a person where to look.

mod ciede;
mod difference;
mod grid;
mod overlay;
mod register;

use super::{Outcome, RuleResult};
use crate::picture::{Matte, Picture};
use crate::tasks;
use difference::Difference;
use grid::Grid;

/// The longer side of the product while it is compared, in pixels: lettering that a shopper reads is still told apart.
const SIDE: u32 = 512;
/// Below this many pixels on its longer side a product shows too little to be compared.
const LEAST: u32 = 32;

/// Below so many cells clear of the background there is nothing to tell structure or colour by: chains, cables, frames of glasses.
const LEAST_CELLS: usize = 400;

/// Below it the outlines differ by more than two mattes of one product do.
const SAME_OUTLINE: f64 = 0.90;
/// Below it details are others.
const SAME_STRUCTURE: f64 = 0.80;
/// Above it a shopper sees another colour.
const SAME_COLOUR: f64 = 6.0;
/// Share of the product that may look redrawn: glints and the outline's own uncertainty.
const REDRAWN: f64 = 0.02;
/// Share of the product that one redrawn piece may take: a word on a label is larger.
const REDRAWN_AT_ONCE: f64 = 0.006;

/// A picture and which of its pixels are the product; both of one size.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub picture: &'a Picture,
    pub matte: &'a Matte,
}

/// Two pictures of one product, compared.
pub struct Comparison {
    /// Overlap of the two outlines: shared area to joint area, 0 to 1.
    pub outline: f64,
    /// Likeness of the details, 0 to 1; plain surfaces count little.
    pub structure: f64,
    /// Mean colour difference (CIEDE2000) as it is.
    pub colour: f64,
    /// The same after a difference of exposure is evened out.
    pub colour_evened: f64,
    /// Share of the product that was redrawn or recoloured, 0 to 1.
    pub redrawn: f64,
    /// Share of the largest piece of that.
    pub redrawn_at_once: f64,
    /// The mirrored photo fits clearly better than the photo.
    pub mirrored: bool,
    shown: Grid,
    /// Of each cell: 0 where nothing strays, 1 where it is plainly another.
    heat: Vec<f32>,
}

/// Compares the seller's photo with a picture made from it. `None` where either shows no product, or one too small or too
/// thin to be told by.
pub fn compare(original: Shown<'_>, made: Shown<'_>) -> Option<Comparison> {
    tasks::together(|| compared(original, made))
}

fn compared(original: Shown<'_>, made: Shown<'_>) -> Option<Comparison> {
    /// By how much a mirrored photo must fit better: most products are nearly symmetrical.
    const CLEARLY: f64 = 0.05;
    const WHOLLY: f64 = 1.0;
    let side = grid::shared_side(original, made, LEAST..=SIDE)?;
    let (original, shown) = (Grid::of(original, side)?, Grid::of(made, side)?);
    let fit = |mirrored| Difference::measure(&register::fitted(&original, &shown, mirrored), &shown);
    let difference = fit(false);
    let seen = difference.cells >= LEAST_CELLS;
    // Nothing is more alike than wholly, so that a mirrored photo can't fit clearly better than a good one.
    let is_settled = seen && difference.likeness() + CLEARLY >= WHOLLY;
    let reflected = (!is_settled).then(|| fit(true));
    if !seen && reflected.as_ref().is_none_or(|reflected| reflected.cells < LEAST_CELLS) {
        return None;
    }
    let mirrored = reflected.is_some_and(|reflected| reflected.likeness() > difference.likeness() + CLEARLY);
    Some(Comparison {
        outline: difference.outline,
        structure: difference.structure,
        colour: difference.colour,
        colour_evened: difference.colour_evened,
        redrawn: difference.redrawn,
        redrawn_at_once: difference.redrawn_at_once,
        mirrored,
        shown,
        heat: difference.heat,
    })
}

impl Comparison {
    /// Nothing that a buyer would complain of.
    pub fn is_same(&self) -> bool {
        self.complaints().is_empty()
    }

    /// The made product in grey, in colour where it strays: yellow a little, red much.
    pub fn overlay(&self) -> Picture {
        overlay::drawn(&self.shown, &self.heat)
    }

    /// The row of a report.
    pub fn rule(&self) -> RuleResult {
        let complaints = self.complaints();
        let mut measured = format!(
            "outline {:.1} % alike, structure {:.2}, colour difference {:.1} ({:.1} with light evened out), {:.1} % redrawn",
            self.outline * 100.0,
            self.structure,
            self.colour,
            self.colour_evened,
            self.redrawn * 100.0
        );
        if !complaints.is_empty() {
            measured += &format!(": {}", complaints.join(", "));
        }
        let outcome = if complaints.is_empty() { Outcome::Pass } else { Outcome::Warn };
        RuleResult::new("identity", "Same product as in the photo")
            .requires(format!(
                "outline {:.0} %, structure {SAME_STRUCTURE:.2} or more, colour difference at most {SAME_COLOUR:.0}, at most {:.0} % redrawn",
                SAME_OUTLINE * 100.0,
                REDRAWN * 100.0
            ))
            .found(measured)
            .judged(outcome, "compare it with the photo; if the product was changed, make it again or use the cut-out")
    }

    fn complaints(&self) -> Vec<&'static str> {
        let redrawn = self.redrawn > REDRAWN || self.redrawn_at_once > REDRAWN_AT_ONCE;
        [
            (self.mirrored, "mirrored"),
            (self.outline < SAME_OUTLINE, "another outline"),
            (self.colour_evened > SAME_COLOUR, "another colour"),
            (self.structure < SAME_STRUCTURE, "other details"),
            (redrawn, "a part was redrawn"),
        ]
        .into_iter()
        .filter_map(|(holds, words)| holds.then_some(words))
        .collect()
    }
}

/// The row of a report where nothing could be compared, with the reason.
pub fn not_compared(why: &str) -> RuleResult {
    RuleResult::new("identity", "Same product as in the photo").requires("the seller's own product").found(why)
}
